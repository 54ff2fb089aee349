"""Mode seeking: distant latents give distant samples."""

from jaxgen.calls import factory
from jaxgen.checks import check_count, check_number
from jaxgen.losses import penalties
from jaxgen.models.remedies.remedy import GeneratorPass, Remedy
from jaxgen.typing import Array, PyTree

__all__ = ["mode_seeking"]


@factory
def mode_seeking(
    weight: float = 1.0, *, epsilon: float = 1e-5, every: int = 1
) -> Remedy:
    """Adds `losses.penalties.mode_seeking` to the generator's loss.

    Each sample is compared with a second one for the same condition, drawn for this.

    Args:
        weight: Of the penalty.
        epsilon: See `losses.penalties.mode_seeking`.
        every: See `path_length`.

    References:
        Mao et al., Mode Seeking Generative Adversarial Networks for Diverse Image
        Synthesis, 2019.
    """
    check_number("weight", weight, least=0)
    check_number("epsilon", epsilon, above=0)
    check_count("every", every, 1)

    def penalty(own: GeneratorPass) -> tuple[Array, PyTree]:
        other_latents, other_samples = own.generate_others()
        found = penalties.mode_seeking(
            own.latents,
            other_latents,
            own.samples,
            other_samples,
            epsilon=epsilon,
            mean=own.mean,
        )
        return weight * found, own.state

    return Remedy("mode_seeking", generator_penalty=penalty, every=every)
