import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.data import load, pipeline, transforms
from jaxgen.data.augmented import AugmentedData
from jaxgen.typing import Data


def batch_of(data, step):
    item = jax.tree.map(lambda leaf: leaf[0], data.feed(step, 1))
    return data.batch(data.resident, item, step)


def test_images_are_those_of_the_set_transformed_anew_at_each_visit(key):
    plain = pipeline(load("digits", split="test"), batch_size=88, key=key, train=True)
    turns = transforms.rotations()
    data = AugmentedData(plain, transforms.any_of(turns), key=key)
    assert isinstance(data, Data)
    seen = []
    for step in (0, 1, 0):
        found, own = batch_of(data, step), batch_of(plain, step)
        np.testing.assert_array_equal(found["label"], own["label"])
        made = jnp.stack([turn(own["image"]) for turn in turns])
        same = np.asarray((made == found["image"][None]).all(axis=(2, 3, 4)))
        assert same.any(axis=0).all()
        seen.append(same.argmax(axis=0))
    assert set(seen[0]) == {0, 1, 2, 3}
    assert (seen[0] != seen[1]).any()
    np.testing.assert_array_equal(seen[0], seen[2])
