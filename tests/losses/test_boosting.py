import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.losses import boosting

boosted_weights = jax.jit(boosting.boosted_weights)
RATIOS = {
    "different": np.random.default_rng(0).gamma(0.5, 2.0, 50),
    "ties": np.repeat([0.0, 0.3, 0.3, 2.0, 5.0], 10),
    "zero": np.zeros(50),
    "uniform": np.full(50, 1.3),
    "infinite": np.append(np.full(10, np.inf), np.linspace(0, 2, 40)),
    "all infinite": np.full(50, np.inf),
    "large": np.append(np.full(25, 1e30), np.full(25, 1.0)),
    "one": np.ones(1),
}


def level_by_bisection(ratios, beta):
    # The sum of the weights rises with lambda: bisect where it is 1.
    low, high = 0.0, beta * len(ratios) + (1 - beta) * np.min(ratios) + 1.0
    for _ in range(200):
        level = (low + high) / 2
        weights = np.maximum(level - (1 - beta) * ratios, 0) / (len(ratios) * beta)
        low, high = (level, high) if weights.sum() < 1 else (low, level)
    return level, weights


@pytest.mark.parametrize("name", RATIOS)
def test_weights_and_their_level_are_those_of_a_bisection(name):
    ratios = RATIOS[name]
    with jax.enable_x64(True):
        for beta in (0.05, 0.5, 0.9, 1.0):
            found = boosted_weights(jnp.asarray(ratios), beta)
            np.testing.assert_allclose(found.weights.sum(), 1, rtol=1e-12)
            if beta == 1.0 or len(set(ratios)) == 1:
                np.testing.assert_allclose(found.weights, 1 / len(ratios), rtol=1e-12)
            if name == "all infinite" or beta == 1.0:
                continue
            level, weights = level_by_bisection(ratios, beta)
            np.testing.assert_allclose(found.level, level, rtol=1e-10)
            np.testing.assert_allclose(found.weights, weights, atol=1e-10)


def test_what_the_mixture_lacks_most_weighs_most():
    ratios = np.sort(RATIOS["different"]).astype(np.float32)
    weights = np.asarray(boosted_weights(jnp.asarray(ratios), 0.3).weights)
    assert (np.diff(weights) <= 0).all()
    assert (weights[:5] > weights[-5:]).all()
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-6)


def test_the_new_mixture_covers_the_data_where_a_perfect_component_can():
    # Two halves of the data, of which the mixture has one: h is 2 there and 0 else.
    ratios = jnp.repeat(jnp.array([2.0, 0.0]), 4)
    found = boosted_weights(ratios, 0.5)
    mixed = 0.5 * ratios / 8 + 0.5 * found.weights
    np.testing.assert_allclose(mixed, 1 / 8, rtol=1e-6)
    np.testing.assert_allclose(found.level, 1.0, rtol=1e-6)


def test_the_ratio_is_that_of_the_classifiers_odds():
    chance = np.array([0.5, 0.8, 0.1])
    logits = np.log(chance / (1 - chance))
    found = boosting.density_ratio(jnp.asarray(logits, jnp.float32))
    np.testing.assert_allclose(found, (1 - chance) / chance, rtol=1e-6)


def test_the_effective_share_is_that_worked_out_by_hand():
    # 1 / (4 (0.36 + 0.16)), all alike, and one alone.
    for weights, share in [
        ([0.6, 0.4, 0.0, 0.0], 1 / 2.08),
        ([0.25] * 4, 1.0),
        ([0.0, 0.0, 1.0, 0.0], 0.25),
    ]:
        found = boosting.effective_share(jnp.array(weights))
        np.testing.assert_allclose(found, share, rtol=1e-6)


def test_weights_of_components_follow_the_recursion():
    shares = [1.0, 0.5, 1 / 3, 0.25]
    even = np.tril(np.ones((4, 4))) / np.arange(1, 5)[:, np.newaxis]
    np.testing.assert_allclose(boosting.mixture_weights(shares), even, rtol=1e-6)


@pytest.mark.parametrize("shares", [[], [0.5, 0.5], [1.0, 0.0], [1.0, 1.5]])
def test_shares_that_make_no_mixture_are_refused(shares):
    with pytest.raises(InputError, match=r"share"):
        boosting.mixture_weights(shares)
