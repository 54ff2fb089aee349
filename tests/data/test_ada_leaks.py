"""Where ADA's augmentations leak into samples, on a toy of known distribution.

A generator shows an image in one of its 8 turns and flips; data show one of them. Both
are seen through the augmentation alone. It maps the distribution q of the generator to
A q. If A can be inverted, only the distribution of the data looks like the data;
the worse its condition, the more data it takes to tell.

Karras et al., 2020, section 2.2 and appendix C.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import random
from jaxgen.data import ada_geometry
from jaxgen.data.differentiable import ada
from jaxgen.metrics import leak_rate

# So small that a shift by an eighth is none.
IMAGE = np.random.default_rng(0).normal(size=(3, 3, 1)).astype(np.float32)
ELEMENTS = [(flip, quarters) for flip in (False, True) for quarters in range(4)]
IMAGES = np.stack(
    [np.rot90(IMAGE[:, ::-1] if flip else IMAGE, turn) for flip, turn in ELEMENTS]
)
COUNT = 20_000


def number_of(images):
    """Returns which of the 8 turns and flips each image is."""
    same = (np.asarray(images)[:, None] == IMAGES).all(axis=(2, 3, 4))
    assert (same.sum(axis=1) == 1).all()
    return same.argmax(axis=1)


def blitted(place):
    """Returns all 8 images after a flip and a turn."""
    flip, quarters = ELEMENTS[place]
    blit = ada_geometry.Blit(jnp.array(flip), jnp.array(quarters), jnp.zeros(2))
    return jax.vmap(ada_geometry.turn_and_flip, (0, None))(jnp.asarray(IMAGES), blit)


def operator(probability):
    """Returns A: in column j the distribution of image j after augmentation."""
    total = np.zeros((8, 8))
    for place, (flip, quarters) in enumerate(ELEMENTS):
        chance = probability / 2 if flip else 1 - probability / 2
        chance *= probability / 4 + (1 - probability) * (quarters == 0)
        total[number_of(blitted(place)), np.arange(8)] += chance
    return total


@pytest.mark.parametrize("probability", [0.0, 0.5, 0.8, 0.99, 1.0])
def test_only_certain_augmentation_cannot_be_inverted(probability):
    turns = (1 - probability) * np.eye(4) + probability / 4 * np.ones((4, 4))
    np.testing.assert_allclose(
        np.linalg.eigvalsh(turns), [1 - probability] * 3 + [1], atol=1e-12
    )
    values = np.linalg.svd(operator(probability), compute_uv=False)
    np.testing.assert_allclose(values.max(), 1, atol=1e-12)
    # A flip or a turn alone has the factor 1 - p, both of them its square.
    np.testing.assert_allclose(values.min(), (1 - probability) ** 2, atol=1e-12)
    assert (np.linalg.matrix_rank(operator(probability)) == 8) == (probability < 1)


def fit(counts, probability, steps=3000):
    """Fits q by maximum likelihood of augmented data, from equal shares (EM)."""
    seen, shares = operator(probability), np.full(8, 1 / 8)
    for _ in range(steps):
        shares = shares * (seen.T @ (counts / counts.sum() / (seen @ shares)))
    return shares


def leak(key, probability):
    """Returns the leak rate of the fitted generator, and the augmented data."""
    data_key, sample_key = jax.random.split(key)
    images = np.tile(IMAGE, (COUNT, 1, 1, 1))
    data = number_of(jax.jit(ada(("blit",)))(data_key, images, probability))
    shares = fit(np.bincount(data, minlength=8), probability)
    drawn = random.numpy_generator(sample_key).choice(8, COUNT, p=shares)
    found = leak_rate(number_of(IMAGES[drawn]), np.zeros(COUNT, int), num_transforms=8)
    return found.rate, data


def test_augmentation_below_a_probability_of_08_does_not_leak(key):
    rates = {}
    for probability in (0.5, 0.8, 1.0):
        own = random.stream(key, f"{probability}")
        rates[probability], data = leak(own, probability)
        expected = operator(probability)[:, 0]
        error = np.sqrt(expected * (1 - expected) / COUNT)
        counts = np.bincount(data, minlength=8) / COUNT
        # The generator sees data of which a share is turned or flipped.
        assert (np.abs(counts - expected) <= 5 * error).all()
        assert 1 - counts[0] > 0.5
    assert rates[0.5].high < 0.02
    assert rates[0.8].high < 0.1
    # All 8 look alike, and the generator has no reason to prefer any.
    assert rates[1.0].low < 7 / 8 < rates[1.0].high


def test_a_higher_probability_takes_more_data_to_leak_as_little():
    draws, leaks = np.random.default_rng(0), {}
    for probability in (0.5, 0.8):
        seen = operator(probability)[:, 0]
        counts = draws.multinomial(COUNT, seen, size=10)
        leaks[probability] = [1 - fit(one, probability)[0] for one in counts]
    low, high = (np.mean(one) for one in leaks.values())
    error = np.hypot(*(np.std(one) / np.sqrt(10) for one in leaks.values()))
    assert high - low > 2 * error
