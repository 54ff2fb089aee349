"""What does a gradient sample cost, by estimator and against PyTorch?

Gradients a second and variance x seconds of every estimator of the menu, with the
fewest samples it takes, for f = sum (x - k)^2 of D independent coordinates. Then the
gradient of each of many draws in PyTorch, written in the two ways its users write it,
taking turns with `grad_samples`; and the memory of `moments` for few and many draws.

Bars: 10^6 score-function gradients at D = 1 within a second; at D = 200, three times
PyTorch's rate.

Command: python -m benchmarks.estimator_cost [--quick]   (extra `bench`)
    storchastic is measured where it is installed (pip install --no-deps storchastic
    entmax pyro-ppl pyro-api opt_einsum).
Time: about five minutes on 2 CPU cores.
Result: benchmarks/results/estimator_cost.json
"""

import argparse
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists

from benchmarks import timing
from jaxgen.estimators import (
    Estimator,
    Gradient,
    GumbelSoftmax,
    ScoreFunction,
    distributions,
    grad_samples,
    menu,
    moments,
    warmed_state,
    why_not,
)

SIZES = (1, 200, 10_000)
TARGET, TEMPERATURE, SAMPLES = 0.4, 0.5, 4
# Floats of the samples that one gradient may take, of a chunk, and of a timed call.
AFFORDABLE, CHUNK, CALL = 1 << 24, 1 << 18, 1 << 22
Candidates = dict[str, Callable[[], Any]]


def squares(x: jax.Array) -> jax.Array:
    """Returns sum (x - k)^2."""
    return jnp.sum((x - TARGET) ** 2, axis=-1)


def normal(mean: jax.Array) -> dists.Distribution:
    """Returns independent normals of scale 1."""
    return dists.Normal(mean, jnp.ones_like(mean)).to_event(1)


def bernoulli(logits: jax.Array) -> dists.Distribution:
    """Returns independent Bernoullis."""
    return dists.Bernoulli(logits=logits).to_event(1)


FAMILIES = {"Normal": normal, "Bernoulli": bernoulli}


class Row(NamedTuple):
    """What one estimator cost; `skipped` says why it was not measured."""

    samples: int = 0
    gradients_per_second: float = 0.0
    variance: float = 0.0
    variance_seconds: float = 0.0
    unbiased: bool = True
    first_call_seconds: float = 0.0
    skipped: str | None = None


def refusal(estimator: Estimator, dist_fn: Callable, size: int) -> str | None:
    """Returns why an estimator is not measured at this size, or None."""
    dist, samples = dist_fn(jnp.zeros(size)), estimator.min_samples
    reason = why_not(estimator, squares, dist, samples)
    if reason is not None:
        return reason
    work = _evaluations(estimator, dist, samples)
    if work * size > AFFORDABLE:
        return f"one gradient takes {work:,} evaluations of f at {size:,} coordinates."
    return None


