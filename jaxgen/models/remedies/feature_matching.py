"""Feature matching: generated batches have the mean features of data."""

from collections.abc import Callable

from jaxgen.calls import factory
from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.losses import penalties
from jaxgen.models.remedies.remedy import GeneratorPass, Remedy
from jaxgen.typing import Array, Params, PyTree

__all__ = ["feature_matching"]


@factory
def feature_matching(
    weight: float,
    features: Callable[[Params, PyTree, Array], Array],
    *,
    every: int = 1,
) -> Remedy:
    """Adds `losses.penalties.feature_matching` to the generator's loss.

    Args:
        weight: Of the penalty.
        features: `(params, stats, samples) -> features` of a layer of the critic, shape
            (batch, ...), from the critic's parameters and statistics.
        every: See `path_length`.

    References:
        Salimans et al., Improved Techniques for Training GANs, 2016, section 3.1.
    """
    check_number("weight", weight, least=0)
    check_count("every", every, 1)
    if not callable(features):
        raise InputError(
            f"features={features!r}: give a function `(params, stats, samples) -> "
            "features` of a layer of the critic."
        )

    def penalty(own: GeneratorPass) -> tuple[Array, PyTree]:
        real, fake = (
            features(own.critic_params, own.critic_stats, samples)
            for samples in (own.real, own.samples)
        )
        found = penalties.feature_matching(real, fake, mean=own.mean)
        return weight * found, own.state

    return Remedy("feature_matching", generator_penalty=penalty, every=every)
