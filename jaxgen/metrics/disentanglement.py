"""All scores of disentanglement in one call."""

from collections.abc import Collection, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import random
from jaxgen.checks import check_count, check_counts
from jaxgen.metrics.interventions import (
    Represent,
    beta_vae_score,
    factor_vae_score,
    represent_all,
)
from jaxgen.metrics.mutual_information import mig_chen, mig_locatello
from jaxgen.metrics.predictors import dci, sap_kumar, sap_locatello

__all__ = ["disentanglement_scores"]


def disentanglement_scores(
    represent: Represent,
    num_values: Sequence[int],
    *,
    seed: int,
    num_examples: int = 5000,
    num_train: int = 400,
    num_test: int = 200,
    batch_size: int = 64,
    categorical: Collection[int] = (),
    log_variance: Represent | None = None,
) -> dict[str, float]:
    """Scores a representation of a set whose factors are known.

    Factors are drawn uniformly. The same seed draws the same ones for every
    representation, so that scores compare. Scores of different names do not compare.

    Args:
        represent: `factors -> latents`, from integers (n, factors) to (n, latents):
            render, encode and take the mean.
        num_values: How many values each factor takes.
        seed: Of all draws.
        num_examples: Examples for MIG, DCI and SAP.
        num_train: Batches the scores of beta-VAE and FactorVAE are fitted to.
        num_test: Batches they are tested on.
        batch_size: Examples in such a batch.
        categorical: Factors whose values have no order (shape), for `sap_kumar`.
        log_variance: `factors -> log-variances` of the posteriors, for `mig_chen`,
            which is left out without it.

    Returns:
        By name, from 0 to 1: `mig_locatello`, `mig_chen`, `dci_disentanglement`,
        `dci_completeness`, `dci_informativeness`, `sap_kumar`, `sap_locatello`,
        `beta_vae_score`, `factor_vae_score`.

    Raises:
        InputError: If `represent` does not give one row per row of factors, a factor
            takes a single value, or scikit-learn is missing.

    Examples:
        A code whose latents are the factors.

        >>> scores = disentanglement_scores(
        ...     lambda factors: factors.astype(float), (3, 4), seed=0, num_examples=500
        ... )
        >>> print(f"{scores['mig_locatello']:.2f} {scores['factor_vae_score']:.2f}")
        1.00 1.00
    """
    check_counts("num_values", num_values, 1)
    check_count("seed", seed, 0)
    check_count("num_examples", num_examples, 1)
    generator = np.random.default_rng(seed)
    high = np.asarray(num_values)
    shape = (num_examples, len(high))
    factors = generator.integers(high, size=shape, dtype=np.int32)
    latents = represent_all(represent, factors)
    scores = {"mig_locatello": mig_locatello(latents, factors).score}
    if log_variance is not None:
        key = random.stream(jax.random.key(seed), "mig")
        spread = jnp.asarray(represent_all(log_variance, factors))
        gap = mig_chen(key, jnp.asarray(latents), spread, jnp.asarray(factors))
        scores["mig_chen"] = gap.score
    importance = dci(latents, factors, seed=seed)
    scores |= {
        "dci_disentanglement": importance.disentanglement,
        "dci_completeness": importance.completeness,
        "dci_informativeness": importance.informativeness,
        "sap_kumar": sap_kumar(latents, factors, categorical=categorical).score,
        "sap_locatello": sap_locatello(latents, factors, seed=seed).score,
    }
    for score in (beta_vae_score, factor_vae_score):
        scores[score.__name__] = score(
            represent,
            num_values,
            seed=seed,
            num_train=num_train,
            num_test=num_test,
            batch_size=batch_size,
        )
    return scores
