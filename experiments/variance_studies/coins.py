"""Gradients in the logits of coins, against enumeration over their number of ones."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

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
    z_of_mean,
)
from jaxgen import run
from jaxgen.estimators import (
    ARM,
    DisARM,
    DoubleCV,
    Estimator,
    GumbelRao,
    GumbelSoftmax,
    MeasureValued,
    Moments,
    Rebar,
    ReinMax,
    ScoreFunction,
    StraightThrough,
    expectation,
    moments,
)
from jaxgen.progress import Progress
from jaxgen.typing import Array, PRNGKeyArray

TARGET, SLANT = 0.45, 0.3
"""t of (b - t)^2, and the probability of the coins that the biased are tried on."""


class Coins(NamedTuple):
    """A function of D coins, and the same as a function of the number of ones.

    Both are given the probability of a one, too.
    """

    f: Callable[[Array, Array, Array, float], Array]
    of_count: Callable[..., np.ndarray]


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
    key: PRNGKeyArray, draws: int, numbers: tuple[int, ...], show: Progress
) -> Study:
    """Measures total variance and bias for D coins, in their logits.

    The unbiased estimators get fair coins, where their variances are known. The biased
    ones get coins of probability 0.3: at 1/2 the derivatives at both ends of a
    straight line of f are weighted alike, and ReinMax is straight-through.

    Args:
        key: A typed key; it is consumed.
        draws: Gradients of each estimator at each D.
        numbers: The D.
        show: Called with what comes next.
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
        show(f"{name}, coins", 0, None)
        entry, square = _coin_moments(key, draws, truth, entrant, numbers, 0.5)
        deviations += list(z_of_mean(entry, truth, np.abs(truth)).ravel())
        if name in exact_names:
            right = exact_variance[exact_names.index(name)]
            deviations += list(z_of_mean(square, right, truth**2).ravel())
        # The mean of |g - truth|^2 is the total variance: there is no bias.
        variance.append(square.mean)
        error.append(REACH * square.standard_error)
    bias, bias_error = [], []
    for name, entrant in BIASED.items():
        show(f"{name}, coins", 0, None)
        entry, _ = _coin_moments(key, draws, slanted, entrant, numbers, SLANT)
        bias.append(entry.mean / slanted - 1)
        bias_error.append(REACH * entry.standard_error / np.abs(slanted))
    arrays = {
        "numbers": np.array(numbers),
        "target": np.array([TARGET]),
        "probability": np.array([SLANT]),
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


def _coin_tables(arrays: dict[str, Any], draws: int) -> list[run.Table]:
    rows, names = [], list(arrays["exact_names"])
    last = arrays["numbers"][-1]
    for index, name in enumerate(arrays["names"]):
        row = [str(name), str(arrays["evaluations"][index, -1])]
        for problem in range(len(COIN_PROBLEMS)):
            known = name in names
            right = arrays["exact"][names.index(name), problem, -1] if known else None
            row.append("–" if right is None else exact_text(right))
            half = arrays["half_width"][index, problem, -1]
            row.append(
                measured_text(arrays["variance"][index, problem, -1], half / REACH)
            )
        rows.append(row)
    variances = run.Table(
        title=f"{last} coins: total variance of one gradient",
        note=f"Fair coins; {draws:,} draws of each, ± is the 99% interval. f with "
        "its derivative counts as three evaluations. RLOO-2 : DisARM : ARM is D : "
        "D − 1 : 4D/3 − 1 where the coins are apart.",
        words=1,
        columns=["estimator", "evaluations", "apart, exact", "measured"]
        + ["together, exact", "measured"],
        rows=rows,
    )
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
    biases = run.Table(
        title="Biased estimators: bias over the true gradient",
        note=f"Coins of probability {SLANT:g}; {draws:,} draws of each, ± is the "
        "99% interval. The D entries of the gradient are alike: it is their mean that "
        "is measured. Below −100% the sign is wrong.",
        words=2,
        columns=columns,
        rows=rows,
    )
    return [variances, biases]
