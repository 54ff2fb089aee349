import numpy as np

from jaxgen import data
from tests.data.pairs.first_pixels import numbered


def test_a_reversed_direction_is_said_where_it_can_be_known(emoji):
    assert data.doubtful_direction(emoji["test"]) is None
    assert data.doubtful_direction(emoji["test"].swapped()) is None
    made = data.paired(numbered(), degrade=lambda images: images)
    assert data.doubtful_direction(made) is None
    assert "give direction='a_to_b'" in data.doubtful_direction(made.swapped())
    # Blocks of one colour each, and something seen through them.
    labels = np.kron(
        np.random.default_rng(0).integers(0, 256, (4, 4, 4, 3)), np.ones((1, 8, 8, 1))
    ).astype(np.uint8)
    photographs = np.random.default_rng(1).integers(0, 256, labels.shape, np.uint8)
    pairs = data.from_pairs(photographs, labels, aligned=True)
    assert "give direction='b_to_a'" in data.doubtful_direction(pairs)
    assert data.doubtful_direction(pairs.swapped()) is None
