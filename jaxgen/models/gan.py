"""Generative adversarial networks: one model for every loss and every remedy.

Goodfellow et al., Generative Adversarial Networks, 2014.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import losses, random
from jaxgen.calls import factory
from jaxgen.checks import (
    check_choice,
    check_count,
    check_floats,
    check_network,
    examples_of,
)
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models import averaging, gan_checks, gan_steps
from jaxgen.models.conditions import Condition, check_condition, one_hot_labels
from jaxgen.models.critic import critic_of
from jaxgen.models.gan_samples import network_outputs, sampling_functions
from jaxgen.models.generator_pass import Players
from jaxgen.models.patch_logits import loss_per_row
from jaxgen.models.remedies import Remedy
from jaxgen.models.styled_generator import (
    StyledGenerator,
    generator_functions,
)
from jaxgen.typing import (
    Array,
    Batch,
    Evaluate,
    Init,
    Metrics,
    NetState,
    Network,
    PerExample,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
    Update,
)

__all__ = ["GAN", "GANState", "gan"]


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
            logits, without remedies that draw.
        sample: `(state, key, n, condition=None, *, truncation=1.0,
            truncated_layers=None) -> n samples`; without a condition the labels of a
            conditional model take turns. The noise of a generator is drawn from the key
            too, as it is in training.
        generate: `(state, latents, condition=None, keys=None, *, truncation=1.0,
            truncated_layers=None) -> samples`, of the averaged generator if there is
            one. Noise is drawn from `keys`, one or one per example; without keys there
            is none.
        map_latents: `(state, latents, condition=None, *, truncation=1.0,
            truncated_layers=None) -> styles` of a `StyledGenerator`, shape (batch,
            num_styles, features); else the latents. `truncation` moves the styles w of
            the first `truncated_layers` (all by default) to average + truncation (w -
            average): 0 makes all of them the average, which has the fewest flaws.
        synthesize: `(state, styles, condition=None, keys=None) -> samples` as
            `generate` gives them; the synthesis of a `StyledGenerator` takes no
            condition.
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
    map_latents: Callable[..., Array]
    synthesize: Callable[..., Array]
    critique: Callable[..., Array]
    draw_latents: Callable[..., Array]
    latents: int
    num_classes: int | None


@factory
def gan(
    generator: Network | StyledGenerator,
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
    ema_decay: averaging.Decay | None = None,
    average_statistics: bool = True,
    statistics_from: Literal["generator_steps", "all_steps"] = "generator_steps",
    num_classes: int | None = None,
    auxiliary_weight: float = 0.0,
    signed: bool = False,
    draw_latents: Callable[[RandomKeys, tuple[int, ...]], Array] = random.normal,
) -> GAN:
    """Makes a GAN of two networks, a loss and remedies.

    Args:
        generator: `latents -> samples`; with `num_classes`, `(latents, condition)`. Or
            a `StyledGenerator`: a mapping to styles and a synthesis. In training it is
            given keys for its noise, other ones in each step.
        critic: `samples -> logits`, shape (batch,); with `num_classes`, `(samples,
            condition)`. Several heads, shape (batch, heads), where a remedy or the
            auxiliary classifier asks for them. In training it is given keys too.
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
        ema_decay: Of the moving average of the generator that samples are drawn from;
            (1 + step) / (10 + step) while that is less. Or a function `step -> decay`,
            as `schedules.half_life` makes one, without that bound. By default they are
            drawn from the generator as it is.
        average_statistics: Whether the moving average averages floating statistics, as
            batch normalization needs, or copies them, as published StyleGANs copy
            buffers. Whole numbers are always copied.
        statistics_from: Whose passes of the generator move its statistics: those of
            "generator_steps", or of "all_steps", the critic's included, as StyleGAN's
            average of w.
        num_classes: Makes the model conditional on `batch["label"]`.
        auxiliary_weight: Above 0, the critic is not told the label: it has `1 +
            num_classes` heads, the logit and those of the classes, and both networks
            also minimise this many times `losses.classification` (AC-GAN).
        signed: For images: the networks see [-1, 1] where data are in [0, 1].
        draw_latents: `(key, shape) -> latents`, standard normal by default; the key is
            one, or one per row, as that of `random.normal`.

    Returns:
        The model, safe under `jit`, `vmap` over seeds, `scan` over steps, `pmap` and
        `shard_map`. Its batches are `{"image": images}`, or `{"data": samples}` of
        another kind, with a "label" if it is conditional. `update` gives, of the last
        step of the critic, critic_loss, real_logit, fake_logit, penalty (of those that
        are not lazy), critic_gradient_norm and estimate (of the divergence between what
        the critic is shown, packed or augmented as that may be), and generator_loss,
        generator_penalty (likewise) and generator_gradient_norm. `evaluate` uses the
        averaged generator if there is one.

    Raises:
        InputError: The parts do not go together; the sentence says why.
    """
    loss = losses.gan.non_saturating() if loss is None else loss
    remedies = tuple(remedies)
    check_count("latents", latents, 1)
    check_choice("statistics_from", statistics_from, ("generator_steps", "all_steps"))
    gan_checks.check_parts(
        loss, remedies, critic_steps, num_classes, auxiliary_weight, ema_decay
    )
    gan_checks.check_factors(critic_factor, generator_factor)
    check_network("critic", critic, "mlp_critic")
    adversary = critic_of(
        critic,
        critic_optimizer,
        loss=loss,
        critic_factor=critic_factor,
        generator_factor=generator_factor,
        remedies=remedies,
        auxiliary_classes=num_classes if auxiliary_weight else None,
        auxiliary_weight=auxiliary_weight,
    )
    network = generator_functions(generator)
    players = Players(
        generator=network,
        generator_optimizer=generator_optimizer,
        critic=adversary,
        remedies=remedies,
        draw_latents=lambda keys: draw_latents(keys, (keys.shape[0], latents)),
        critic_steps=critic_steps,
        statistics_from_all=statistics_from == "all_steps",
    )
    samplers = sampling_functions(
        network,
        latents=latents,
        num_classes=num_classes,
        signed=signed,
        draw_latents=draw_latents,
    )
    condition_of = partial(one_hot_labels, "GAN", num_classes=num_classes)

    def init(key: PRNGKeyArray, batch: Batch, /) -> GANState:
        samples = _for_networks(examples_of(batch), signed)
        condition = condition_of(batch)
        gan_checks.check_samples(samples, critic_steps, remedies)
        zeros = jnp.zeros((samples.shape[0], latents), samples.dtype)
        params, stats = network.init(random.stream(key, "generator"), zeros, condition)
        made = jax.eval_shape(
            partial(network_outputs, network), params, stats, zeros, condition
        )
        gan_checks.check_generated(made.shape, samples.shape)
        opt_state = generator_optimizer.init(params)
        critic_net = adversary.init(random.stream(key, "critic"), samples, condition)
        if any(remedy.unroll for remedy in remedies):
            gan_checks.check_differentiable(critic_optimizer, critic_net.params)
        return GANState(
            step=jnp.zeros((), jnp.int32),
            key=key,
            generator=NetState(params, stats, opt_state),
            critic=critic_net,
            ema=averaging.first_average((params, stats), ema_decay),
            remedies=tuple(remedy.init() for remedy in remedies),
        )

    def update(
        state: GANState, batch: Batch, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        shared = gan_steps.gan_batch(
            random.step_key(state.key, state.step),
            state.step,
            _for_networks(examples_of(batch), signed),
            condition_of(batch),
            axis_name=axis_name,
            critic_steps=critic_steps,
        )
        net, critic_net, kept, metrics = gan_steps.take_steps(
            players, state.generator, state.critic, state.remedies, shared
        )
        ema = averaging.next_average(
            (net.params, net.stats),
            state.ema,
            decay=ema_decay,
            step=state.step,
            average_statistics=average_statistics,
        )
        return GANState(state.step + 1, state.key, net, critic_net, ema, kept), metrics

    def critique(state: GANState, samples: Array, condition: Condition = None) -> Array:
        check_floats(samples=samples)
        check_condition("GAN", condition, samples.shape[0], num_classes)
        seen = _for_networks(samples, signed)
        return adversary.outputs(state.critic, seen, condition)[0]

    def evaluate(state: GANState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        real, condition = examples_of(batch), condition_of(batch)
        rows = real.shape[0]
        noise = random.example_keys(random.stream(key, "noise"), rows)
        drawn = players.draw_latents(random.example_keys(key, rows))
        fake = samplers.generate(state, drawn, condition, noise)
        logits = [
            adversary.logits(state.critic, _for_networks(samples, signed), condition)
            for samples in (real, fake)
        ]
        return _terms(loss, logits, rows, critic_factor, generator_factor)

    return GAN(
        init=init,
        update=update,
        evaluate=evaluate,
        sample=samplers.sample,
        generate=samplers.generate,
        map_latents=samplers.map_latents,
        synthesize=samplers.synthesize,
        critique=critique,
        draw_latents=draw_latents,
        latents=latents,
        num_classes=num_classes,
    )


def _for_networks(samples: Array, signed: bool) -> Array:
    return 2.0 * samples - 1.0 if signed else samples


def _terms(
    loss: AdversarialLoss,
    logits: Sequence[Array],
    rows: int,
    critic_factor: float,
    generator_factor: float,
) -> Metrics:
    """The terms of `evaluate`, one value per example."""

    def term(function: Callable[[PerExample, PerExample], PerExample]) -> PerExample:
        found = loss_per_row(function, *logits)
        # The value of a packed row is that of each of its samples.
        return jnp.repeat(found, rows // found.shape[0])

    return {
        "critic_loss": critic_factor * term(loss.critic),
        "generator_loss": generator_factor * term(loss.generator),
        "real_logit": term(lambda real, _: real),
        "fake_logit": term(lambda _, fake: fake),
    }
