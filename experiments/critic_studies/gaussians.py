"""Two Gaussians on a line: divergences as they part, and the critics between them."""

import jax
import jax.numpy as jnp
import numpy as np

from experiments.critic_studies import critics
from experiments.critic_studies.best import best_critics
from experiments.critic_studies.intervals import text
from experiments.variance_studies.study import Study, exact_text
from jaxgen import divergences, losses, random, run
from jaxgen.progress import Progress
from jaxgen.typing import Array, Params, PRNGKeyArray


def moving_apart(*, farthest: float, points: int) -> Study:
    """Calculates KL, JS and W of N(0, 1) and N(theta, 1), and their gradients in theta.

    Two gradients of generators beside an optimal discriminator follow from them: that
    of the minimax loss is twice that of JS, that of the non-saturating loss that of
    KL(fake || real) less it (Arjovsky and Bottou, Towards Principled Methods for
    Training Generative Adversarial Networks, 2017, theorem 2.5).

    Args:
        farthest: The largest theta.
        points: Points of the curves.
    """
    theta = np.linspace(0, farthest, points)
    # A gradient that vanishes has no digits in float32.
    with jax.enable_x64(True):
        at, zero = jnp.asarray(theta), jnp.zeros(points)

        def both(theta: Array) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
            def total(of):
                return lambda theta: of(theta, zero, zero, zero).sum()

            found = (
                lambda m, *more: divergences.gaussian_kl_between(
                    *(x[:, None] for x in (m, *more))
                ),
                divergences.gaussian_js,
                divergences.gaussian_wasserstein_1,
            )
            values = tuple(of(theta, zero, zero, zero) for of in found)
            return values, tuple(jax.grad(total(of))(theta) for of in found)

        values, slopes = jax.tree.map(np.asarray, jax.jit(both)(at))
    kl, js, wasserstein = slopes
    arrays = {
        "theta": theta,
        "names": np.array(["KL", "JS", "W"]),
        "values": np.stack(values),
        "gradients": np.stack([kl, js, wasserstein]),
        "losses": np.array(["minimax", "non_saturating"]),
        "loss_gradients": np.stack([2 * js, kl - 2 * js]),
    }
    peak = int(np.argmax(js))
    gone = theta[peak:][js[peak:] < 0.01 * js[peak]]
    rows = [
        [
            f"{t:g}",
            *(exact_text(float(np.interp(t, theta, y))) for y in (*values, *slopes)),
        ]
        for t in range(1, int(farthest) + 1)
    ]
    names = ["KL", "JS", "W"]
    table = run.Table(
        title="Two Gaussians moving apart",
        note=(
            "KL, JS (nats) and W of N(0, 1) and N(theta, 1), and their gradients in "
            "theta; JS by quadrature in float64."
        ),
        columns=["theta", *names, *(f"gradient of {name}" for name in names)],
        words=0,
        rows=rows,
    )
    results = {
        "Gaussians: gradient of JS highest at": (float(theta[peak]), "deviations")
    }
    if len(gone):
        name = "Gaussians: gradient of JS below 1 % of that from"
        results[name] = (float(gone[0]), "deviations")
    return Study(arrays, [table], [], results)


