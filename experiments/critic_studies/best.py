"""The critics of two Gaussians at their best, by quadrature."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy

from jaxgen import divergences


class Best(NamedTuple):
    """What critics would be at their best, on a grid.

    Attributes:
        logits: Of the discriminator: log p - log q.
        slope: Of the critic of slope at most 1: the sign of F_q - F_p.
        penalized_slope: Of that under a gradient penalty.
        js: Jensen-Shannon divergence, nats.
        wasserstein: W_1.
        penalized: What the penalized critic reads.
    """

    logits: np.ndarray
    slope: np.ndarray
    penalized_slope: np.ndarray
    js: float
    wasserstein: float
    penalized: float


def best_critics(x: np.ndarray, distance: float, penalty: float) -> Best:
    """Calculates the optimal critics of N(-d/2, 1), the data, and N(d/2, 1).

    With F_q - F_p = g, the difference of distribution functions, a critic D reads
    `INT D' (F_q - F_p)`. Under the penalty `w E (|D'| - 1)^2` at points between pairs,
    of density r, that is highest for `D' = sign(g) (1 + |g| / (2 w r))`.

    Args:
        x: The grid.
        distance: d, above 0.
        penalty: w.
    """
    half = distance / 2
    js = divergences.gaussian_js(*map(jnp.asarray, (-half, 0.0, half, 0.0)))

    def slopes(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gap = scipy.special.ndtr(x - half) - scipy.special.ndtr(x + half)
        mixing, weights = np.polynomial.legendre.leggauss(64)
        mixing = (mixing[:, None] + 1) / 2
        mean, variance = half * (1 - 2 * mixing), mixing**2 + (1 - mixing) ** 2
        density = np.exp(-((x - mean) ** 2) / (2 * variance))
        density = (weights / 2) @ (density / np.sqrt(2 * np.pi * variance))
        return gap, np.sign(gap) * (1 + np.abs(gap) / (2 * penalty * density))

    fine = np.linspace(-half - 9, half + 9, 20_001)
    gap, slope = slopes(fine)
    read = float(np.trapezoid(slope * gap, fine))
    gap, slope = slopes(x)
    return Best(-distance * x, np.sign(gap), slope, float(js), distance, read)
