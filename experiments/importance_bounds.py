"""Bounds with more and more samples, and the signal of the gradients they train by."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from scipy import special

from jaxgen import estimators, run, training
from jaxgen.estimators import Estimator
from jaxgen.losses.vae.families import Gaussian
from jaxgen.models import VAE
from jaxgen.typing import Array, PRNGKeyArray

GROUPS = 10
"""Groups of draws that a signal-to-noise ratio's error is estimated from."""

REACH = float(-special.stdtrit(GROUPS - 1, 0.005))
"""Standard errors to either side in the 99 % interval of such a ratio."""


class Bounds(NamedTuple):
    """What importance sampling says of a model, image by image.

    Attributes:
        bound: Nats, with each number of samples, shape (images, numbers).
        effective_samples: Of the most samples, shape (images,).
        mean: Posterior means, shape (images, latents).
    """

    bound: np.ndarray
    effective_samples: np.ndarray
    mean: np.ndarray


class Signal(NamedTuple):
    """A signal-to-noise ratio of a gradient, and its standard error."""

    ratio: float
    standard_error: float


def measure_bounds(
    key: PRNGKeyArray,
    model: VAE,
    state: Any,
    setup: run.Setup,
    *,
    numbers: Sequence[int],
    num_images: int,
) -> Bounds:
    """Measures the bounds of a model on the test set, all from the same samples.

    The bound with k samples is the mean over disjoint groups of k: where one k divides
    another and that the number of samples, the bound can but rise, for every image.

    Args:
        key: It is consumed.
        model: A model with Gaussian latents and no label.
        state: Its state, on one device.
        setup: The data.
        numbers: Numbers of samples, from few to many.
        num_images: The first so many images.
    """
    size = setup.test_batches.batch_size

    @jax.jit
    def weigh(key: PRNGKeyArray, images: Array) -> tuple[Array, Array]:
        q = model.encode(state, images)
        assert isinstance(q, Gaussian)

        def one(key: PRNGKeyArray) -> Array:
            latents = q.distribution.sample(key)
            log_q = q.distribution.log_prob(latents)
            return model.log_joint(state, latents, images) - log_q

        keys = jax.random.split(key, numbers[-1])
        # A thousand images at once fit the caches of a CPU.
        return jax.lax.map(one, keys, batch_size=max(1, 1000 // size)), q.mean

    rows = []
    for number, batch in enumerate(training.iterate_batches(setup.test_batches)):
        if number * size >= num_images:
            break
        weights, mean = weigh(jax.random.fold_in(key, number), batch["image"])
        kept = np.asarray(batch["weight"]) > 0
        log_weights = np.asarray(weights, np.float64)[:, kept]
        bound = np.stack([bound_of(log_weights, k) for k in numbers], axis=1)
        relative = np.exp(log_weights - log_weights.max(axis=0))
        effective = relative.sum(axis=0) ** 2 / (relative**2).sum(axis=0)
        rows.append((bound, effective, np.asarray(mean)[kept]))
    whole = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    return Bounds(*(part[:num_images] for part in whole))


def bound_of(log_weights: np.ndarray, k: int) -> np.ndarray:
    """Returns the mean over groups of k samples of the logarithm of their mean weight.

    Args:
        log_weights: Shape (samples, images).
        k: Samples of a group; what is left over is left out.

    Examples:
        >>> weights = np.log([[1.0], [3.0], [2.0], [2.0]])
        >>> np.exp(bound_of(weights, 2)).round(6), np.exp(bound_of(weights, 4))
        (array([2.]), array([2.]))
    """
    groups = len(log_weights) // k
    grouped = log_weights[: groups * k].reshape(groups, k, -1)
    return np.mean(np.logaddexp.reduce(grouped, axis=1) - np.log(k), axis=0)


def signal_to_noise(
    key: PRNGKeyArray,
    model: VAE,
    state: Any,
    images: Array,
    *,
    estimator: Estimator,
    num_samples: int,
    draws: int,
) -> Signal:
    """Estimates |E g| / sqrt(tr Var g) of the gradient g in the encoder's parameters.

    The bound is that of the whole batch; the noise is that of the latents alone.

    Args:
        key: It is consumed.
        model: A model with Gaussian latents and no label.
        state: Its state, on one device.
        images: The batch.
        estimator: As for `jaxgen.estimators.multi_sample_bound`.
        num_samples: Samples of the bound.
        draws: Gradients drawn, cut to a multiple of `GROUPS`, two a group at least.

    References:
        Rainforth et al., Tighter Variational Bounds are Not Necessarily Better, 2018,
        equation 8, with norms in place of one entry.
    """
    params = state.net.params
    each = max(draws // GROUPS, 2)

    @jax.jit
    def moments(keys: Array, flat: Array) -> tuple[Array, Array]:
        def loss(flat: Array, key: PRNGKeyArray) -> Array:
            net = state.net._replace(params=params | {"encoder": unravel(flat)})
            at = state._replace(net=net)
            q = model.encode(at, images).distribution
            bound = estimators.multi_sample_bound(
                key,
                lambda latents: model.log_joint(at, latents, images),
                q,
                estimator,
                num_samples,
            )
            return jnp.mean(bound)

        def add(sums: Any, key: PRNGKeyArray) -> tuple[Any, None]:
            gradient = jax.grad(loss)(flat, key)
            return (sums[0] + gradient, sums[1] + jnp.sum(gradient**2)), None

        start = (jnp.zeros_like(flat), jnp.zeros(()))
        return jax.lax.scan(add, start, keys)[0]

    flat, unravel = ravel_pytree(params["encoder"])
    keys = jax.random.split(key, (GROUPS, each))
    found = [jax.device_get(moments(keys[group], flat)) for group in range(GROUPS)]
    total = np.stack([one[0] for one in found]).astype(np.float64)
    squares = np.array([one[1] for one in found], np.float64)
    without = [
        _ratio(total.sum(0) - total[g], squares.sum() - squares[g], (GROUPS - 1) * each)
        for g in range(GROUPS)
    ]
    # The jackknife: what each group changes.
    error = np.sqrt((GROUPS - 1) * np.var(without))
    return Signal(_ratio(total.sum(0), squares.sum(), GROUPS * each), float(error))


def _ratio(total: np.ndarray, squares: float, count: int) -> float:
    mean = float(np.sum((total / count) ** 2))
    variance = (squares / count - mean) * count / (count - 1)
    # The squared norm of a mean of draws is too large by its variance.
    return float(np.sqrt(max(mean - variance / count, 0.0) / max(variance, 1e-30)))
