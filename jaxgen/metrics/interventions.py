"""The scores of beta-VAE and FactorVAE: which factor was held fixed in a batch?

Both draw batches of factors themselves, so they are given the way from factors to
latents: render, then encode.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxgen.checks import check_count, check_counts, check_number
from jaxgen.errors import InputError
from jaxgen.metrics.predictors import require_sklearn, standardize

__all__ = ["Represent", "beta_vae_score", "factor_vae_score", "represent_all"]

Represent = Callable[[np.ndarray], Any]
"""`factors -> latents`: integers (n, factors) to an array (n, latents)."""

_CHUNK = 512
"""Examples a call of `represent`, always as many: a jitted one is compiled once."""


def beta_vae_score(
    represent: Represent,
    num_values: Sequence[int],
    *,
    seed: int,
    num_train: int = 400,
    num_test: int = 200,
    batch_size: int = 64,
) -> float:
    """Calculates the score of beta-VAE, an accuracy; chance is 1 / factors.

    A point is the mean over `batch_size` pairs of |z - z'|, where both examples of a
    pair share one factor. Logistic regression has to say which. The differences are
    standardized before, so that the scale of a latent does not matter.

    A code can be entangled and still score 1: a linear classifier may combine latents.

    Args:
        represent: `factors -> latents`, from integers (n, factors) to (n, latents).
        num_values: How many values each factor takes.
        seed: Of all draws.
        num_train: Points the classifier is fitted to.
        num_test: Points it is tested on.
        batch_size: Pairs in a point.

    Raises:
        InputError: If there are fewer than two factors that vary, or scikit-learn is
            missing.

    References:
        Higgins et al., beta-VAE, 2017, section 3.
    """
    _check_numbers(num_values, seed, num_train, num_test, batch_size)
    linear_model = require_sklearn("linear_model")
    generator = np.random.default_rng(seed)
    fixed = _draw_fixed(generator, num_values, num_train + num_test)
    shape = (len(fixed), batch_size)
    first = _draw(generator, num_values, shape)
    second = _draw(generator, num_values, shape)
    for row, factor in enumerate(fixed):
        second[row, :, factor] = first[row, :, factor]
    apart = represent_all(represent, first) - represent_all(represent, second)
    points = np.abs(apart).mean(axis=1)
    points = standardize(points, points[:num_train])
    classifier = linear_model.LogisticRegression(max_iter=1000)
    classifier.fit(points[:num_train], fixed[:num_train])
    return float(classifier.score(points[num_train:], fixed[num_train:]))


def factor_vae_score(
    represent: Represent,
    num_values: Sequence[int],
    *,
    seed: int,
    num_train: int = 400,
    num_test: int = 200,
    batch_size: int = 64,
    num_variance: int = 2000,
    min_deviation: float = 0.05,
) -> float:
    """Calculates the score of FactorVAE, an accuracy; chance is 1 / factors.

    In a batch that shares one factor, the latent whose variance is least, in units of
    its variance over the set, votes for that factor. The classifier maps each latent
    to the factor it votes for most often.

    Latents that hardly vary over the set have collapsed and get no vote. If all have,
    the score is 0.

    Args:
        represent: `factors -> latents`, from integers (n, factors) to (n, latents).
        num_values: How many values each factor takes.
        seed: Of all draws.
        num_train: Batches the votes are counted on.
        num_test: Batches the classifier is tested on.
        batch_size: Examples in a batch.
        num_variance: Examples for the variances over the set.
        min_deviation: Standard deviation up to which a latent has collapsed, for a
            prior of deviation 1.

    Raises:
        InputError: If there are fewer than two factors that vary.

    References:
        Kim and Mnih, Disentangling by Factorising, 2018, section 4 and appendix.
    """
    _check_numbers(num_values, seed, num_train, num_test, batch_size)
    check_count("num_variance", num_variance, 2)
    check_number("min_deviation", min_deviation, least=0)
    generator = np.random.default_rng(seed)
    whole = _draw(generator, num_values, (1, num_variance))
    deviation = represent_all(represent, whole)[0].std(axis=0)
    kept = deviation > min_deviation
    if not kept.any():
        return 0.0
    fixed = _draw_fixed(generator, num_values, num_train + num_test)
    factors = _draw(generator, num_values, (len(fixed), batch_size))
    for row, factor in enumerate(fixed):
        factors[row, :, factor] = factors[row, 0, factor]
    latents = represent_all(represent, factors)[..., kept]
    votes = np.argmin(latents.var(axis=1) / deviation[kept] ** 2, axis=1)
    counts = np.zeros((int(kept.sum()), len(num_values)))
    np.add.at(counts, (votes[:num_train], fixed[:num_train]), 1)
    predicted = counts.argmax(axis=1)[votes[num_train:]]
    return float(np.mean(predicted == fixed[num_train:]))


def represent_all(represent: Represent, factors: np.ndarray) -> np.ndarray:
    """Applies `represent` in calls of one size; leading axes of any number stay.

    Raises:
        InputError: If it does not give one row of latents per row of factors, or they
            are not finite.
    """
    flat = factors.reshape(-1, factors.shape[-1])
    rows = np.arange(-(-len(flat) // _CHUNK) * _CHUNK)
    # The last call is filled up with the first row.
    padded = flat[np.where(rows < len(flat), rows, 0)]
    parts = []
    for chunk in padded.reshape(-1, _CHUNK, flat.shape[-1]):
        latents = np.asarray(represent(chunk))
        if latents.ndim != 2 or len(latents) != _CHUNK:
            raise InputError(
                f"represent gave shape {latents.shape} for {_CHUNK} rows of factors: "
                "expected (n, latents); give the means of the posterior."
            )
        if not np.isfinite(latents).all():
            raise InputError(
                "represent gave latents that are not finite: expected numbers; the run "
                "may have diverged."
            )
        parts.append(latents)
    latents = np.concatenate(parts)[: len(flat)]
    return latents.reshape(*factors.shape[:-1], -1)


def _check_numbers(
    num_values: Sequence[int], seed: int, num_train: int, num_test: int, batch_size: int
) -> None:
    check_counts("num_values", num_values, 1)
    check_count("seed", seed, 0)
    check_count("num_train", num_train, 1)
    check_count("num_test", num_test, 1)
    check_count("batch_size", batch_size, 1)


def _draw(
    generator: np.random.Generator, num_values: Sequence[int], shape: tuple[int, ...]
) -> np.ndarray:
    high = np.asarray(num_values)
    return generator.integers(high, size=(*shape, len(high)), dtype=np.int32)


def _draw_fixed(
    generator: np.random.Generator, num_values: Sequence[int], count: int
) -> np.ndarray:
    # A factor of one value is fixed in every batch.
    varying = np.flatnonzero(np.asarray(num_values) > 1)
    if len(varying) < 2:
        raise InputError(
            f"The factors take {tuple(num_values)} values: expected at least two "
            "factors with two values or more."
        )
    return generator.choice(varying, count)
