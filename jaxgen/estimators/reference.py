"""The true gradient that others are held against."""

from collections.abc import Callable

import jax
import numpy as np

from jaxgen.errors import InputError
from jaxgen.estimators import distributions
from jaxgen.estimators.base import Estimator, why_not
from jaxgen.estimators.measure_valued import MeasureValued
from jaxgen.estimators.pathwise import Pathwise
from jaxgen.estimators.problem import (
    DistFn,
    Gradient,
    bind,
    exact_grad,
    warmed_state,
)
from jaxgen.estimators.score_function import ScoreFunction
from jaxgen.estimators.streaming import moments
from jaxgen.random import stream
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = ["like", "true_gradient"]


def true_gradient(
    key: PRNGKeyArray,
    f: Callable[..., Array],
    dist_fn: DistFn,
    params: PyTree,
    reference: PyTree,
    draws: int,
) -> tuple[PyTree, PyTree, str]:
    """Returns the true gradient, its standard error, and where it comes from.

    Args:
        key: A typed key; it is consumed.
        f: `f(sample)`, or `f(sample, params)`.
        dist_fn: From the parameters to a distribution.
        params: A pytree of arrays.
        reference: "exact", where that is not possible a long run; an estimator, for a
            long run of it; or the gradient itself, a pytree like `params`.
        draws: Of a long run.
    """
    if isinstance(reference, str):
        if reference != "exact":
            raise InputError(
                f'reference={reference!r}: give "exact", an estimator or the gradient.'
            )
        try:
            truth = exact_grad(f, dist_fn, params, tolerance=1e-6)
            return truth, jax.tree.map(np.zeros_like, truth), "exact, in float64"
        except InputError:
            reference = _without_bias(f, dist_fn, params)
    if isinstance(reference, Estimator):
        samples = max(16, reference.min_samples)
        gradient = Gradient(f, dist_fn, reference, samples)
        state = warmed_state(stream(key, "warm-up"), gradient, params)
        found = moments(stream(key, "draws"), gradient, draws, params, state)
        source = f"{draws * samples:,} samples of {reference}"
        return found.mean, found.standard_error, source
    truth = like(reference, params, "reference")
    return truth, jax.tree.map(np.zeros_like, truth), "given"


def like(given: PyTree, params: PyTree, name: str) -> PyTree:
    """Returns `given` in float64, if it has the structure and shapes of `params`."""
    shapes = jax.tree.map(np.shape, params)
    try:
        if jax.tree.map(np.shape, given) == shapes:
            return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), given)
    except (TypeError, ValueError):
        pass
    raise InputError(
        f"{name} must be a pytree like params, of the shapes {shapes}; it is {given!r}."
    )


def _without_bias(
    f: Callable[..., Array], dist_fn: DistFn, params: PyTree
) -> Estimator:
    """An estimator to stand for the truth: one that jumps of f do not mislead."""
    bound, dist = bind(f, params), dist_fn(params)
    few = distributions.event_size(dist) <= 64
    for estimator in (
        *([MeasureValued(coupling=True)] if few else []),
        ScoreFunction("leave_one_out"),
        Pathwise(),
    ):
        if why_not(estimator, bound, dist, 2) is None and _runs(
            Gradient(f, dist_fn, estimator, 2), params
        ):
            return estimator
    raise InputError(
        f"There is no truth to compare with: {distributions.family(dist)} can neither "
        "be summed nor sampled without bias; give reference, the gradient itself."
    )


def _runs(gradient: Gradient, params: PyTree) -> bool:
    try:
        jax.eval_shape(gradient, jax.random.key(0), params, ())
    except InputError:
        return False
    return True
