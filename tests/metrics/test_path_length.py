from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats
from scipy.spatial import geometric_slerp

from jaxgen.errors import InputError
from jaxgen.metrics.interpolation import slerp
from jaxgen.metrics.path_length import finite_path_length, path_length, squared_speed

STRETCH = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
FROBENIUS = float((STRETCH**2).sum())
# The density of the angle between two directions in 3 dimensions is sin(angle) / 2.
SQUARED_ANGLE = integrate.quad(lambda a: a**2 * np.sin(a) / 2, 0, np.pi)[0]


def linear(latents):
    return latents @ STRETCH.astype(latents.dtype)


def tiny_images(latents):
    """Sigmoid images from 2 latents, 3 x 3 pixels."""
    mix = np.cos(np.arange(18.0)).reshape(2, 9).astype(latents.dtype)
    return jax.nn.sigmoid(latents @ mix).reshape(-1, 3, 3, 1)


def tiny_features(images):
    mix = np.sin(np.arange(36.0)).reshape(9, 4).astype(images.dtype)
    return jnp.tanh(images.reshape(-1, 9) @ mix)


def same(images):
    return images


def on_the_sphere(key):
    latent = jax.random.normal(key, (3,))
    return latent / jnp.linalg.norm(latent)


def within_errors(values, truth):
    error = values.std(ddof=1) / np.sqrt(len(values))
    return abs(values.mean() - truth) < 5 * error


def random_pairs(count, seed=1):
    rng = np.random.default_rng(seed)
    start, end = rng.normal(size=(2, count, 3)).astype(np.float32)
    return start, end, rng.uniform(size=count).astype(np.float32)


def test_a_linear_decoder_stretches_a_line_as_it_stretches_the_difference(key):
    start, end, position = random_pairs(50)
    value = squared_speed(linear, same, start, end, position, interpolation="lerp")
    exact = (((end - start) @ STRETCH) ** 2).sum(axis=1)
    np.testing.assert_allclose(value, exact, rtol=1e-5)
    lengths = path_length(key, linear, same, 3, interpolation="lerp", num_samples=2000)
    assert within_errors(lengths.values, 2 * FROBENIUS)
    assert lengths.mean == lengths.values.mean()


def test_slerp_is_the_path_of_scipy_between_unit_vectors():
    start, end, _ = random_pairs(1)
    start, end = np.float64(start), np.float64(end)
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    steps = np.linspace(0, 1, 7)
    theirs = geometric_slerp(start[0], end[0], steps)
    rows = [jnp.asarray(each.repeat(7, axis=0), jnp.float32) for each in (start, end)]
    ours = jax.jit(slerp)(*rows, jnp.asarray(steps, jnp.float32))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_speed_of_slerp_is_its_angle_and_the_change_of_its_length():
    start, end, position = random_pairs(200)
    lengths = np.linalg.norm([start, end], axis=2).astype(np.float64)
    cosine = (start.astype(np.float64) * end).sum(axis=1) / lengths.prod(axis=0)
    middle = lengths[0] + position * (lengths[1] - lengths[0])
    exact = (lengths[1] - lengths[0]) ** 2 + (middle * np.arccos(cosine)) ** 2
    value = jax.jit(partial(squared_speed, same, same))(start, end, position)
    np.testing.assert_allclose(value, exact, rtol=1e-5)
    ones = np.ones_like(position)
    np.testing.assert_allclose(slerp(start, end, ones), end, atol=2e-6)
    np.testing.assert_allclose(slerp(start, end, 0 * ones), start, atol=2e-6)


@pytest.mark.parametrize("prior", ["sphere", "normal"])
def test_the_mean_over_slerps_is_that_of_quadrature(prior, key):
    # Given the angle, the direction of movement is uniform; it stretches evenly.
    if prior == "sphere":
        truth, latents = SQUARED_ANGLE, on_the_sphere
    else:
        mean = stats.chi(3).mean()
        truth = 2 * stats.chi(3).var() + (2 * 3 + mean**2) / 3 * SQUARED_ANGLE
        latents = 3
    lengths = path_length(key, linear, same, latents, num_samples=4000)
    assert within_errors(lengths.values, truth * FROBENIUS / 3)


def test_the_finite_form_tends_to_the_exact_one(key):
    how = {"num_samples": 20}
    with jax.enable_x64(True):
        exact = path_length(key, tiny_images, tiny_features, 2, **how).values
        finite = {
            epsilon: finite_path_length(
                key, tiny_images, tiny_features, 2, epsilon=epsilon, **how
            ).values
            for epsilon in (2e-3, 1e-3, 5e-4)
        }
    scale = exact.max()
    errors = [abs(found - exact).max() / scale for found in finite.values()]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.02)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.02)
    once = [2 * finite[e / 2] - finite[e] for e in (2e-3, 1e-3)]
    twice = (4 * once[1] - once[0]) / 3
    assert abs(twice - exact).max() / scale < 1e-7


