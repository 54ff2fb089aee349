"""The gradients of discrete estimators at the same parameters and mini-batch."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from jaxgen import losses, random
from jaxgen.estimators import Estimator, Moments, ScoreFunction, merge_moments, moments
from jaxgen.files import write_npz
from jaxgen.losses.vae.families import posterior_of
from jaxgen.losses.vae.priors import Prior
from jaxgen.run_files import read_arrays
from jaxgen.typing import Array, Images, PRNGKeyArray

BLOCKS = 20
"""Blocks of draws whose spread tells how certain a bias is."""

BLOCK_REACH = float(-special.stdtrit(BLOCKS - 1, 0.005))
"""Standard errors to either side in a 99% interval, where they come from blocks."""

REFERENCE = 50
"""Draws of the reference gradient for each draw of an estimator."""

CHUNK = 16
"""Draws at once: decoded images of a few fit the caches of a CPU."""


class Entrant(NamedTuple):
    """An estimator with what it gets.

    Attributes:
        estimator: The estimator.
        samples: Samples of each image.
    """

    estimator: Estimator
    samples: int = 1

    @property
    def unbiased(self) -> bool:
        """Whether the mean of its gradient is that of the evidence lower bound."""
        return self.estimator.unbiased and not self.bound

    @property
    def bound(self) -> bool:
        """Whether its objective is the bound of several samples."""
        return losses.vae.is_bound_estimator(self.estimator)


class Place(NamedTuple):
    """Where gradients are measured: parameters and a mini-batch.

    Attributes:
        log_likelihood: `(params of the decoder, latents, images) -> nats per image`.
        prior: p(z).
        params: Parameters of the decoder.
        logits: Of q(z|x), which the gradients are taken in; a leading axis of images.
        images: The mini-batch.
    """

    log_likelihood: Callable[[Any, Array, Images], Array]
    prior: Prior
    params: Any
    logits: Array
    images: Images


class Reference(NamedTuple):
    """The gradient that estimators are compared with.

    Attributes:
        gradient: Shape of the logits, float64.
        variance: Of each entry; zero where it is exact.
    """

    gradient: np.ndarray
    variance: np.ndarray


class Measured(NamedTuple):
    """What is found of one estimator at one place.

    Attributes:
        variance: Total variance of the gradient of one image, mean over images.
        variance_error: Its standard error.
        snr: Size of the mean gradient over its standard deviation, all images together.
        bias: Distance of the mean from the reference, over the size of the reference;
            NaN where there is none. Noise is taken out of its square, and the sign of
            the square is kept.
        bias_error: Standard error of the square of the bias.
        z: Deviation of the mean from the reference along the reference, in standard
            errors; NaN where there is none.
    """

    variance: float
    variance_error: float
    snr: float
    bias: float = np.nan
    bias_error: float = np.nan
    z: float = np.nan

    @property
    def bias_range(self) -> tuple[float, float]:
        """The ends of the 99% interval of the bias."""
        square, half = np.sign(self.bias) * self.bias**2, BLOCK_REACH * self.bias_error
        low, high = max(square - half, 0.0), max(square + half, 0.0)
        return float(low**0.5), float(high**0.5)


def exact_gradient(place: Place, estimator: Estimator) -> Reference:
    """Returns the gradient by enumeration."""
    gradient = jax.jit(functools.partial(_gradient, Entrant(estimator), place[:2]))
    found = np.asarray(gradient(jax.random.key(0), *place[2:]), np.float64)
    return Reference(found, np.zeros_like(found))


def pooled_gradient(key: PRNGKeyArray, place: Place, draws: int) -> Reference:
    """Returns the mean of many draws of an estimator without bias."""
    entrant = Entrant(ScoreFunction("leave_one_out"), 4)
    found = _draws(key, place, entrant, REFERENCE * draws)
    return Reference(found.mean["gradient"], found.variance["gradient"] / found.count)


def measure(
    key: PRNGKeyArray,
    place: Place,
    entrant: Entrant,
    draws: int,
    reference: Reference,
) -> Measured:
    """Measures variance, signal to noise and bias of an estimator's gradient.

    Draws come in pairs: half the squared distance of the two is the variance, whatever
    the mean is, and the mean over pairs has a standard error.

    Args:
        key: It is consumed.
        place: The parameters and the mini-batch.
        entrant: The estimator.
        draws: Pairs of gradients, cut to a multiple of `BLOCKS`.
        reference: The gradient of the evidence lower bound.
    """
    blocks = [
        _draws(jax.random.fold_in(key, block), place, entrant, max(draws // BLOCKS, 2))
        for block in range(BLOCKS)
    ]
    found = functools.reduce(merge_moments, blocks)
    total = float(found.mean["square"])
    error = float(found.standard_error["square"])
    mean, noise = found.mean["gradient"], found.variance["gradient"] / found.count
    if entrant.bound:
        size = np.sqrt(max(np.sum(mean**2) - np.sum(noise), 0.0))
        return Measured(total, error, _snr(size, total, mean))
    truth = reference.gradient
    size = float(np.sqrt(max(np.sum(truth**2) - np.sum(reference.variance), 1e-30)))
    apart = np.stack([block.mean["gradient"] - truth for block in blocks])
    square, square_error = _squared_bias(apart)
    square -= float(np.sum(reference.variance))  # all blocks share its noise
    along = np.tensordot(apart, truth, axes=truth.ndim) / size**2
    own = along.std(ddof=1) / np.sqrt(BLOCKS)
    other = np.sqrt(np.sum(truth**2 * reference.variance)) / size**2
    # Rounding of float32 is no deviation.
    z = along.mean() / np.sqrt(own**2 + other**2 + 2e-6**2)
    # Without bias the size of the mean is known better than it is measured.
    own_size = np.sqrt(max(np.sum(mean**2) - np.sum(noise), 0.0))
    mean_size = size if entrant.unbiased else own_size
    return Measured(
        total,
        error,
        _snr(mean_size, total, mean),
        float(np.sign(square) * abs(square) ** 0.5 / size),
        square_error / size**2,
        float(z),
    )


def _snr(size: float, variance: float, mean: np.ndarray) -> float:
    """Size of the mean over the standard deviation, all images together."""
    spread = np.sqrt(variance * len(mean))
    return float(size / spread) if spread > 0 else np.inf


def _squared_bias(apart: np.ndarray) -> tuple[float, float]:
    """The squared length of the mean of blocks, without their noise, and its error.

    The mean of the products of different blocks; the error is the jackknife's.
    """
    flat = apart.reshape(len(apart), -1)

    def of(rows: np.ndarray) -> float:
        count = len(rows)
        both = np.sum(rows.sum(axis=0) ** 2) - np.sum(rows**2)
        return float(both / (count * (count - 1)))

    left = [of(np.delete(flat, block, axis=0)) for block in range(len(flat))]
    spread = np.sum((np.array(left) - np.mean(left)) ** 2)
    return of(flat), float(np.sqrt((len(flat) - 1) / len(flat) * spread))


def _draws(key: PRNGKeyArray, place: Place, entrant: Entrant, count: int) -> Moments:
    sample = _sampler(entrant, place.log_likelihood, place.prior)
    # One device: the draws of a small network are not worth more.
    return moments(
        jax.random.clone(key),
        sample,
        count,
        *place[2:],
        chunk=min(CHUNK, count),
        devices=jax.local_devices()[:1],
    )


@functools.cache  # the same function again is not compiled again
def _sampler(
    entrant: Entrant, log_likelihood: Callable[..., Array], prior: Prior
) -> Callable[..., dict[str, Array]]:
    gradient = functools.partial(_gradient, entrant, (log_likelihood, prior))

    def sample(key: PRNGKeyArray, *operands: Any) -> dict[str, Array]:
        one, two = (gradient(own, *operands) for own in jax.random.split(key))
        axes = tuple(range(1, one.ndim))
        square = jnp.mean(jnp.sum((one - two) ** 2, axis=axes)) / 2
        return {"gradient": (one + two) / 2, "square": square}

    return sample


def _gradient(
    entrant: Entrant,
    fixed: tuple[Callable[..., Array], Prior],
    key: PRNGKeyArray,
    params: Any,
    logits: Array,
    images: Images,
) -> Array:
    """One gradient of each image's bound in its own logits."""
    log_likelihood, prior = fixed
    keys = random.example_keys(key, len(images))
    p = prior.parameters({}, lambda images: images, None)
    bound = losses.vae.importance_weighted_bound if entrant.bound else losses.vae.elbo

    def total(logits: Array) -> Array:
        found = bound(
            keys,
            posterior_of(prior.family, logits),
            lambda latents: latents,  # the likelihood decodes them
            images,
            log_likelihood=functools.partial(log_likelihood, params),
            prior=p,
            estimator=entrant.estimator,
            num_samples=entrant.samples,
        )
        if isinstance(found, losses.vae.ElboTerms):
            found = found.log_likelihood - found.divergence
        return jnp.sum(found)

    return jax.grad(total)(logits)


