"""Dead units of many small GANs at once: what `experiments.dying_relu` counts."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.metrics import dead_unit_share, zero_gradient_share
from jaxgen.models import GAN, EnsembleState
from jaxgen.typing import Array, Params


class Setting(NamedTuple):
    """What members of the ensemble differ in, shape (settings,) each.

    Attributes:
        learning_rate: Of both networks.
        slope: Of the activation below 0: 0 is the plain rectifier.
    """

    learning_rate: Any
    slope: Any


class Seen(NamedTuple):
    """What is seen of trained members, each with leading axes (settings, seeds).

    Attributes:
        critic: Share of dead units, one number a hidden layer.
        generator: The same of the generator.
        zero: Share of generated points whose gradient is exactly 0.
    """

    critic: Any
    generator: Any
    zero: Any


def rectify(x: Array, *, slope: Array | float) -> Array:
    """Leaves x above 0 as it is; below, multiplies it by the slope, which may be 0."""
    return jnp.where(x > 0, x, slope * x)


def looker(
    build: Callable[[Setting], GAN],
    settings: Setting,
    real: Array,
    latents: Array,
    *,
    depth: int,
    seeds: int,
) -> Callable[[EnsembleState], Seen]:
    """Makes what counts dead units, and points without a gradient, of all members.

    Args:
        build: Makes the model of a setting, of MLPs whose activation is `rectify`.
        settings: Those of the ensemble.
        real: Points of the data, shape (n, 2).
        latents: Of the generated points, shape (n, latents).
        depth: Hidden layers of either network.
        seeds: Members of each setting.
    """
    each = jax.tree.map(lambda leaf: jnp.repeat(leaf, seeds), settings)
    shape = (len(settings.slope), seeds)

    def one(setting: Setting, member: Any) -> Seen:
        model, slope = build(setting), setting.slope
        fake = model.generate(member, latents)
        both = jnp.concatenate([real, fake])
        layers = (
            layer_inputs(member.critic.params, both, depth, slope),
            layer_inputs(member.generator.params, latents, depth, slope),
        )
        shares = [jnp.stack([dead_unit_share(x) for x in own]) for own in layers]
        slopes = jax.grad(lambda samples: model.critique(member, samples).sum())(fake)
        critic, generator = shares
        return Seen(critic, generator, zero_gradient_share(slopes))

    compiled = jax.jit(jax.vmap(one))

    def looked(state: EnsembleState) -> Seen:
        return jax.tree.map(
            lambda x: np.asarray(x, np.float64).reshape(*shape, *x.shape[1:]),
            compiled(each, state.net),
        )

    return looked


def layer_inputs(
    params: Params, samples: Array, depth: int, slope: Array
) -> list[Array]:
    """What goes into the activations of each hidden layer."""
    seen, features = [], samples
    for number in range(depth):
        layer = params[f"Dense_{number}"]
        inputs = jnp.dot(features, layer["kernel"]) + layer["bias"][None]
        seen.append(inputs)
        features = rectify(inputs, slope=slope)
    return seen
