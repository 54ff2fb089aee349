"""Entropic transport between two sets, by ott-jax."""

import math
import warnings
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.checks import check_choice, check_count, check_number
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_pair
from jaxgen.typing import Array

__all__ = ["Sinkhorn", "sinkhorn_distance", "sinkhorn_divergence"]

# Entries of the matrix of costs, which are 512 MiB. ott-jax 0.6 can make costs anew in
# every iteration instead, but not with jax 0.10: it needs a function that is gone.
_MOST_COSTS = 2**27


class Sinkhorn(NamedTuple):
    """An entropic transport problem's solution.

    Attributes:
        distance: `cost^(1/order)`, in units of the features; 0 where rounding leaves
            the cost a little below 0.
        cost: What transport costs, in units of the features to the power `order`.
        converged: Whether the marginals came within the threshold. If not, the numbers
            are of a plan that does not transport one set to the other: raise
            `max_iterations` or epsilon.
        iterations: How many were made, the most of the problems solved.
        epsilon: The regularisation, in units of the cost.
    """

    distance: float
    cost: float
    converged: bool
    iterations: int
    epsilon: float


def sinkhorn_distance(
    real: np.ndarray,
    generated: np.ndarray,
    *,
    order: Literal[1, 2] = 2,
    epsilon: float | None = None,
    relative_epsilon: float = 0.05,
    threshold: float = 1e-3,
    max_iterations: int = 2000,
) -> Sinkhorn:
    """Calculates the cost of the entropic transport plan.

    `sum P_ij |x_i - y_j|^order` with the plan P that makes it least together with
    `-epsilon` times P's entropy. It is above the Wasserstein cost and comes down to it
    as epsilon goes to 0; of a set with itself it is not 0, see `sinkhorn_divergence`.

    Args:
        real: Shape (n, d).
        generated: Shape (m, d), m may differ from n.
        order: 1 for the distance as the cost, 2 for its square.
        epsilon: Regularisation, in units of the cost.
        relative_epsilon: Where no epsilon is given: its ratio to the mean cost between
            the sets, or to 1 where all points coincide.
        threshold: How far the plan's marginals may be off, in total.
        max_iterations: After so many it stops, converged or not.

    Raises:
        InputError: The features or settings cannot be used, there are more than 11,585
            of a set, or ott-jax is missing.

    References:
        Cuturi, Sinkhorn Distances: Lightspeed Computation of Optimal Transport, 2013.
    """
    return _solve(
        real,
        generated,
        order,
        epsilon,
        relative_epsilon,
        threshold,
        max_iterations,
        debiased=False,
    )


def sinkhorn_divergence(
    real: np.ndarray,
    generated: np.ndarray,
    *,
    order: Literal[1, 2] = 2,
    epsilon: float | None = None,
    relative_epsilon: float = 0.05,
    threshold: float = 1e-3,
    max_iterations: int = 2000,
) -> Sinkhorn:
    """Calculates the Sinkhorn divergence: entropic transport without its bias.

    `OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2`, each OT the least of transport cost plus
    epsilon times the plan's divergence from independence. It is 0 for equal sets
    alone, and lies between the Wasserstein cost (epsilon to 0) and a maximum mean
    discrepancy (epsilon to infinity).

    Args:
        real: Shape (n, d).
        generated: Shape (m, d), m may differ from n.
        order: 1 for the distance as the cost, 2 for its square.
        epsilon: Regularisation, in units of the cost.
        relative_epsilon: Where no epsilon is given: its ratio to the mean cost between
            the sets, or to 1 where all points coincide.
        threshold: How far the plans' marginals may be off, in total.
        max_iterations: After so many it stops, converged or not.

    Raises:
        InputError: The features or settings cannot be used, there are more than 11,585
            of a set, or ott-jax is missing.

    References:
        Genevay et al., Learning Generative Models with Sinkhorn Divergences, 2018.
        Feydy et al., Interpolating between Optimal Transport and MMD using Sinkhorn
        Divergences, 2019, equation 3 and theorem 1.
    """
    return _solve(
        real,
        generated,
        order,
        epsilon,
        relative_epsilon,
        threshold,
        max_iterations,
        debiased=True,
    )


