"""Tests of the StyleGAN references: identities of their operations and networks."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.networks import stylegan1_reference as one
from tests.networks import stylegan1_reference_shapes as shapes1
from tests.networks import stylegan2_reference as two
from tests.networks import stylegan2_reference_shapes as shapes2
from tests.networks import stylegan_reference_operations as operations

pytestmark = pytest.mark.slow

SMALL = {"channel_base": 64, "channel_max": 8}
GENERATOR = {**SMALL, "latents": 6, "w_features": 5, "mapping_layers": 2}


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def assert_close(actual, expected, rtol=1e-10):
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * scale)


def slope_along(function, at, direction, step=1e-5):
    ahead, behind = (function(at + sign * step * direction) for sign in (1, -1))
    return (ahead - behind) / (2 * step)


# Operations.


def test_an_impulse_shows_which_convolution_flips_its_kernel():
    impulse = np.zeros((1, 1, 5, 5))
    impulse[0, 0, 2, 2] = 1
    kernel = np.arange(9.0).reshape(1, 1, 3, 3)
    y = operations.convolve(jnp.asarray(impulse), jnp.asarray(kernel), padding=1)
    np.testing.assert_array_equal(y[0, 0, 1:4, 1:4], kernel[0, 0, ::-1, ::-1])
    y = operations.transposed_convolve(jnp.asarray(impulse), jnp.asarray(kernel))
    assert y.shape == (1, 1, 11, 11)
    np.testing.assert_array_equal(y[0, 0, 4:7, 4:7], kernel[0, 0])
    assert jnp.sum(y) == kernel.sum()


def test_convolutions_are_those_of_lax():
    x, weight = normal(2, 3, 7, 7), normal(4, 3, 3, 3, seed=1)

    def peer(weight, **options):
        return lax.conv_general_dilated(x, weight, **options)

    y = operations.convolve(x, weight, padding=1, stride=2)
    assert_close(y, peer(weight, window_strides=(2, 2), padding=[(1, 1)] * 2))
    y = operations.transposed_convolve(jnp.asarray(x), weight)
    options = {"window_strides": (1, 1), "lhs_dilation": (2, 2)}
    assert_close(y, peer(weight[..., ::-1, ::-1], padding=[(2, 2)] * 2, **options))


@pytest.mark.parametrize("up", [False, True])
def test_modulation_of_kernels_is_modulation_of_images(up):
    x, weight = jnp.asarray(normal(3, 4, 6, 6)), normal(5, 4, 3, 3, seed=1)
    styles = normal(3, 4, seed=2)
    y = operations.modulated_convolve(x, weight, styles, demodulate=True, up=up)
    scaled = x * styles[:, :, None, None]
    if up:
        expected = operations.filtered(
            operations.transposed_convolve(scaled, weight), 1, 1, gain=4.0
        )
    else:
        expected = operations.convolve(scaled, weight, padding=1)
    norms = np.einsum("oihw,ni->no", weight**2, styles**2)
    assert_close(y, expected / np.sqrt(norms + 1e-8)[:, :, None, None])


def test_a_batch_that_groups_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="no groups of 4"):
        operations.minibatch_deviation(jnp.ones((6, 1, 2, 2)), 4)


def test_fused_convolutions_of_stylegan1_are_the_plain_ones():
    x, weight = jnp.asarray(normal(2, 3, 6, 6)), jnp.asarray(normal(4, 3, 3, 3, seed=1))
    plain = one.upsampled_convolve(x, weight)
    flipped = weight[:, :, ::-1, ::-1]
    assert_close(one.fused_upsampled_convolve(x, flipped), plain)
    plain = one.downsampled_convolve(x, weight)
    assert_close(one.fused_downsampled_convolve(x, weight), plain)


# Networks.


@pytest.fixture(scope="module")
def labelled():
    sizes = {**GENERATOR, "num_classes": 3}
    return shapes2.random_generator(1, 8, **sizes)


def test_styles_mix_truncate_and_take_the_label(labelled):
    z, other, label = normal(2, 6), normal(2, 6, seed=1), np.eye(3)[:2]
    w, w2 = (two.mapping(labelled, each, label) for each in (z, other))
    ws = two.styles_of(labelled, z, label, mixing=(other, 2))
    assert_close(ws, jnp.stack([w, w, w2, w2], axis=1))
    average = labelled["mapping.w_avg"][None]
    ws = two.styles_of(labelled, z, label, psi=0.0, cutoff=3)
    assert_close(ws[:, :3], np.broadcast_to(average[None], (2, 3, 5)))
    assert_close(ws[:, 3], w)
    moved = two.mapping(labelled, z, label[::-1])
    assert np.all(np.abs(moved - w) > 1e-6)
    assert_close(two.mapping(labelled, 2 * z, label), w, rtol=1e-6)


def test_a_torgb_shares_its_style_with_the_next_blocks_first_layer():
    params = shapes2.random_generator(1, 8, **GENERATOR)
    gradient = jax.jit(jax.grad(lambda ws, p: jnp.sum(two.synthesis(p, ws))))

    def reached(*without):
        """Whether each style changes the image, `without` the affines of layers."""
        names = [f"synthesis.{layer}.affine.weight" for layer in without]
        changed = params | {name: 0 * params[name] for name in names}
        return np.any(gradient(normal(1, 4, 5), changed) != 0, axis=(0, 2)).tolist()

    assert reached("b4.torgb") == reached("b8.conv0") == [True] * 4
    assert reached("b4.torgb", "b8.conv0") == [True, False, True, True]
    assert reached("b4.conv1") == [False, True, True, True]
    assert reached("b8.conv1") == [True, True, False, True]
    assert reached("b8.torgb") == [True, True, True, False]


@pytest.mark.parametrize(("module", "shapes"), [(one, shapes1), (two, shapes2)])
def test_noise_is_the_buffers_none_or_given(module, shapes):
    params = shapes.random_generator(2, 8, **GENERATOR)
    ws = normal(2, 4, 5)
    layers = [n for n in params if n.endswith("noise_const")]
    given = {n.split(".", 1)[1].removesuffix(".noise_const"): params[n] for n in layers}
    named = jax.jit(
        lambda noise: module.synthesis(params, ws, noise=noise), static_argnums=0
    )
    image, none = named("const"), named("none")
    assert image.shape == (2, 3, 8, 8)
    assert np.max(np.abs(none - image)) > 1e-3
    arrays = jax.jit(lambda noise: module.synthesis(params, ws, noise=noise))
    assert_close(arrays(given), image)
    each = {n: np.stack([v, 0 * v])[:, None] for n, v in given.items()}
    assert_close(arrays(each), np.stack([image[0], none[1]]))


def test_clamp_bounds_each_torgb_and_each_layer():
    params = shapes2.random_generator(2, 4, **GENERATOR)
    ws = normal(3, 2, 5)
    function = jax.jit(lambda clamp: two.synthesis(params, ws, clamp=clamp))
    free = two.synthesis(params, ws, clamp=None)
    assert_close(function(256.0), free)
    assert np.max(np.abs(free)) > 0.1
    assert np.max(np.abs(function(0.1))) == 0.1


def test_path_length_gradient_by_finite_differences():
    params = shapes2.random_generator(4, 8, **GENERATOR)
    ws, direction, towards = normal(2, 4, 5), normal(2, 3, 8, 8) / 8, normal(2, 4, 5)
    gradient = jax.jit(two.path_length_gradient)(params, ws, direction)

    @jax.jit
    def projection(ws):
        return jnp.sum(two.synthesis(params, ws) * direction)

    slope = slope_along(projection, ws, towards)
    np.testing.assert_allclose(jnp.sum(gradient * towards), slope, rtol=1e-6)
    norms = np.linalg.norm(gradient, axis=2)
    expected = np.sqrt(np.mean(norms**2, axis=1))
    np.testing.assert_allclose(two.path_lengths(gradient), expected)


CRITICS = [
    (one, shapes1, {}),
    (two, shapes2, {}),
    (two, shapes2, {"architecture": "orig"}),
]


@pytest.mark.parametrize(("module", "shapes", "options"), CRITICS)
def test_r1_by_finite_differences(module, shapes, options):
    sizes = {"channel_base": 8, "channel_max": 2, "channels": 1}
    params, images = shapes.random_critic(5, 8, **sizes, **options), normal(2, 1, 8, 8)

    @jax.jit
    def slopes(images, step=1e-5):
        def slope(direction):
            ahead, behind = (
                jnp.sum(module.critic(params, images + sign * direction, **options))
                for sign in (step, -step)
            )
            return (ahead - behind) / (2 * step)

        directions = jnp.eye(images.size).reshape((-1, *images.shape))
        return lax.map(slope, directions).reshape(images.shape)

    squares = jax.jit(partial(module.r1, **options))(params, images)
    expected = np.sum(np.square(slopes(images)), axis=(1, 2, 3))
    np.testing.assert_allclose(squares, expected, rtol=1e-5)


def test_a_critic_with_classes_multiplies_by_the_mapped_label():
    params = shapes2.random_critic(6, 8, **SMALL, num_classes=3, mapping_layers=2)
    images, labels = normal(3, 3, 8, 8), np.eye(3)
    critic = jax.jit(partial(two.critic, params, group=3))
    logits = critic(images, labels)
    assert logits.shape == (3,)
    order = np.array([2, 0, 1])
    assert_close(critic(images[order], labels[order]), logits[order])
    # The same as an output layer of each image's own.
    embedded = two.mapped(operations.doubles(params), None, labels, lr=0.01)
    plain = {n: v for n, v in params.items() if not n.startswith("mapping.")}
    unlabelled = jax.jit(partial(two.critic, group=3))
    for n in range(3):
        head = embedded[n : n + 1] / np.sqrt(8)
        weight, bias = head @ plain["b4.out.weight"], head @ plain["b4.out.bias"]
        changed = plain | {"b4.out.weight": weight, "b4.out.bias": bias}
        np.testing.assert_allclose(unlabelled(changed, images)[n], logits[n])


def test_stylegan1_mixes_and_truncates_the_first_layers():
    params = shapes1.random_generator(7, 16, **GENERATOR)
    z, other = normal(2, 6), normal(2, 6, seed=1)
    ws = one.styles_of(params, z, psi=1.0, mixing=(other, 4))
    w, w2 = one.mapping(params, z), one.mapping(params, other)
    assert_close(ws, jnp.stack([w] * 4 + [w2] * 2, axis=1))
    ws = one.styles_of(params, z, psi=0.7, cutoff=5)
    average = params["mapping.w_avg"]
    assert_close(ws[:, 4], average[None] + 0.7 * (w - average[None]))
    assert_close(ws[:, 5], w)


def test_single_precision_is_refused():
    with jax.enable_x64(False), pytest.raises(TypeError, match="enable_x64"):
        two.mapping(shapes2.random_generator(0, 4, **GENERATOR), normal(1, 6))
