"""The critic of a GAN: its network, its half of the loss, its remedies, its step."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import optax

from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models import critic_losses, gan_checks
from jaxgen.models.conditions import Condition, given
from jaxgen.models.critic_inputs import CriticStep, evaluation_rows
from jaxgen.models.critic_losses import CriticSettings
from jaxgen.models.gradient_step import (
    gradient_step,
    step_when_due,
    with_gradient_norm,
)
from jaxgen.models.remedies import Remedy
from jaxgen.typing import (
    Array,
    Metrics,
    NetState,
    Network,
    Params,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
)

__all__ = ["Critic", "CriticStep", "critic_of"]


class Critic(NamedTuple):
    """The pure functions of a critic; see `critic_of`.

    Attributes:
        init: `(key, samples, condition) -> NetState`.
        update: `(net, kept, CriticStep, fake) -> (net, kept, metrics)`, differentiable
            in `fake`; `kept` is what the remedies keep.
        generator_loss: `(net, kept, CriticStep, fake) -> scalar`.
        outputs: `(net, samples, condition, train=False) -> (logits of all heads,
            stats)`, without what is drawn; with `train` normalized by the samples'
            own statistics.
        logits: `(net, samples, condition, train=False) -> logits` of the first head,
            which sees samples as they are.
    """

    init: Callable[..., NetState]
    update: Callable[..., tuple[NetState, PyTree, Metrics]]
    generator_loss: Callable[..., Array]
    outputs: Callable[..., tuple[Array, PyTree]]
    logits: Callable[..., Array]


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
            means over patches; penalties see the mean logit of each row. It is given
            keys in training.
        optimizer: Any optax transformation.
        loss: One of `losses.gan`.
        critic_factor: What the critic's adversarial loss is multiplied by.
        generator_factor: Likewise the generator's.
        remedies: See `models.remedies`; those of the generator are left to the model.
        auxiliary_classes: Classes of an auxiliary classifier, or None.
        auxiliary_weight: Of its cross-entropy in both losses.
    """
    with_heads = [remedy for remedy in remedies if remedy.transforms]
    transforms = with_heads[0].transforms if with_heads else (_unchanged,)
    auxiliary = auxiliary_classes is not None
    settings = CriticSettings(
        network=network,
        loss=loss,
        critic_factor=critic_factor,
        generator_factor=generator_factor,
        remedies=tuple(remedies),
        transforms=transforms,
        weights=with_heads[0].weights if with_heads else (0.0, 0.0),
        heads=len(transforms) if auxiliary_classes is None else 1 + auxiliary_classes,
        auxiliary_weight=auxiliary_weight if auxiliary else 0.0,
    )

    def init(key: PRNGKeyArray, samples: Array, condition: Condition) -> NetState:
        condition = critic_losses.shown_condition(settings, condition)
        rows = evaluation_rows(settings.remedies, samples, condition)
        inputs = (rows.samples, *given(rows.condition))
        params, stats = network.init(key, *inputs)
        shape = jax.eval_shape(network.apply, params, stats, *inputs)[0].shape
        gan_checks.check_logits(shape, rows.samples.shape[0], settings.heads)
        return NetState(params, stats, optimizer.init(params))

    def update(
        net: NetState, kept: PyTree, step: CriticStep, fake: Array
    ) -> tuple[NetState, PyTree, Metrics]:
        after, metrics, (stats, moved) = gradient_step(
            partial(critic_losses.critic_loss, settings, net, kept, step, fake),
            net,
            optimizer,
            axis_name=step.axis_name,
        )
        after = after._replace(stats=stats)
        for remedy in settings.remedies:
            if remedy.penalty is not None and remedy.every > 1:
                after = step_when_due(
                    partial(
                        _penalty_step, settings, optimizer, remedy, kept, step, fake
                    ),
                    step.keys,
                    after,
                    count=step.count,
                    every=remedy.every,
                )
        for remedy, own in zip(settings.remedies, moved, strict=True):
            if remedy.project is not None:
                after = after._replace(params=remedy.project(after.params))
            if remedy.report is not None:
                metrics |= remedy.report(own)
        metrics = with_gradient_norm(metrics, "critic")
        if loss.estimate is not None:
            metrics["estimate"] = loss.estimate(metrics["critic_loss"] / critic_factor)
        return after, moved, metrics

    def outputs(
        net: NetState, samples: Array, condition: Condition, *, train: bool = False
    ) -> tuple[Array, PyTree]:
        condition = critic_losses.shown_condition(settings, condition)
        rows = evaluation_rows(settings.remedies, samples, condition)
        return critic_losses.apply_critic(
            settings, net.params, net.stats, rows, train=train
        )

    def logits(
        net: NetState, samples: Array, condition: Condition, *, train: bool = False
    ) -> Array:
        found, _ = outputs(net, samples, condition, train=train)
        return critic_losses.head_logits(settings, found, 0)

    return Critic(
        init=init,
        update=update,
        generator_loss=partial(critic_losses.generator_loss, settings),
        outputs=outputs,
        logits=logits,
    )


def _penalty_step(
    settings: CriticSettings,
    optimizer: optax.GradientTransformation,
    remedy: Remedy,
    kept: PyTree,
    step: CriticStep,
    fake: Array,
    keys: RandomKeys,
    net: NetState,
) -> NetState:
    """A step of the optimizer on one lazy penalty alone."""
    step = step._replace(keys=keys)

    def cost(params: Params) -> tuple[Array, Any]:
        only = critic_losses.critic_penalty(
            settings,
            net,
            kept,
            step,
            fake,
            params,
            wanted=lambda other: other is remedy,
        )
        return remedy.every * only, ({}, ())

    return gradient_step(cost, net, optimizer, axis_name=step.axis_name)[0]


def _unchanged(samples: Array) -> Array:
    return samples
