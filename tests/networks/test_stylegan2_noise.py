"""Noise of StyleGAN2: from the key of each image, or constant."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.networks import stylegan2_synthesis
from tests.networks import stylegan2_cases as cases
from tests.networks.stylegan2_cases import SMALL, noise_of_layers, normal


@functools.cache
def synthesize():
    """Compiles a synthesis of 16 pixels, a function of parameters, styles and keys."""
    network = stylegan2_synthesis(16, SMALL)
    stats = cases.generator(16, SMALL).stats["synthesis"]

    @functools.partial(jax.jit, static_argnames="noisy")
    def images(params, styles, keys, noisy=True):
        return network.apply(params, stats, styles, keys=keys if noisy else None)[0]

    return images


def test_noise_of_an_image_is_that_of_its_own_key(key):
    params, styles = cases.generator(16, SMALL).params["synthesis"], normal(4, 6, 5)
    keys, order = jax.random.split(key, 4), np.array([2, 0, 3, 1])

    def images(*rows):
        rows = np.array(rows)
        return synthesize()(params, styles[rows], jax.random.clone(keys)[rows])

    found = images(0, 1, 2, 3)
    np.testing.assert_allclose(images(*order), found[order], atol=1e-5)
    other = images(0, 1, 1, 1)
    np.testing.assert_allclose(other[:2], found[:2], atol=1e-5)
    # The same style and another key.
    styles[1:] = styles[0]
    alike = images(0, 1, 2, 3)
    assert np.abs(alike[0] - alike[1]).max() > 0.1


def test_noise_is_standard_normal_and_independent_in_layers_images_and_pixels(key):
    parts, network = cases.generator(16, SMALL), stylegan2_synthesis(16, SMALL)

    @jax.jit
    def draw(keys):
        with noise_of_layers() as noise:
            params, stats = (part["synthesis"] for part in (parts.params, parts.stats))
            network.apply(params, stats, jnp.zeros((20, 6, cases.STYLES)), keys=keys)
        return noise

    noise = draw(jax.random.split(key, 20))
    assert {name: part.shape for name, part in noise.items()} == {
        f"b{side}.conv{layer}": (20, side, side)
        for side, layer in [(4, 1), (8, 0), (8, 1), (16, 0), (16, 1)]
    }
    for part in noise.values():
        assert abs(np.mean(part)) < 5 / np.sqrt(part.size)
        assert abs(np.mean(part**2) - 1) < 5 * np.sqrt(2 / part.size)
    pairs = [
        (noise["b8.conv0"], noise["b8.conv1"]),
        (noise["b16.conv0"], noise["b16.conv1"]),
        (noise["b16.conv0"][:10], noise["b16.conv0"][10:]),
        (noise["b16.conv0"][:, :8, :8], noise["b8.conv0"]),
        (noise["b16.conv0"][:, 1:], noise["b16.conv0"][:, :-1]),
    ]
    for one, other in pairs:
        assert abs(np.mean(one * other)) < 5 / np.sqrt(one.size)


def test_noise_is_constant_without_keys_and_nothing_at_strength_0(key):
    params = cases.generator(16, SMALL).params["synthesis"]
    keys, styles = jax.random.split(key, 4), normal(4, 6, 5)
    styles[1] = styles[0]
    constant = synthesize()(params, styles, None, noisy=False)
    np.testing.assert_allclose(constant[0], constant[1], atol=1e-5)
    silent = jax.tree_util.tree_map_with_path(
        lambda path, leaf: 0 * leaf if path[-1].key == "noise_strength" else leaf,
        params,
    )
    without = synthesize()(silent, styles, jax.random.clone(keys))
    again = synthesize()(silent, styles, jax.random.split(jax.random.key(1), 4))
    np.testing.assert_array_equal(without, again)
    np.testing.assert_allclose(
        without, synthesize()(silent, styles, None, noisy=False), atol=1e-5
    )
    noisy = synthesize()(params, styles, keys)
    for one, other in ((noisy, constant), (noisy, without), (constant, without)):
        assert np.abs(one - other).max() > 0.1
