import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data import mixtures
from jaxgen.errors import InputError
from jaxgen.metrics import gaussian_modes
from jaxgen.typing import Data


def batch_of(data, step, rows=slice(None)):
    item = jax.tree.map(lambda leaf: leaf[0], data.feed(step, 1, rows))
    return data.batch(data.resident, item, step)


@pytest.mark.parametrize("mixture", [mixtures.ring(), mixtures.grid()])
def test_every_mode_is_a_place_of_its_own_and_drawn_evenly(key, mixture):
    points = mixture.draw(key, 20_000)
    means = mixture.means
    distances = np.linalg.norm(means[:, None] - means, axis=-1)
    assert distances[~np.eye(len(means), dtype=bool)].min() > 0.7
    found = gaussian_modes(points, means, mixture.standard_deviation)
    assert found.captured == len(means)
    # 3 standard deviations in two dimensions hold 1 - exp(-4.5).
    share = 1 - np.exp(-4.5)
    error = np.sqrt(share * (1 - share) / len(points))
    assert abs(found.high_quality - share) < 5 * error
    expected = share * len(points) / len(means)
    assert np.abs(found.counts - expected).max() < 5 * np.sqrt(expected)


def test_the_published_places_of_the_modes():
    np.testing.assert_allclose(
        np.linalg.norm(mixtures.ring(7, radius=2).means, axis=-1), 2, rtol=1e-6
    )
    expected = {(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)}
    assert {tuple(mean) for mean in mixtures.grid().means.tolist()} == expected


def test_the_swiss_roll_lies_on_its_spiral(key):
    points = np.asarray(mixtures.swiss_roll(standard_deviation=1e-4).draw(key, 500))
    length = np.linalg.norm(points, axis=-1) * 4.5 * np.pi
    angle = np.arctan2(points[:, 1], points[:, 0])
    turns = (length - angle) / (2 * np.pi)
    np.testing.assert_allclose(turns, np.round(turns), atol=2e-3)
    assert (length.min() < 1.55 * np.pi) & (length.max() > 4.45 * np.pi)


def test_the_two_moons_are_half_circles_one_the_other_turned(key):
    points = np.asarray(mixtures.two_moons(standard_deviation=1e-4).draw(key, 500))

    def on_upper(points):
        x, y = (points + [0.5, 0.25]).T
        return (np.abs(np.hypot(x, y) - 1) < 1e-3) & (y > -1e-3)

    upper, lower = on_upper(points), on_upper(-points)
    assert (upper | lower).all()
    assert abs(upper.mean() - 0.5) < 5 * 0.5 / np.sqrt(500)


def test_batches_keep_the_contract(key):
    data = mixtures.batches(mixtures.ring(), batch_size=8, key=key, train=True)
    assert isinstance(data, Data)
    assert data.steps_per_epoch == 100
    first, again, second = (batch_of(data, step) for step in (0, 0, 1))
    assert (first["data"].shape, first["data"].dtype) == ((8, 2), jnp.float32)
    assert first.keys() == {"data"}
    np.testing.assert_array_equal(first["data"], again["data"])
    assert len(np.unique(np.concatenate([first["data"], second["data"]]))) == 32


def test_a_share_of_the_rows_is_drawn_as_in_the_whole(key):
    data = mixtures.batches(mixtures.grid(), batch_size=6, key=key, train=True)
    whole, part = batch_of(data, 3), batch_of(data, 3, slice(2, 4))
    np.testing.assert_array_equal(part["data"], whole["data"][2:4])


def test_evaluation_repeats_itself_pads_and_differs_from_training(key):
    options = {"batch_size": 8, "key": key, "num_examples": 12}
    test = mixtures.batches(mixtures.ring(), train=False, **options)
    train = mixtures.batches(mixtures.ring(), train=True, **options)
    assert test.steps_per_epoch == 2
    np.testing.assert_array_equal(
        test.feed(0, 2)["weight"], [[1] * 8, [1] * 4 + [0] * 4]
    )
    first, again = batch_of(test, 1), batch_of(test, 3)
    np.testing.assert_array_equal(first["data"], again["data"])
    np.testing.assert_array_equal(first["weight"], again["weight"])
    assert not np.isin(batch_of(test, 0)["data"], batch_of(train, 0)["data"]).any()


def test_what_cannot_be_drawn_is_refused(key):
    with pytest.raises(InputError, match="num_modes=0"):
        mixtures.ring(0)
    with pytest.raises(InputError, match="standard_deviation"):
        mixtures.grid(standard_deviation=0.0)
    with pytest.raises(InputError, match="batch_size=0"):
        mixtures.batches(mixtures.ring(), batch_size=0, key=key, train=True)
