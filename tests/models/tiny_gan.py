"""Networks of a dozen parameters for tests of GANs."""

import math

import jax
import jax.numpy as jnp
import optax

from jaxgen import models, networks
from jaxgen.typing import Network


def two_layers(outputs, *, hidden=3):
    """Returns `tanh(inputs w + b) v + c`, of all inputs flattened and joined."""
    shape = (outputs,) if isinstance(outputs, int) else tuple(outputs)

    def joined(inputs):
        flat = [one.reshape(one.shape[0], -1) for one in inputs]
        return jnp.concatenate(flat, axis=-1)

    def init(key, *inputs):
        first, second = jax.random.split(key)
        width = joined(inputs).shape[-1]
        return {
            "w": jax.random.normal(first, (width, hidden)) / math.sqrt(width),
            "b": 0.1 * jnp.ones((1, hidden)),
            "v": jax.random.normal(second, (hidden, math.prod(shape))),
            "c": jnp.zeros((1, math.prod(shape))),
        }

    def apply(params, *inputs):
        features = jnp.tanh(joined(inputs) @ params["w"] + params["b"])
        found = (features @ params["v"] + params["c"]).reshape(-1, *shape)
        return found[:, 0] if outputs == 1 else found

    return networks.pure_functions(init, apply)


def averaging_mapping(features):
    """Returns a linear network that keeps the average of its outputs in training."""

    def init(key, *inputs):
        width = sum(one.shape[-1] for one in inputs)
        params = jax.random.normal(key, (width, features))
        return params, {"average": jnp.zeros(features), "passes": jnp.zeros((), int)}

    def apply(params, stats, *inputs, keys=None, train=False, axis_name=None):
        outputs = jnp.concatenate(inputs, axis=-1) @ params
        mean = jax.lax.stop_gradient(jnp.mean(outputs, axis=0))
        if axis_name is not None:
            mean = jax.lax.pmean(mean, axis_name)
        moved = {
            "average": 0.5 * (stats["average"] + mean),
            "passes": stats["passes"] + 1,
        }
        return outputs, moved if train else stats

    return Network(init, apply)


def outputs_of(network, params):
    """Returns `inputs -> outputs` of a network without statistics."""
    return lambda *inputs: network.apply(params, (), *inputs)[0]


def gan(optimizer=None, *, sample_shape=(2,), heads=1, critic=None, **options):
    """Returns a GAN of points, both networks trained alike."""
    optimizer = optax.sgd(0.1) if optimizer is None else optimizer
    return models.gan(
        two_layers(sample_shape),
        two_layers(heads) if critic is None else critic,
        options.pop("generator_optimizer", optimizer),
        options.pop("critic_optimizer", optimizer),
        latents=2,
        **options,
    )
