"""Many small critics trained at once, each against a generator that stands still."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import losses, networks, random
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.typing import Array, Params, PRNGKeyArray

Sampler = Callable[[PRNGKeyArray, Array, int], tuple[Array, Array]]
"""`(key, setting, n) -> (real, fake)`, n samples each."""


class Options(NamedTuple):
    """How critics are trained.

    Attributes:
        steps: Steps of Adam, whose learning rate falls to 0 by a cosine.
        batch_size: Samples of either side in a step.
        learning_rate: The first one.
        hidden: Widths of the hidden layers.
        penalty: Weight of the gradient penalty, 0 for none.
        seeds: Critics of each setting.
    """

    steps: int
    batch_size: int
    learning_rate: float
    hidden: tuple[int, ...]
    penalty: float
    seeds: int


def network(hidden: tuple[int, ...]) -> Any:
    """The critic of all studies."""
    return networks.mlp_critic(hidden, kernel_init=networks.fan_in_uniform)


def train(
    key: PRNGKeyArray,
    loss: AdversarialLoss,
    sampler: Sampler,
    settings: Array,
    options: Options,
) -> Params:
    """Trains critics to their best against fixed real and generated samples.

    Args:
        key: It is consumed. Seeds are the same for all settings.
        loss: Whose critic.
        sampler: Draws samples.
        settings: What `sampler` is given, a row for each setting.
        options: How.

    Returns:
        Parameters, each with leading axes (settings, seeds).
    """
    critic = network(options.hidden)
    schedule = optax.cosine_decay_schedule(options.learning_rate, options.steps)
    optimizer = optax.adam(schedule, b1=0.5, b2=0.99)

    def cost(params: Params, key: PRNGKeyArray, setting: Array) -> Array:
        def logits(some: Array) -> Array:
            return critic.apply(params, (), some)[0]

        samples = random.stream(key, "samples")
        real, fake = sampler(samples, setting, options.batch_size)
        total = loss.critic(logits(real), logits(fake))
        if options.penalty:
            own = random.stream(key, "penalty")
            slope = losses.penalties.gradient_penalty(own, logits, real, fake)
            total += options.penalty * slope
        return jnp.mean(total)

    def one(key: PRNGKeyArray, setting: Array) -> Params:
        def step(carry: Any, number: Array) -> tuple[Any, None]:
            params, state = carry
            gradient = jax.grad(cost)(params, random.step_key(key, number), setting)
            updates, state = optimizer.update(gradient, state, params)
            return (optax.apply_updates(params, updates), state), None

        example = sampler(random.stream(key, "shape"), setting, 2)[0]
        params, _ = critic.init(random.stream(key, "critic"), example)
        # A critic starts flat: of a slope that starts the wrong way the penalty makes
        # one of about 1, from where no small step is uphill.
        head = f"Dense_{len(options.hidden)}"
        params = params | {head: jax.tree.map(jnp.zeros_like, params[head])}
        carry = (params, optimizer.init(params))
        return jax.lax.scan(step, carry, jnp.arange(options.steps))[0][0]

    over_seeds = jax.vmap(one, in_axes=(0, None))
    over_all = jax.vmap(over_seeds, in_axes=(None, 0))
    return jax.jit(over_all)(jax.random.split(key, options.seeds), settings)
