"""StyleGAN2 on eight devices: the statistics of the batch are those of all of it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxgen.networks import stylegan2_critic, stylegan2_mapping
from jaxgen.numerics import minibatch_deviation
from tests.networks import stylegan2_cases as cases
from tests.networks.stylegan2_cases import SMALL, normal

DEVICES = 8
needs_devices = pytest.mark.skipif(
    jax.device_count() < DEVICES, reason="needs 8 devices: JAX_NUM_CPU_DEVICES=8"
)
close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)


def on_devices(function, how, whole, rows, *, outputs_whole=False):
    """Calls a function of `whole` and a share of `rows` on each device."""
    if how == "pmap":
        shares = rows.reshape(DEVICES, -1, *rows.shape[1:])
        found = jax.pmap(function, "data", in_axes=(None, 0))(whole, shares)
        if outputs_whole:
            return jax.tree.map(lambda leaf: leaf[0], found)
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), found)
    mesh = jax.make_mesh((DEVICES,), ("data",), (jax.sharding.AxisType.Auto,))
    everywhere, split = PartitionSpec(), PartitionSpec("data")
    mapped = jax.shard_map(
        function,
        mesh=mesh,
        in_specs=(everywhere, split),
        out_specs=everywhere if outputs_whole else split,
    )
    return jax.jit(mapped)(whole, rows)


@needs_devices
@pytest.mark.parametrize("how", ["pmap", "shard_map"])
def test_the_deviation_and_its_gradient_are_those_of_one_device(how):
    # Two images a device: each group of four is spread over four devices.
    images, weights = np.float32(normal(16, 2, 2, 3)), np.float32(normal(16, seed=1))
    rows = np.concatenate(
        [images, np.broadcast_to(weights[:, None, None, None], (16, 2, 2, 1))], axis=-1
    )

    def values_and_slopes(axis_name, _, rows):
        images, weights = rows[..., :-1], rows[:, 0, 0, -1]

        def total(images):
            found = minibatch_deviation(
                images, 4, neighbours=False, axis_name=axis_name
            )
            return jnp.sum(weights * found[:, 0, 0, -1]), found

        slopes, found = jax.grad(total, has_aux=True)(images)
        return found, slopes

    expected = jax.jit(partial(values_and_slopes, None))(0.0, rows)
    found = on_devices(partial(values_and_slopes, "data"), how, 0.0, rows)
    jax.tree.map(close, found, expected)


@needs_devices
def test_logits_of_eight_devices_are_those_of_one():
    images = np.float32(normal(16, 16, 16, 3))
    params = jax.tree.map(np.float32, cases.critic(16).params)
    critic = stylegan2_critic(SMALL)

    def logits(axis_name, params, images):
        return critic.apply(params, (), images, axis_name=axis_name)[0]

    one = partial(logits, None)
    expected = jax.jit(one)(params, images)
    found = on_devices(partial(logits, "data"), "shard_map", params, images)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    # Of its own two images each device would make other groups.
    alone = on_devices(one, "shard_map", params, images)
    assert np.abs(alone - expected).max() > 1e-3


@needs_devices
@pytest.mark.parametrize("how", ["pmap", "shard_map"])
def test_the_average_style_is_that_of_all_devices(how):
    parts, network = cases.generator(16), stylegan2_mapping(SMALL)
    latents = np.float32(normal(16, cases.LATENTS))
    variables = parts.params["mapping"], parts.stats["mapping"]
    variables = jax.tree.map(np.float32, variables)

    def moved(axis_name, variables, latents):
        return network.apply(*variables, latents, train=True, axis_name=axis_name)[1]

    expected = jax.jit(partial(moved, None))(variables, latents)
    function = partial(moved, "data")
    found = on_devices(function, how, variables, latents, outputs_whole=True)
    close(found["average"], expected["average"])
