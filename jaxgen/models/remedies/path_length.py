"""Path length regularization: steps in the styles are equally long in the samples."""

import jax.numpy as jnp

from jaxgen.calls import factory
from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.losses import penalties
from jaxgen.models.remedies.remedy import GeneratorPass, Remedy
from jaxgen.typing import Array, PerExample

__all__ = ["path_length"]


@factory
def path_length(
    weight: float = 2.0,
    *,
    decay: float = 0.01,
    every: int = 4,
    batch_share: float = 0.5,
) -> Remedy:
    """Adds `losses.penalties.path_length` to the generator's loss.

    Args:
        weight: Of the penalty.
        decay: Share of a batch in the moving average of the lengths, which starts at 0.
        every: 1 adds it to each loss; above that it is lazy, a step of the generator's
            optimizer by itself each `every` steps, with `every` times the weight; use
            `lazy_adam` then.
        batch_share: The share of the batch that it is calculated from: 1 over a whole
            number.

    References:
        Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020,
        section 3.2 and appendix B.
    """
    check_number("weight", weight, least=0)
    check_number("decay", decay, above=0, most=1)
    check_count("every", every, 1)
    check_number("batch_share", batch_share, above=0, most=1)
    if abs(1 / batch_share - round(1 / batch_share)) > 1e-6:
        raise InputError(
            f"batch_share={batch_share:g}: give 1 over a whole number, such as 0.5."
        )

    def penalty(own: GeneratorPass) -> tuple[PerExample, Array]:
        lengths = penalties.path_lengths(own.keys, own.synthesize, own.styles)
        # The authors' code lets the gradient through the batch's share of the average.
        average = own.state + decay * (own.mean(lengths) - own.state)
        return weight * penalties.path_length(lengths, average), average

    return Remedy(
        "path_length",
        generator_penalty=penalty,
        every=every,
        batch_share=batch_share,
        init=lambda: jnp.zeros(()),
        report=lambda state: {"path_length": state},
    )
