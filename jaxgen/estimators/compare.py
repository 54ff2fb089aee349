"""All estimators of one gradient side by side, under the same keys."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.checks import check_choice, check_count, check_key, check_number
from jaxgen.errors import InputError
from jaxgen.estimators import distributions
from jaxgen.estimators.base import Distribution, Estimator, why_not
from jaxgen.estimators.menu import menu
from jaxgen.estimators.problem import (
    DistFn,
    Gradient,
    as_arrays,
    bind,
    made,
    moving_parameters,
    warmed_state,
)
from jaxgen.estimators.reference import true_gradient
from jaxgen.estimators.report import Report, Row, measured_row
from jaxgen.estimators.streaming import Moments, chunk_moments, moments
from jaxgen.progress import print_line
from jaxgen.random import stream
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = ["compare"]

# Floats that the samples of one chunk may take.
_FLOATS = 1 << 20


def compare(
    key: PRNGKeyArray,
    f: Callable[..., Array],
    dist_fn: DistFn,
    params: PyTree,
    *,
    estimators: str | Sequence[Estimator] = "applicable",
    num_samples: int = 4,
    equal: str = "evaluations",
    repeats: int = 10_000,
    reference: PyTree = "exact",
    level: float = 0.99,
    devices: list[Any] | None = None,
    progress: Callable[[str], None] | None = print_line,
) -> Report:
    """Compares gradient estimators of E f(x), x ~ dist_fn(params).

    Args:
        key: A typed key; it is consumed. All estimators are given the same keys.
        f: `f(sample)`, or `f(sample, params)` where f itself depends on the parameters.
        dist_fn: From the parameters to a `numpyro.distributions` object.
        params: Any pytree of floating arrays.
        estimators: Those to compare; "applicable" takes the whole menu and says of each
            that is left out why.
        num_samples: How many evaluations of f a gradient may take (f with its
            derivative counts as three), or, if `equal` is "samples", samples.
        equal: "evaluations": each estimator gets as many samples as those evaluations
            pay for, and at least one; "samples": the same number of samples. What a
            pilot evaluates once for all gradients is not among them: the table has it
            in a column of its own (`Estimator.pilot_cost`).
        repeats: Gradients drawn of each estimator, by chunks in constant memory.
        reference: The true gradient, a pytree like `params`; "exact" sums or integrates
            in float64. Where the distribution does not allow that, and where an
            estimator is given here, it is the mean of 20 times the repeats, with its
            error.
        level: Of the confidence intervals; those of the bias hold for all entries of
            all estimators together.
        devices: Devices to spread the draws over, all by default; the numbers do not
            depend on them.
        progress: Called with one line, such as "3 of 14: ScoreFunction()", before the
            true gradient and before each estimator that is measured. By default the
            lines go to stderr; `print` puts them to stdout, None leaves them out.

    Returns:
        A `Report`: `print(report.table())`, `report.best()`, `report.plot()`,
        `report.to_json()`.

    Examples:
        >>> import jax.numpy as jnp, numpyro.distributions as dists
        >>> from jaxgen.estimators import Pathwise, ScoreFunction
        >>> report = compare(
        ...     jax.random.key(0),
        ...     lambda x: jnp.cos(5 * x),
        ...     lambda mean: dists.Normal(mean, 1.0),
        ...     1.0,
        ...     estimators=[Pathwise(), ScoreFunction()],
        ...     repeats=2000,
        ... )
        >>> print(report.best().name)
        ScoreFunction()
    """
    check_key(key)
    check_choice("equal", equal, ("evaluations", "samples"))
    check_count("repeats", repeats, 2)
    check_count("num_samples", num_samples, 1)
    check_number("level", level, above=0, below=1)
    params = as_arrays(params)
    chosen = _chosen(estimators)
    dist, bound = made(dist_fn, params), bind(f, params)
    progress = progress or (lambda line: None)
    progress("the true gradient")
    truth, error, source = true_gradient(
        stream(key, "reference"), f, dist_fn, params, reference, 20 * repeats
    )
    moving = moving_parameters(dist_fn, params)
    samples_of = [_samples(one, dist, num_samples, equal, moving) for one in chosen]
    reasons = [
        why_not(estimator, bound, dist, samples)
        for estimator, samples in zip(chosen, samples_of, strict=True)
    ]
    rows, number = [], 0
    for estimator, samples, reason in zip(chosen, samples_of, reasons, strict=True):
        if reason is not None:
            rows.append(Row(str(estimator), skipped=reason))
            continue
        number += 1
        progress(f"{number} of {reasons.count(None)}: {estimator}")
        gradient = Gradient(f, dist_fn, estimator, samples)
        state = warmed_state(stream(key, "warm-up"), gradient, params)
        try:
            found, seconds = _draw(
                stream(key, "draws"), gradient, (params, state, truth), repeats, devices
            )
        except InputError as refused:  # what only differentiation brings to light
            rows.append(Row(str(estimator), skipped=str(refused)))
            continue
        rows.append(
            measured_row(
                gradient,
                estimator.cost(dist, samples, moving),
                estimator.pilot_cost(dist, samples, moving),
                *(
                    Moments(found.count, *(part[i] for part in found[1:]))
                    for i in (0, 1)
                ),
                truth=truth,
                truth_error=error,
                seconds=seconds,
                level=level,
                tests=len(chosen),
            )
        )
    return Report(tuple(rows), truth, source, repeats, level, f"{num_samples} {equal}")


@dataclasses.dataclass(frozen=True)
class _WithError:
    """A draw of a gradient, and its squared distance from the truth."""

    gradient: Gradient

    def __call__(
        self, key: PRNGKeyArray, params: PyTree, state: PyTree, truth: PyTree
    ) -> tuple[PyTree, Array]:
        drawn = self.gradient(key, params, state)
        squares = jax.tree.map(lambda g, t: jnp.sum((g - t) ** 2), drawn, truth)
        return drawn, sum(jax.tree.leaves(squares), jnp.zeros(()))


def _draw(
    key: PRNGKeyArray,
    gradient: Gradient,
    operands: tuple[PyTree, PyTree, PyTree],
    repeats: int,
    devices: list[Any] | None,
) -> tuple[Moments, float]:
    """Returns the moments of the draws, and the seconds that one takes."""
    params, state, truth = operands
    truth = jax.tree.map(lambda t, p: jnp.asarray(t, p.dtype), truth, params)
    devices = list(devices or jax.local_devices())
    dist = gradient.dist_fn(params)
    work = gradient.estimator.cost(dist, gradient.num_samples).total
    floats = max(
        work * distributions.event_size(dist),
        sum(leaf.size for leaf in jax.tree.leaves(params)),
    )
    chunk = int(np.clip(_FLOATS // floats, 1, min(1 << 16, repeats)))
    sample = _WithError(gradient)
    found = moments(
        key, sample, repeats, params, state, truth, chunk=chunk, devices=devices
    )
    run = chunk_moments(sample, chunk, tuple(devices))
    starts = np.zeros(len(devices), np.uint32)
    times = []
    for _ in range(2):
        start = time.perf_counter()
        jax.block_until_ready(run(key, starts, repeats, (params, state, truth)))
        times.append(time.perf_counter() - start)
    return found, min(times) / (chunk * len(devices))


def _chosen(estimators: str | Sequence[Estimator]) -> tuple[Estimator, ...]:
    if isinstance(estimators, str) and estimators == "applicable":
        return menu()
    listed = (estimators,) if isinstance(estimators, str | Estimator) else estimators
    for one in listed:
        if not isinstance(one, Estimator):
            raise InputError(
                f'estimators has {one!r}: give "applicable" or a list of estimators, '
                "such as [Pathwise(), ScoreFunction()]."
            )
    return tuple(one for one in listed if isinstance(one, Estimator))


def _samples(
    estimator: Estimator,
    dist: Distribution,
    num_samples: int,
    equal: str,
    moving: frozenset[str] | None,
) -> int:
    """The most samples whose evaluations stay within the budget, and at least one."""
    least = estimator.min_samples
    if equal == "samples":
        return max(num_samples, least)
    reason = estimator.families is not None and (
        distributions.family(dist) not in estimator.families
    )
    if reason or estimator.refusal(dist, least) is not None:
        return least
    for count in range(num_samples, least, -1):
        if estimator.cost(dist, count, moving).total <= num_samples:
            return count
    return least
