"""Remedies that concern optimizers: unrolled critic steps, Adam for lazy penalties."""

from collections.abc import Sequence

import optax

from jaxgen.calls import factory
from jaxgen.checks import check_count, check_number
from jaxgen.models.remedies.remedy import Remedy

__all__ = ["adam_pair", "lazy_adam", "unroll"]

_UNROLLED_EPS_ROOT = 1e-12


@factory
def unroll(steps: int = 5) -> Remedy:
    """Trains the generator against the critic as it is some steps later.

    The generator's gradient is the total derivative through the critic's optimizer;
    the critic itself takes its real steps alone. Adam needs `eps_root` above 0 (as
    1e-12): without it, the derivative of its root is infinite wherever a gradient is 0.

    The vectors of a spectral normalization count as constants: with it, beyond one
    step, this is an approximation.

    Args:
        steps: Critic steps; 0 is the plain GAN.

    References:
        Metz et al., Unrolled Generative Adversarial Networks, 2017, equations 8 to 10.
    """
    check_count("steps", steps, 0)
    return Remedy(f"unroll({steps})", unroll=steps)


def adam_pair(
    generator_rate: float,
    critic_rate: float,
    *,
    b1: float,
    b2: float = 0.999,
    remedies: Sequence[Remedy] = (),
) -> tuple[optax.GradientTransformation, optax.GradientTransformation]:
    """Returns Adam for the generator and Adam for the critic.

    Args:
        generator_rate: Learning rate of the generator.
        critic_rate: Learning rate of the critic.
        b1: Decay of both means of gradients.
        b2: Decay of both means of squared gradients.
        remedies: Those of the model. If one of them is `unroll`, the critic's Adam gets
            an `eps_root` above 0, as the generator differentiates through it.
    """
    unrolled = any(remedy.unroll for remedy in remedies)
    eps_root = _UNROLLED_EPS_ROOT if unrolled else 0.0
    return (
        optax.adam(generator_rate, b1=b1, b2=b2),
        optax.adam(critic_rate, b1=b1, b2=b2, eps_root=eps_root),
    )


def lazy_adam(
    learning_rate: float, *, b1: float = 0.0, b2: float = 0.99, every: int = 16
) -> optax.GradientTransformation:
    """Returns Adam for a network with one lazy penalty.

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
    check_count("every", every, 1)
    check_number("learning_rate", learning_rate, above=0)
    check_number("b1", b1, least=0, below=1)
    check_number("b2", b2, least=0, below=1)
    share = 1.0 if every == 1 else every / (every + 1)
    return optax.adam(share * learning_rate, b1=b1**share, b2=b2**share)
