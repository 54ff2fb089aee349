"""Checks of the parts of a GAN, with errors in sentences."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.jax_internals import is_traced
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models.averaging import Decay, check_decay
from jaxgen.models.conditions import check_classes
from jaxgen.models.remedies import Remedy
from jaxgen.typing import Array, Params

__all__ = [
    "check_differentiable",
    "check_factors",
    "check_generated",
    "check_logits",
    "check_parts",
    "check_samples",
    "share_stride",
]


def check_parts(
    loss: Any,
    remedies: Sequence[Any],
    critic_steps: int,
    num_classes: int | None,
    auxiliary_weight: float,
    ema_decay: Decay | None,
) -> None:
    """Refuses parts that are not what their names say, or do not go together."""
    if not isinstance(loss, AdversarialLoss):
        raise InputError(
            "loss must be one of jaxgen.losses.gan, such as non_saturating(); it is "
            f"{_named(loss)}.{_parentheses(loss)}"
        )
    for remedy in remedies:
        if not isinstance(remedy, Remedy):
            raise InputError(
                "remedies must be a list of jaxgen.models.remedies, such as [pac(2)]; "
                f"one of it is {_named(remedy)}.{_parentheses(remedy)}"
            )
    check_count("critic_steps", critic_steps, 1)
    check_classes(num_classes)
    check_number("auxiliary_weight", auxiliary_weight, least=0)
    check_decay(ema_decay)
    headed = [remedy.name for remedy in remedies if remedy.transforms]
    if len(headed) > 1:
        raise InputError("There are two dag among the remedies: give one.")
    kept = [one.name for one in remedies if one.penalty and one.init is not tuple]
    if headed and kept:
        raise InputError(
            f"{kept[0]} keeps averages of one head, and dag has several: leave one of "
            "them out."
        )
    if not auxiliary_weight:
        return
    if num_classes is None:
        raise InputError(
            f"auxiliary_weight={auxiliary_weight:g} needs labels to classify: give "
            "num_classes."
        )
    grouped = [remedy.name for remedy in remedies if remedy.group > 1]
    if headed or grouped:
        raise InputError(
            f"An auxiliary classifier does not go with {(headed + grouped)[0]}, whose "
            "critic has other heads or rows of several labels: leave one of them out."
        )


def check_factors(critic_factor: float, generator_factor: float) -> None:
    """Refuses factors of the losses that are not above 0."""
    check_number("critic_factor", critic_factor, above=0)
    check_number("generator_factor", generator_factor, above=0)


def check_samples(
    samples: Array, critic_steps: int, remedies: Sequence[Remedy]
) -> None:
    """Refuses a batch that cannot be split into minibatches and rows."""
    group = 1
    for remedy in remedies:
        group *= remedy.group
    if samples.shape[0] % (critic_steps * group):
        rows = f" of rows of {group} samples" if group > 1 else ""
        raise InputError(
            f"A batch of {samples.shape[0]} cannot be split into {critic_steps} "
            f"minibatches{rows}: take a batch size that is a multiple of "
            f"{critic_steps * group}."
        )
    for remedy in remedies:
        share_stride(remedy, samples.shape[0] // critic_steps)


def share_stride(remedy: Remedy, rows: int) -> int:
    """Returns 1 over a remedy's `batch_share`; refuses rows that it does not divide."""
    stride = round(1 / remedy.batch_share)
    if rows % stride:
        raise InputError(
            f"{remedy.name} takes 1 of {stride} samples, and a step has {rows}: take a "
            f"batch that is a multiple of {stride} on every device."
        )
    return stride


def check_generated(found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Refuses a generator of samples of another shape than the data's."""
    if found != wanted:
        raise InputError(
            f"The generator makes samples of shape {found[1:]}, and the data are of "
            f"shape {wanted[1:]}: make the generator for the shape of the data."
        )


def check_differentiable(
    optimizer: optax.GradientTransformation, params: Params
) -> None:
    """Refuses an optimizer whose step has no derivative where a gradient is 0."""
    # Of arrays of the same shapes that are known, be the model traced or not.
    with jax.ensure_compile_time_eval():
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), params)
        ones = jax.tree.map(jnp.ones_like, zeros)
        state = optimizer.init(zeros)
        _, slopes = jax.jvp(
            lambda gradients: optimizer.update(gradients, state, zeros)[0],
            (zeros,),
            (ones,),
        )
        finite = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes)]
    # Settings of an ensemble are traced, and tell nothing.
    if any(not is_traced(one) and not one for one in finite):
        raise InputError(
            "unroll differentiates through the steps of critic_optimizer, whose "
            "derivative is not finite where a gradient is 0: give Adam "
            "eps_root=1e-12, or take another optimizer."
        )


def check_logits(found: tuple[int, ...], rows: int, heads: int) -> None:
    """Refuses a critic with another number of heads."""
    wanted = (rows,) if heads == 1 else (rows, heads)
    # Patches have two axes more. Their rows must not be taken for heads.
    patches = len(found) - len(wanted)
    if found[: len(wanted)] != wanted or patches not in (0, 2):
        each = "one for each row" + (f" and each of {heads} heads" if heads > 1 else "")
        axes = ", ".join(map(str, wanted))
        cure = f"Make it with heads={heads}."
        if heads == 1 and found == (rows, 1):
            cure = "Take logits[:, 0] at its end."
        raise InputError(
            f"The critic gives logits of shape {found}: expected {wanted}, {each}, or "
            f"({axes}, height, width) of patches. {cure}"
        )


def _named(value: Any) -> str:
    return getattr(value, "__name__", None) or repr(value)


def _parentheses(value: Any) -> str:
    return " Write it with its parentheses." if callable(value) else ""
