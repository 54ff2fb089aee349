import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.networks import inception, inception_weights
from jaxgen.networks.inception import PLANS, SIZE, Block, Unit

# Channels that come out of each block, and its height and width, for 299x299 pixels
# (Szegedy et al., 2016, table 1, and the comments of torch-fidelity).
SHAPES = {
    "Mixed_5b": (35, 256),
    "Mixed_5c": (35, 288),
    "Mixed_5d": (35, 288),
    "Mixed_6a": (17, 768),
    "Mixed_6b": (17, 768),
    "Mixed_6c": (17, 768),
    "Mixed_6d": (17, 768),
    "Mixed_6e": (17, 768),
    "Mixed_7a": (8, 1280),
    "Mixed_7b": (8, 2048),
    "Mixed_7c": (8, 2048),
}


def state_dict():
    """Weights under PyTorch's names, in its layout, all of them 0 but the variances."""
    found = {"fc.weight": np.zeros((1008, 2048), np.float32), "fc.bias": np.zeros(1008)}
    for path, shape in inception_weights.inception_shapes().items():
        if path[-1] == "kernel" and path[0] != "fc":
            unit = ".".join(path[:-2])
            height, width, inputs, outputs = shape
            found[f"{unit}.conv.weight"] = np.zeros(
                (outputs, inputs, height, width), np.float32
            )
            for name in ("weight", "bias", "running_mean", "running_var"):
                found[f"{unit}.bn.{name}"] = np.full(
                    outputs, name == "running_var", "f4"
                )
            found[f"{unit}.bn.num_batches_tracked"] = np.array(0)
    return found


def test_blocks_have_the_published_sizes():
    size, channels = 35, 192
    for name, plan in PLANS.items():
        images = jax.ShapeDtypeStruct((2, size, size, channels), jnp.float32)
        block = Block(plan)
        found = jax.eval_shape(
            lambda x, block=block: block.init_with_output(jax.random.key(0), x)[0],
            images,
        )
        size, channels = SHAPES[name]
        assert found.shape == (2, size, size, channels)


def test_the_whole_has_the_published_sizes():
    network = inception.inception()
    images = jax.ShapeDtypeStruct((2, SIZE, SIZE, 3), jnp.float32)
    params, _ = jax.eval_shape(network.init, jax.random.key(0), images)
    found, _ = jax.eval_shape(network.apply, params, (), images)
    assert found.features.shape == (2, 2048)
    assert found.logits.shape == (2, 1008)
    # 94 convolutions and the dense layer.
    assert len(jax.tree.leaves(params)) == 2 * 94 + 1


def test_normalizations_are_folded_into_convolutions():
    rng = np.random.default_rng(0)
    torch = state_dict()
    name = "Mixed_7b.branch3x3_2a"
    weight = rng.normal(size=(384, 384, 1, 3)).astype(np.float32)
    scale, shift, mean = rng.normal(size=(3, 384)).astype(np.float32)
    variance = rng.uniform(0.1, 2, 384).astype(np.float32)
    torch[f"{name}.conv.weight"] = weight
    torch |= {f"{name}.bn.weight": scale, f"{name}.bn.bias": shift}
    torch |= {f"{name}.bn.running_mean": mean, f"{name}.bn.running_var": variance}
    params = inception_weights.inception_params(torch)
    pixels = rng.normal(size=(1, 1, 3, 384)).astype(np.float32)
    unit = Unit(384, (1, 3))
    found = unit.apply({"params": params["Mixed_7b"]["branch3x3_2a"]}, pixels)
    convolved = np.einsum("wi,oiw->o", pixels[0, 0], weight[:, :, 0])
    expected = (convolved - mean) / np.sqrt(variance + 1e-3) * scale + shift
    np.testing.assert_allclose(
        found[0, 0, 1], np.maximum(expected, 0), rtol=1e-4, atol=1e-4
    )


def test_weights_of_other_networks_are_named():
    torch = state_dict()
    other = torch | {"fc.weight": np.zeros((1000, 2048))}
    with pytest.raises(InputError, match=r"fc\.weight has shape \(1000, 2048\)"):
        inception_weights.inception_params(other)
    del torch["Mixed_5b.branch1x1.bn.running_var"]
    with pytest.raises(InputError, match=r"branch1x1\.bn\.running_var is missing"):
        inception_weights.inception_params(torch)
    other = state_dict() | {"AuxLogits.fc.weight": np.zeros(3)}
    with pytest.raises(InputError, match=r"it has no AuxLogits\.fc\.weight"):
        inception_weights.inception_params(other)


def test_padding_is_not_in_the_means_of_average_pools():
    ones = jnp.ones((1, 4, 5, 2))
    np.testing.assert_allclose(inception._average_pool(ones), ones)
    ramp = jnp.arange(4.0).reshape(1, 1, 4, 1)
    np.testing.assert_allclose(
        inception._average_pool(ramp).reshape(-1), [0.5, 1, 2, 2.5]
    )
    np.testing.assert_allclose(
        inception._max_pool_around(-ramp).reshape(-1), [0, 0, -1, -2]
    )


def test_only_the_last_block_takes_a_maximum():
    last = [name for name, plan in PLANS.items() if plan.pool == "max"]
    assert last == ["Mixed_7c"]


@pytest.mark.slow
def test_the_derivative_of_the_whole_is_finite():
    network = inception.inception()
    params, _ = jax.jit(network.init)(jax.random.key(0), jnp.zeros((1, SIZE, SIZE, 3)))
    images = jax.random.normal(jax.random.key(1), (1, SIZE, SIZE, 3))
    value, slope = jax.jit(
        lambda x: jax.jvp(
            lambda y: network.apply(params, (), y)[0].features, (x,), (x,)
        )
    )(images)
    assert np.isfinite(value).all()
    assert np.abs(slope).max() > 0
    assert np.isfinite(slope).all()