class KeepParameters:
    """A callback that keeps the parameters at a few steps of a run.

    Args:
        path: The `.npz` file; what a run that is resumed has kept stays.
        params: Parameters of the same shapes.
        steps: The steps.
    """

    def __init__(self, path: Path, params: Any, steps: Sequence[int]):
        """Keeps nothing yet."""
        self._path, self._steps = path, set(steps)
        self._structure = jax.tree.structure(params)

    def __call__(self, state: Any, step: int) -> None:
        """Keeps them if this is one of the steps."""
        if step not in self._steps:
            return
        kept = {s: leaves for s, leaves in self._read().items() if s < step}
        kept[step] = jax.device_get(jax.tree.leaves(state.net.params))
        named = {
            f"{at:09d}-{number:03d}": leaf
            for at, leaves in kept.items()
            for number, leaf in enumerate(leaves)
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_npz(self._path, **named)

    def all(self) -> dict[int, Any]:
        """Returns the parameters by step."""
        kept = self._read()
        return {
            step: jax.tree.unflatten(self._structure, kept[step])
            for step in sorted(kept)
        }

    def _read(self) -> dict[int, list[np.ndarray]]:
        found: dict[int, list[np.ndarray]] = {}
        if self._path.exists():
            for name, array in sorted(read_arrays(self._path).items()):
                found.setdefault(int(name.split("-")[0]), []).append(array)
        return found