def learned_critics(
    key: PRNGKeyArray,
    show: Progress,
    *,
    distance: float,
    options: critics.Options,
    draws: int,
) -> Study:
    """Trains a discriminator and a WGAN critic, and holds them to their best.

    Args:
        key: It is consumed.
        show: Called with what comes next.
        distance: Of the means; both variances are 1.
        options: How critics are trained; the discriminator without the penalty.
        draws: Fresh samples of either side that estimates are measured on.
    """
    half = distance / 2
    x = np.linspace(-half - 3, half + 3, 241)
    best = best_critics(x, distance, options.penalty)
    critic = critics.network(options.hidden)

    def sampler(key: PRNGKeyArray, shift: Array, n: int) -> tuple[Array, Array]:
        of_real, of_fake = jax.random.split(key)
        real, fake = (jax.random.normal(own, (n, 1)) for own in (of_real, of_fake))
        return real - shift, fake + shift

    def look(params: Params, key: PRNGKeyArray, loss) -> tuple[Array, Array, Array]:
        def one(x: Array) -> Array:
            return critic.apply(params, (), x[None, None])[0][0]

        real, fake = sampler(key, jnp.asarray(half), draws)
        logits = [critic.apply(params, (), some)[0] for some in (real, fake)]
        terms = loss.critic(*logits)
        values, slopes = jax.vmap(jax.value_and_grad(one))(jnp.asarray(x, jnp.float32))
        return loss.estimate(jnp.mean(terms)), values, slopes

    found = {}
    for name, loss, penalty in (
        ("discriminator", losses.gan.non_saturating(), 0.0),
        ("critic", losses.gan.wasserstein(), options.penalty),
    ):
        show(f"critics of two Gaussians: {name}", 0, None)
        own, at = options._replace(penalty=penalty), jnp.asarray([half])
        params = critics.train(random.stream(key, name), loss, sampler, at, own)
        params = jax.tree.map(lambda leaf: leaf[0], params)
        measured = random.stream(key, f"{name} measured")
        keys = jax.random.split(measured, options.seeds)
        seen = jax.jit(jax.vmap(lambda p, k, loss=loss: look(p, k, loss)))(params, keys)
        found[name] = [np.asarray(part, np.float64) for part in seen]
    js, logits, logit_slope = found["discriminator"]
    wasserstein, values, slope = found["critic"]
    arrays = {
        "x": x,
        "distance": np.array([distance]),
        "penalty": np.array([options.penalty]),
        "densities": np.stack([np.exp(-((x - m) ** 2) / 2) for m in (-half, half)])
        / np.sqrt(2 * np.pi),
        "best_logits": best.logits,
        "logits": logits,
        "logit_slope": logit_slope,
        "best_slope": best.slope,
        "penalized_slope": best.penalized_slope,
        # Only differences of a critic mean anything.
        "critic": values - values.mean(axis=1, keepdims=True),
        "critic_slope": slope,
    }
    middle = int(np.argmin(np.abs(x - half)))
    logit = logits[:, middle], logit_slope[:, middle]
    sure = [1 / (1 + np.exp(-sign * logit[0])) for sign in (1, -1)]
    best_sure = 1 / (1 + np.exp(distance**2 / 2))
    rows = [
        ["JS read by the discriminator (nats)", text(js), exact_text(best.js)],
        [
            f"W read by the critic of penalty {options.penalty:g}",
            text(wasserstein),
            f"{exact_text(best.penalized)}; W = {distance:g}",
        ],
        ["logit at the mean of the fakes", text(logit[0]), f"{-(distance**2) / 2:g}"],
        [
            "slope of the minimax loss there",
            text(-sure[0] * logit[1]),
            exact_text(best_sure * distance),
        ],
        [
            "slope of the non-saturating loss there",
            text(-sure[1] * logit[1]),
            exact_text((1 - best_sure) * distance),
        ],
        [
            "slope of the Wasserstein loss there",
            text(-slope[:, middle]),
            f"{exact_text(-best.penalized_slope[middle])}; 1 without a penalty",
        ],
    ]
    table = run.Table(
        title="Critics of two Gaussians, learned and at their best",
        note=(
            f"N({-half:g}, 1), the data, and N({half:g}, 1). Means over "
            f"{options.seeds} seeds with 99% intervals, and exact values."
        ),
        columns=["", "learned", "exact"],
        words=1,
        rows=rows,
    )
    results = {
        "Gaussians: JS read, from the truth": (
            100 * abs(float(js.mean()) / best.js - 1),
            "%",
        ),
        "Gaussians: W read, from the best under the penalty": (
            100 * abs(float(wasserstein.mean()) / best.penalized - 1),
            "%",
        ),
    }
    return Study(arrays, [table], [], results)
