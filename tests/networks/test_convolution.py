from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax import lax

from jaxgen.networks import Conv, ConvTranspose, convolve, convolve_transpose

# Sizes, kernel, strides, padding: even, odd, stride > kernel, not square, explicit.
NAMES = ("size", "kernel_size", "strides", "padding", "channels")
CASES = [
    ((8, 8), (3, 3), (2, 2), "SAME", (3, 5)),
    ((7, 7), (3, 3), (2, 2), "SAME", (5, 2)),
    ((7, 10), (3, 4), (1, 2), "SAME", (1, 4)),
    ((9, 6), (2, 3), (3, 4), "SAME", (4, 1)),
    ((7, 8), (4, 4), (2, 2), ((1, 1), (1, 1)), (3, 5)),
    ((6, 5), (4, 3), (2, 1), ((2, 1), (0, 3)), (5, 2)),
    ((9, 8), (5, 3), (2, 3), "VALID", (2, 3)),
    ((5, 4), (1, 1), (1, 1), "SAME", (2, 2)),
    # Those of the translation networks.
    ((4, 5), (4, 4), (2, 2), ((2, 2), (2, 2)), (3, 2)),
    ((4, 5), (3, 3), (2, 2), ((1, 2), (1, 2)), (3, 2)),
]
# The others differ from these in sizes that `lax` itself reckons for both.
IM2COL = [CASES[at] for at in (1, 3, 4, 5, 6)]


def value_and_gradients(function, inputs, kernel):
    def loss(inputs, kernel):
        outputs = function(inputs, kernel)
        return jnp.sum(jnp.sin(outputs)), outputs

    grad = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))
    gradients, outputs = grad(inputs, kernel)
    return outputs, *gradients


