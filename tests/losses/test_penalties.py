import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import random
from jaxgen.losses import penalties

SHAPE = (5, 3, 2)
SLOPE = jnp.arange(1.0, 7.0).reshape(3, 2)
NORM = float(jnp.sqrt(jnp.sum(SLOPE**2)))


def linear(samples):
    return jnp.sum(samples * SLOPE[None], axis=(1, 2)) + 7.0


def scaled(samples):
    """Of each sample another slope: a norm over the batch would be found out."""
    factors = jnp.arange(1.0, samples.shape[0] + 1.0)
    return factors * linear(samples)


def half_square(samples):
    return 0.5 * jnp.sum(samples**2, axis=tuple(range(1, samples.ndim)))


@pytest.fixture
def samples(key):
    return jax.random.normal(random.stream(key, "samples"), (2, *SHAPE))


def test_penalties_of_a_linear_critic_are_those_of_its_slope(key, samples):
    real, fake = samples
    drawn = random.stream(key, "drawn")
    pairs = {
        "gp": penalties.gradient_penalty(drawn, linear, real, fake),
        "dragan": penalties.dragan(jax.random.clone(drawn), linear, real),
    }
    for found in pairs.values():
        np.testing.assert_allclose(found, np.full(5, (NORM - 1.0) ** 2), rtol=1e-5)
    for found in (penalties.r1(linear, real), penalties.r2(linear, fake)):
        np.testing.assert_allclose(found, np.full(5, 0.5 * NORM**2), rtol=1e-5)
    other = penalties.gradient_penalty(
        jax.random.clone(drawn), linear, real, fake, target=2.0
    )
    np.testing.assert_allclose(other, np.full(5, (NORM - 2.0) ** 2), rtol=1e-5)


def test_norms_are_those_of_single_samples_and_not_of_the_batch(key, samples):
    real, fake = samples
    factors = np.arange(1.0, 6.0)
    penalty = penalties.gradient_penalty(key, scaled, real, fake)
    np.testing.assert_allclose(penalty, (factors * NORM - 1.0) ** 2, rtol=1e-5)
    squares = penalties.r1(scaled, real)
    np.testing.assert_allclose(squares, 0.5 * (factors * NORM) ** 2, rtol=1e-5)


def test_the_interpolation_is_drawn_anew_for_each_sample_and_once_for_its_numbers(key):
    # Between 0 and 1, half_square has the gradient e everywhere in a sample.
    real, fake = jnp.ones(SHAPE), jnp.zeros(SHAPE)
    found = penalties.gradient_penalty(key, half_square, real, fake, target=0.0)
    weights = np.sqrt(np.asarray(found) / 6.0)
    assert len(np.unique(weights.round(6))) == 5
    assert (weights > 0).all()
    assert (weights < 1).all()
    # One number for all of a sample's: its pixels moved by different ones would not
    # be equal, and the square of their sum would not be 36 times that of one.
    sums = penalties.gradient_penalty(
        jax.random.clone(key),
        lambda samples: 0.5 * jnp.sum(samples, axis=(1, 2)) ** 2 / 6,
        real,
        fake,
        target=0.0,
    )
    np.testing.assert_allclose(sums, found, rtol=1e-5)


def test_one_key_per_example_draws_for_each_example_alone(key, samples):
    real, fake = samples
    keys = random.example_keys(key, 5)
    again = jax.random.clone(keys)
    whole = penalties.gradient_penalty(keys, half_square, real, fake)
    tail = penalties.gradient_penalty(again[3:], half_square, real[3:], fake[3:])
    np.testing.assert_array_equal(whole[3:], tail)
    again = jax.random.clone(keys)
    whole = penalties.dragan(again, half_square, real, spread=1.0)
    again = jax.random.clone(keys)
    tail = penalties.dragan(again[3:], half_square, real[3:], spread=1.0)
    np.testing.assert_array_equal(whole[3:], tail)


def test_dragan_moves_data_up_by_at_most_half_their_deviation(key):
    # Its gradient at x' is x' itself: the norm tells how far a single number moved.
    real = jnp.linspace(1.0, 3.0, 200)[:, None]
    found = penalties.dragan(key, half_square, real, target=0.0)
    moved = np.sqrt(np.asarray(found)) - np.asarray(real)[:, 0]
    bound = 0.5 * float(jnp.std(real))
    assert moved.min() > -1e-6
    assert moved.max() < bound
    # The mean of two independent uniform factors is 1/4, the variance 7/144.
    error = bound * np.sqrt(7 / 144 / 200)
    assert abs(moved.mean() - bound / 4) < 5 * error


