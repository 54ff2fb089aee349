"""Modulated convolutions, their layers, and layers with an equalized learning rate."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.networks.equalized import (
    EqualizedConv,
    EqualizedDense,
    activate,
    normalize_second_moment,
)
from jaxgen.networks.modulated import StyledLayer, ToRGB, modulated_convolution
from tests.networks.stylegan2_cases import normal

close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)


def test_a_pixel_that_is_doubled_gives_the_kernel_as_it_is():
    images, kernel = np.zeros((1, 5, 6, 1)), np.zeros((3, 3, 1, 2))
    images[0, 2, 3] = 2.0
    kernel[..., 0] = np.arange(1.0, 10.0).reshape(3, 3, 1)
    kernel[..., 1] = normal(3, 3, 1)
    double = jax.jit(partial(modulated_convolution, up=True, demodulate=False))
    found = double(images, kernel, np.full((1, 1), 0.5))
    assert found.shape == (1, 10, 12, 2)
    # A true convolution with the kernel, then with the filter, of gain 4.
    taps = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16
    for channel in range(2):
        doubled = np.zeros((11 + 2, 13 + 2))
        doubled[5:8, 7:10] = kernel[..., 0, channel]
        windows = np.lib.stride_tricks.sliding_window_view(doubled, (4, 4))
        expected = np.einsum("pqab,ab->pq", windows, taps)
        close(found[0, ..., channel], expected)


def test_doubling_by_a_kernel_of_ones_has_no_checkerboard():
    # Sums over even and odd taps differ; the filter evens them out.
    double = jax.jit(partial(modulated_convolution, up=True, demodulate=False))
    found = double(np.ones((1, 6, 6, 1)), np.ones((3, 3, 1, 1)), np.ones((1, 1)))
    close(found[:, 2:-2, 2:-2], 9.0)


def test_each_image_is_convolved_with_the_kernel_times_its_style():
    images, kernel = normal(3, 4, 4, 5), normal(3, 3, 5, 2, seed=1)
    styles = normal(3, 5, seed=2)
    found = jax.jit(modulated_convolution)(images, kernel, styles)
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)])
    for n in range(3):
        own = kernel * styles[n, :, None]
        own /= np.sqrt(np.sum(own**2, axis=(0, 1, 2)))
        windows = np.lib.stride_tricks.sliding_window_view(padded[n], (3, 3), (0, 1))
        close(found[n], np.einsum("pqiab,abio->pqo", windows, own), rtol=1e-4)


def test_demodulated_outputs_have_unit_deviation_for_unit_inputs():
    # One pixel that sees no border, of many images with styles of their own.
    number = 4000
    images, styles = normal(number, 3, 3, 6), 2 + 3 * normal(number, 6, seed=1)
    kernel = 5 * normal(3, 3, 6, 4, seed=2)
    found = np.asarray(jax.jit(modulated_convolution)(images, kernel, styles))
    pixel = found[:, 1, 1]
    squares = np.mean(pixel**2, axis=0)
    assert (np.abs(squares - 1) < 5 * np.sqrt(2 / number)).all()
    assert (np.abs(pixel.mean(axis=0)) < 5 / np.sqrt(number)).all()
    plain = jax.jit(partial(modulated_convolution, demodulate=False))
    assert np.std(plain(images, kernel, styles)[:, 1, 1]) > 100


def test_a_style_of_zeros_gives_zeros_with_finite_gradients():
    images, kernel = np.float32(normal(1, 3, 3, 2)), normal(3, 3, 2, 2)

    @jax.jit
    def slope(styles):
        def total(styles):
            return jnp.sum(modulated_convolution(images, kernel, styles))

        return jax.value_and_grad(total)(styles)

    value, gradient = slope(np.zeros((1, 2)))
    assert value == 0
    assert np.isfinite(gradient).all()


@pytest.fixture(scope="module")
def layer():
    """A layer as a function of clamp, noise and the scale of its bias."""
    styles, images = normal(2, 3), np.float32(normal(2, 4, 4, 5))
    shapes = jax.eval_shape(StyledLayer(6).init, jax.random.key(0), images, styles)
    numbers = [
        normal(*leaf.shape, seed=number)
        for number, leaf in enumerate(jax.tree.leaves(shapes))
    ]
    variables = jax.tree.unflatten(jax.tree.structure(shapes), numbers)

    @partial(jax.jit, static_argnames="clamp")
    def apply(noise, bias=1.0, clamp=None):
        params = variables["params"]
        params = params | {"bias": bias * params["bias"]}
        changed = variables | {"params": params}
        return StyledLayer(6, clamp=clamp).apply(changed, images, styles, noise)

    return variables, apply


def test_a_layer_adds_its_strength_times_the_noise_to_all_channels(layer):
    variables, apply = layer
    constant = np.stack([variables["batch_stats"]["noise"]] * 2)
    close(apply(constant), apply(None))

    def before_activation(outputs):
        return np.where(outputs < 0, outputs / 0.2, outputs) / np.sqrt(2)

    noise = normal(2, 4, 4, seed=9)
    silent, noisy = (before_activation(apply(one)) for one in (0 * noise, noise))
    strength = variables["params"]["noise_strength"]
    added = np.broadcast_to(strength * noise[..., None], silent.shape)
    close(noisy - silent, added, atol=1e-5)


def test_clamps_bound_outputs_after_the_gain(layer):
    _, apply = layer
    free, bound = apply(None), apply(None, clamp=0.5)
    close(bound, np.clip(free, -0.5, 0.5))
    assert np.abs(free).max() > 1
    # Of negative numbers the leaky part is bounded, not the number itself.
    assert ((bound > -0.5) & (bound < 0)).any()
    images, styles = normal(2, 4, 4, 5), normal(2, 3)
    rgb = ToRGB(3, clamp=0.5)
    outputs, _ = jax.jit(rgb.init_with_output)(jax.random.key(0), images, styles)
    assert np.abs(outputs).max() == 0.5
    assert np.abs(outputs).min() < 0.5


def test_activation_is_sqrt_2_times_the_leaky_relu_of_slope_a_fifth():
    inputs = np.array([-10.0, -0.5, 0.0, 0.5, 10.0], np.float32)
    plain = np.sqrt(2) * np.array([-2.0, -0.1, 0.0, 0.5, 10.0])
    close(activate(inputs), plain)
    close(activate(inputs, clamp=1.5), np.clip(plain, -1.5, 1.5))
    close(activate(inputs, gain=1.0), plain / np.sqrt(2))
    assert activate(jnp.bfloat16(inputs)).dtype == jnp.bfloat16


def test_equalized_layers_scale_their_numbers_when_used():
    inputs, kernel, bias = normal(2, 4), normal(4, 3, seed=1), normal(3, seed=2)
    dense = EqualizedDense(3, 0.01, gain=2.0)
    found = dense.apply({"params": {"kernel": kernel, "bias": bias}}, inputs)
    close(found, inputs @ kernel * (2 * 0.01 / 2) + 0.01 * bias)
    images, kernel = normal(1, 3, 3, 4), normal(3, 3, 4, 2, seed=1)
    conv = EqualizedConv(2, padding=0, gain=3.0, use_bias=False)
    found = conv.apply({"params": {"kernel": kernel}}, images)
    expected = np.einsum("nabi,abio->no", images, kernel) * 3 / np.sqrt(36)
    close(found[:, 0, 0], expected)
    rows = normalize_second_moment(5 * jnp.asarray(inputs))
    close(jnp.mean(rows**2, axis=1), 1.0)
    assert np.isfinite(normalize_second_moment(jnp.zeros((1, 4)))).all()