def normal(*shape, seed=0):
    """Numbers that need no compilation, as those of JAX do for each shape."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def draw(size, kernel_size, channels=(3, 5)):
    return normal(2, *size, channels[0]), normal(*kernel_size, *channels, seed=1)


def jitted(formulation, padding="SAME"):
    return jax.jit(partial(convolve, padding=padding, formulation=formulation))


def assert_all_close(actual, expected):
    for a, e in zip(actual, expected, strict=True):
        assert a.shape == e.shape
        np.testing.assert_allclose(a, e, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(NAMES, IM2COL)
def test_im2col_is_lax_convolution(size, kernel_size, strides, padding, channels):
    inputs, kernel = draw(size, kernel_size, channels)

    def ours(inputs, kernel):
        return convolve(
            inputs, kernel, strides=strides, padding=padding, formulation="im2col"
        )

    def peer(inputs, kernel):
        return lax.conv_general_dilated(
            inputs,
            kernel,
            strides,
            padding,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )

    assert_all_close(
        value_and_gradients(ours, inputs, kernel),
        value_and_gradients(peer, inputs, kernel),
    )


@pytest.mark.parametrize(
    ("formulation", "size", "kernel_size", "padding", "channels"),
    [
        ("winograd", (8, 6), (3, 3), "SAME", (3, 5)),
        ("winograd", (5, 8), (3, 3), ((2, 0), (0, 3)), (1, 2)),
        ("few_outputs", (6, 7), (4, 3), ((2, 1), (0, 3)), (3, 1)),
        ("im2col", (6, 7), (4, 3), ((2, 1), (0, 3)), (1, 5)),
    ],
)
def test_without_strides_formulations_are_lax_convolution(
    formulation, size, kernel_size, padding, channels
):
    inputs, kernel = draw(size, kernel_size, channels)
    ours, peer = (
        partial(convolve, padding=padding, formulation=formulation)
        for formulation in (formulation, "plain")
    )
    assert_all_close(
        value_and_gradients(ours, inputs, kernel),
        value_and_gradients(peer, inputs, kernel),
    )


def test_winograd_rounds_no_worse_than_ten_times_the_plain_sum():
    inputs, kernel = draw((6, 6), (3, 3), (256, 16))
    windows = np.lib.stride_tricks.sliding_window_view(
        np.float64(inputs), (3, 3), (1, 2)
    )
    exact = np.einsum("nhwcij,ijcd->nhwd", windows, np.float64(kernel))
    errors = [
        np.abs(jitted(name, "VALID")(inputs, kernel) - exact)
        for name in ("winograd", "plain")
    ]
    assert 0.0 < errors[0].max() < 10.0 * errors[1].max()


@pytest.mark.parametrize("formulation", ["winograd", "few_outputs", "im2col"])
def test_bfloat16_adds_up_in_float32(formulation):
    inputs, kernel = draw((6, 6), (3, 3), (64, 4))
    halves = [jnp.asarray(x, jnp.bfloat16) for x in (inputs, kernel)]
    outputs = jitted(formulation)(*halves)
    assert outputs.dtype == jnp.bfloat16
    exact = jitted("plain")(*(x.astype(jnp.float32) for x in halves))
    # The last rounding alone: half of the last of 8 bits.
    np.testing.assert_allclose(
        outputs.astype(jnp.float32), exact, rtol=2**-8, atol=1e-4
    )


@pytest.mark.parametrize(
    ("shape", "strides", "expected"),
    [
        ((3, 3, 256, 256), (1, 1), "winograd"),
        ((3, 3, 256, 256), (2, 2), "im2col"),
        ((3, 3, 3, 256), (1, 1), "im2col"),
        ((3, 3, 256, 3), (1, 1), "few_outputs"),
        ((7, 7, 64, 3), (1, 1), "few_outputs"),
        ((7, 7, 3, 64), (1, 1), "im2col"),
        ((4, 4, 512, 1), (1, 1), "few_outputs"),
        ((1, 1, 64, 1), (1, 1), "im2col"),
    ],
)
def test_auto_on_cpu_goes_by_the_shape(shape, strides, expected):
    inputs = jnp.zeros((1, 8, 8, shape[2]))
    programs = [
        str(
            jax.make_jaxpr(partial(convolve, strides=strides, formulation=formulation))(
                inputs, jnp.zeros(shape)
            )
        )
        for formulation in ("auto", expected, "plain")
    ]
    assert programs[0] == programs[1] != programs[2]


@pytest.mark.parametrize("formulation", ["plain", "subpixel"])
@pytest.mark.parametrize(NAMES, CASES)
def test_subpixel_is_lax_transposed_convolution(
    size, kernel_size, strides, padding, formulation, channels
):
    inputs, kernel = draw(size, kernel_size, channels)

    def ours(inputs, kernel):
        return convolve_transpose(
            inputs, kernel, strides=strides, padding=padding, formulation=formulation
        )

    def peer(inputs, kernel):
        return lax.conv_transpose(
            inputs,
            kernel,
            strides,
            padding,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )

    assert_all_close(
        value_and_gradients(ours, inputs, kernel),
        value_and_gradients(peer, inputs, kernel),
    )


@pytest.mark.parametrize("size", [(7, 7), (8, 6)])
def test_same_transposed_convolution_is_the_gradient_of_the_convolution(size):
    # What Keras and TensorFlow define, with the kernel flipped and its axes swapped.
    big = (2 * size[0], 2 * size[1])
    images, kernel = draw(big, (3, 3))
    cotangent = normal(2, *size, 5, seed=2)
    flipped = kernel[::-1, ::-1].transpose(0, 1, 3, 2)

    @jax.jit
    def both():
        _, vjp = jax.vjp(lambda x: convolve(x, kernel, strides=(2, 2)), images)
        ours = convolve_transpose(cotangent, flipped, strides=(2, 2))
        return ours, vjp(cotangent)[0]

    np.testing.assert_allclose(*both(), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(
    ("ours", "peer"),
    [
        (Conv(4, strides=(2, 2)), nn.Conv(4, (3, 3), (2, 2))),
        (ConvTranspose(4, strides=(2, 2)), nn.ConvTranspose(4, (3, 3), (2, 2))),
    ],
)
def test_parameters_are_those_of_flax(ours, peer):
    inputs = normal(2, 7, 7, 3)
    shapes = jax.eval_shape(peer.init, jax.random.key(0), inputs)
    variables = jax.tree.map(lambda leaf: normal(*leaf.shape, seed=1), shapes)
    found, expected = (jax.jit(one.apply)(variables, inputs) for one in (ours, peer))
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize(
    ("layer", "other"), [(Conv, "im2col"), (ConvTranspose, "subpixel")]
)
def test_formulation_changes_neither_initial_parameters_nor_outputs(key, layer, other):
    inputs = normal(2, 7, 7, 3)
    results = [
        layer(4, strides=(2, 2), formulation=formulation).init_with_output(
            jax.random.clone(key), inputs
        )
        for formulation in ("plain", other, "auto")
    ]
    for result in results[1:]:
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), result, results[0]
        )


OTHERS = ("function", "other", "strides")
PAIRS = [
    (convolve, "im2col", (2, 2)),
    (convolve, "winograd", (1, 1)),
    (convolve, "few_outputs", (1, 1)),
    (convolve_transpose, "subpixel", (2, 2)),
]


@pytest.mark.parametrize(OTHERS, PAIRS)
def test_formulations_agree_under_vmap_over_kernels(function, other, strides):
    inputs, kernels = normal(2, 7, 7, 3), normal(3, 3, 3, 3, 5, seed=3)

    def gradients(formulation):
        def loss(kernel):
            return jnp.sum(
                jnp.sin(
                    function(inputs, kernel, strides=strides, formulation=formulation)
                )
            )

        return jax.jit(jax.vmap(jax.value_and_grad(loss)))(kernels)

    assert_all_close(gradients(other), gradients("plain"))


@pytest.mark.parametrize(OTHERS, PAIRS)
def test_formulations_agree_in_second_derivatives(function, other, strides):
    # Gradient penalties take reverse over reverse, Hessian products forward over it.
    inputs, kernel = draw((5, 6), (3, 3))

    def derivatives(formulation):
        def loss(inputs, kernel):
            outputs = function(inputs, kernel, strides=strides, formulation=formulation)
            return jnp.sum(jnp.sin(outputs))

        def penalty(kernel):
            return jnp.sum(jax.grad(loss)(inputs, kernel) ** 2)

        def gradient(kernel):
            return jax.grad(loss, argnums=1)(inputs, kernel)

        @jax.jit
        def both(kernel):
            forward = jax.jvp(gradient, (kernel,), (jnp.ones_like(kernel),))[1]
            return jax.grad(penalty)(kernel), forward

        return both(kernel)

    for actual, expected in zip(derivatives(other), derivatives("plain"), strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(actual / scale, expected / scale, atol=2e-5)


@pytest.mark.parametrize("function", [convolve, convolve_transpose])
def test_unknown_words_are_refused(function):
    inputs, kernel = draw((4, 4), (3, 3))
    with pytest.raises(ValueError, match="formulation='fft'"):
        function(inputs, kernel, formulation="fft")
    with pytest.raises(ValueError, match="padding='REFLECT'"):
        function(inputs, kernel, padding="REFLECT")


@pytest.mark.parametrize("formulation", ["winograd", "few_outputs"])
def test_formulations_are_refused_where_they_are_not_for(formulation):
    inputs, kernel = draw((4, 4), (3, 3))
    with pytest.raises(ValueError, match=r"strides=\(2, 2\).* give formulation='auto'"):
        convolve(inputs, kernel, strides=(2, 2), formulation=formulation)
    with pytest.raises(ValueError, match="kernel is 4 x 3: 'winograd'"):
        convolve(inputs, jnp.zeros((4, 3, 3, 5)), formulation="winograd")
