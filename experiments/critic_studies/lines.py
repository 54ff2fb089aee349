"""Two parallel lines: what trained critics say of them, and where they point."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from experiments.critic_studies import critics
from experiments.critic_studies.intervals import half_width, text
from experiments.variance_studies.study import Study
from jaxgen import divergences, losses, random, run
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.progress import Progress
from jaxgen.typing import Array, Params, PRNGKeyArray

GAMES = (losses.gan.minimax, losses.gan.non_saturating, losses.gan.wasserstein)
"""Those whose gradients in theta are shown; the first two have one critic."""


def sampler(key: PRNGKeyArray, theta: Array, n: int) -> tuple[Array, Array]:
    """Draws from the line at 0 and from the line at theta, shape (n, 2) each."""
    of_real, of_fake = jax.random.split(key)
    real, fake = (jax.random.uniform(own, (n,)) for own in (of_real, of_fake))
    at_zero, at_theta = jnp.zeros(n), jnp.full(n, theta)
    return jnp.stack([at_zero, real], axis=1), jnp.stack([at_theta, fake], axis=1)


def penalized_estimate(theta: np.ndarray, penalty: float) -> np.ndarray:
    """Returns what a critic of slope s reads at its best under a gradient penalty.

    `s |theta| - penalty (s - 1)^2` is highest at `s = 1 + |theta| / (2 penalty)`.
    """
    distance = np.abs(theta)
    return distance * (1 + distance / (2 * penalty))


def parallel_lines(
    key: PRNGKeyArray,
    show: Progress,
    *,
    distances: tuple[float, ...],
    penalties: tuple[float, ...],
    options: critics.Options,
    draws: int,
) -> Study:
    """Trains critics at every theta, and reads divergences and gradients off them.

    Args:
        key: It is consumed.
        show: Called with what comes next.
        distances: The |theta|, above 0; both signs are trained, and 0.
        penalties: Weights of the gradient penalty; gradients are those of the first.
        options: How critics are trained, the penalty apart.
        draws: Fresh samples of either side that everything is measured on.
    """
    away = np.sort(np.asarray(distances))
    theta = np.concatenate([-away[::-1], [0.0], away])
    at = jnp.asarray(theta, jnp.float32)
    show("critics of parallel lines: discriminators", 0, None)
    plain = options._replace(penalty=0.0)
    sure = critics.train(
        random.stream(key, "discriminator"), GAMES[1](), sampler, at, plain
    )
    bound = []
    for penalty in penalties:
        show(f"critics of parallel lines: Wasserstein, penalty {penalty:g}", 0, None)
        own = options._replace(penalty=penalty)
        bound.append(
            critics.train(random.stream(key, "critic"), GAMES[2](), sampler, at, own)
        )
    measured = random.stream(key, "measured")
    read = partial(_read, measured, at, hidden=options.hidden, draws=draws)
    js, vanishing = read(GAMES[0](), sure)
    _, exploding = read(GAMES[1](), sure)
    distance, steady = zip(*(read(GAMES[2](), params) for params in bound), strict=True)
    truth = divergences.parallel_lines(at)
    arrays = {
        "theta": theta,
        "true_js": np.asarray(truth.js),
        "true_wasserstein": np.asarray(truth.wasserstein),
        "penalties": np.asarray(penalties),
        "penalized": np.stack([penalized_estimate(theta, p) for p in penalties]),
        "names": np.array([game().name for game in GAMES]),
    }
    seen = {
        "js": js,
        "wasserstein": np.stack(distance),
        "gradient": np.stack([vanishing, exploding, steady[0]]),
    }
    for name, values in seen.items():
        arrays |= {name: values.mean(axis=-1), f"{name}_half_width": half_width(values)}
    table = _table(theta, penalties, **seen)
    return Study(arrays, [table], [], _results(arrays))


def _read(
    key: PRNGKeyArray,
    theta: Array,
    loss: AdversarialLoss,
    params: Params,
    *,
    hidden: tuple[int, ...],
    draws: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The estimate and the generator's gradient, each of shape (thetas, seeds)."""
    critic = critics.network(hidden)

    def one(params: Params, theta: Array) -> tuple[Array, Array]:
        def logits(theta: Array) -> tuple[Array, Array]:
            real, fake = sampler(jax.random.clone(key), theta, draws)
            return critic.apply(params, (), real)[0], critic.apply(params, (), fake)[0]

        def generator(theta: Array) -> Array:
            return jnp.mean(loss.generator(*logits(theta)))

        assert loss.estimate is not None
        estimate = loss.estimate(jnp.mean(loss.critic(*logits(theta))))
        return estimate, jax.grad(generator)(theta)

    over_seeds = jax.vmap(one, in_axes=(0, None))
    found = jax.jit(jax.vmap(over_seeds))(params, theta)
    estimate, gradient = (np.asarray(x, np.float64) for x in found)
    return estimate, gradient


def _table(
    theta: np.ndarray,
    penalties: tuple[float, ...],
    *,
    js: np.ndarray,
    wasserstein: np.ndarray,
    gradient: np.ndarray,
) -> run.Table:
    columns = [js, *wasserstein, *gradient]
    rows = [
        [f"{theta[row]:g}", *(text(column[row]) for column in columns)]
        for row in range(len(theta) // 2, len(theta))
    ]
    weights = [f"W, penalty {penalty:g}" for penalty in penalties]
    names = ["minimax", "non-saturating", "Wasserstein"]
    return run.Table(
        title="Parallel lines, as trained critics see them",
        note=(
            f"Means over {js.shape[-1]} seeds with 99% intervals; negative theta "
            "mirror these. In truth JS is log 2 = 0.6931 nats at every theta but 0, "
            "and W is |theta|; a penalty of weight w lets a critic at its best read "
            "|theta| (1 + |theta| / 2w). The last three columns are gradients of "
            "generator losses in theta."
        ),
        columns=["theta", "JS (nats)", *weights, *names],
        words=0,
        rows=rows,
    )


def _results(arrays: dict[str, np.ndarray]) -> dict[str, tuple[float, str]]:
    apart = arrays["theta"] != 0
    theta, js = arrays["theta"][apart], arrays["js"][apart]
    distance = arrays["wasserstein"][0][apart]
    js_error = 100 * float(np.abs(js / np.log(2) - 1).max())
    error = 100 * float(np.abs(distance / np.abs(theta) - 1).max())
    weight = f"{arrays['penalties'][0]:g}"
    return {
        "lines: JS estimate, farthest from log 2": (js_error, "%"),
        f"lines: W estimate (penalty {weight}), farthest from |theta|": (error, "%"),
    }
