"""The critic's half of a GAN: what it sees, what it pays, and its step."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models import gan_checks
from jaxgen.models.conditions import Condition
from jaxgen.models.gradient_step import gradient_step, with_gradient_norm
from jaxgen.models.patch_logits import per_row
from jaxgen.models.remedies import Judged, Remedy, pack
from jaxgen.typing import (
    Array,
    Metrics,
    NetState,
    Network,
    Params,
    PerExample,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
)


class CriticStep(NamedTuple):
    """What one step of the critic is about.

    Attributes:
        count: Steps of the critic before it, int32 scalar.
        keys: One per example.
        real: Data, shape (batch, ...).
        condition: One-hot labels of data and generated samples, or None.
        axis_name: The mapped axis, if any.
    """

    count: Array
    keys: RandomKeys
    real: Array
    condition: Condition
    axis_name: str | None


class Critic(NamedTuple):
    """The pure functions of a critic; see `critic_of`.

    Attributes:
        init: `(key, samples, condition) -> NetState`.
        update: `(net, kept, CriticStep, fake) -> (net, kept, metrics)`, differentiable
            in `fake`; `kept` is what the remedies keep.
        generator_loss: `(net, kept, CriticStep, fake) -> scalar`.
        outputs: `(net, samples, condition, train=False) -> (logits of all heads,
            stats)`, without what draws; with `train` normalized by the samples'
            own statistics.
        logits: `(net, samples, condition, train=False) -> logits` of the head that
            judges samples as they are.
    """

    init: Callable[..., NetState]
    update: Callable[..., tuple[NetState, PyTree, Metrics]]
    generator_loss: Callable[..., Array]
    outputs: Callable[..., tuple[Array, PyTree]]
    logits: Callable[..., Array]


class _View(NamedTuple):
    """A transform, the head that answers for it, and its weight in both losses."""

    transform: Callable[[Array], Array]
    head: int
    critic_weight: float
    generator_weight: float


class _Rows(NamedTuple):
    """What the network takes: samples, packed or not, and their condition."""

    samples: Array
    condition: Condition


class _Pair(NamedTuple):
    """Both sides of one view, and keys for what else is drawn, one per row."""

    real: _Rows
    fake: _Rows
    keys: RandomKeys


def critic_of(
    network: Network,
    optimizer: optax.GradientTransformation,
    *,
    loss: AdversarialLoss,
    critic_factor: float = 1.0,
    generator_factor: float = 1.0,
    remedies: Sequence[Remedy] = (),
    auxiliary_classes: int | None = None,
    auxiliary_weight: float = 0.0,
) -> Critic:
    """Makes a critic of a network, its half of a loss, and remedies.

    Args:
        network: `samples -> logits`; see `models.gan`. Logits may be those of patches:
            shape (rows, ...) of one head, (rows, heads, ...) of several. Losses are
            means over patches; penalties see the mean logit of each row.
        optimizer: Any optax transformation.
        loss: One of `losses.gan`.
        critic_factor: What the critic's adversarial loss is multiplied by.
        generator_factor: Likewise the generator's.
        remedies: See `models.remedies`.
        auxiliary_classes: Classes of an auxiliary classifier, or None.
        auxiliary_weight: Of its cross-entropy in both losses.
    """
    views = _views(remedies)
    auxiliary = auxiliary_classes is not None
    heads = 1 + auxiliary_classes if auxiliary_classes is not None else len(views)
    # Statistics of a batch that come last are part of the critic that is penalised.
    first_statistic = len(remedies)
    for remedy in reversed(remedies):
        if remedy.inputs is not None or remedy.group > 1:
            break
        first_statistic -= 1

    def laid_out(remedy: Remedy, seen: _Rows) -> _Rows:
        if remedy.layout is None:
            return seen
        samples, condition = seen
        if condition is not None and remedy.group > 1:
            condition = pack(condition, remedy.group)
        return _Rows(remedy.layout(samples), condition)

    def calm(samples: Array, condition: Condition) -> _Rows:
        """What the network is shown in evaluation: without what draws."""
        seen = _Rows(samples, None if auxiliary else condition)
        for remedy in remedies:
            seen = laid_out(remedy, seen)
        return seen

    def rows(
        kept: PyTree,
        count: Array,
        keys: RandomKeys,
        samples: Array,
        condition: Condition,
        complete: bool,
    ) -> _Rows:
        """What the network is shown in training; complete, or without statistics."""
        seen = _Rows(samples, None if auxiliary else condition)
        for place, (remedy, own) in enumerate(zip(remedies, kept, strict=True)):
            if remedy.inputs is not None:
                # A row draws with the key of its first sample.
                drawn = _fold(keys, place)[:: keys.shape[0] // seen.samples.shape[0]]
                changed = remedy.inputs(own, count, drawn, seen.samples)
                seen = seen._replace(samples=changed)
            if complete or place < first_statistic:
                seen = laid_out(remedy, seen)
        return seen

    def pair(
        kept: PyTree, step: CriticStep, fake: Array, view: int, *, complete: bool = True
    ) -> _Pair:
        keys = _fold(step.keys, view)
        transform = views[view].transform
        real_rows, fake_rows = (
            rows(
                kept,
                step.count,
                _fold(keys, side),
                transform(own),
                step.condition,
                complete,
            )
            for side, own in enumerate((step.real, fake))
        )
        left = _fold(keys, 2)[:: fake.shape[0] // fake_rows.samples.shape[0]]
        return _Pair(real_rows, fake_rows, left)

    def apply(
        params: Params, stats: PyTree, seen: _Rows, axis_name: str | None
    ) -> tuple[Array, PyTree]:
        return network.apply(
            params, stats, *_inputs(seen), train=True, axis_name=axis_name
        )

    def column(outputs: Array, view: int) -> Array:
        """The logits of one view: of each row, or of each patch of each row."""
        return outputs if heads == 1 else outputs[:, views[view].head]

    def classification(outputs: Array, condition: Condition) -> Array:
        """The weighed cross-entropy of the auxiliary classifier."""
        assert condition is not None
        found = optax.softmax_cross_entropy(outputs[:, 1:], condition)
        return auxiliary_weight * jnp.mean(found)

    def init(key: PRNGKeyArray, samples: Array, condition: Condition) -> NetState:
        seen = calm(samples, condition)
        params, stats = network.init(key, *_inputs(seen))
        shape = jax.eval_shape(network.apply, params, stats, *_inputs(seen))[0].shape
        gan_checks.check_logits(shape, seen.samples.shape[0], heads)
        return NetState(params, stats, optimizer.init(params))

    def penalties(
        params: Params,
        net: NetState,
        kept: PyTree,
        step: CriticStep,
        fake: Array,
        /,
        wanted: Callable[[Remedy], bool],
    ) -> Array:
        """The mean of those penalties that are wanted, summed over the views."""
        total = jnp.zeros(())
        for number, view in enumerate(views):
            seen = pair(kept, step, fake, number, complete=False)

            def logits(samples: Array, number=number, seen=seen) -> PerExample:
                row = _Rows(samples, seen.real.condition)
                for remedy in remedies[first_statistic:]:
                    row = laid_out(remedy, row)
                outputs, _ = apply(params, net.stats, row, step.axis_name)
                return per_row(column(outputs, number))

            for place, (remedy, own) in enumerate(zip(remedies, kept, strict=True)):
                if remedy.penalty is None or not wanted(remedy):
                    continue
                judged = Judged(
                    state=own,
                    keys=_fold(seen.keys, place),
                    critic=logits,
                    real=seen.real.samples,
                    fake=seen.fake.samples,
                    real_logits=logits(seen.real.samples),
                    fake_logits=logits(seen.fake.samples),
                    mean=partial(_mean, axis_name=step.axis_name),
                )
                total += view.critic_weight * jnp.mean(remedy.penalty(judged))
        return total

    def update(
        net: NetState, kept: PyTree, step: CriticStep, fake: Array
    ) -> tuple[NetState, PyTree, Metrics]:
        axis_name = step.axis_name

        def critic_loss(params: Params) -> tuple[Array, Any]:
            stats, total = net.stats, jnp.zeros(())
            metrics: Metrics = {}
            moved = kept
            for number, view in enumerate(views):
                seen = pair(kept, step, fake, number)
                real_outputs, stats = apply(params, stats, seen.real, axis_name)
                fake_outputs, stats = apply(params, stats, seen.fake, axis_name)
                real = column(real_outputs, number)
                false = column(fake_outputs, number)
                value = critic_factor * jnp.mean(
                    loss.critic(real.ravel(), false.ravel())
                )
                total += view.critic_weight * value
                if auxiliary:
                    total += classification(real_outputs, step.condition)
                    total += classification(fake_outputs, step.condition)
                if number == 0:
                    metrics = {
                        "critic_loss": value,
                        "real_logit": jnp.mean(real),
                        "fake_logit": jnp.mean(false),
                    }
                    moved = _moved(remedies, kept, per_row(real), per_row(false), step)
            if any(_is_prompt(remedy) for remedy in remedies):
                cost = penalties(params, net, kept, step, fake, wanted=_is_prompt)
                metrics["penalty"] = cost
                total += cost
            return total, (metrics, (stats, moved))

        after, metrics, (stats, moved) = gradient_step(
            critic_loss, net, optimizer, axis_name=axis_name
        )
        after = after._replace(stats=stats)
        for remedy in remedies:
            if remedy.penalty is not None and remedy.every > 1:
                after = lazily(remedy, after, kept, step, fake)
        for remedy, own in zip(remedies, moved, strict=True):
            if remedy.project is not None:
                after = after._replace(params=remedy.project(after.params))
            if remedy.report is not None:
                metrics |= remedy.report(own)
        metrics = with_gradient_norm(metrics, "critic")
        if loss.estimate is not None:
            metrics["estimate"] = loss.estimate(metrics["critic_loss"] / critic_factor)
        return after, moved, metrics

    def lazily(
        remedy: Remedy, net: NetState, kept: PyTree, step: CriticStep, fake: Array
    ) -> NetState:
        """A step on one penalty alone, where it is due."""
        # Bits, since under vmap a cond selects among what it closes over, keys too.
        bits, kind = jax.random.key_data(step.keys), jax.random.key_impl(step.keys)

        def due(net: NetState) -> NetState:
            keys = jax.random.wrap_key_data(bits, impl=kind)
            own = step._replace(keys=keys)

            def cost(params: Params) -> tuple[Array, Any]:
                only = penalties(
                    params, net, kept, own, fake, wanted=lambda other: other is remedy
                )
                return remedy.every * only, ({}, ())

            return gradient_step(cost, net, optimizer, axis_name=step.axis_name)[0]

        return jax.lax.cond(step.count % remedy.every == 0, due, lambda net: net, net)

    def generator_loss(
        net: NetState, kept: PyTree, step: CriticStep, fake: Array
    ) -> Array:
        total = jnp.zeros(())
        for number, view in enumerate(views):
            seen = pair(kept, step, fake, number)
            # Where a loss does not look at data, XLA leaves this pass out.
            real_outputs, _ = apply(net.params, net.stats, seen.real, step.axis_name)
            outputs, _ = apply(net.params, net.stats, seen.fake, step.axis_name)
            real, false = (column(one, number) for one in (real_outputs, outputs))
            values = loss.generator(real.ravel(), false.ravel())
            total += view.generator_weight * generator_factor * jnp.mean(values)
            if auxiliary:
                total += classification(outputs, step.condition)
        return total

    def outputs(
        net: NetState, samples: Array, condition: Condition, *, train: bool = False
    ) -> tuple[Array, PyTree]:
        inputs = _inputs(calm(samples, condition))
        return network.apply(net.params, net.stats, *inputs, train=train)

    def logits(
        net: NetState, samples: Array, condition: Condition, *, train: bool = False
    ) -> Array:
        return column(outputs(net, samples, condition, train=train)[0], 0)

    return Critic(init, update, generator_loss, outputs, logits)


def _views(remedies: Sequence[Remedy]) -> list[_View]:
    for remedy in remedies:
        if remedy.transforms:
            others = len(remedy.transforms) - 1
            critic, generator = (weight / others for weight in remedy.weights)
            return [
                _View(transform, head, *((critic, generator) if head else (1.0, 1.0)))
                for head, transform in enumerate(remedy.transforms)
            ]
    return [_View(lambda samples: samples, 0, 1.0, 1.0)]


def _moved(
    remedies: Sequence[Remedy],
    kept: PyTree,
    real: PerExample,
    fake: PerExample,
    step: CriticStep,
) -> PyTree:
    """What the remedies keep after a step."""
    axis_name = step.axis_name
    devices = 1 if axis_name is None else jax.lax.axis_size(axis_name)
    return tuple(
        own
        if remedy.update is None
        else jax.lax.stop_gradient(
            remedy.update(
                own,
                real,
                fake,
                partial(_mean, axis_name=axis_name),
                step.real.shape[0] * devices,
            )
        )
        for remedy, own in zip(remedies, kept, strict=True)
    )


def _is_prompt(remedy: Remedy) -> bool:
    return remedy.penalty is not None and remedy.every == 1


def _inputs(seen: _Rows) -> tuple[Array, ...]:
    samples, condition = seen
    return (samples,) if condition is None else (samples, condition)


def _fold(keys: RandomKeys, number: int) -> RandomKeys:
    return jax.vmap(partial(jax.random.fold_in, data=number))(keys)


def _mean(values: Array, *, axis_name: str | None) -> Array:
    values = jnp.mean(values, axis=0)
    return values if axis_name is None else jax.lax.pmean(values, axis_name)
