"""Bayesian logistic regression: training by each estimator, and their variance there.

Mohamed et al., Monte Carlo Gradient Estimation in Machine Learning, 2020, section 8.3.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import optax

from experiments.variance_studies.study import REACH, Study
from jaxgen import divergences, random, run
from jaxgen.errors import InputError
from jaxgen.estimators import (
    DeltaMethod,
    Estimator,
    MeasureValued,
    Pathwise,
    ScoreFunction,
    expectation,
)
from jaxgen.numerics import softplus
from jaxgen.progress import Progress
from jaxgen.typing import Array, PRNGKeyArray

MOVING_AVERAGE = ScoreFunction("moving_average")
ESTIMATORS: dict[str, Estimator] = {
    "score": ScoreFunction(),
    "score, moving average": MOVING_AVERAGE,
    "score, delta method": DeltaMethod(ScoreFunction(), coefficient=1.0),
    "measure-valued, coupled": MeasureValued(coupling=True),
    "pathwise": Pathwise(),
}

MINI_BATCHES = 16
"""Over how many mini-batches a variance is averaged."""


class Rows(NamedTuple):
    """Some rows of the data: inputs (rows, features), labels of -1 and 1 (rows,)."""

    inputs: Array
    labels: Array


class Trained(NamedTuple):
    """A training run at its snapshots: parameters, state of the moving average."""

    params: dict[str, Array]
    average: Any


def breast_cancer() -> Rows:
    """Reads the 569 rows: 30 standardised features and a constant."""
    from sklearn.datasets import load_breast_cancer

    raw: Any = load_breast_cancer()
    inputs = (raw.data - raw.data.mean(axis=0)) / raw.data.std(axis=0)
    inputs = np.column_stack([inputs, np.ones(len(inputs))])
    return Rows(jnp.asarray(inputs, jnp.float32), jnp.asarray(2.0 * raw.target - 1))


def posterior(params: dict[str, Array]) -> dists.Distribution:
    """Returns the mean-field normal over the weights, one event."""
    return dists.Normal(params["mean"], jnp.exp(params["log_scale"])).to_event(1)


def log_likelihood(weights: Array, rows: Rows) -> Array:
    """Calculates the sum over the rows of log p(label | input, weights), in nats."""
    return -jnp.sum(softplus(-rows.labels * (rows.inputs @ weights)))


def scaled(rows: Rows, scale: float) -> Callable[[Array], Array]:
    """Returns the log-likelihood of a mini-batch, scaled to that of all rows."""
    return lambda weights: scale * log_likelihood(weights, rows)


def divergence(params: dict[str, Array]) -> Array:
    """Calculates KL(posterior || N(0, I)), in nats."""
    return divergences.gaussian_kl(params["mean"], 2 * params["log_scale"])


def fitted(
    estimator: Estimator,
    data: Rows,
    batches: np.ndarray,
    key: PRNGKeyArray,
    *,
    samples: int,
    learning_rate: float,
    snapshots: int,
) -> Trained:
    """Maximises the evidence lower bound by SGD; one compiled program.

    Args:
        estimator: Of the gradient of E log p(labels | inputs, weights); that of the
            divergence is exact.
        data: All rows.
        batches: Row numbers of each step, shape (steps, batch).
        key: Step n draws its samples from `step_key(key, n)`.
        samples: Samples of a step.
        learning_rate: The first; it falls to 0 by a cosine.
        snapshots: How many parts of equal length; before each and after the last a
            snapshot is taken.
    """
    steps, batch = batches.shape
    optimizer = optax.sgd(optax.cosine_decay_schedule(learning_rate, steps))
    params = {"mean": jnp.zeros(data.inputs.shape[1])}
    params["log_scale"] = params["mean"]
    state = estimator.init(key, posterior(params))
    average = MOVING_AVERAGE.init(key, posterior(params))
    scale = len(data.labels) / batch

    def next_average(
        own: PRNGKeyArray, rows: Rows, params: dict[str, Array], average: Any
    ) -> Any:
        f = scaled(rows, scale)
        own = jax.random.clone(own)
        return expectation(
            own, f, posterior(params), MOVING_AVERAGE, samples, state=average
        )[1]

    def step(carry: Any, item: tuple[Array, Array]) -> tuple[Any, None]:
        params, optimizer_state, state, average = carry
        number, index = item
        rows, own = jax.tree.map(lambda x: x[index], data), random.step_key(key, number)

        def loss(params: dict[str, Array]) -> tuple[Array, Any]:
            value, after = expectation(
                own,
                scaled(rows, scale),
                posterior(params),
                estimator,
                samples,
                state=state,
            )
            return divergence(params) - value, after

        slope, state = jax.grad(loss, has_aux=True)(params)
        updates, optimizer_state = optimizer.update(slope, optimizer_state)
        average = next_average(own, rows, params, average)
        params = optax.apply_updates(params, updates)
        return (params, optimizer_state, state, average), None

    def part(carry: Any, items: Any) -> tuple[Any, Trained]:
        return jax.lax.scan(step, carry, items)[0], Trained(carry[0], carry[3])

    @jax.jit
    def run(params: dict[str, Array]) -> Trained:
        carry = (params, optimizer.init(params), state, average)
        items = (jnp.arange(steps), jnp.asarray(batches))
        items = jax.tree.map(lambda x: x.reshape(snapshots, -1, *x.shape[1:]), items)
        carry, taken = jax.lax.scan(part, carry, items)
        last = Trained(carry[0], carry[3])
        return jax.tree.map(lambda a, b: jnp.append(a, b[None], 0), taken, last)

    return run(params)


@functools.partial(jax.jit, static_argnames="points")
def evidence(
    params: dict[str, Array], data: Rows, points: int = 64
) -> tuple[Array, Array]:
    """Calculates the lower bound on all rows, in nats, and the accuracy of the mean.

    A row sees the weights through one normal number, its logit: the expectation is one
    integral a row, by Gauss-Hermite quadrature, without noise.
    """
    nodes, masses = np.polynomial.hermite_e.hermegauss(points)
    mean = data.inputs @ params["mean"]
    width = jnp.sqrt(data.inputs**2 @ jnp.exp(2 * params["log_scale"]))
    logits = data.labels[:, None] * (mean[:, None] + width[:, None] * nodes[None])
    inside = -softplus(-logits) @ (masses / masses.sum())
    accuracy = jnp.mean((mean > 0) == (data.labels > 0))
    return jnp.sum(inside) - divergence(params), accuracy


@functools.partial(jax.jit, static_argnames="steps")
def best_evidence(data: Rows, steps: int = 3000) -> Array:
    """Returns the greatest bound of any mean-field normal, found without noise."""
    optimizer = optax.adam(optax.cosine_decay_schedule(0.05, steps))
    params = {"mean": jnp.zeros(data.inputs.shape[1])}
    params["log_scale"] = params["mean"]

    def step(carry: Any, _: None) -> tuple[Any, None]:
        params, state = carry
        slope = jax.grad(lambda p: -evidence(p, data, 32)[0])(params)
        updates, state = optimizer.update(slope, state)
        return (optax.apply_updates(params, updates), state), None

    carry = (params, optimizer.init(params))
    params = jax.lax.scan(step, carry, length=steps)[0][0]
    return evidence(params, data)[0]


def regression(
    key: PRNGKeyArray,
    show: Progress,
    *,
    steps: int,
    batch_size: int,
    samples: int,
    learning_rate: float,
    snapshots: int,
    draws: int,
) -> Study:
    """Trains with every estimator, and measures all of them along one of the runs.

    The variances are those at the parameters of the pathwise run, each the mean over
    the same mini-batches, with the same keys for all estimators.

    Args:
        key: A typed key; it is consumed.
        show: Called with what comes next.
        steps: Steps of SGD, cut to a multiple of the snapshots.
        batch_size: Rows of a mini-batch.
        samples: Samples of a step.
        learning_rate: The first.
        snapshots: Points of the curves; at some of them variances are measured.
        draws: Gradients drawn at each of these, over all mini-batches.
    """
    data = breast_cancer()
    part = steps // snapshots
    batches = _batches(key, len(data.labels), part * snapshots, batch_size)
    scale = len(data.labels) / batch_size
    runs, curves = {}, []
    for name, estimator in ESTIMATORS.items():
        show(f"training, {name}", 0, None)
        runs[name] = fitted(
            estimator,
            data,
            batches,
            random.stream(key, "training"),
            samples=samples,
            learning_rate=learning_rate,
            snapshots=snapshots,
        )
        bound = jax.vmap(evidence, in_axes=(0, None))(runs[name].params, data)
        curves.append(np.asarray(bound))
        if not np.isfinite(curves[-1]).all():
            raise InputError(
                f"Training by {name!r} diverged: lower --learning-rate, "
                f"{learning_rate:g}, or raise --samples, {samples}."
            )
    bound, accuracy = np.moveaxis(np.array(curves), 1, 0)
    # Most happens in the first steps.
    places = np.unique([0, *np.geomspace(1, snapshots, 10).round().astype(int)])
    rows = jax.tree.map(lambda x: x[batches[:MINI_BATCHES]], data)
    measured = np.zeros((2, len(ESTIMATORS), len(places), 2))
    for row, (name, estimator) in enumerate(ESTIMATORS.items()):
        show(f"variance, {name}", 0, None)
        for column, place in enumerate(places):
            measured[:, row, column] = spread(
                random.stream(key, "variance"),
                estimator,
                jax.tree.map(lambda x, at=place: x[at], runs["pathwise"]),
                rows,
                samples=samples,
                draws=draws,
                scale=scale,
            )
    names = list(ESTIMATORS)
    arrays = {
        "names": np.array(names),
        "step": np.arange(snapshots + 1) * part,
        "elbo": bound,
        "accuracy": accuracy,
        "best": np.array([float(best_evidence(data))]),
        "at": places * part,
        "variance": measured[0],
        "half_width": REACH * measured[1],
        "samples": np.array([samples]),
        "rows": np.array([len(data.labels)]),
    }
    tables = [_ends(arrays), _orderings(names, measured[0])]
    results = {
        f"regression: ELBO trained by {name}": (
            float(bound[names.index(name), -1]),
            "nats",
        )
        for name in ("pathwise", "score")
    }
    return Study(arrays, tables, [], results)


def _batches(key: PRNGKeyArray, rows: int, steps: int, size: int) -> np.ndarray:
    """Row numbers of each step: every epoch a new order, whose remainder is dropped."""
    seed = jax.random.bits(random.stream(key, "order"))
    order, each = np.random.default_rng(int(seed)), max(1, rows // size)
    epochs = [
        order.permutation(rows)[: each * size].reshape(each, size)
        for _ in range(-(-steps // each))
    ]
    return np.concatenate(epochs)[:steps]


def _ends(arrays: dict[str, Any]) -> run.Table:
    places = [0, len(arrays["at"]) // 2, len(arrays["at"]) - 1]
    totals = arrays["variance"].sum(axis=-1)
    rows = [
        [str(name), *(f"{totals[row, place]:.3g}" for place in places)]
        + [
            f"{arrays['elbo'][row, -1]:.2f}".replace("-", "\N{MINUS SIGN}"),
            f"{arrays['accuracy'][row, -1]:.1%}",
        ]
        for row, name in enumerate(arrays["names"])
    ]
    return run.Table(
        title="Bayesian logistic regression",
        note="Total variance of the gradient in the 31 means and 31 log-scales at "
        "the parameters of the pathwise run; lower bound on all 569 rows, in nats, and "
        "accuracy of the posterior mean on them at the end of the estimator's own run.",
        words=1,
        columns=["estimator"]
        + [f"variance at step {arrays['at'][place]:,}" for place in places]
        + ["ELBO", "accuracy"],
        rows=rows,
    )


def _orderings(names: list[str], variance: np.ndarray) -> run.Table:
    totals = dict(zip(names, variance.sum(axis=-1), strict=True))
    pairs = [
        ("score", "score, moving average"),
        ("score, moving average", "score, delta method"),
        ("score", "pathwise"),
        ("measure-valued, coupled", "pathwise"),
    ]
    highest = max(names, key=lambda name: totals[name][0])
    rows = []
    for above, below in pairs:
        ratio = totals[above] / totals[below]
        rows.append(
            [f"{above} / {below}", f"{np.median(ratio):.3g}"]
            + [f"{ratio.min():.3g} to {ratio.max():.3g}"]
            + [f"{np.sum(ratio > 1)} of {len(ratio)}"]
        )
    return run.Table(
        title="Whose variance is greater",
        note="At each point along the pathwise run, the first included; the same "
        "parameters, mini-batches and keys for both. At step 0 the moving average is "
        f"still empty, and the highest variance is that of: {highest}.",
        words=1,
        columns=["variances", "median ratio", "range", "above 1 at"],
        rows=rows,
    )


class Spread(NamedTuple):
    """Total variance of a gradient in the means and in the log-scales, shape (2,)."""

    variance: np.ndarray
    standard_error: np.ndarray


def spread(
    key: PRNGKeyArray,
    estimator: Estimator,
    trained: Trained,
    rows: Rows,
    *,
    samples: int,
    draws: int,
    scale: float,
) -> Spread:
    """Measures an estimator's variance at one point of a training run.

    Gradients of one sample are drawn; that of `samples` is a mean of such, with the
    variance divided by their number. The same key gives all estimators the same keys.
    A variance is that given the mini-batch, in the mean over the mini-batches: what
    these themselves add is the same for all estimators.

    Args:
        key: A typed key; it is consumed.
        estimator: The estimator; one that keeps a moving average is given the run's.
        trained: Parameters and moving average.
        rows: The mini-batches, on a leading axis.
        samples: Samples of the gradient that is spoken of.
        draws: Gradients drawn, of all mini-batches together.
        scale: All rows over those of a mini-batch.
    """
    each = max(2, draws // len(rows.labels))
    keys = random.example_keys(key, each * len(rows.labels))
    keys = keys.reshape(len(rows.labels), each)
    drawn = _gradients(keys, trained, rows, estimator=estimator, scale=scale)
    found = []
    for name in ("mean", "log_scale"):
        g = np.asarray(drawn[name], np.float64)
        apart = g - g.mean(axis=1, keepdims=True)
        squares = np.sum(apart**2, axis=-1) * each / ((each - 1) * samples)
        error = squares.std(axis=1) / np.sqrt(each)
        found.append((squares.mean(), np.sqrt(np.mean(error**2) / len(error))))
    return Spread(*np.array(found).T)


@functools.partial(jax.jit, static_argnames=("estimator", "scale"))
def _gradients(
    keys: PRNGKeyArray,
    trained: Trained,
    rows: Rows,
    *,
    estimator: Estimator,
    scale: float,
) -> dict[str, Array]:
    def one(key: PRNGKeyArray, rows: Rows) -> dict[str, Array]:
        def objective(params: dict[str, Array]) -> Array:
            state = trained.average if estimator.stateful else ()
            return expectation(
                key, scaled(rows, scale), posterior(params), estimator, 1, state=state
            )[0]

        return jax.grad(objective)(trained.params)

    def batch(item: tuple[PRNGKeyArray, Rows]) -> dict[str, Array]:
        return jax.vmap(one, in_axes=(0, None))(*item)

    return jax.lax.map(batch, (keys, rows))
