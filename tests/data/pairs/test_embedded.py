import numpy as np
import pytest

from jaxgen import data
from jaxgen.data import degradations


def test_emoji_are_aligned_named_and_split(emoji):
    train, test = emoji["train"], emoji["test"]
    assert (len(train), len(test)) == (633, 158)
    assert train.a.image_shape == train.b.image_shape == (64, 64, 3)
    assert train.aligned
    assert len({*train.names, *test.names}) == 791
    assert {"heart", "pizza", "tiger"} <= {*train.names, *test.names}


def test_the_two_styles_of_an_emoji_are_the_most_alike(emoji):
    """A shifted or swapped sheet would pair a drawing with that of another thing."""
    a, b = (
        side.in_memory()["image"].reshape(158, 8, 8, 8, 8, 3).mean((2, 4))
        for side in (emoji["test"].a, emoji["test"].b)
    )
    distance = np.abs(a[:, None] - b[None]).mean((2, 3, 4))
    rank = (distance < np.diag(distance)[:, None]).sum(1)
    # By chance 1 in 158, and 79.
    assert (rank == 0).mean() > 0.3
    assert np.median(rank) < 8


@pytest.mark.parametrize("name", ["heart", "green_heart", "blue_heart"])
def test_emoji_are_what_their_names_say(emoji, name):
    (pairs,) = (pairs for pairs in emoji.values() if name in pairs.names)
    place = pairs.names.index(name)
    for side in (pairs.a, pairs.b):
        image = side[place]["image"]
        assert (image[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
        strongest = image[20:44, 20:44].mean((0, 1)).argmax()
        assert strongest == ["heart", "green_heart", "blue_heart"].index(name)


def test_emoji_that_look_alike_lie_in_one_split(emoji):
    hearts = {"heart", "orange_heart", "blue_heart", "green_heart", "white_heart"}
    assert sum(hearts <= set(emoji[split].names) for split in emoji) == 1
    ink = {
        split: [
            255 - side.in_memory()["image"].mean(-1).reshape(-1, 16, 4, 16, 4)
            for side in (pairs.a, pairs.b)
        ]
        for split, pairs in emoji.items()
    }
    alike = []
    for train, test in zip(ink["train"], ink["test"], strict=True):
        flat = [part.mean((2, 4)).reshape(len(part), -1) for part in (train, test)]
        flat = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in flat]
        alike.append(flat[0] @ flat[1].T)
    assert np.minimum(*alike).max() < 0.981


def test_image_size_resizes_emoji(emoji):
    small = data.load_pairs("emoji", split="test", image_size=32)
    assert small.b.image_shape == (32, 32, 3)
    mean = emoji["test"].b[7]["image"].mean()
    assert abs(small.b[7]["image"].mean() - mean) < 2


def test_photographs_of_the_test_are_not_those_of_training():
    train, test = (
        data.load_pairs("photos", split=split, degrade=degradations.grey())
        for split in ("train", "test")
    )
    assert (len(train), len(test)) == (725, 94)
    assert train.b.image_shape == (64, 64, 3)
    assert train.aligned
    colour = test.b.in_memory()["image"]
    # A cat and a cup of coffee: warmer than blue.
    assert colour[..., 0].mean() > colour[..., 2].mean() + 20


def test_photographs_are_coloured_by_default():
    pairs = data.load_pairs("photos", split="test", image_size=128)
    assert (pairs.a.image_shape, pairs.b.image_shape) == ((128, 128, 1), (128, 128, 2))
