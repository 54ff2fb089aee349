"""Ex-post density estimation: densities of latents, fitted after training.

A decoder is trained on latents of the aggregate posterior, which is not the prior. To
draw from a density fitted to these costs little and lowers the Frechet distance: for a
VAE on MNIST from 19.21 to 17.66 (a mixture of 10 Gaussians) in table 1 of Ghosh et al.,
From Variational to Deterministic Autoencoders, 2020; section 4 has the method.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.typing import Latents

__all__ = ["fit_gaussian", "fit_mixture"]


def fit_gaussian(latents: Latents | np.ndarray) -> dists.Distribution:
    """Fits one Gaussian of full covariance to latents.

    Args:
        latents: Draws of q(z|x), or its means, shape (n, latents), n above latents.

    Returns:
        The distribution, to draw from and to decode.

    Raises:
        InputError: There are too few latents, or they are not finite.
    """
    values = _checked(latents, 1)
    mean = values.mean(axis=0)
    covariance = np.cov(values, rowvar=False).reshape(len(mean), len(mean))
    # A collapsed dimension has next to no variance in its means.
    covariance += 1e-6 * np.eye(len(mean))
    return _normal(mean, covariance)


def fit_mixture(
    latents: Latents | np.ndarray, *, num_components: int = 10, seed: int = 0
) -> dists.Distribution:
    """Fits a mixture of Gaussians of full covariance to latents, by scikit-learn.

    Args:
        latents: Draws of q(z|x), or its means, shape (n, latents).
        num_components: Components.
        seed: Of the start.

    Returns:
        The distribution, to draw from and to decode.

    Raises:
        InputError: There are fewer latents than components, they are not finite, or
            scikit-learn is missing.
    """
    check_count("num_components", num_components, 1)
    check_count("seed", seed, 0)
    try:
        from sklearn.mixture import GaussianMixture
    except ImportError as error:
        raise InputError(
            "The mixture is fitted by scikit-learn, which is not installed: "
            'pip install "jaxgen[experiments]".'
        ) from error
    values = _checked(latents, num_components)
    fitted: Any = GaussianMixture(num_components, random_state=seed).fit(values)
    weights = jnp.asarray(fitted.weights_.astype(np.float32))
    return dists.MixtureSameFamily(
        dists.Categorical(probs=weights, validate_args=False),
        _normal(fitted.means_, fitted.covariances_),
        validate_args=False,
    )


def _normal(mean: np.ndarray, covariance: np.ndarray) -> dists.Distribution:
    scale = np.linalg.cholesky(covariance).astype(np.float32)
    # To validate what is valid by construction would compile twenty small programs.
    return dists.MultivariateNormal(
        jnp.asarray(mean.astype(np.float32)),
        scale_tril=jnp.asarray(scale),
        validate_args=False,
    )


def _checked(latents: Latents | np.ndarray, least: int) -> np.ndarray:
    values = np.asarray(latents, np.float64)
    if values.ndim != 2 or len(values) <= max(values.shape[1], least):
        raise InputError(
            f"The latents have shape {values.shape}: give (n, latents), with n above "
            f"the number of latents and {least}."
        )
    if not np.isfinite(values).all():
        raise InputError("The latents are not finite: look at the encoder's outputs.")
    return values