@pytest.mark.parametrize("name", ["gp", "dragan", "r1"])
def test_the_gradient_is_finite_where_the_critic_is_flat(key, samples, name):
    real, fake = samples

    def cost(slope):
        def critic(samples):
            return slope * linear(samples)

        return jnp.sum(
            {
                "gp": lambda: penalties.gradient_penalty(key, critic, real, fake),
                "dragan": lambda: penalties.dragan(key, critic, real),
                "r1": lambda: penalties.r1(critic, real),
            }[name]()
        )

    assert jnp.isfinite(jax.grad(cost)(0.0))


def test_lecam_pulls_each_logit_to_the_average_of_the_other_side():
    found = penalties.lecam(
        jnp.array([1.0, 2.0]), jnp.array([-1.0, 0.0]), jnp.array(0.5), jnp.array(-0.25)
    )
    np.testing.assert_allclose(found, [1.25**2 + 1.5**2, 2.25**2 + 0.25])


def test_clipped_weights_are_within_the_bound_and_others_as_they_were():
    params = {"kernel": jnp.array([-3.0, 0.005]), "bias": jnp.array([0.02])}
    clipped = penalties.clip_weights(params, 0.01)
    np.testing.assert_allclose(clipped["kernel"], [-0.01, 0.005])
    np.testing.assert_allclose(clipped["bias"], [0.01])


def test_path_lengths_of_a_linear_synthesis_are_those_of_its_jacobian(key):
    # Two layers of three features, of which each pixel of 2 x 2 is a weighted sum.
    slopes = jnp.array([[3.0, 0.0, 0.0], [0.0, 0.0, 4.0]])
    keys = random.example_keys(key, 5)

    def synthesize(styles):
        weighted = jnp.sum(styles * slopes[None], axis=(1, 2))
        return jnp.broadcast_to(weighted[:, None, None, None], (5, 2, 2, 1))

    found = penalties.path_lengths(keys, synthesize, jnp.ones((5, 2, 3)))
    # J^T y is the sum of y over 4 pixels, each N(0, 1) / 2, times the slopes.
    y = random.normal(jax.random.clone(keys), (5, 2, 2, 1)).sum(axis=(1, 2, 3)) / 2.0
    np.testing.assert_allclose(found, jnp.abs(y) * np.sqrt(25.0 / 2.0), rtol=1e-5)
    one_layer = penalties.path_lengths(
        jax.random.clone(keys), lambda z: 3.0 * z[:, :1], jnp.ones((5, 2))
    )
    y = random.normal(jax.random.clone(keys), (5, 1))[:, 0]
    np.testing.assert_allclose(one_layer, 3.0 * jnp.abs(y), rtol=1e-5)


def test_path_lengths_have_a_finite_gradient_where_nothing_depends_on_the_styles(key):
    def total(factor):
        lengths = penalties.path_lengths(key, lambda w: factor * w, jnp.ones((3, 2)))
        return jnp.sum(penalties.path_length(lengths, jnp.array(1.0)))

    assert jnp.isfinite(jax.grad(total)(0.0))


def test_path_length_penalties_are_squared_distances_from_the_average():
    found = penalties.path_length(jnp.array([1.0, 4.0]), jnp.array(3.0))
    np.testing.assert_allclose(found, [4.0, 1.0])


def test_feature_matching_compares_the_means_of_both_batches():
    real = jnp.array([[1.0, 0.0], [3.0, 4.0]])
    fake = jnp.array([[0.0, 1.0], [2.0, 0.0], [1.0, 0.5]])
    # Means (2, 2) and (1, 0.5).
    np.testing.assert_allclose(penalties.feature_matching(real, fake), 1.0 + 2.25)


def test_mode_seeking_is_the_distance_of_latents_over_that_of_samples():
    found = penalties.mode_seeking(
        jnp.array([[0.0, 0.0], [1.0, 1.0]]),
        jnp.array([[1.0, 3.0], [0.0, 1.0]]),
        jnp.zeros((2, 2, 1)),
        jnp.array([[[1.0], [0.0]], [[0.0], [0.0]]]),
        epsilon=0.01,
    )
    # Distances of latents 2 and 1/2, of samples 1/2 and 0: means 5/4 and 1/4.
    np.testing.assert_allclose(found, 1 / 0.21, rtol=1e-5)


def test_mode_seeking_is_finite_where_latents_are_equal_too():
    same = jnp.ones((2, 3))
    np.testing.assert_allclose(penalties.mode_seeking(same, same, same, same), 1e5)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_path_lengths_of_narrow_samples(dtype, key):
    styles = jnp.ones((2, 3), dtype)
    found = penalties.path_lengths(key, lambda w: 2 * w[:, None], styles)
    assert found.dtype == dtype
    assert np.isfinite(np.asarray(found, np.float32)).all()
