"""Gradients in the parameters of a normal, where every moment is known."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists

from experiments.variance_studies import exact
from experiments.variance_studies.study import (
    REACH,
    Study,
    exact_text,
    measured_text,
    signed_text,
    z_of_mean,
    z_of_variance,
)
from jaxgen import run
from jaxgen.estimators import (
    Estimator,
    MeasureValued,
    Moments,
    Pathwise,
    ScoreFunction,
    expectation,
    grad_samples,
    moments,
)
from jaxgen.progress import Progress
from jaxgen.typing import Array, PRNGKeyArray

INTEGRANDS: dict[str, tuple[Callable, Callable]] = {
    "square": (lambda x, k: (x - k) ** 2, lambda x, k: 2 * (x - k)),
    "bell": (
        lambda x, k: np.exp(-k * x**2),
        lambda x, k: -2 * k * x * np.exp(-k * x**2),
    ),
    "cosine": (lambda x, k: np.cos(k * x), lambda x, k: -k * np.sin(k * x)),
}
"""f(x, k) and its derivative, in NumPy: the yardstick shares no code with JAX."""

TRACED = {
    "square": lambda x, k: (x - k) ** 2,
    "bell": lambda x, k: jnp.exp(-k * x**2),
    "cosine": lambda x, k: jnp.cos(k * x),
}
ZEROS = math.pi * np.arange(1, 4)
"""k where cos kx is even around the mean, 1: the coupled draws are all equal there."""

_NEAR = np.geomspace(1e-3, 0.3, 16)
GRIDS = {
    "square": (np.linspace(-3, 3, 121), np.linspace(-3, 3, 9)),
    "bell": (np.geomspace(0.01, 10, 121), np.geomspace(0.01, 10, 10)),
    "cosine": (
        np.unique(
            [
                *np.geomspace(0.1, 10, 121),
                *(zero + step for zero in ZEROS for step in (0, *_NEAR, *-_NEAR)),
            ]
        ),
        np.array([0.1, 0.2, 0.5, 1, 2, 3.5, 5, 10]),
    ),
}
"""By integrand the k of the curves, and those of the points."""
PRINTED = (("square", -3.0), ("square", 0.0), ("bell", 0.1), ("cosine", 0.5))
PRINTED = (*PRINTED, ("cosine", 5.0))


def three_ways(
    key: PRNGKeyArray,
    draws: int,
    show: Progress,
    *,
    slope: float = 1.0,
    mean: float = 1.0,
) -> Study:
    """Draws gradients of E m z and E (m z)^2 in the mean of z ~ N(mean, 1).

    Args:
        key: A typed key; it is consumed, by every estimator alike.
        draws: Gradients of each estimator.
        show: Called with what comes next.
        slope: m.
        mean: The mean of z.
    """
    functions = {"linear": lambda z: slope * z, "square": lambda z: (slope * z) ** 2}
    values = {"linear": slope * mean, "square": slope**2 * (mean**2 + 1)}
    edges = np.linspace(-8, 14, 221)
    counts, found, rows, deviations = [], [], [], []
    closed = exact.linear_and_square(slope, mean)
    for name, f in functions.items():
        estimators = _of_normals(values[name])
        for label, estimator in estimators.items():
            show(f"{label}, {name}", 0, None)
            drawn = grad_samples(
                jax.random.clone(key), f, _unit_normal, mean, estimator, draws
            )
            drawn = np.asarray(drawn, np.float64)
            of = _moments_of(drawn)
            truth, variance = closed[name][label]
            z_mean = z_of_mean(of, truth, abs(truth))
            z_variance = z_of_variance(of, variance, abs(truth))
            deviations += [z_mean, z_variance]
            counts.append(np.histogram(drawn, edges)[0])
            found.append((of.mean, of.variance, variance, truth))
            said = "m z" if name == "linear" else "(m z)²"
            rows.append(
                [
                    said,
                    label,
                    exact_text(truth),
                    measured_text(of.mean, of.standard_error),
                ]
                + [signed_text(z_mean), exact_text(variance)]
                + [measured_text(of.variance, of.variance_standard_error)]
                + [signed_text(z_variance)]
            )
    shape = (len(functions), len(estimators))
    columns = np.array(found).reshape(*shape, 4)
    arrays = {
        "edges": edges,
        "counts": np.array(counts).reshape(*shape, -1),
        "draws": np.array([draws]),
        "mean": columns[..., 0],
        "variance": columns[..., 1],
        "exact_variance": columns[..., 2],
        "truth": columns[:, 0, 3],
        "names": np.array(list(estimators)),
        "setting": np.array([slope, mean]),
    }
    table = run.Table(
        title="Three ways: one draw, measured and exact",
        note=f"z ~ N({mean:g}, 1), m = {slope:g}, gradient in the mean of z; "
        f"{draws:,} draws of each, ± is the 99% interval, z the distance from the "
        "exact value in standard errors.",
        words=2,
        columns=["f", "estimator", "mean, exact", "measured", "z"]
        + ["variance, exact", "measured", "z"],
        rows=rows,
    )
    return Study(arrays, [table], deviations, {})


def integrands(key: PRNGKeyArray, draws: int, show: Progress) -> Study:
    """Measures the variances of figures 2 and 3 of Mohamed et al., 2020.

    One draw for E f(x), x ~ N(mean, scale^2), at mean = scale = 1.

    Args:
        key: A typed key; it is consumed.
        draws: Gradients of each estimator at each k, the same noise for all k.
        show: Called with what comes next.
    """
    arrays: dict[str, Any] = {
        "names": np.array(list(_of_normals(0.0))),
        "setting": np.array([1.0, 1.0]),
        "cosine_zeros": ZEROS,
    }
    rows, deviations = [], []
    ratio = {}
    for name, (curve, points) in GRIDS.items():
        lines = _exact_normals(name, curve)
        at_points = _exact_normals(name, points)
        shown = []
        for label in arrays["names"]:
            show(f"{label}, {name}", 0, None)
            sample = _normal_gradient(name, str(label))
            ks = np.asarray(points, np.float32)
            value = np.asarray(at_points["value"], np.float32)
            found = moments(jax.random.clone(key), sample, draws, ks, value)
            truth, size = at_points[label], np.abs(at_points["gradient"])
            error = found.variance_standard_error
            z = z_of_variance(found, truth, size)
            z_mean = z_of_mean(found, at_points["gradient"], size)
            deviations += [*z.ravel(), *z_mean.ravel()]
            shown.append((found.variance, REACH * error))
            for wanted, k in PRINTED:
                at = np.flatnonzero(np.isclose(points, k))
                if wanted == name and len(at):
                    at = at[0]
                    if name == "cosine" and k == 5:
                        ratio[str(label)] = float(found.variance[at, 0])
                    cells = [_said(name, k), str(label)]
                    for entry in (0, 1):
                        cells += [exact_text(truth[at, entry])]
                        cells += [
                            measured_text(found.variance[at, entry], error[at, entry])
                        ]
                        cells += [signed_text(z[at, entry])]
                    rows.append(cells)
        names = arrays["names"]
        arrays |= {
            f"{name}_k": curve,
            f"{name}_points": points,
            f"{name}_exact": np.stack([lines[label] for label in names]),
            f"{name}_measured": np.stack([pair[0] for pair in shown]),
            f"{name}_half_width": np.stack([pair[1] for pair in shown]),
        }
    # By integrand, within it as the estimators are named.
    rows.sort(key=lambda row: [_said(*one) for one in PRINTED].index(row[0]))
    table = run.Table(
        title="Variance of one draw, by integrand",
        note=f"x ~ N(1, 1); {draws:,} draws of each at each k, ± is the 99% "
        "interval, z the distance from the exact value in standard errors. Variance of "
        "the gradient in \N{GREEK SMALL LETTER MU}, the mean, and in "
        "\N{GREEK SMALL LETTER SIGMA}, the scale. The exact values are integrals over "
        "the noise, in float64. All rows are of the same draws, and a measured "
        "variance of heavy tails more often falls short of the true one than not: "
        "the z are not independent, and most of them may be negative together.",
        words=2,
        columns=["f", "estimator"]
        + ["variance in \N{GREEK SMALL LETTER MU}: exact", "measured", "z"]
        + ["variance in \N{GREEK SMALL LETTER SIGMA}: exact", "measured", "z"],
        rows=rows,
    )
    times = ratio["pathwise"] / ratio["score"]
    label = "integrands: variance of pathwise over score at cos 5x"
    results = {label: (times, "times")}
    return Study(arrays, [table], deviations, results)


def _of_normals(baseline: Any) -> dict[str, Estimator]:
    return {
        "score": ScoreFunction(),
        "score, mean baseline": ScoreFunction(baseline),
        "score, optimal baseline": ScoreFunction("optimal"),
        "measure-valued, uncoupled": MeasureValued(coupling=False),
        "measure-valued, coupled": MeasureValued(coupling=True),
        "pathwise": Pathwise(),
    }


def _unit_normal(mean: Array) -> dists.Distribution:
    return dists.Normal(mean, 1.0)


def _normal_gradient(name: str, label: str) -> Callable[..., Array]:
    """Returns one draw as a function of the key: shape (k, 2), the noise shared."""

    def sample(key: PRNGKeyArray, ks: Array, values: Array) -> Array:
        def gradient(k: Array, value: Array) -> Array:
            estimator = _of_normals(value)[label]

            def objective(parameters: Array) -> Array:
                dist = dists.Normal(parameters[0], parameters[1])
                return expectation(key, lambda x: TRACED[name](x, k), dist, estimator)

            return jax.grad(objective)(jnp.ones(2))

        return jax.vmap(gradient)(ks, values)

    return sample


def _exact_normals(name: str, ks: np.ndarray) -> dict[str, np.ndarray]:
    f, slope = INTEGRANDS[name]
    k = ks[:, None]
    return exact.normal_family(lambda x: f(x, k), lambda x: slope(x, k), 1.0, 1.0)


def _moments_of(drawn: np.ndarray) -> Moments:
    apart = drawn - drawn.mean()
    powers = (np.mean(apart**k) for k in (2, 3, 4))
    return Moments(len(drawn), drawn.mean(), *powers)


def _said(name: str, k: float) -> str:
    minus = "\N{MINUS SIGN}"
    if name == "square":
        return f"(x {'+' if k < 0 else minus} {abs(k):g})²" if k else "x²"
    return f"exp({minus}{k:g} x²)" if name == "bell" else f"cos {k:g}x"