def _solve(
    real: np.ndarray,
    generated: np.ndarray,
    order: Literal[1, 2],
    epsilon: float | None,
    relative_epsilon: float,
    threshold: float,
    max_iterations: int,
    *,
    debiased: bool,
) -> Sinkhorn:
    real, generated = check_pair(real, generated, least=1)
    check_choice("order", order, (1, 2))
    check_count("max_iterations", max_iterations, 1)
    check_number("threshold", threshold, above=0.0)
    check_number("relative_epsilon", relative_epsilon, above=0.0)
    if epsilon is not None:
        check_number("epsilon", epsilon, above=0.0)
    if max(len(real), len(generated)) ** 2 > _MOST_COSTS:
        raise InputError(
            f"There are {len(real)} real and {len(generated)} generated features: the "
            f"costs of all pairs would not fit; give at most "
            f"{math.isqrt(_MOST_COSTS)} of each, drawn at random."
        )
    _import_ott()
    # Costs are differences: the common place of both sets would only take digits.
    middle = real.mean(axis=0, dtype=np.float64)
    x, y = (jnp.asarray(part - middle, jnp.float32) for part in (real, generated))
    # ott broadcasts over ranks, which a caller may have forbidden.
    with jax.numpy_rank_promotion("allow"):
        found = _run(
            x,
            y,
            jnp.float32(epsilon or 0.0),
            jnp.float32(relative_epsilon),
            jnp.float32(threshold),
            order=order,
            debiased=debiased,
            max_iterations=max_iterations,
        )
    cost, converged, iterations, used = jax.device_get(found)
    return Sinkhorn(
        max(float(cost), 0.0) ** (1 / order),
        float(cost),
        bool(converged),
        int(iterations),
        float(used),
    )


@partial(jax.jit, static_argnames=("order", "debiased", "max_iterations"))
def _run(
    x: Array,
    y: Array,
    epsilon: Array,
    relative_epsilon: Array,
    threshold: Array,
    *,
    order: int,
    debiased: bool,
    max_iterations: int,
) -> tuple[Array, Array, Array, Array]:
    from ott.geometry import costs, pointcloud
    from ott.solvers.linear import solve
    from ott.tools.sinkhorn_divergence import sinkhorn_divergence

    cost = costs.SqEuclidean() if order == 2 else costs.Euclidean()
    geometry = pointcloud.PointCloud(x, y, cost_fn=cost)
    # Where all points coincide, every epsilon gives the cost 0, except 0 itself.
    mean_cost = geometry.mean_cost_matrix
    unit = jnp.where(mean_cost == 0, 1.0, mean_cost)
    epsilon = jnp.where(epsilon > 0, epsilon, relative_epsilon * unit)
    settings = {"threshold": threshold, "max_iterations": max_iterations}
    if debiased:
        value, solved = sinkhorn_divergence(
            pointcloud.PointCloud,
            x,
            y,
            cost_fn=cost,
            epsilon=epsilon,
            solve_kwargs=settings,
        )
        iterations = jnp.max(jnp.array(solved.n_iters))
        return value, jnp.all(jnp.array(solved.converged)), iterations, epsilon
    geometry = pointcloud.PointCloud(x, y, cost_fn=cost, epsilon=epsilon)
    solved = solve(geometry, **settings)
    value = jnp.sum(jnp.asarray(solved.matrix) * jnp.asarray(geometry.cost_matrix))
    return value, jnp.asarray(solved.converged), jnp.asarray(solved.n_iters), epsilon


def _import_ott() -> None:
    try:
        with warnings.catch_warnings():
            # ott imports jaxopt, which says that it is no longer maintained.
            warnings.simplefilter("ignore", DeprecationWarning)
            import ott  # noqa: F401
    except ImportError as error:
        raise InputError(
            'Sinkhorn distances need ott-jax: run pip install "jaxgen[metrics]".'
        ) from error
