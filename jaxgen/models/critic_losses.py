"""The losses of both players, as functions of the critic's settings and parameters."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.losses import dag
from jaxgen.losses.classification import auxiliary_classification
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models.conditions import Condition, given
from jaxgen.models.critic_inputs import (
    CriticStep,
    Rows,
    RowsPair,
    count_before_statistics,
    evaluation_rows,
    paired_rows,
)
from jaxgen.models.patch_logits import per_row
from jaxgen.models.remedies import CriticPass, Remedy
from jaxgen.models.styled_generator import fold_keys
from jaxgen.typing import (
    Array,
    Metrics,
    NetState,
    Network,
    Params,
    PerExample,
    PyTree,
)

__all__ = [
    "CriticSettings",
    "apply_critic",
    "batch_mean",
    "critic_loss",
    "critic_penalty",
    "generator_loss",
    "head_logits",
    "is_prompt",
    "shown_condition",
]


class CriticSettings(NamedTuple):
    """What a critic is made of; see `critic_of`.

    Attributes:
        network: `samples -> logits`.
        loss: One of `losses.gan`.
        critic_factor: Of the critic's adversarial loss.
        generator_factor: Of the generator's.
        remedies: In order.
        transforms: Of the samples, one for each adversarial head.
        weights: Of the further heads in the losses of critic and generator.
        heads: Outputs of the network for a row.
        auxiliary_weight: Of the auxiliary classifier; 0 where there is none.
    """

    network: Network
    loss: AdversarialLoss
    critic_factor: float
    generator_factor: float
    remedies: Sequence[Remedy]
    transforms: Sequence[Callable[[Array], Array]]
    weights: tuple[float, float]
    heads: int
    auxiliary_weight: float


def shown_condition(settings: CriticSettings, condition: Condition) -> Condition:
    """Returns the condition that the network takes: none with a classifier."""
    return None if settings.auxiliary_weight else condition


def apply_critic(
    settings: CriticSettings,
    params: Params,
    stats: PyTree,
    rows: Rows,
    *,
    train: bool = True,
    axis_name: str | None = None,
) -> tuple[Array, PyTree]:
    """Returns the outputs of all heads, and the statistics after them."""
    drawn = {} if rows.keys is None else {"keys": rows.keys}
    inputs = (rows.samples, *given(rows.condition))
    return settings.network.apply(
        params, stats, *inputs, train=train, axis_name=axis_name, **drawn
    )


def head_logits(settings: CriticSettings, outputs: Array, head: int) -> Array:
    """Returns the logits of one head: of each row, or of each patch of each row."""
    return outputs if settings.heads == 1 else outputs[:, head]


def is_prompt(remedy: Remedy) -> bool:
    """Tells whether a penalty of the critic is part of each of its losses."""
    return remedy.penalty is not None and remedy.every == 1


def batch_mean(values: Array, *, axis_name: str | None) -> Array:
    """Returns the mean over the leading axis and all devices."""
    values = jnp.mean(values, axis=0)
    return values if axis_name is None else jax.lax.pmean(values, axis_name)


def critic_loss(
    settings: CriticSettings,
    net: NetState,
    kept: PyTree,
    step: CriticStep,
    fake: Array,
    params: Params,
) -> tuple[Array, Any]:
    """Calculates the critic's loss with its prompt penalties.

    Args:
        settings: Of the critic.
        net: The critic before the step.
        kept: What each remedy keeps.
        step: Inputs of the step.
        fake: Generated samples.
        params: The critic's parameters.

    Returns:
        The loss, and (its terms, (statistics, what each remedy keeps)).
    """
    stats, values, logits, outputs = net.stats, [], [], ()
    for head, transform in enumerate(settings.transforms):
        pair = _rows_of(settings, settings.remedies, kept, step, fake, head, transform)
        real, stats = apply_critic(
            settings, params, stats, pair.real, axis_name=step.axis_name
        )
        generated, stats = apply_critic(
            settings, params, stats, pair.fake, axis_name=step.axis_name
        )
        outputs = (real, generated)
        logits.append([head_logits(settings, one, head) for one in outputs])
        real, generated = logits[-1]
        found = settings.loss.critic(real.ravel(), generated.ravel())
        values.append(settings.critic_factor * jnp.mean(found))
    total = dag.weighted_heads(jnp.stack(values), settings.weights[0])
    for one in outputs if settings.auxiliary_weight else ():
        total += _classification(settings, one, step.condition)
    real, generated = logits[0]
    metrics: Metrics = {
        "critic_loss": values[0],
        "real_logit": jnp.mean(real),
        "fake_logit": jnp.mean(generated),
    }
    if any(is_prompt(remedy) for remedy in settings.remedies):
        cost = critic_penalty(settings, net, kept, step, fake, params, wanted=is_prompt)
        metrics["penalty"] = cost
        total += cost
    moved = _updated(settings.remedies, kept, per_row(real), per_row(generated), step)
    return total, (metrics, (stats, moved))


def critic_penalty(
    settings: CriticSettings,
    net: NetState,
    kept: PyTree,
    step: CriticStep,
    fake: Array,
    params: Params,
    *,
    wanted: Callable[[Remedy], bool],
) -> Array:
    """Calculates the mean of those penalties that are wanted, added up.

    Args:
        settings: Of the critic.
        net: The critic, whose statistics are used.
        kept: What each remedy keeps.
        step: Inputs of the step.
        fake: Generated samples.
        params: The critic's parameters.
        wanted: Which remedies.
    """
    first = count_before_statistics(settings.remedies)
    before, statistics = settings.remedies[:first], settings.remedies[first:]
    totals = []
    for head, transform in enumerate(settings.transforms):
        pair = _rows_of(settings, before, kept, step, fake, head, transform)

        def logits(samples: Array, head: int = head, pair: RowsPair = pair) -> Array:
            rows = evaluation_rows(statistics, samples, pair.real.condition)
            # The critic that is penalised draws as the one that sees the data.
            assert pair.real.keys is not None
            rows = rows._replace(keys=jax.random.clone(pair.real.keys))
            outputs, _ = apply_critic(
                settings, params, net.stats, rows, axis_name=step.axis_name
            )
            return per_row(head_logits(settings, outputs, head))

        total = jnp.zeros(())
        for place, (remedy, own) in enumerate(
            zip(settings.remedies, kept, strict=True)
        ):
            if remedy.penalty is not None and wanted(remedy):
                inputs = CriticPass(
                    state=own,
                    keys=fold_keys(pair.keys, place),
                    critic=logits,
                    real=pair.real.samples,
                    fake=pair.fake.samples,
                    real_logits=logits(pair.real.samples),
                    fake_logits=logits(pair.fake.samples),
                    clean=step.real,
                    view=pair.view,
                    mean=partial(batch_mean, axis_name=step.axis_name),
                )
                total += jnp.mean(remedy.penalty(inputs))
        totals.append(total)
    return dag.weighted_heads(jnp.stack(totals), settings.weights[0])


def generator_loss(
    settings: CriticSettings, net: NetState, kept: PyTree, step: CriticStep, fake: Array
) -> Array:
    """Calculates the generator's loss against a critic, without its own penalties.

    Args:
        settings: Of the critic.
        net: The critic.
        kept: What each remedy keeps.
        step: Inputs of the step.
        fake: Generated samples.
    """
    values, fake_outputs = [], jnp.zeros(())
    for head, transform in enumerate(settings.transforms):
        pair = _rows_of(settings, settings.remedies, kept, step, fake, head, transform)
        # Where a loss does not look at data, XLA leaves the pass of data out.
        real_outputs, fake_outputs = (
            apply_critic(
                settings, net.params, net.stats, rows, axis_name=step.axis_name
            )[0]
            for rows in (pair.real, pair.fake)
        )
        real = head_logits(settings, real_outputs, head)
        generated = head_logits(settings, fake_outputs, head)
        values.append(
            jnp.mean(settings.loss.generator(real.ravel(), generated.ravel()))
        )
    total = settings.generator_factor * dag.weighted_heads(
        jnp.stack(values), settings.weights[1]
    )
    if settings.auxiliary_weight:
        total += _classification(settings, fake_outputs, step.condition)
    return total


def _rows_of(
    settings: CriticSettings,
    remedies: Sequence[Remedy],
    kept: PyTree,
    step: CriticStep,
    fake: Array,
    head: int,
    transform: Callable[[Array], Array],
) -> RowsPair:
    step = step._replace(condition=shown_condition(settings, step.condition))
    return paired_rows(remedies, kept, step, fake, head, transform)


def _classification(
    settings: CriticSettings, outputs: Array, condition: Condition
) -> Array:
    """The weighted loss of the auxiliary classifier, whose heads follow the first."""
    assert condition is not None
    found = auxiliary_classification(outputs[:, 1:], condition)
    return settings.auxiliary_weight * jnp.mean(found)


def _updated(
    remedies: Sequence[Remedy],
    kept: PyTree,
    real: PerExample,
    fake: PerExample,
    step: CriticStep,
) -> PyTree:
    """What the remedies keep after a step of the critic."""
    devices = 1 if step.axis_name is None else jax.lax.axis_size(step.axis_name)
    count = step.real.shape[0] * devices
    mean = partial(batch_mean, axis_name=step.axis_name)
    return tuple(
        own
        if remedy.update is None
        else jax.lax.stop_gradient(remedy.update(own, real, fake, mean, count))
        for remedy, own in zip(remedies, kept, strict=True)
    )
