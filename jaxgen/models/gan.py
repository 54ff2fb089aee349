"""Generative adversarial networks: one model for every loss and every remedy.

Goodfellow et al., Generative Adversarial Networks, 2014.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import losses, random
from jaxgen.checks import check_count, check_floats, check_number, examples_of
from jaxgen.errors import InputError
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models import averaging, gan_checks
from jaxgen.models.conditions import (
    Condition,
    check_condition,
    given,
    one_hot_labels,
)
from jaxgen.models.critic import CriticStep, critic_of
from jaxgen.models.gradient_step import gradient_step
from jaxgen.models.patch_logits import loss_per_row
from jaxgen.models.remedies import Remedy
from jaxgen.typing import (
    Array,
    Batch,
    Evaluate,
    Init,
    Metrics,
    NetState,
    Network,
    Params,
    PerExample,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
    Update,
)


class GANState(NamedTuple):
    """The state of a GAN: a pytree without functions inside.

    Attributes:
        step: Number of updates done, int32 scalar: steps of the generator.
        key: The root key, which never changes.
        generator: Parameters, statistics and optimizer state.
        critic: Likewise.
        ema: Moving averages of the generator's parameters and statistics, or ().
        remedies: What each remedy keeps.
    """

    step: Array
    key: PRNGKeyArray
    generator: NetState
    critic: NetState
    ema: PyTree
    remedies: PyTree


class GAN(NamedTuple):
    """The pure functions of a GAN; see `gan`.

    `condition` is the one-hot label, shape (batch, classes), of a conditional model.

    Attributes:
        init: `(key, batch) -> GANState`; `key` becomes the root key of the run.
        update: `(state, batch, axis_name=None) -> (GANState, Metrics)`: the critic's
            steps, then one of the generator.
        evaluate: `(state, key, batch) -> terms per example`: both losses and the
            logits, without what draws among the remedies.
        sample: `(state, key, n, condition=None) -> n samples`; without a condition the
            labels of a conditional model take turns.
        generate: `(state, latents, condition=None) -> samples`, of the averaged
            generator where there is one.
        critique: `(state, samples, condition=None) -> logits`, one per row of the
            critic (n / m with `pac(m)`), or (rows, heads).
        draw_latents: `(key, shape) -> latents`.
        latents: Dimension of the latent space.
        num_classes: Classes of the condition, or None.
    """

    init: Init
    update: Update
    evaluate: Evaluate
    sample: Callable[..., Array]
    generate: Callable[..., Array]
    critique: Callable[..., Array]
    draw_latents: Callable[..., Array]
    latents: int
    num_classes: int | None


def gan(
    generator: Network,
    critic: Network,
    generator_optimizer: optax.GradientTransformation,
    critic_optimizer: optax.GradientTransformation,
    *,
    latents: int,
    loss: AdversarialLoss | None = None,
    critic_factor: float = 1.0,
    generator_factor: float = 1.0,
    remedies: Sequence[Remedy] = (),
    critic_steps: int = 1,
    ema_decay: float | Array | None = None,
    num_classes: int | None = None,
    auxiliary_weight: float = 0.0,
    signed: bool = False,
    draw_latents: Callable[[RandomKeys, tuple[int, ...]], Array] = random.normal,
) -> GAN:
    """Makes a GAN of two networks, a loss and remedies.

    Args:
        generator: `latents -> samples`; with `num_classes`, `(latents, condition)`.
        critic: `samples -> logits`, shape (batch,); with `num_classes`, `(samples,
            condition)`. Several heads, shape (batch, heads), where a remedy or the
            auxiliary classifier asks for them.
        generator_optimizer: Any optax transformation.
        critic_optimizer: Likewise; RMSProp where weights are clipped.
        latents: Dimension of the latent space.
        loss: One of `losses.gan`: `non_saturating()` by default.
        critic_factor: What the critic's adversarial loss is multiplied by, as 0.5 for
            the least squares of Mao et al.
        generator_factor: Likewise the generator's.
        remedies: See `jaxgen.models.remedies`.
        critic_steps: Steps of the critic for one of the generator. A batch holds as
            many minibatches: number j is its rows j, j + critic_steps, ...
        ema_decay: Of the moving average of the generator that samples are drawn from,
            its statistics included; (1 + step) / (10 + step) while that is less. By
            default they are drawn from the generator as it is.
        num_classes: Makes the model conditional on `batch["label"]`.
        auxiliary_weight: Above 0, the critic is not told the label: it has `1 +
            num_classes` heads, the logit and those of the classes, and both networks
            also minimise this many times their cross-entropy (AC-GAN).
        signed: For images: the networks see [-1, 1] where data are in [0, 1].
        draw_latents: `(key, shape) -> latents`, standard normal by default; the key is
            one, or one per row, as that of `random.normal`.

    Returns:
        The model, safe under `jit`, `vmap` over seeds, `scan` over steps, `pmap` and
        `shard_map`. Its batches are `{"image": samples}`, with a "label" where it is
        conditional; samples may as well be points. `update` gives, of the last step of
        the critic, critic_loss, real_logit, fake_logit, penalty (of those that are not
        lazy), critic_gradient_norm and estimate (of the divergence between what the
        critic is shown, packed or augmented as that may be), and generator_loss and
        generator_gradient_norm. `evaluate` judges the averaged generator where there is
        one.

    Raises:
        InputError: The parts do not go together; the sentence says why.
    """
    loss = losses.gan.non_saturating() if loss is None else loss
    check_count("latents", latents, 1)
    gan_checks.check_parts(
        loss, remedies, critic_steps, num_classes, auxiliary_weight, ema_decay
    )
    check_number("critic_factor", critic_factor, above=0)
    check_number("generator_factor", generator_factor, above=0)
    judge = critic_of(
        critic,
        critic_optimizer,
        loss=loss,
        critic_factor=critic_factor,
        generator_factor=generator_factor,
        remedies=tuple(remedies),
        auxiliary_classes=num_classes if auxiliary_weight else None,
        auxiliary_weight=auxiliary_weight,
    )
    generator = generator
    remedies = tuple(remedies)
    unrolled = sum(remedy.unroll for remedy in remedies)

    def condition_of(batch: Batch) -> Condition:
        return one_hot_labels("GAN", batch, num_classes)

    def seen(samples: Array) -> Array:
        return 2.0 * samples - 1.0 if signed else samples

    def shown(samples: Array) -> Array:
        return 0.5 * (samples + 1.0) if signed else samples

    def fakes(
        params: Params,
        stats: PyTree,
        keys: RandomKeys,
        condition: Condition,
        axis_name: str | None,
    ) -> tuple[Array, PyTree]:
        drawn = draw_latents(keys, (keys.shape[0], latents))
        return generator.apply(
            params,
            stats,
            drawn,
            *given(condition),
            train=True,
            axis_name=axis_name,
        )

    def init(key: PRNGKeyArray, batch: Batch, /) -> GANState:
        samples, condition = seen(examples_of(batch)), condition_of(batch)
        gan_checks.check_samples(samples, critic_steps, remedies)
        zeros = jnp.zeros((samples.shape[0], latents), samples.dtype)
        params, stats = generator.init(
            random.stream(key, "generator"), zeros, *given(condition)
        )
        made = jax.eval_shape(generator.apply, params, stats, zeros, *given(condition))
        gan_checks.check_generated(made[0].shape, samples.shape)
        state = generator_optimizer.init(params)
        critic_net = judge.init(random.stream(key, "critic"), samples, condition)
        if unrolled:
            gan_checks.check_differentiable(critic_optimizer, critic_net.params)
        return GANState(
            step=jnp.zeros((), jnp.int32),
            key=key,
            generator=NetState(params, stats, state),
            critic=critic_net,
            ema=averaging.first_average((params, stats), ema_decay),
            remedies=tuple(remedy.init() for remedy in remedies),
        )

    def update(
        state: GANState, batch: Batch, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        samples, condition = seen(examples_of(batch)), condition_of(batch)
        key = random.step_key(state.key, state.step)
        parts = [
            None if whole is None else _minibatches(whole, critic_steps)
            for whole in (samples, condition)
        ]
        rows = samples.shape[0] // critic_steps

        def keys_of(name: str, number: Array | int) -> RandomKeys:
            own = jax.random.fold_in(random.stream(key, name), number)
            return random.example_keys(own, rows, axis_name=axis_name)

        def step_of(
            number: Array | int, real: Array, condition: Condition
        ) -> CriticStep:
            return CriticStep(
                count=state.step * critic_steps + number,
                keys=keys_of("critic", number),
                real=real,
                condition=condition,
                axis_name=axis_name,
            )

        def one(carry: Any, item: Any) -> tuple[Any, Metrics]:
            number, real, condition = item
            fake, _ = fakes(
                state.generator.params,
                state.generator.stats,
                keys_of("critic latent", number),
                condition,
                axis_name,
            )
            step = step_of(number, real, condition)
            net, kept, metrics = judge.update(*carry, step, fake)
            return (net, kept), metrics

        numbers = jnp.arange(critic_steps)
        carry = (state.critic, state.remedies)
        if critic_steps == 1:
            first = jax.tree.map(lambda leaf: leaf[0], (numbers, *parts))
            carry, metrics = one(carry, first)
        else:
            carry, metrics = jax.lax.scan(one, carry, (numbers, *parts))
            metrics = jax.tree.map(lambda leaf: leaf[-1], metrics)
        critic_net, kept = carry
        real, condition = jax.tree.map(lambda leaf: leaf[-1], tuple(parts))

        def generator_loss(params: Params) -> tuple[Array, Any]:
            fake, stats = fakes(
                params,
                state.generator.stats,
                keys_of("latent", 0),
                condition,
                axis_name,
            )
            ahead = critic_net
            # In Python: the gradient of a scan over many leaves is slow on a CPU.
            for number in range(unrolled):
                step = step_of(critic_steps + number, real, condition)
                ahead, _, _ = judge.update(ahead, kept, step, fake)
            step = step_of(critic_steps + unrolled, real, condition)
            value = judge.generator_loss(ahead, kept, step, fake)
            return value, ({"generator_loss": value}, stats)

        net, found, stats = gradient_step(
            generator_loss, state.generator, generator_optimizer, axis_name=axis_name
        )
        net = net._replace(stats=stats)
        metrics |= {
            "generator_loss": found["generator_loss"],
            "generator_gradient_norm": found["gradient_norm"],
        }
        ema = averaging.next_average(
            (net.params, net.stats), state.ema, decay=ema_decay, step=state.step
        )
        return GANState(state.step + 1, state.key, net, critic_net, ema, kept), metrics

    def generate(state: GANState, latents: Array, condition: Condition = None) -> Array:
        check_condition("GAN", condition, latents.shape[0], num_classes)
        net = state.generator
        params, stats = averaging.in_use((net.params, net.stats), state.ema)
        return shown(generator.apply(params, stats, latents, *given(condition))[0])

    def turns(condition: Condition, n: int) -> Condition:
        if num_classes is None or condition is not None:
            return condition
        return jax.nn.one_hot(jnp.arange(n) % num_classes, num_classes)

    def sample(
        state: GANState, key: PRNGKeyArray, n: int, condition: Condition = None
    ) -> Array:
        check_count("n", n, 0)
        return generate(state, draw_latents(key, (n, latents)), turns(condition, n))

    def critique(state: GANState, samples: Array, condition: Condition = None) -> Array:
        check_floats(samples=samples)
        check_condition("GAN", condition, samples.shape[0], num_classes)
        return judge.outputs(state.critic, seen(samples), condition)[0]

    def evaluate(state: GANState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        real, condition = examples_of(batch), condition_of(batch)
        keys = random.example_keys(key, real.shape[0])
        fake = generate(state, draw_latents(keys, (real.shape[0], latents)), condition)

        real_logits, fake_logits = (
            judge.logits(state.critic, seen(samples), condition)
            for samples in (real, fake)
        )

        def term(loss: Callable[[PerExample, PerExample], PerExample]) -> PerExample:
            found = loss_per_row(loss, real_logits, fake_logits)
            # A packed row speaks for each of its samples.
            return jnp.repeat(found, real.shape[0] // found.shape[0])

        return {
            "critic_loss": critic_factor * term(loss.critic),
            "generator_loss": generator_factor * term(loss.generator),
            "real_logit": term(lambda real, _: real),
            "fake_logit": term(lambda _, fake: fake),
        }

    return GAN(
        init=init,
        update=update,
        evaluate=evaluate,
        sample=sample,
        generate=generate,
        critique=critique,
        draw_latents=draw_latents,
        latents=latents,
        num_classes=num_classes,
    )


def _minibatches(whole: Array, number: int) -> Array:
    """Minibatch j is the rows j, j + number, ...: the same ones on any devices."""
    if whole.shape[0] % number:
        raise InputError(
            f"{whole.shape[0]} samples cannot be split into {number} minibatches: take "
            f"a batch that is a multiple of critic_steps={number} on every device."
        )
    return jnp.moveaxis(whole.reshape(-1, number, *whole.shape[1:]), 1, 0)
