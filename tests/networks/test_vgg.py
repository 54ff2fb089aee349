import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.networks.vgg import standardize, vgg, vgg_params

# Numbers of torchvision's layers: a convolution, its relu, and pools between stages.
LAYERS = {
    0: (3, 64), 2: (64, 64),
    5: (64, 128), 7: (128, 128),
    10: (128, 256), 12: (256, 256), 14: (256, 256),
    17: (256, 512), 19: (512, 512), 21: (512, 512),
    24: (512, 512), 26: (512, 512), 28: (512, 512),
}  # fmt: skip


def state_dict():
    found = {"classifier.0.weight": np.zeros((4096, 3))}
    for number, (inputs, outputs) in LAYERS.items():
        shape = (outputs, inputs, 3, 3)
        found[f"features.{number}.weight"] = np.full(shape, number, np.float32)
        found[f"features.{number}.bias"] = np.full(outputs, -number, np.float32)
    return found


def test_five_stages_each_of_half_the_size():
    network = vgg()
    images = jax.ShapeDtypeStruct((2, 28, 32, 3), jnp.float32)
    params, _ = jax.eval_shape(network.init, jax.random.key(0), images)
    found, _ = jax.eval_shape(network.apply, params, (), images)
    assert [stage.shape for stage in found] == [
        (2, 28, 32, 64),
        (2, 14, 16, 128),
        (2, 7, 8, 256),
        (2, 3, 4, 512),
        (2, 1, 2, 512),
    ]
    shapes = jax.tree.map(jnp.shape, params)
    assert shapes == jax.tree.map(jnp.shape, vgg_params(state_dict()))


def test_layers_are_in_the_order_of_torchvision():
    params = vgg_params(state_dict())
    order = [float(params[name]["kernel"].max()) for name in sorted(params)]
    assert order == list(LAYERS)
    assert sorted(params)[2] == "conv2_1"


def test_kernels_are_transposed():
    torch = state_dict()
    weight = np.random.default_rng(0).normal(size=(64, 3, 3, 3)).astype(np.float32)
    torch["features.0.weight"] = weight
    kernel = vgg_params(torch)["conv1_1"]["kernel"]
    assert kernel[0, 1, 2, 5] == weight[5, 2, 0, 1]


def test_weights_of_other_networks_are_named():
    torch = state_dict()
    torch["features.5.weight"] = torch["features.7.weight"]
    with pytest.raises(InputError, match=r"features\.5\.weight has shape"):
        vgg_params(torch)
    with pytest.raises(InputError, match=r"features\.0\.weight is missing.*vgg16"):
        vgg_params({})


def test_colours_are_scaled_as_in_lpips():
    # LPIPS scales colours from -1 to 1 by constants of its own.
    images = np.random.default_rng(0).uniform(size=(1, 2, 2, 3)).astype(np.float32)
    shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
    expected = (2 * images - 1 - shift) / scale
    np.testing.assert_allclose(standardize(jnp.array(images)), expected, rtol=1e-5)
