"""The three studies of `estimator_variance` whose answers are known exactly."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
from scipy import stats

from experiments import estimator_exact as exact
from jaxgen.estimators import (
    ARM,
    DisARM,
    DoubleCV,
    Estimator,
    GumbelRao,
    GumbelSoftmax,
    MeasureValued,
    Moments,
    Pathwise,
    Rebar,
    ReinMax,
    ScoreFunction,
    StraightThrough,
    expectation,
    grad_samples,
    moments,
)
from jaxgen.typing import Array, PRNGKeyArray

Tick = Callable[[str], None]
"""Told what comes next."""

REACH = float(stats.norm.isf(0.005))
"""Standard errors on either side of a 99% interval."""


class Study(NamedTuple):
    """What a study leaves behind.

    Attributes:
        arrays: What its figure is drawn from.
        tables: Tables for the page: title, note, columns, how many of these hold words,
            and rows of strings.
        z: Deviations from the exact values in standard errors.
        results: Numbers for the head of the page, by name, with their unit.
    """

    arrays: dict[str, Any]
    tables: list[dict[str, Any]]
    z: list[float]
    results: dict[str, tuple[float, str]]


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
GRIDS = {
    "square": (np.linspace(-3, 3, 121), np.linspace(-3, 3, 9)),
    "bell": (np.geomspace(0.01, 10, 121), np.geomspace(0.01, 10, 10)),
    "cosine": (np.geomspace(0.1, 10, 121), np.array([0.1, 0.2, 0.5, 1, 2, 3.5, 5, 10])),
}
"""By integrand the k of the curves, and those of the points."""
PRINTED = (("square", -3.0), ("square", 0.0), ("bell", 0.1), ("cosine", 0.5))
PRINTED = (*PRINTED, ("cosine", 5.0))


def three_ways(
    key: PRNGKeyArray, draws: int, tick: Tick, *, slope: float = 1.0, mean: float = 1.0
) -> Study:
    """Draws gradients of E m z and E (m z)^2 in the mean of z ~ N(mean, 1).

    Args:
        key: A typed key; it is consumed, by every estimator alike.
        draws: Gradients of each estimator.
        tick: Told what comes next.
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
            tick(f"{label}, {name}")
            drawn = grad_samples(
                jax.random.clone(key), f, _unit_normal, mean, estimator, draws
            )
            drawn = np.asarray(drawn, np.float64)
            of = _moments_of(drawn)
            truth, variance = closed[name][label]
            z_mean = _z(of, truth, abs(truth))
            z_variance = _z_variance(of, variance, abs(truth))
            deviations += [z_mean, z_variance]
            counts.append(np.histogram(drawn, edges)[0])
            found.append((of.mean, of.variance, variance, truth))
            said = "m z" if name == "linear" else "(m z)²"
            rows.append(
                [said, label, _exact(truth), _measured(of.mean, of.standard_error)]
                + [_signed(z_mean), _exact(variance)]
                + [_measured(of.variance, of.variance_standard_error)]
                + [_signed(z_variance)]
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
    table = {
        "title": "Three ways: one draw, measured and exact",
        "note": f"z ~ N({mean:g}, 1), m = {slope:g}, gradient in the mean of z; "
        f"{draws:,} draws of each, ± is the 99% interval, z the distance from the "
        "exact value in standard errors.",
        "words": 2,
        "columns": ["f", "estimator", "mean, exact", "measured", "z"]
        + ["variance, exact", "measured", "z"],
        "rows": rows,
    }
    return Study(arrays, [table], deviations, {})


def integrands(key: PRNGKeyArray, draws: int, tick: Tick) -> Study:
    """Measures the variances of figures 2 and 3 of Mohamed et al., 2020.

    One draw for E f(x), x ~ N(mean, scale^2), at mean = scale = 1.

    Args:
        key: A typed key; it is consumed.
        draws: Gradients of each estimator at each k, the same noise for all k.
        tick: Told what comes next.
    """
    arrays: dict[str, Any] = {"names": np.array(list(_of_normals(0.0)))}
    rows, deviations = [], []
    ratio = {}
    for name, (curve, points) in GRIDS.items():
        lines = _exact_normals(name, curve)
        at_points = _exact_normals(name, points)
        shown = []
        for label in arrays["names"]:
            tick(f"{label}, {name}")
            sample = _normal_gradient(name, str(label))
            ks = np.asarray(points, np.float32)
            value = np.asarray(at_points["value"], np.float32)
            found = moments(jax.random.clone(key), sample, draws, ks, value)
            truth, size = at_points[label], np.abs(at_points["gradient"])
            error = found.variance_standard_error
            z = _z_variance(found, truth, size)
            z_mean = _z(found, at_points["gradient"], size)
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
                        cells += [_exact(truth[at, entry])]
                        cells += [
                            _measured(found.variance[at, entry], error[at, entry])
                        ]
                        cells += [_signed(z[at, entry])]
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
    table = {
        "title": "Variance of one draw, by integrand",
        "note": f"x ~ N(1, 1); {draws:,} draws of each at each k, ± is the 99% "
        "interval. Variance of the gradient in the mean and in the scale. The exact "
        "values are integrals over the noise, in float64.",
        "words": 2,
        "columns": ["f", "estimator", "mean, exact", "measured", "z"]
        + ["scale, exact", "measured", "z"],
        "rows": rows,
    }
    times = ratio["pathwise"] / ratio["score"]
    results = {"variance of pathwise over score at cos 5x": (times, "times")}
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


TARGET, SLANT = 0.45, 0.3
"""t of (b - t)^2, and the probability of the coins that the biased are tried on."""


class Coins(NamedTuple):
    """A function of D coins, and the same as a function of the number of ones.

    Both are given the probability of a one, too.
    """

    f: Callable[[Array, Array, Array, float], Array]
    of_count: Callable[[np.ndarray, int, float], np.ndarray]


def _apart(coins: Array, seen: Array, number: Array, probability: float) -> Array:
    return jnp.sum(seen * (coins - TARGET) ** 2) / number


def _together(coins: Array, seen: Array, number: Array, probability: float) -> Array:
    excess = jnp.sum(seen * coins) - number * probability
    return jnp.cos(4 * excess / jnp.sqrt(number) + 1)


def _apart_of_count(ones: np.ndarray, n: int, p: float) -> np.ndarray:
    return (ones * (1 - TARGET) ** 2 + (n - ones) * TARGET**2) / n


def _together_of_count(ones: np.ndarray, n: int, p: float) -> np.ndarray:
    return np.cos(4 * (ones - n * p) / n**0.5 + 1)


COIN_PROBLEMS = {
    "apart": Coins(_apart, _apart_of_count),
    "together": Coins(_together, _together_of_count),
}
"""The mean of (b - t)^2, and the cosine of a standardised sum, where all coins act."""


@dataclasses.dataclass(frozen=True)
class Entrant:
    """An estimator with the samples it gets."""

    estimator: Estimator
    samples: int = 1


UNBIASED = {
    "score": Entrant(ScoreFunction()),
    "leave-one-out, 2": Entrant(ScoreFunction("leave_one_out"), 2),
    "leave-one-out, 4": Entrant(ScoreFunction("leave_one_out"), 4),
    "ARM": Entrant(ARM()),
    "DisARM": Entrant(DisARM()),
    "REBAR": Entrant(Rebar(0.5)),
    "double CV": Entrant(DoubleCV(), 2),
    "measure-valued": Entrant(MeasureValued()),
}
BIASED = {
    "Gumbel-Softmax": Entrant(GumbelSoftmax(0.5)),
    "Gumbel-Rao": Entrant(GumbelRao(0.5, 10)),
    "straight-through": Entrant(StraightThrough()),
    "ReinMax": Entrant(ReinMax()),
}


def bernoulli(
    key: PRNGKeyArray, draws: int, numbers: tuple[int, ...], tick: Tick
) -> Study:
    """Measures total variance and bias for D coins, in their logits.

    The unbiased estimators get fair coins, where their variances are known. The biased
    ones get coins of probability 0.3: at 1/2 the derivatives at both ends of a
    straight line of f are weighted alike, and ReinMax is straight-through.

    Args:
        key: A typed key; it is consumed.
        draws: Gradients of each estimator at each D.
        numbers: The D.
        tick: Told what comes next.
    """
    known = [
        [
            exact.fair_coins(functools.partial(c.of_count, n=n, p=0.5), n)
            for n in numbers
        ]
        for c in COIN_PROBLEMS.values()
    ]
    exact_names = [name for name in UNBIASED if name in known[0][0]]
    exact_variance = np.array(
        [[[one[name] for one in of] for of in known] for name in exact_names]
    )
    truth = np.array([[one["gradient"] for one in of] for of in known])
    slanted = np.array(
        [
            [
                exact.coin_gradient(
                    functools.partial(c.of_count, n=n, p=SLANT), n, SLANT
                )
                for n in numbers
            ]
            for c in COIN_PROBLEMS.values()
        ]
    )
    variance, error, deviations = [], [], []
    for name, entrant in UNBIASED.items():
        tick(f"{name}, coins")
        entry, square = _coin_moments(key, draws, truth, entrant, numbers, 0.5)
        deviations += list(_z(entry, truth, np.abs(truth)).ravel())
        if name in exact_names:
            right = exact_variance[exact_names.index(name)]
            deviations += list(_z(square, right, truth**2).ravel())
        # The mean of |g - truth|^2 is the total variance: there is no bias.
        variance.append(square.mean)
        error.append(REACH * square.standard_error)
    bias, bias_error = [], []
    for name, entrant in BIASED.items():
        tick(f"{name}, coins")
        entry, _ = _coin_moments(key, draws, slanted, entrant, numbers, SLANT)
        bias.append(entry.mean / slanted - 1)
        bias_error.append(REACH * entry.standard_error / np.abs(slanted))
    arrays = {
        "numbers": np.array(numbers),
        "problems": np.array(list(COIN_PROBLEMS)),
        "names": np.array(list(UNBIASED)),
        "variance": np.array(variance),
        "half_width": np.array(error),
        "evaluations": np.array(
            [
                [one.estimator.cost(_coins(n), one.samples).total for n in numbers]
                for one in UNBIASED.values()
            ]
        ),
        "exact_names": np.array(exact_names),
        "exact": exact_variance,
        "biased": np.array(list(BIASED)),
        "bias": np.array(bias),
        "bias_half_width": np.array(bias_error),
    }
    return Study(arrays, _coin_tables(arrays, draws), deviations, {})


def _coin_moments(
    key: PRNGKeyArray,
    draws: int,
    truth: np.ndarray,
    entrant: Entrant,
    numbers: tuple[int, ...],
    probability: float,
) -> tuple[Moments, Moments]:
    """Moments of the mean entry and of |gradient - truth|^2, shape (problems, D)."""
    sample = functools.partial(
        _coin_draw, entrant=entrant, numbers=numbers, probability=probability
    )
    found = moments(jax.random.clone(key), sample, draws, np.asarray(truth, np.float32))
    entry, square = (
        Moments(found.count, *(part[i] for part in found[1:])) for i in (0, 1)
    )
    return entry, square


def _coins(number: int) -> dists.Distribution:
    return dists.Bernoulli(logits=jnp.zeros(number)).to_event(1)


def _coin_draw(
    key: PRNGKeyArray,
    truth: Array,
    *,
    entrant: Entrant,
    numbers: tuple[int, ...],
    probability: float,
) -> tuple[Array, Array]:
    """One draw for every problem and D: the mean entry, and |gradient - truth|^2.

    Always as many coins are tossed as the greatest D has; f looks at the first D, so
    that one program serves all D.
    """
    most = max(numbers)
    logit = math.log(probability / (1 - probability))

    def one(f: Callable, number: Array, truth: Array) -> tuple[Array, Array]:
        seen = (jnp.arange(most) < number).astype(jnp.float32)

        def objective(logits: Array) -> Array:
            return expectation(
                jax.random.clone(key),
                lambda coins: f(coins, seen, number, probability),
                dists.Bernoulli(logits=logits).to_event(1),
                entrant.estimator,
                entrant.samples,
            )

        gradient = seen * jax.grad(objective)(jnp.full(most, logit))
        return (
            jnp.sum(gradient) / number,
            jnp.sum(seen * (gradient - truth) ** 2),
        )

    counts = jnp.asarray(numbers, jnp.float32)
    each = [
        jax.vmap(functools.partial(one, coins.f))(counts, truth[i])
        for i, coins in enumerate(COIN_PROBLEMS.values())
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)


def _coin_tables(arrays: dict[str, Any], draws: int) -> list[dict[str, Any]]:
    rows, names = [], list(arrays["exact_names"])
    last = arrays["numbers"][-1]
    for index, name in enumerate(arrays["names"]):
        row = [str(name), str(arrays["evaluations"][index, -1])]
        for problem in range(len(COIN_PROBLEMS)):
            known = name in names
            right = arrays["exact"][names.index(name), problem, -1] if known else None
            row.append("–" if right is None else _exact(right))
            half = arrays["half_width"][index, problem, -1]
            row.append(_measured(arrays["variance"][index, problem, -1], half / REACH))
        rows.append(row)
    variances = {
        "title": f"{last} coins: total variance of one gradient",
        "note": f"Fair coins; {draws:,} draws of each, ± is the 99% interval. f with "
        "its derivative counts as three evaluations. RLOO-2 : DisARM : ARM is D : "
        "D − 1 : 4D/3 − 1 where the coins are apart.",
        "words": 1,
        "columns": ["estimator", "evaluations", "apart, exact", "measured"]
        + ["together, exact", "measured"],
        "rows": rows,
    }
    columns, rows = ["f", "estimator"], []
    columns += [f"D = {number}" for number in arrays["numbers"]]
    for problem, said in enumerate(("coins apart", "coins together")):
        for index, name in enumerate(arrays["biased"]):
            pairs = zip(
                arrays["bias"][index, problem],
                arrays["bias_half_width"][index, problem],
                strict=True,
            )
            cells = [f"{value:+.0%} ± {half:.0%}" for value, half in pairs]
            rows.append([said, str(name), *(c.replace("-", "−") for c in cells)])
    biases = {
        "title": "Biased estimators: bias over the true gradient",
        "note": f"Coins of probability {SLANT:g}; {draws:,} draws of each, ± is the "
        "99% interval. Below −100% the sign is wrong.",
        "words": 2,
        "columns": columns,
        "rows": rows,
    }
    return [variances, biases]


def _moments_of(drawn: np.ndarray) -> Moments:
    apart = drawn - drawn.mean()
    powers = (np.mean(apart**k) for k in (2, 3, 4))
    return Moments(len(drawn), drawn.mean(), *powers)


def _z(found: Moments, truth: Any, size: Any) -> Any:
    """The mean's deviation in standard errors; float32's rounding is no deviation."""
    error = np.sqrt(found.standard_error**2 + (2e-6 * size) ** 2 + 1e-24)
    return (found.mean - truth) / error


def _z_variance(found: Moments, truth: Any, size: Any) -> Any:
    """The same of the variance, `size` being that of the mean."""
    error = found.variance_standard_error
    error = np.sqrt(error**2 + (2e-6 * size**2) ** 2 + 1e-24)
    return (found.variance - truth) / error


def _exact(value: float) -> str:
    return "0" if abs(value) < 1e-12 else f"{value:.5g}"


def _measured(value: float, error: float) -> str:
    """A mean with its 99% interval, to two digits of that."""
    half = REACH * error
    if abs(value) + half < 1e-12:
        return "0"
    if not half > 1e-9 * abs(value):
        return _exact(value)
    digits = 1 - math.floor(math.log10(half))
    value, half = round(value, digits), round(half, digits)
    return f"{value:.{max(digits, 0)}f} ± {half:.{max(digits, 0)}f}"


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")


def _said(name: str, k: float) -> str:
    minus = "\N{MINUS SIGN}"
    if name == "square":
        return f"(x {'+' if k < 0 else minus} {abs(k):g})²" if k else "x²"
    return f"exp({minus}{k:g} x²)" if name == "bell" else f"cos {k:g}x"
