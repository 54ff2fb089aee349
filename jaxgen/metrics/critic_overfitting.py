"""Overfitting of a critic: does it judge data, or remember them?"""

from typing import Any, NamedTuple

import numpy as np

from jaxgen.errors import InputError

__all__ = ["CriticOverfitting", "critic_overfitting"]


class CriticOverfitting(NamedTuple):
    """Two signs of a critic that knows its data by heart.

    Attributes:
        sign: Mean sign of the logits of training data, from -1 to 1: about 0 where the
            game is even, 1 where the critic is sure of all of them.
        held_out: How far from training data to samples the mean logit of held-out data
            is: 0 where they are judged alike, 1 where held-out data count as samples.
            None without held-out data, or where data and samples are judged so alike
            (by less than four standard errors) that there is no way to measure along.
    """

    sign: float
    held_out: float | None


def critic_overfitting(
    train_logits: Any, fake_logits: Any, test_logits: Any = None
) -> CriticOverfitting:
    """Calculates both heuristics of Karras et al. from logits.

    r_v = (E D(train) - E D(test)) / (E D(train) - E D(G(z))), r_t = E sign D(train).

    Args:
        train_logits: Of data that the critic was trained on, shape (n,).
        fake_logits: Of generated samples, shape (m,).
        test_logits: Of data it never saw, shape (k,).

    Raises:
        InputError: An array is no list of finite logits.

    Examples:
        >>> train, fake = np.array([2.0, 4.0, -0.5, 2.5]), np.array([-2.0, -2.0])
        >>> critic_overfitting(train, fake, np.array([0.0, 0.0]))
        CriticOverfitting(sign=0.5, held_out=0.5)

    References:
        Karras et al., Training Generative Adversarial Networks with Limited Data, 2020,
        equation 1.
    """
    train = _check("train_logits", train_logits)
    fake = _check("fake_logits", fake_logits)
    sign = float(np.sign(train).mean())
    whole = train.mean() - fake.mean()
    error = np.sqrt(train.var() / len(train) + fake.var() / len(fake))
    if test_logits is None or not whole > 4.0 * error:
        return CriticOverfitting(sign, None)
    test = _check("test_logits", test_logits)
    return CriticOverfitting(sign, float((train.mean() - test.mean()) / whole))


def _check(name: str, logits: Any) -> np.ndarray:
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 1 or not len(logits) or not np.isfinite(logits).all():
        raise InputError(
            f"The {name} have shape {logits.shape}: expected finite numbers of "
            "shape (examples,), at least one."
        )
    return logits