@pytest.mark.parametrize(
    ("offset", "dtype", "excess"), [(300, "float32", 1.2), (0, "bfloat16", 100)]
)
def test_a_step_measures_rounding_and_a_derivative_does_not(offset, dtype, excess, key):
    def features(images):
        return tiny_features(images.astype(dtype)).astype(jnp.float32) + offset

    clean = path_length(key, tiny_images, tiny_features, 2, num_samples=100)
    exact = path_length(key, tiny_images, features, 2, num_samples=100)
    finite = finite_path_length(key, tiny_images, features, 2, num_samples=100)
    assert exact.mean == pytest.approx(clean.mean, rel=0.01)
    assert finite.mean > excess * clean.mean


def test_opposite_and_equal_latents_have_finite_lengths_and_gradients():
    ends = np.array([[1, 0, 0], [0.6, 0.8, 0], [0.1, -2, 0.3]], np.float32)
    start = np.concatenate([ends, ends])
    end = np.concatenate([ends, -ends])
    position = np.full(6, 0.3, np.float32)

    def total(start, end, scale):
        decode = lambda latents: scale * linear(latents)  # noqa: E731
        return squared_speed(decode, same, start, end, position)

    value = jax.jit(total)(start, end, 1.0)
    np.testing.assert_allclose(value[:3], 0, atol=1e-9)
    turn = jax.jit(partial(squared_speed, same, same))(start, end, position)
    np.testing.assert_allclose(turn[3:], (np.pi**2 * (ends**2).sum(1)), rtol=1e-5)
    slope = jax.jit(jax.grad(lambda *x: jnp.sum(total(*x)), argnums=(0, 1, 2)))
    slopes = slope(start, end, 1.0)
    assert all(np.isfinite(slope).all() for slope in slopes)
    np.testing.assert_allclose(slopes[2], 2 * value.sum(), rtol=1e-5)


def test_chunks_change_nothing_and_the_key_much(key):
    whole, parts = (
        path_length(key, linear, same, 3, num_samples=10, chunk_size=size).values
        for size in (10, 4)
    )
    np.testing.assert_allclose(parts, whole, rtol=1e-6)
    other = path_length(jax.random.key(1), linear, same, 3, num_samples=10).values
    assert not np.isclose(other, whole).any()


def test_paths_may_be_measured_at_their_start(key):
    # A decoder that is flat near the origin: walks that start there do not move.
    def decode(latents):
        return jax.nn.relu(latents - 1.0)

    def from_origin_or_far(key):
        return jnp.where(jax.random.bernoulli(key), 0.5, 4.0)[None]

    how = {"interpolation": "lerp", "num_samples": 100}
    full = path_length(key, decode, same, from_origin_or_far, **how)
    end = path_length(key, decode, same, from_origin_or_far, endpoints="end", **how)
    speeds = set(end.values.tolist())
    assert speeds == {0.0, 3.5**2}
    assert 0 < end.mean < full.mean


def test_the_trimmed_mean_leaves_out_the_sudden_changes(key):
    def decode(latents):
        return latents + 1e3 * jax.nn.sigmoid(1e4 * latents)

    lengths = path_length(key, decode, same, 2, num_samples=1000)
    assert lengths.values.max() > 1e6
    assert lengths.trimmed_mean < 0.1 * lengths.mean


@pytest.mark.parametrize(
    ("decode", "features", "message"),
    [
        (lambda z: (255 * z).astype(jnp.uint8), same, "gives uint8 images"),
        (linear, lambda x: x.astype(jnp.int32), "features are int32"),
        (linear, lambda x: x.sum(axis=1), r"features of shape \(2,\)"),
        (linear, lambda x: x.sum(axis=0, keepdims=True), r"of shape \(1, 5\)"),
        (lambda z: z, lambda x: jnp.sqrt(x - x), "100 of 100 path lengths"),
    ],
)
def test_what_has_no_derivative_is_refused(decode, features, message, key):
    with pytest.raises(InputError, match=message):
        path_length(key, decode, features, 3, num_samples=100)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interpolation": "linear"}, "'slerp' or 'lerp'"),
        ({"endpoints": "both"}, "'full' or 'end'"),
        ({"num_samples": 1}, "num_samples=1: .* at least 2"),
        ({"chunk_size": 0}, "chunk_size=0: .* at least 1"),
        ({"latents": 1}, "give interpolation='lerp'"),
        ({"latents": 0}, "latents=0: .* at least 1"),
        ({"latents": lambda key: jnp.zeros((1, 3))}, "one latent from one key"),
    ],
)
def test_options_that_make_no_path_are_refused(options, message, key):
    latents = options.pop("latents", 3)
    with pytest.raises(InputError, match=message):
        path_length(key, same, same, latents, **options)


def test_bytes_are_refused_by_the_finite_form_too(key):
    with pytest.raises(InputError, match="leave the rounding out"):
        finite_path_length(key, lambda z: (255 * z).astype(jnp.uint8), same, 3)


def test_a_step_of_nothing_is_refused(key):
    with pytest.raises(InputError, match="epsilon=0"):
        finite_path_length(key, linear, same, 3, epsilon=0.0)
