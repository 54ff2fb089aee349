"""Wasserstein distances, in units of the line: how far earth must be carried.

`W_k(q, p) = min over couplings of E[|x - y|^k]^(1/k)`. Between distributions on a line
the quantile functions say who goes where: `W_k^k = INT |Q^-1(u) - P^-1(u)|^k du`, and
W_1 is the area between the distribution functions. Distances of samples are in
`jaxgen.metrics`.

References:
    Peyré and Cuturi, Computational Optimal Transport, 2019, section 2.6.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxgen.errors import InputError

__all__ = [
    "Transport",
    "gaussian_wasserstein_1",
    "gaussian_wasserstein_2",
    "histogram_wasserstein_1",
    "transport",
]


class Transport(NamedTuple):
    """The cheapest way to move one histogram onto another; float64.

    Attributes:
        plan: What goes from bin i to bin j, shape (bins, other_bins).
        cost: The sum of plan times cost.
        potential: The dual: what a unit at bin i saves, shape (bins,). It is determined
            up to a constant, and mean q of it plus mean p of the other is the cost.
        other_potential: The same at bin j, shape (other_bins,).
    """

    plan: np.ndarray
    cost: float
    potential: np.ndarray
    other_potential: np.ndarray


def gaussian_wasserstein_1(
    mean: Float[Array, "*batch"],
    log_variance: Float[Array, "*batch"],
    other_mean: Float[Array, "..."],
    other_log_variance: Float[Array, "..."],
) -> Float[Array, "*batch"]:
    """Calculates W_1 of two Gaussians on a line.

    The quantiles differ by `d + s z`, z standard normal, with d the difference of the
    means and s that of the deviations: W_1 is the mean of a folded normal,
    `s sqrt(2 / pi) exp(-d^2 / (2 s^2)) + d erf(d / (s sqrt 2))`, and |d| for s = 0.

    Args:
        mean: Means of q, shape (...).
        log_variance: Logarithms of q's variances, shape (...).
        other_mean: Means of p, shape (...), or fewer leading axes.
        other_log_variance: Logarithms of p's variances, likewise.

    Returns:
        In units of the means, shape (...).

    Examples:
        >>> import jax.numpy as jnp
        >>> zero = jnp.zeros(1)
        >>> gaussian_wasserstein_1(zero + 3.0, zero, zero + 1.0, zero)
        Array([2.], dtype=float32)

    References:
        Leone, Nelson and Nottingham, The folded normal distribution, 1961.
    """
    other_mean = jnp.broadcast_to(other_mean, mean.shape)
    other_log_variance = jnp.broadcast_to(other_log_variance, mean.shape)
    spread = jnp.exp(0.5 * log_variance) - jnp.exp(0.5 * other_log_variance)
    return _folded_mean(mean - other_mean, jnp.abs(spread))


def gaussian_wasserstein_2(
    mean: Float[Array, "*batch dim"],
    log_variance: Float[Array, "*batch dim"],
    other_mean: Float[Array, "..."],
    other_log_variance: Float[Array, "..."],
) -> Float[Array, "*batch"]:
    """Calculates W_2 of two diagonal Gaussians per example.

    `W_2^2 = |mean - other_mean|^2 + |deviation - other_deviation|^2`, the deviations
    being vectors. The gradient where they are equal, which does not exist, is 0.

    Args:
        mean: Means of q, shape (..., dim).
        log_variance: Logarithms of q's variances, shape (..., dim).
        other_mean: Means of p, shape (..., dim) or (dim,).
        other_log_variance: Logarithms of p's variances, shape (..., dim) or (dim,).

    Returns:
        In units of the means, shape (...).

    Examples:
        >>> import jax.numpy as jnp
        >>> zero = jnp.zeros((1, 2))
        >>> gaussian_wasserstein_2(jnp.array([[3.0, 4.0]]), zero, zero, zero)
        Array([5.], dtype=float32)

    References:
        Givens and Shortt, A class of Wasserstein metrics for probability
        distributions, 1984.
    """
    shift = mean - jnp.broadcast_to(other_mean, mean.shape)
    other_log_variance = jnp.broadcast_to(other_log_variance, mean.shape)
    spread = jnp.exp(0.5 * log_variance) - jnp.exp(0.5 * other_log_variance)
    square = jnp.sum(shift**2 + spread**2, axis=-1)
    same = square == 0
    return jnp.where(same, 0.0, jnp.sqrt(jnp.where(same, 1.0, square)))


def histogram_wasserstein_1(
    weights: Float[Array, "*batch bins"],
    other_weights: Float[Array, "..."],
    positions: Float[Array, "bins"],
) -> Float[Array, "*batch"]:
    """Calculates W_1 of two histograms on a line: the area between their sums.

    Args:
        weights: Weights of q, not negative, shape (..., bins). Their sum does not
            matter.
        other_weights: Weights of p, shape (..., bins) or (bins,).
        positions: Where the bins are, in ascending order, shape (bins,).

    Returns:
        In units of the positions, shape (...).

    Examples:
        >>> import jax.numpy as jnp
        >>> one, other = jnp.array([[1.0, 1.0, 0.0]]), jnp.array([0.0, 1.0, 1.0])
        >>> histogram_wasserstein_1(one, other, jnp.array([0.0, 1.0, 3.0]))
        Array([1.5], dtype=float32)
    """
    other_weights = jnp.broadcast_to(other_weights, weights.shape)
    q, p = (w / jnp.sum(w, axis=-1, keepdims=True) for w in (weights, other_weights))
    carried = jnp.cumsum(q - p, axis=-1)[..., :-1]
    return jnp.abs(carried) @ jnp.diff(positions)


def transport(weights: Any, other_weights: Any, cost: Any) -> Transport:
    """Finds the cheapest way to move one histogram onto another, on the host.

    A linear program, solved by HiGHS: for some hundred bins, not for samples.

    Args:
        weights: Weights of q, not negative, shape (bins,). Their sum does not matter.
        other_weights: Weights of p, shape (other_bins,).
        cost: Cost of a unit from bin i to bin j, shape (bins, other_bins).

    Returns:
        The plan, its cost and its potentials.

    Raises:
        InputError: Weights or costs cannot be used.

    Examples:
        >>> found = transport([1, 0], [1, 1], [[0, 2], [2, 0]])
        >>> print(found.plan)
        [[0.5 0.5]
         [0.  0. ]]
        >>> print(found.cost)
        1.0

    References:
        Peyré and Cuturi, Computational Optimal Transport, 2019, equations 2.11, 2.20.
    """
    # Only now: its import takes a while that `import jaxgen` need not.
    from scipy.optimize import linprog

    q, p = _weights("weights", weights), _weights("other_weights", other_weights)
    cost = np.asarray(cost, np.float64)
    if cost.shape != (len(q), len(p)) or not np.isfinite(cost).all():
        raise InputError(
            f"The costs have shape {cost.shape}: expected finite numbers of shape "
            f"({len(q)}, {len(p)}), one from each bin to each bin."
        )
    rows, columns = (
        np.kron(np.eye(len(q)), np.ones(len(p))),
        np.tile(np.eye(len(p)), len(q)),
    )
    # Both sides sum to 1, so one equation follows from the others.
    found = linprog(
        cost.ravel(),
        A_eq=np.concatenate([rows, columns[:-1]]),
        b_eq=np.concatenate([q, p[:-1]]),
        method="highs",
    )
    plan = np.maximum(found.x, 0).reshape(cost.shape) + 0.0  # a solver may say -0
    dual = np.append(found.eqlin.marginals, 0.0)
    return Transport(plan, float(found.fun), dual[: len(q)], dual[len(q) :])


def _weights(name: str, weights: Any) -> np.ndarray:
    weights = np.asarray(weights, np.float64)
    finite = weights.ndim == 1 and np.isfinite(weights).all()
    if not (finite and (weights >= 0).all() and weights.sum() > 0):
        raise InputError(
            f"The {name} are {weights}: expected one row of finite numbers, none "
            "negative and not all 0."
        )
    return weights / weights.sum()


@jax.custom_jvp
def _folded_mean(shift: Array, scale: Array) -> Array:
    """E|shift + scale z|, z standard normal, scale at least 0."""
    steps = shift / jnp.where(scale == 0, 1.0, scale)
    bell = math.sqrt(2 / math.pi) * jnp.exp(-0.5 * steps**2)
    folded = scale * bell + shift * jax.lax.erf(steps / math.sqrt(2))
    return jnp.where(scale == 0, jnp.abs(shift), folded)


@_folded_mean.defjvp
def _folded_mean_jvp(primals, tangents):
    # Its own rule: that of the formula divides by the scale, which may be 0.
    (shift, scale), (shift_tangent, scale_tangent) = primals, tangents
    point = scale == 0
    steps = shift / jnp.where(point, 1.0, scale)
    bell = jnp.where(point, 1.0 * (shift == 0), jnp.exp(-0.5 * steps**2))
    side = jax.lax.erf(steps / math.sqrt(2))
    side = jnp.where(point, jnp.sign(shift), side)
    slope = math.sqrt(2 / math.pi) * bell
    return _folded_mean(shift, scale), side * shift_tangent + slope * scale_tangent
