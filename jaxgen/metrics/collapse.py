"""A diagnosis of posterior collapse, latent by latent, with what to try."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxgen.checks import check_number
from jaxgen.errors import InputError

__all__ = ["ACTIVE", "COLLAPSED", "CONSTANT", "CollapseReport", "collapse_report"]

ACTIVE = "active"
COLLAPSED = "collapsed: the posterior equals the prior"
CONSTANT = "constant: off the prior, but alike for all inputs"


class CollapseReport(NamedTuple):
    """What every latent does; `print` it for a table.

    Attributes:
        verdicts: One of `ACTIVE`, `COLLAPSED`, `CONSTANT` for each latent.
        kl: Mean KL of each latent in nats, shape (latents,).
        activity: Variance of its posterior mean, shape (latents,).
        num_active: How many latents are active.
        advice: What the pattern means and what to try.
    """

    verdicts: tuple[str, ...]
    kl: np.ndarray
    activity: np.ndarray
    num_active: int
    advice: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row per latent, that with the largest KL first."""
        return [
            {
                "latent": int(index),
                "kl": float(self.kl[index]),
                "activity": float(self.activity[index]),
                "verdict": self.verdicts[index],
            }
            for index in np.argsort(-self.kl, kind="stable")
        ]

    def __str__(self) -> str:
        """Returns the table and the advice as text."""
        head = f"{'latent':>6} {'KL / nats':>10} {'activity':>9}  verdict"
        lines = [
            f"{row['latent']:>6} {row['kl']:>10.4f} {row['activity']:>9.4f}"
            f"  {row['verdict']}"
            for row in self.rows
        ]
        return "\n".join([head, *lines, self.advice])


def collapse_report(
    kl_per_dimension: ArrayLike,
    activity: ArrayLike,
    *,
    activity_threshold: float = 1e-2,
    kl_threshold: float = 1e-2,
) -> CollapseReport:
    """Says which latents of a VAE are used, and what to try if few are.

    A latent is active if its activity exceeds its threshold. A latent that is not is
    collapsed if its KL is below the other threshold. Otherwise it is constant: it pays
    KL for a posterior that does not tell the inputs apart by its mean.

    Args:
        kl_per_dimension: Mean over a set of KL(q(z_d | x) || N(0, 1)) in nats, shape
            (latents,).
        activity: `active_units(mean).activity` of the same set, shape (latents,).
        activity_threshold: Activity above which a latent is active.
        kl_threshold: KL in nats up to which the posterior counts as the prior.

    Returns:
        A `CollapseReport`.

    Raises:
        InputError: If the shapes differ, or a value is negative or not finite.

    Examples:
        >>> report = collapse_report([1.7, 0.0, 0.4], [0.9, 0.0, 0.0])
        >>> print(report)
        latent  KL / nats  activity  verdict
             0     1.7000    0.9000  active
             2     0.4000    0.0000  constant: off the prior, but alike for all inputs
             1     0.0000    0.0000  collapsed: the posterior equals the prior
        1 of 3 latents is active. ...

    References:
        Burda et al., Importance Weighted Autoencoders, 2016, section 5.2.
        Bowman et al., Generating Sentences from a Continuous Space, 2016 (warm-up).
        Kingma et al., Improved Variational Inference with Inverse Autoregressive Flow,
        2016 (free bits).
    """
    check_number("activity_threshold", activity_threshold, least=0)
    check_number("kl_threshold", kl_threshold, least=0)
    kl, spread = np.asarray(kl_per_dimension), np.asarray(activity)
    if kl.ndim != 1 or kl.shape != spread.shape or not kl.size:
        raise InputError(
            f"The KL has shape {kl.shape}, the activity {spread.shape}: expected one "
            "value per latent for both; average over the examples first."
        )
    for name, values in (("kl_per_dimension", kl), ("activity", spread)):
        # A KL of exactly zero may round to slightly less.
        if not (np.isfinite(values).all() and (values > -1e-4).all()):
            raise InputError(
                f"{name} holds {values[np.argmin(values)]}: give finite values that "
                "are not negative; check its sign, or for a diverged run."
            )
    active = spread > activity_threshold
    constant = ~active & (kl > kl_threshold)
    verdicts = tuple(
        ACTIVE if is_active else CONSTANT if is_constant else COLLAPSED
        for is_active, is_constant in zip(active, constant, strict=True)
    )
    advice = _advice(kl, active, constant)
    return CollapseReport(verdicts, kl, spread, int(active.sum()), advice)


def _advice(kl: np.ndarray, active: np.ndarray, constant: np.ndarray) -> str:
    total, num_active, num_constant = len(kl), int(active.sum()), int(constant.sum())
    verb = "is" if num_active == 1 else "are"
    parts = [f"{num_active} of {total} latents {verb} active."]
    if not num_active:
        parts.append(
            "The latents tell nothing of the input: the decoder does without them. Try "
            "warm-up of the KL from 0, free bits, a lower beta or a larger KL target; "
            "a weaker decoder if it sees the pixels it predicts."
        )
    elif num_active < total:
        parts.append(
            "The others are unused: either not needed at this weight of the KL, or "
            "lost early in training. If reconstructions are too coarse, try a lower "
            "beta, a larger KL target, free bits per latent or warm-up of the KL."
        )
    else:
        parts.append("None has collapsed; more latents may find use.")
    if num_active > 2 and kl.sum() > 0:
        ordered = np.cumsum(np.sort(kl)[::-1])
        holders = int(np.searchsorted(ordered, 0.9 * ordered[-1])) + 1
        if 2 * holders <= num_active:
            parts.append(
                f"{holders} of them hold 90 % of the KL: free bits per latent would "
                "spread it."
            )
    if num_constant:
        parts.append(
            f"{num_constant} pay KL for a posterior mean that is alike for all inputs: "
            "train longer, or lower the floor of the free bits, below which no KL is "
            "penalized."
        )
    return " ".join(parts)
