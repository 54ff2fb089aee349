"""Filters of images: gains, phases, and the equality of all formulations."""

from functools import partial
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.networks.resampling import FilterFormulation, filter_images
from tests.networks.stylegan2_cases import normal

# `auto` is one of these.
FORMULATIONS = sorted({*get_args(FilterFormulation)} - {"auto", "depthwise"})

# Options, then the size of the images.
CASES = [
    ({"up": 2, "padding": (2, 1)}, (4, 6)),
    ({"down": 2, "padding": (1, 1)}, (6, 4)),
    ({"padding": (2, 2)}, (3, 5)),
    ({"padding": (1, 1)}, (5, 4)),
    # Those of no network: other taps, crops, rates.
    ({"taps": (1.0, 2.0, 4.0), "padding": (-1, 3)}, (5, 6)),
    ({"taps": (1.0, 2.0, 4.0, 5.0, 3.0), "up": 3, "padding": (2, 0)}, (4, 3)),
    ({"taps": (1.0, 2.0, 4.0), "down": 3, "padding": (0, 2)}, (7, 8)),
    ({"up": 3, "down": 2, "padding": (3, 2)}, (4, 5)),
    ({"taps": (2.0,), "up": 2, "padding": (1, 0)}, (3, 4)),
]


def by_definition(images, taps=(1.0, 3.0, 3.0, 1.0), *, up=1, down=1, padding=(0, 0)):
    """Zeros between the pixels and around them, two convolutions, a slice."""
    weights = up * np.asarray(taps) / np.sum(taps)
    images = np.asarray(images, np.float64)
    for axis in (1, 2):
        images = np.moveaxis(images, axis, -1)
        spaced = np.zeros((*images.shape, up))
        spaced[..., 0] = images
        spaced = spaced.reshape(*images.shape[:-1], -1)
        low, high = padding
        zeros = [(0, 0)] * (spaced.ndim - 1)
        spaced = np.pad(spaced, [*zeros, (max(low, 0), max(high, 0))])
        spaced = spaced[..., max(-low, 0) : spaced.shape[-1] - max(-high, 0)]
        convolve = partial(np.convolve, weights, mode="valid")
        images = np.apply_along_axis(convolve, -1, spaced)[..., ::down]
        images = np.moveaxis(images, -1, axis)
    return images


def test_filters_have_gain_1_and_no_shift():
    @jax.jit
    def filtered(images):
        turned = images.transpose(0, 2, 1, 3)
        return (
            filter_images(images, up=2, padding=(2, 1)),
            filter_images(images, down=2, padding=(1, 1)),
            filter_images(images, padding=(2, 2)),
            filter_images(turned, up=2, padding=(2, 1)).transpose(0, 2, 1, 3),
        )

    up, down, blurred, _ = filtered(np.ones((1, 8, 8, 1), np.float32))
    close = partial(np.testing.assert_allclose, rtol=1e-6)
    assert (up.shape[1:3], down.shape[1:3]) == ((16, 16), (4, 4))
    assert blurred.shape[1:3] == (9, 9)
    close(up[:, 1:-1, 1:-1], 1.0)
    # At the border 3/4 of the pixel and 1/4 of the zeros outside.
    close(up[:, 0, 1:-1], 0.75)
    close(down[:, 1:-1, 1:-1], 1.0)
    close(blurred[:, 2:-2, 2:-2], 1.0)
    # New pixels lie a quarter of an old one beside the old ones, or between two.
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32)[:, None], (1, 8, 8, 1))
    up, down, _, turned = filtered(ramp)
    close(up[0, 8, 2:-2, 0], np.arange(16)[2:-2] / 2 - 0.25)
    close(down[0, 2, 1:-1, 0], [2.5, 4.5])
    np.testing.assert_array_equal(turned, up)


@pytest.mark.parametrize(("options", "size"), CASES)
def test_filters_are_those_of_their_definition(options, size):
    images = normal(2, *size, 3)
    found = jax.jit(partial(filter_images, **options))(images)
    np.testing.assert_allclose(found, by_definition(images, **options), atol=1e-5)


def derivatives(formulation):
    """Values, first derivatives, and second ones in reverse and in forward mode."""

    @jax.jit
    def all_cases(images):
        found = []
        for one, (options, _) in zip(images, CASES, strict=True):

            def loss(images, options=options):
                outputs = filter_images(images, **options, formulation=formulation)
                return jnp.sum(jnp.sin(outputs)), outputs

            def slope(images, loss=loss):
                return jax.grad(loss, has_aux=True)(images)

            def penalty(images, slope=slope):
                return jnp.sum(slope(images)[0] ** 2)

            curvature = jax.jvp(lambda x, s=slope: s(x)[0], (one,), (jnp.cos(one),))[1]
            found.append((*slope(one), jax.grad(penalty)(one), curvature))
        return found

    return all_cases([normal(2, *size, 3) for _, size in CASES])


@pytest.fixture(scope="module")
def depthwise():
    return derivatives("depthwise")


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_formulations_are_equal_with_their_second_derivatives(formulation, depthwise):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5),
        derivatives(formulation),
        depthwise,
    )


def test_filters_keep_the_type_of_images():
    for formulation in get_args(FilterFormulation):
        double = partial(filter_images, up=2, padding=(2, 1), formulation=formulation)
        images = jax.ShapeDtypeStruct((1, 4, 4, 1), jnp.bfloat16)
        assert jax.eval_shape(double, images).dtype == jnp.bfloat16


def test_unknown_formulations_are_refused():
    with pytest.raises(ValueError, match="formulation='fft' is unknown"):
        filter_images(jnp.ones((1, 4, 4, 1)), formulation="fft")
