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
]


def value_and_gradients(function, inputs, kernel):
    def loss(inputs, kernel):
        outputs = function(inputs, kernel)
        return jnp.sum(jnp.sin(outputs)), outputs

    grad = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))
    gradients, outputs = grad(inputs, kernel)
    return outputs, *gradients


def draw(key, size, kernel_size, channels=(3, 5)):
    inputs = jax.random.normal(jax.random.fold_in(key, 0), (2, *size, channels[0]))
    kernel = jax.random.normal(jax.random.fold_in(key, 1), (*kernel_size, *channels))
    return inputs, kernel


def jitted(formulation, padding="SAME"):
    return jax.jit(partial(convolve, padding=padding, formulation=formulation))


def assert_all_close(actual, expected):
    for a, e in zip(actual, expected, strict=True):
        assert a.shape == e.shape
        np.testing.assert_allclose(a, e, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(
    ("size", "kernel_size", "strides", "padding", "channels"), CASES
)
def test_im2col_is_lax_convolution(key, size, kernel_size, strides, padding, channels):
    inputs, kernel = draw(key, size, kernel_size, channels)

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
    key, formulation, size, kernel_size, padding, channels
):
    inputs, kernel = draw(key, size, kernel_size, channels)
    ours, peer = (
        partial(convolve, padding=padding, formulation=formulation)
        for formulation in (formulation, "plain")
    )
    assert_all_close(
        value_and_gradients(ours, inputs, kernel),
        value_and_gradients(peer, inputs, kernel),
    )


def test_winograd_rounds_no_worse_than_ten_times_the_plain_sum(key):
    inputs, kernel = draw(key, (6, 6), (3, 3), (256, 16))
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
def test_bfloat16_adds_up_in_float32(key, formulation):
    inputs, kernel = draw(key, (6, 6), (3, 3), (64, 4))
    halves = inputs.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16)
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
def test_auto_on_cpu_goes_by_the_shape(key, shape, strides, expected):
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
@pytest.mark.parametrize(
    ("size", "kernel_size", "strides", "padding", "channels"), CASES
)
def test_subpixel_is_lax_transposed_convolution(
    key, size, kernel_size, strides, padding, formulation, channels
):
    inputs, kernel = draw(key, size, kernel_size, channels)

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
def test_same_transposed_convolution_is_the_gradient_of_the_convolution(key, size):
    # What Keras and TensorFlow define, with the kernel flipped and its axes swapped.
    big = (2 * size[0], 2 * size[1])
    images, kernel = draw(key, big, (3, 3))
    _, vjp = jax.vjp(lambda x: convolve(x, kernel, strides=(2, 2)), images)
    cotangent = jax.random.normal(jax.random.fold_in(key, 2), (2, *size, 5))
    flipped = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
    ours = convolve_transpose(cotangent, flipped, strides=(2, 2))
    np.testing.assert_allclose(ours, vjp(cotangent)[0], rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(
    ("ours", "peer"),
    [
        (Conv(4, strides=(2, 2)), nn.Conv(4, (3, 3), (2, 2))),
        (ConvTranspose(4, strides=(2, 2)), nn.ConvTranspose(4, (3, 3), (2, 2))),
    ],
)
def test_parameters_are_those_of_flax(key, ours, peer):
    inputs = jax.random.normal(jax.random.fold_in(key, 0), (2, 7, 7, 3))
    variables = peer.init(jax.random.fold_in(key, 1), inputs)
    variables["params"]["bias"] = jnp.arange(4.0)
    np.testing.assert_allclose(
        ours.apply(variables, inputs), peer.apply(variables, inputs), atol=2e-5
    )


@pytest.mark.parametrize(
    ("layer", "other"), [(Conv, "im2col"), (ConvTranspose, "subpixel")]
)
def test_formulation_changes_neither_initial_parameters_nor_outputs(key, layer, other):
    inputs = jax.random.normal(jax.random.fold_in(key, 0), (2, 7, 7, 3))
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
def test_formulations_agree_under_vmap_over_kernels(key, function, other, strides):
    inputs, _ = draw(key, (7, 7), (3, 3))
    kernels = jax.random.normal(jax.random.fold_in(key, 3), (3, 3, 3, 3, 5))

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
def test_formulations_agree_in_second_derivatives(key, function, other, strides):
    # Gradient penalties take reverse over reverse, Hessian products forward over it.
    inputs, kernel = draw(key, (5, 6), (3, 3))

    def derivatives(formulation):
        def loss(inputs, kernel):
            outputs = function(inputs, kernel, strides=strides, formulation=formulation)
            return jnp.sum(jnp.sin(outputs))

        def penalty(kernel):
            return jnp.sum(jax.grad(loss)(inputs, kernel) ** 2)

        def gradient(kernel):
            return jax.grad(loss, argnums=1)(inputs, kernel)

        reverse = jax.jit(jax.grad(penalty))(kernel)
        return reverse, jax.jit(jax.jvp, static_argnums=0)(
            gradient, (kernel,), (jnp.ones_like(kernel),)
        )[1]

    for actual, expected in zip(derivatives(other), derivatives("plain"), strict=True):
        scale = jnp.abs(expected).max()
        np.testing.assert_allclose(actual / scale, expected / scale, atol=2e-5)


@pytest.mark.parametrize("function", [convolve, convolve_transpose])
def test_unknown_words_are_refused(key, function):
    inputs, kernel = draw(key, (4, 4), (3, 3))
    with pytest.raises(ValueError, match="formulation='fft'"):
        function(inputs, kernel, formulation="fft")
    with pytest.raises(ValueError, match="padding='REFLECT'"):
        function(inputs, kernel, padding="REFLECT")


@pytest.mark.parametrize("formulation", ["winograd", "few_outputs"])
def test_formulations_are_refused_where_they_are_not_for(key, formulation):
    inputs, kernel = draw(key, (4, 4), (3, 3))
    with pytest.raises(ValueError, match=r"strides=\(2, 2\).* give formulation='auto'"):
        convolve(inputs, kernel, strides=(2, 2), formulation=formulation)
    with pytest.raises(ValueError, match="kernel is 4 x 3: 'winograd'"):
        convolve(inputs, jnp.zeros((4, 3, 3, 5)), formulation="winograd")