def menu_rows(family: str, size: int, *, call: int, repeats: int) -> dict[str, Row]:
    """Measures the menu, the estimators taking turns."""
    dist_fn, params, key = FAMILIES[family], jnp.zeros(size), jax.random.key(0)
    dist, rows, candidates = dist_fn(params), {}, {}
    found: dict[str, Any] = {}
    for estimator in menu():
        name = str(estimator)
        reason = refusal(estimator, dist_fn, size)
        if reason is not None:
            rows[name] = Row(skipped=reason)
            continue
        gradient = Gradient(squares, dist_fn, estimator, estimator.min_samples)
        state = warmed_state(key, gradient, params)
        work = size * _evaluations(estimator, dist, gradient.num_samples)
        draws = int(np.clip(call // work, 16, 1 << 16))
        chunk = int(np.clip(CHUNK // work, 1, draws))
        rows[name] = Row(gradient.num_samples, unbiased=estimator.unbiased)

        def draw(name=name, gradient=gradient, state=state, draws=draws, chunk=chunk):
            found[name] = moments(key, gradient, draws, params, state, chunk=chunk)

        candidates[name] = draw
    comparison = timing.compare(candidates, repeats=repeats)
    for name, drawn in found.items():
        each = comparison.seconds[name] / drawn.count
        variance = float(np.sum(drawn.variance))
        rows[name] = rows[name]._replace(
            gradients_per_second=1 / each,
            variance=variance,
            variance_seconds=variance * each,
            first_call_seconds=comparison.first_call[name],
        )
    return rows


def ours(problem: str, draws: int, size: int) -> Callable[[], Any]:
    """Returns a call of `grad_samples`: gradients of shape (draws, size)."""
    estimator, samples, dist_fn = {
        "score function": (ScoreFunction(), 1, normal),
        "RLOO": (ScoreFunction("leave_one_out"), SAMPLES, normal),
        "Gumbel-Softmax": (GumbelSoftmax(TEMPERATURE), 1, bernoulli),
    }[problem]
    key, params = jax.random.key(0), jnp.zeros(size)
    return lambda: grad_samples(
        key, squares, dist_fn, params, estimator, draws, num_samples=samples
    )


def torch_peers(problem: str, draws: int, size: int) -> Candidates:
    """Returns the same in PyTorch, by vmap of grad and by one backward pass."""
    import torch

    params, scale = torch.zeros(size), torch.ones(())

    def f(x: Any) -> Any:
        return ((x - TARGET) ** 2).sum(-1)

    def normals(mean: Any) -> Any:
        return torch.distributions.Normal(mean, scale, validate_args=False)

    def score(mean: Any, x: Any) -> Any:
        return f(x) * normals(mean).log_prob(x).sum(-1)

    def leave_one_out(mean: Any, x: Any) -> Any:  # samples first
        values = f(x)
        advantages = (values - values.mean(0)) * (SAMPLES / (SAMPLES - 1))
        return (advantages * normals(mean).log_prob(x).sum(-1)).mean(0)

    def relaxed(logits: Any, noise: Any) -> Any:
        return f(torch.sigmoid((logits + noise) / TEMPERATURE))

    def per_sample(surrogate: Callable, noise: Callable) -> Any:
        gradient = torch.func.vmap(torch.func.grad(surrogate), in_dims=(None, 0))
        return gradient(params, noise())

    def logistic() -> Any:
        u = torch.rand(draws, size).clamp_min_(torch.finfo(torch.float32).tiny)
        return u.logit(eps=1e-7)

    def one_pass(surrogate: Callable) -> Any:
        wide = params.repeat(draws, 1).requires_grad_()
        surrogate(wide).sum().backward()
        return wide.grad

    def sampled(surrogate: Callable, shape: tuple[int, ...]) -> Callable:
        return lambda wide: surrogate(wide, normals(wide).sample(shape))

    def relaxed_distribution(wide: Any) -> Any:
        heat = torch.tensor(TEMPERATURE)
        kind = torch.distributions.RelaxedBernoulli
        return f(kind(heat, logits=wide, validate_args=False).rsample())

    by_vmap = {
        "score function": (score, lambda: torch.randn(draws, size)),
        "RLOO": (leave_one_out, lambda: torch.randn(draws, SAMPLES, size)),
        "Gumbel-Softmax": (relaxed, logistic),
    }[problem]
    by_backward = {
        "score function": sampled(score, ()),
        "RLOO": sampled(leave_one_out, (SAMPLES,)),
        "Gumbel-Softmax": relaxed_distribution,
    }[problem]
    return {
        "torch, vmap of grad": lambda: per_sample(*by_vmap),
        "torch, one backward": lambda: one_pass(by_backward),
    }


def storchastic_peer(draws: int, size: int) -> Callable[[], Any]:
    """Returns the score function in storchastic, a plate of independent draws."""
    import storch
    import torch

    def call() -> Any:
        storch.reset()
        mean = torch.zeros(draws, size, requires_grad=True)
        plate = storch.denote_independent(mean, 0, "draws")
        normals = torch.distributions.Normal(plate, torch.ones(size))
        x = storch.method.ScoreFunction("x", n_samples=1)(
            torch.distributions.Independent(normals, 1)
        )
        storch.add_cost(((x - TARGET) ** 2).sum(-1), "f")
        storch.backward()
        assert mean.grad is not None
        return mean.grad * draws  # the cost is the mean over the plate

    return call


def peer_rows(problem: str, draws: int, size: int, *, repeats: int) -> dict[str, Any]:
    """Measures ours and the peers in turns; ratios are to the faster PyTorch."""
    candidates = {"jaxgen": ours(problem, draws, size)}
    skipped = {}
    if importlib.util.find_spec("torch") is None:
        skipped["torch"] = "not installed."
    else:
        candidates |= torch_peers(problem, draws, size)
    if importlib.util.find_spec("storch") is None:
        skipped["storchastic"] = "not installed."
    elif problem == "score function" and draws * size <= 10_000_000:
        candidates["storchastic"] = storchastic_peer(draws, size)
    comparison = timing.compare(candidates, repeats=repeats)
    peers = [name for name in candidates if name.startswith("torch")]
    fastest = min(peers, key=comparison.seconds.__getitem__, default=None)
    return {
        "draws": draws,
        "seconds": comparison.seconds,
        "first_call_seconds": comparison.first_call["jaxgen"],
        "times_faster_than": {
            name: comparison.ratios[name]["jaxgen"]
            for name in candidates
            if name != "jaxgen"
        },
        "faster_pytorch": fastest,
        "skipped": skipped,
    }


def memory(draws: int) -> float:
    """Returns the peak of memory in MB of a process that draws so many gradients."""
    command = [sys.executable, "-m", "benchmarks.estimator_cost", "--memory"]
    done = subprocess.run([*command, str(draws)], capture_output=True, check=True)
    return float(done.stdout)


def own_peak_memory() -> int:
    """Returns the peak of memory in bytes since this program began.

    What `getrusage` says starts from the peak of the process that started this one.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return timing.peak_memory()
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def main(
    *,
    sizes: tuple[int, ...] = SIZES,
    call: int = CALL,
    floats: int = 10_000_000,
    million: int = 1_000_000,
    memory_draws: tuple[int, ...] = (2_000_000, 20_000_000),
    repeats: int = 5,
) -> dict[str, Any]:
    """Measures, prints tables and returns the numbers.

    Args:
        sizes: Numbers of coordinates D.
        call: Floats of the samples of a timed call, for each estimator of the menu.
        floats: Floats of the gradients of a timed call, beside the peers.
        million: Gradients at D = 1.
        memory_draws: Numbers of draws whose peak memory is measured.
        repeats: Rounds.
    """
    load = os.getloadavg()[0]
    peers: dict[str, Any] = {}
    for size in sizes:
        for problem in ("score function", "RLOO", "Gumbel-Softmax"):
            draws = million if size == 1 else max(floats // size, 1)
            row = peer_rows(problem, draws, size, repeats=repeats)
            peers[f"{problem}, D = {size}"] = row
            _print_peers(problem, size, row)
    rows: dict[str, Any] = {}
    for family in FAMILIES:
        for size in sizes:
            measured = menu_rows(family, size, call=call, repeats=repeats)
            rows[f"{family}, D = {size}"] = measured
            _print_menu(family, size, measured)
    peaks = {str(draws): memory(draws) for draws in memory_draws}
    for draws, megabytes in peaks.items():
        print(f"moments of {int(draws):,} draws: at most {megabytes:.0f} MB")
    return {
        "load_at_start": load,
        "bars": _bars(peers),
        "peers": peers,
        "menu": rows,
        "peak_megabytes_by_draws": peaks,
    }


def _evaluations(
    estimator: Estimator, dist: dists.Distribution, num_samples: int
) -> int:
    """Evaluations of f for the first gradient, with its pilot."""
    work = (
        cost(dist, num_samples, _moving(dist)).total
        for cost in (estimator.cost, estimator.pilot_cost)
    )
    return sum(work)


def _moving(dist: dists.Distribution) -> tuple[str, ...]:
    """The parameter that `params` is, by name; a scale stays where it is."""
    names = distributions.parameters(dist)
    return ("loc",) if "loc" in names else tuple(names)


def _bars(peers: dict[str, Any]) -> dict[str, Any]:
    bars = {}
    for problem, row in peers.items():
        if problem == "score function, D = 1":
            bars["seconds of 10^6 score-function gradients at D = 1 (below 1)"] = (
                row["seconds"]["jaxgen"] * 1e6 / row["draws"]
            )
        if problem == "score function, D = 200" and row["faster_pytorch"]:
            bars["times PyTorch's rate at D = 200 (at least 3)"] = row[
                "times_faster_than"
            ][row["faster_pytorch"]]
    return bars


def _print_peers(problem: str, size: int, row: dict[str, Any]) -> None:
    print(f"\n{problem}, D = {size}: {row['draws']:,} gradients")
    for name, seconds in row["seconds"].items():
        line = f"  {name:<24}{seconds:>9.3f} s"
        if name in row["times_faster_than"]:
            ratio = row["times_faster_than"][name]
            line += f"   jaxgen is {ratio.median:.2f} times as fast"
            line += f" ({ratio.minimum:.2f}-{ratio.maximum:.2f})"
        print(line)
    for name, reason in row["skipped"].items():
        print(f"  {name:<24}skipped: {reason}")


def _print_menu(family: str, size: int, rows: dict[str, Row]) -> None:
    print(f"\n{family}, D = {size}")
    print(f"  {'':<42}{'gradients/s':>13}{'variance':>11}{'var x s':>11}")
    for name, row in rows.items():
        if row.skipped is not None:
            print(f"  {name:<42}skipped: {row.skipped}")
            continue
        print(
            f"  {name:<42}{row.gradients_per_second:>13,.0f}{row.variance:>11.3g}"
            f"{row.variance_seconds:>11.3g}{'' if row.unbiased else '  biased'}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny, writes no result")
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory:
        score = Gradient(squares, normal, ScoreFunction())
        moments(jax.random.key(0), score, arguments.memory, jnp.zeros(1), ())
        print(own_peak_memory() / 1e6)
    elif arguments.quick:
        main(call=1 << 12, floats=10_000, million=1000, memory_draws=(), repeats=1)
    else:
        print("recorded in", timing.record("estimator_cost", main()).name)
