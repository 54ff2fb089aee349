"""StyleGAN against formulas written apart from it, and its published counts."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import networks
from jaxgen.networks.equalized import EqualizedConv
from jaxgen.networks.styles import draw_noise, resolutions
from tests.networks import stylegan1_reference as reference

SMALL = networks.StyleGANConfig(
    channel_base=128, channel_max=12, latents=6, style_features=5, mapping_layers=2
)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def random_variables(network, *inputs, seed=0):
    """Parameters and statistics in float64, none of them 0."""
    shapes = jax.eval_shape(network.init, jax.random.key(0), *inputs)
    generator = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: generator.normal(size=leaf.shape), shapes)


def flat(tree, prefix=""):
    found = {}
    for name, value in tree.items():
        inner = isinstance(value, dict)
        found |= (
            flat(value, f"{prefix}{name}.") if inner else {f"{prefix}{name}": value}
        )
    return found


LAST_NAMES = {
    "kernel": "weight",
    "noise_strength": "noise_scale",
    "noise": "noise_const",
    "average": "w_avg",
}


def to_reference(tree, part):
    """Our parameters, gradients or statistics, named and laid out as the reference's.

    Args:
        tree: Ours.
        part: "mapping", "synthesis" or "critic".
    """
    found = {}
    for name, value in flat(tree).items():
        *path, last = name.split(".")
        if last == "kernel":
            value = jnp.transpose(value, (3, 2, 0, 1) if value.ndim == 4 else (1, 0))
        if last == "const":
            value, path = jnp.transpose(value, (2, 0, 1)), ["b4"]
        if path and path[0] in ("conv", "fc", "out"):
            path = ["b4", *path]
        path = [p.replace("_style", ".conv").replace("_conv", ".conv") for p in path]
        path = path if part == "critic" else [part, *path]
        found[".".join([*path, LAST_NAMES.get(last, last)])] = value
    return found


def assert_close(actual, expected):
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-10 * scale)


def assert_same_gradients(actual, expected):
    """Of parameters; `expected` are those of the reference, buffers among them."""
    assert {name for name in expected if name not in actual} <= {
        name for name in expected if name.endswith(("noise_const", "w_avg"))
    }
    for name, value in actual.items():
        assert np.any(value != 0), name
        assert_close(value, expected[name])


def assert_images_of_the_reference(apply, params, stats, z, size, **options):
    """Compares images and gradients; `apply` makes images of parameters."""
    direction = normal(len(z), size, size, 2, seed=1)

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def ours(params):
        images = apply(params)
        return jnp.sum(images * direction), images

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def theirs(params):
        images = reference.generator(params, z, **options).transpose(0, 2, 3, 1)
        return jnp.sum(images * direction), images

    def renamed(tree):
        parts = [to_reference(tree[part], part) for part in ("mapping", "synthesis")]
        return parts[0] | parts[1]

    (_, images), gradient = ours(params)
    (_, expected), slopes = theirs(renamed(params) | renamed(stats))
    assert images.shape == direction.shape
    assert_close(images, expected)
    assert_same_gradients(renamed(gradient), slopes)


def test_images_and_gradients_are_those_of_the_reference():
    with jax.enable_x64(True):
        generator, z = networks.stylegan_generator(16, SMALL, 2), normal(2, 6)
        params, stats = random_variables(generator, z)

        def apply(params):
            return generator.apply(params, stats, z)[0]

        assert_images_of_the_reference(apply, params, stats, z, 16, psi=1.0)


@pytest.mark.slow
def test_parts_with_truncation_and_noise_are_those_of_the_reference():
    with jax.enable_x64(True):
        generator, z = networks.stylegan_generator(32, SMALL, 2), normal(2, 6)
        mapping = networks.stylegan_mapping(SMALL)
        synthesis = networks.stylegan_synthesis(32, SMALL, 2)
        params, stats = random_variables(generator, z)

        def keys():
            return jax.random.split(jax.random.key(1), 2)

        def apply(params):
            styles, _ = mapping.apply(params["mapping"], stats["mapping"], z)
            styles = jnp.repeat(styles[:, None], networks.stylegan_num_styles(32), 1)
            average = stats["mapping"]["average"][None, None]
            first = average + 0.7 * (styles[:, :5] - average)
            styles = styles.at[:, :5].set(first)
            part = params["synthesis"], stats["synthesis"]
            return synthesis.apply(*part, styles, keys=keys())[0]

        sides = [side for side in resolutions(32) for _ in range(2)]
        drawn = draw_noise(keys(), sides)
        noise = {
            f"b{side}.conv{i % 2}": drawn[i][:, None] for i, side in enumerate(sides)
        }
        assert_images_of_the_reference(
            apply, params, stats, z, 32, psi=0.7, cutoff=5, noise=noise
        )


@pytest.mark.parametrize("size", [16, pytest.param(32, marks=pytest.mark.slow)])
def test_logits_and_gradients_are_those_of_the_reference(size):
    with jax.enable_x64(True):
        critic = networks.stylegan_critic(SMALL)
        images, weights = normal(8, size, size, 2), normal(8, seed=1)
        params, stats = random_variables(critic, images, seed=size)
        assert stats == ()

        @jax.jit
        @functools.partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
        def ours(params, images):
            logits, _ = critic.apply(params, (), images)
            return jnp.sum(logits * weights), logits

        @jax.jit
        @functools.partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
        def theirs(params, images):
            logits = reference.critic(params, images.transpose(0, 3, 1, 2))
            return jnp.sum(logits * weights), logits

        (_, logits), gradients = ours(params, images)
        (_, expected), slopes = theirs(to_reference(params, "critic"), images)
        assert logits.shape == (8,)
        assert_close(logits, expected)
        assert_same_gradients(to_reference(gradients[0], "critic"), slopes[0])
        assert_close(gradients[1], slopes[1])


def count(network, *inputs):
    params, _ = jax.eval_shape(network.init, jax.random.key(0), *inputs)
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_published_numbers_of_parameters():
    expected = {
        32: 22836739,
        64: 25131779,
        128: 25836931,
        256: 26078915,
        1024: 26212019,
    }
    latents = jnp.zeros((1, 512))
    counts = {n: count(networks.stylegan_generator(n), latents) for n in expected}
    assert counts == expected
    critic, images = networks.stylegan_critic(), jnp.zeros((1, 1024, 1024, 3))
    assert count(critic, images) == 23077137
    # Progressive growing has a ToRGB and a FromRGB at each of nine sides.
    widths = [networks.StyleGANConfig().channels(side) for side in resolutions(512)]
    assert counts[1024] + sum(3 * width + 3 for width in widths) == 26219627
    assert 23077137 + sum(4 * width for width in widths) == 23087249


def test_parameters_start_as_in_the_paper(key):
    synthesis = networks.stylegan_synthesis(16, SMALL)
    params, stats = jax.jit(synthesis.init)(key, jnp.zeros((1, 6, 5)))
    for name, value in flat(params).items():
        if name.endswith("kernel"):
            assert 0.7 < jnp.std(value) < 1.3
        else:
            assert jnp.all(value == (1 if name == "const" else 0))
    sides = [value.shape for value in flat(stats).values()]
    assert sorted(sides) == [(side, side) for side in (4, 4, 8, 8, 16, 16)]


def test_noise_is_drawn_from_the_key_of_each_image():
    synthesis = networks.stylegan_synthesis(16, SMALL)
    styles = jnp.asarray(normal(3, 6, 5), jnp.float32)
    params, stats = random_variables(synthesis, styles)
    silent = {
        name: value | {"noise_strength": 0 * value["noise_strength"]}
        if "style" in name
        else value
        for name, value in params.items()
    }

    @jax.jit
    def images(params, keys):
        return synthesis.apply(params, stats, styles, keys=keys, train=True)[0]

    def keys(*seeds):
        return jax.vmap(jax.random.key)(jnp.array(seeds))

    first, second = images(params, keys(0, 1, 2)), images(params, keys(3, 4, 5))
    mixed = images(params, keys(0, 4, 5))
    np.testing.assert_array_equal(mixed[0], first[0])
    np.testing.assert_array_equal(mixed[1:], second[1:])
    assert jnp.all(jnp.std(first - second, axis=(1, 2, 3)) > 1e-3)
    without = images(silent, None)
    np.testing.assert_array_equal(images(silent, keys(0, 1, 2)), without)
    constant = images(params, None)
    assert jnp.all(jnp.std(constant - without, axis=(1, 2, 3)) > 1e-3)
    np.testing.assert_array_equal(images(params, None), constant)


@pytest.mark.parametrize("formulation", ["plain", "im2col"])
def test_one_convolution_resamples_and_convolves(key, formulation):
    images = jnp.asarray(normal(2, 6, 8, 3), jnp.float32)
    plain = EqualizedConv(4, formulation=formulation)
    up = EqualizedConv(4, resample="up", formulation=formulation)
    down = EqualizedConv(4, resample="down", formulation=formulation)
    params = jax.jit(plain.init)(key, images)
    doubled = jnp.repeat(jnp.repeat(images, 2, axis=1), 2, axis=2)
    assert_near = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    assert_near(up.apply(params, images), plain.apply(params, doubled))
    convolved = plain.apply(params, images).reshape(2, 3, 2, 4, 2, 4)
    assert_near(down.apply(params, images), jnp.mean(convolved, axis=(2, 4)))
