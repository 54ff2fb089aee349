"""Remedies: options of a GAN that go with any loss and any network.

Each changes one thing about the critic: what it sees, what it pays, or how far ahead
the generator looks. They are given in a list, and what the critic sees goes through
them in that order.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from jaxgen import random
from jaxgen.errors import InputError, check_number
from jaxgen.losses import penalties
from jaxgen.typing import Params, PerExample, PyTree, RandomKeys

Mean = Callable[[Array], Array]
"""Averages numbers over the leading axis, and over all devices."""


class Judged(NamedTuple):
    """What a penalty looks at, in one step of the critic.

    Attributes:
        state: What the remedy keeps.
        keys: One per row; they are consumed.
        critic: `rows -> logits`.
        real: Data as the critic sees them, shape (rows, ...).
        fake: Generated samples likewise.
        real_logits: Of the rows of data, shape (rows,).
        fake_logits: Of the generated rows, shape (rows,).
        mean: See `Mean`.
    """

    state: PyTree
    keys: RandomKeys
    critic: Callable[[Array], PerExample]
    real: Array
    fake: Array
    real_logits: PerExample
    fake_logits: PerExample
    mean: Mean


class Remedy(NamedTuple):
    """One option of a GAN. Every field but the name may be left out.

    Attributes:
        name: For messages.
        inputs: `(state, step, keys, samples) -> samples` as the critic sees them, data
            and generated ones alike, in steps of critic and generator.
        layout: `samples -> rows` that the network takes, in evaluation too.
        group: Samples that become one row of the critic.
        penalty: `Judged -> penalty per row`, weighed already.
        every: Critic steps from one penalty to the next, which is then a step of the
            optimizer by itself, times `every`.
        project: `params -> params` of the critic, after each of its steps.
        unroll: Critic steps that the generator looks ahead.
        init: `() -> state`.
        update: `(state, real_logits, fake_logits, mean, count) -> state`, after each
            step of the critic; `count` is that of data in the step, on all devices.
        report: `state -> numbers to log`.
        transforms: What the heads of the critic see, one each; see `dag`.
        weights: Of the further heads in the losses of critic and generator.
    """

    name: str
    inputs: Callable[[PyTree, Array, RandomKeys, Array], Array] | None = None
    layout: Callable[[Array], Array] | None = None
    group: int = 1
    penalty: Callable[[Judged], PerExample] | None = None
    every: int = 1
    project: Callable[[Params], Params] | None = None
    unroll: int = 0
    init: Callable[[], PyTree] = tuple
    update: Callable[[PyTree, PerExample, PerExample, Mean, int], PyTree] | None = None
    report: Callable[[PyTree], dict[str, Array]] | None = None
    transforms: Sequence[Callable[[Array], Array]] = ()
    weights: tuple[float, float] = (0.0, 0.0)


def pac(size: int = 2) -> Remedy:
    """Shows the critic several samples at once, joined along the last axis.

    A generator that lacks a mode is then found out by the pair, where each sample alone
    would pass. The batch must be a multiple of `size`.

    Args:
        size: Samples in a row.

    References:
        Lin et al., PacGAN: The power of two samples in generative adversarial
        networks, 2018.
    """
    _check_count("pac", size, 1)
    return Remedy(f"pac({size})", layout=partial(pack, size=size), group=size)


def pack(samples: Array, size: int) -> Array:
    """Joins neighbouring samples along the last axis: shape (batch / size, ...)."""
    if samples.shape[0] % size:
        raise InputError(
            f"{samples.shape[0]} samples cannot be packed by {size}: take a batch that "
            f"is a multiple of {size} on every device."
        )
    rows = samples.reshape(samples.shape[0] // size, size, *samples.shape[1:])
    rows = jnp.moveaxis(rows, 1, -2)
    return rows.reshape(*rows.shape[:-2], -1)


def minibatch_std(group: int = 4) -> Remedy:
    """Shows the critic how much the samples of a group differ, as one more channel.

    The standard deviation over the group, averaged over all numbers of a sample.

    Args:
        group: Samples that are compared; the batch must be a multiple of it.

    References:
        Karras et al., Progressive Growing of GANs, 2018, section 3.
    """
    _check_count("minibatch_std", group, 2)

    def layout(samples: Array) -> Array:
        if samples.shape[0] % group:
            raise InputError(
                f"minibatch_std({group}) cannot split {samples.shape[0]} samples into "
                f"groups of {group}: take a batch that is a multiple of it."
            )
        groups = samples.reshape(-1, group, *samples.shape[1:])
        # The number under the root keeps its gradient finite where all are the same.
        spread = jnp.sqrt(jnp.var(groups, axis=1) + 1e-8)
        spread = jnp.mean(spread, axis=tuple(range(1, spread.ndim)))
        spread = jnp.repeat(spread, group)
        shape = (*samples.shape[:-1], 1)
        spread = jnp.broadcast_to(
            spread.reshape(-1, *([1] * (samples.ndim - 1))), shape
        )
        return jnp.concatenate([samples, spread], axis=-1)

    return Remedy(f"minibatch_std({group})", layout=layout)


def instance_noise(standard_deviation: float, steps: int | None = None) -> Remedy:
    """Adds Gaussian noise to all that the critic sees.

    Args:
        standard_deviation: At the start, in the units of the samples.
        steps: Over which it falls to 0 in a line; by default it never does.

    References:
        Sønderby et al., Amortised MAP Inference for Image Super-resolution, 2017,
        section 3.1. Arjovsky and Bottou, Towards Principled Methods for Training
        Generative Adversarial Networks, 2017, section 3.
    """
    check_number("standard_deviation", standard_deviation)
    if steps is not None:
        _check_count("instance_noise", steps, 1)

    def inputs(state: PyTree, step: Array, keys: RandomKeys, samples: Array) -> Array:
        del state
        left = 1.0 if steps is None else jnp.maximum(1.0 - step / steps, 0.0)
        return samples + standard_deviation * left * random.normal(keys, samples.shape)

    return Remedy("instance_noise", inputs=inputs)


def augment(function: Callable[[RandomKeys, Array], Array]) -> Remedy:
    """Transforms all that the critic sees, differentiably and at random.

    Args:
        function: `(keys, samples) -> samples`, with one key per sample.

    References:
        Zhao et al., Differentiable Augmentation for Data-Efficient GAN Training, 2020,
        equations 4 and 5.
    """

    def inputs(state: PyTree, step: Array, keys: RandomKeys, samples: Array) -> Array:
        del state, step
        return function(keys, samples)

    return Remedy("augment", inputs=inputs)


def adaptive_augment(
    function: Callable[[RandomKeys, Array, Array], Array],
    *,
    target: float = 0.6,
    examples: float = 500_000.0,
) -> Remedy:
    """As `augment`, as often as the critic overfits.

    The probability of each transform rises while the mean sign of the logits of data
    is above the target, and falls while it is below.

    Args:
        function: `(keys, samples, probability) -> samples`.
        target: Of the mean sign: 1 is a critic that knows its data by heart.
        examples: Examples in which the probability can go from 0 to 1.

    References:
        Karras et al., Training Generative Adversarial Networks with Limited Data, 2020,
        section 3.1.
    """
    check_number("target", target)
    check_number("examples", examples, above=0.0)

    def inputs(state: Array, step: Array, keys: RandomKeys, samples: Array) -> Array:
        del step
        return function(keys, samples, state)

    def update(
        state: Array,
        real_logits: PerExample,
        fake_logits: PerExample,
        mean: Mean,
        count: int,
    ) -> Array:
        del fake_logits
        sign = mean(jnp.sign(real_logits))
        return jnp.clip(state + jnp.sign(sign - target) * count / examples, 0.0, 1.0)

    return Remedy(
        "adaptive_augment",
        inputs=inputs,
        init=lambda: jnp.zeros(()),
        update=update,
        report=lambda state: {"augment_probability": state},
    )


def gradient_penalty(weight: float = 10.0, *, target: float = 1.0) -> Remedy:
    """Adds `losses.penalties.gradient_penalty`: 10 for images, 0.1 for points."""

    def penalty(seen: Judged) -> PerExample:
        found = penalties.gradient_penalty(
            seen.keys, seen.critic, seen.real, seen.fake, target=target
        )
        return weight * found

    return Remedy("gradient_penalty", penalty=penalty)


def r1(weight: float = 10.0, *, every: int = 1) -> Remedy:
    """Adds `losses.penalties.r1`, times gamma.

    Args:
        weight: gamma.
        every: 1 adds it to each loss; above that it is lazy, a step of the optimizer by
            itself each `every` steps, with `every` times the weight. Adam then wants
            `lazy_adam`.

    References:
        Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020,
        appendix B.
    """
    _check_count("r1", every, 1)

    def penalty(seen: Judged) -> PerExample:
        return weight * penalties.r1(seen.critic, seen.real)

    return Remedy("r1", penalty=penalty, every=every)


def r2(weight: float = 10.0, *, every: int = 1) -> Remedy:
    """Adds `losses.penalties.r2`, times gamma; see `r1`."""
    _check_count("r2", every, 1)

    def penalty(seen: Judged) -> PerExample:
        return weight * penalties.r2(seen.critic, seen.fake)

    return Remedy("r2", penalty=penalty, every=every)


def dragan(weight: float = 10.0, *, target: float = 1.0) -> Remedy:
    """Adds `losses.penalties.dragan`."""

    def penalty(seen: Judged) -> PerExample:
        flat = seen.real.reshape(seen.real.shape[0], -1)
        mean = jnp.mean(seen.mean(flat))
        spread = jnp.sqrt(jnp.mean(seen.mean((flat - mean) ** 2)))
        found = penalties.dragan(
            seen.keys, seen.critic, seen.real, target=target, spread=spread
        )
        return weight * found

    return Remedy("dragan", penalty=penalty)


class LogitAverages(NamedTuple):
    """Moving averages of the logits: see `lecam`.

    Attributes:
        real: Of data.
        fake: Of generated samples.
    """

    real: Float[Array, ""]
    fake: Float[Array, ""]


def lecam(weight: float = 0.1, *, decay: float = 0.99) -> Remedy:
    """Adds `losses.penalties.lecam` with moving averages of the steps before.

    Args:
        weight: Of the penalty.
        decay: Of the averages.
    """

    def penalty(seen: Judged) -> PerExample:
        found = penalties.lecam(
            seen.real_logits, seen.fake_logits, seen.state.real, seen.state.fake
        )
        return weight * found

    def update(
        state: LogitAverages,
        real: PerExample,
        fake: PerExample,
        mean: Mean,
        count: int,
    ) -> LogitAverages:
        del count
        return LogitAverages(
            decay * state.real + (1.0 - decay) * mean(real),
            decay * state.fake + (1.0 - decay) * mean(fake),
        )

    return Remedy(
        "lecam",
        penalty=penalty,
        init=lambda: LogitAverages(jnp.zeros(()), jnp.zeros(())),
        update=update,
    )


def weight_clipping(bound: float = 0.01) -> Remedy:
    """Clips each of the critic's parameters to [-bound, bound] after each step.

    References:
        Arjovsky et al., Wasserstein GAN, 2017, algorithm 1, with RMSProp at 5e-5 and 5
        critic steps.
    """
    check_number("bound", bound, above=0.0)
    return Remedy(
        "weight_clipping", project=partial(penalties.clip_weights, bound=bound)
    )


def unroll(steps: int = 5) -> Remedy:
    """Lets the generator see what the critic will answer, in so many of its steps.

    The generator's gradient is the total derivative through the critic's optimizer;
    the critic itself takes its real steps alone. Adam needs `eps_root` above 0 (as
    1e-12): without it, the derivative of its root is infinite wherever a gradient is 0.

    Args:
        steps: Critic steps; 0 is the plain GAN.

    References:
        Metz et al., Unrolled Generative Adversarial Networks, 2017, equations 8 to 10.
    """
    _check_count("unroll", steps, 0)
    return Remedy(f"unroll({steps})", unroll=steps)


def dag(
    transforms: Sequence[Callable[[Array], Array]],
    *,
    critic_weight: float = 0.2,
    generator_weight: float = 0.2,
) -> Remedy:
    """Trains a head of the critic on each transform of data and generated samples.

    Head k answers for transform k, so that no transformed sample passes for real at
    head 1, whose transform is the identity. The losses are L_1 + weight / (K - 1) times
    the sum of the others.

    Args:
        transforms: K functions of batches, the identity first; the critic has K heads.
        critic_weight: lambda_u.
        generator_weight: lambda_v.

    References:
        Tran et al., On Data Augmentation for GAN Training, 2021, equations 8 and 9.
    """
    if len(transforms) < 2:
        raise InputError(
            f"dag was given {len(transforms)} transforms: give at least 2, the "
            "identity first."
        )
    return Remedy(
        "dag", transforms=tuple(transforms), weights=(critic_weight, generator_weight)
    )


def lazy_adam(
    learning_rate: float, *, b1: float = 0.0, b2: float = 0.99, every: int = 16
) -> optax.GradientTransformation:
    """Returns Adam for a critic whose penalty is lazy.

    With a penalty each `every` steps there are `every + 1` steps of the optimizer where
    there were `every`: with c = every / (every + 1) the rate becomes c times itself and
    the decays their c-th power, and all is as quick as before.

    Args:
        learning_rate: As without the lazy penalty.
        b1: Likewise.
        b2: Likewise.
        every: That of the penalty; 1, where it is part of each loss, changes nothing.

    References:
        Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020,
        appendix B.
    """
    _check_count("lazy_adam", every, 1)
    share = 1.0 if every == 1 else every / (every + 1)
    return optax.adam(share * learning_rate, b1=b1**share, b2=b2**share)


def _check_count(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or value < least:
        raise InputError(
            f"{name} was given {value!r}: give a whole number, {least} or more."
        )
