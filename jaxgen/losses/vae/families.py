"""Families of distributions of a latent variable, by their parameters.

An encoder's outputs are the parameters of q(z|x); a prior's parameters are those of
p(z). Kept as they are (a log-variance, logits), closed forms lose no digits; the
`distribution` is numpyro's, for whoever draws.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists

from jaxgen import numerics
from jaxgen.errors import InputError
from jaxgen.estimators import OneHotCategorical
from jaxgen.typing import Array

__all__ = [
    "AXES",
    "MOST",
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "GaussianMixture",
    "Posterior",
    "PriorParameters",
    "StandardNormal",
    "gaussian_outputs",
    "posterior_of",
    "standard_prior",
]

MOST = 20.0
"""What a log-variance is kept within: scales from 4.5e-5 to 2.2e4."""


class StandardNormal(NamedTuple):
    """N(0, I), which has no parameters but its size.

    Attributes:
        zeros: Zeros, shape (latents,).
    """

    zeros: Array | np.ndarray

    @property
    def distribution(self) -> Any:
        """The numpyro distribution."""
        return dists.Normal(self.zeros, jnp.ones_like(self.zeros)).to_event(1)


class Gaussian(NamedTuple):
    """A diagonal Gaussian.

    Attributes:
        mean: Shape (batch, latents), or (latents,) for a prior.
        log_variance: Same shape.
    """

    mean: Array
    log_variance: Array

    @property
    def distribution(self) -> Any:
        """The numpyro distribution."""
        scale = jnp.exp(0.5 * self.log_variance)
        return dists.Normal(self.mean, scale).to_event(1)

    @property
    def point(self) -> Array:
        """The latents that stand for an input: the mean."""
        return self.mean


class GaussianMixture(NamedTuple):
    """A mixture of diagonal Gaussians.

    Attributes:
        log_weights: Normalized, shape (components,).
        means: Shape (components, latents).
        log_variances: Shape (components, latents).
    """

    log_weights: Array
    means: Array
    log_variances: Array

    @property
    def distribution(self) -> Any:
        """The numpyro distribution."""
        scales = jnp.exp(0.5 * self.log_variances)
        return dists.MixtureSameFamily(
            dists.Categorical(logits=self.log_weights),
            dists.Normal(self.means, scales).to_event(1),
        )


class Bernoulli(NamedTuple):
    """Independent binary latents.

    Attributes:
        logits: Shape (batch, latents), or (latents,) for a prior.
    """

    logits: Array

    @property
    def distribution(self) -> Any:
        """The numpyro distribution."""
        return dists.Bernoulli(logits=self.logits).to_event(1)

    @property
    def point(self) -> Array:
        """The latents that stand for an input: the likeliest."""
        return (self.logits > 0).astype(self.logits.dtype)


class Categorical(NamedTuple):
    """Independent categories, each a one-hot vector.

    Attributes:
        logits: Shape (batch, variables, classes), or (variables, classes) for a prior.
    """

    logits: Array

    @property
    def distribution(self) -> Any:
        """The distribution; its event shape is (variables, classes)."""
        return OneHotCategorical(self.logits).to_event(1)

    @property
    def point(self) -> Array:
        """The latents that stand for an input: the likeliest."""
        best = jnp.argmax(self.logits, axis=-1)
        return jax.nn.one_hot(best, self.logits.shape[-1], dtype=self.logits.dtype)


Posterior = Gaussian | Bernoulli | Categorical
PriorParameters = StandardNormal | Gaussian | GaussianMixture | Bernoulli | Categorical

AXES = {
    Gaussian: ("batch", "latents"),
    Bernoulli: ("batch", "latents"),
    Categorical: ("batch", "variables", "classes"),
}
"""The axes of the parameters of q(z|x)."""


def posterior_of(family: type, outputs: Any) -> Posterior:
    """Reads an encoder's outputs as the parameters of a family.

    Log-variances are bounded smoothly within -20 and 20: far from these they are what
    they were, and the KL of an encoder that has lost its way stays finite.

    Args:
        family: `Gaussian`, `Bernoulli` or `Categorical`.
        outputs: (mean, log_variance) for a Gaussian, logits for the others.

    Raises:
        InputError: The outputs are not what the family needs.
    """
    if family is Gaussian:
        mean, log_variance = gaussian_outputs(outputs)
        return Gaussian(mean, numerics.soft_bound(log_variance, -MOST, MOST))
    axes = AXES[family]
    if getattr(outputs, "ndim", None) != len(axes):
        raise InputError(
            f"The encoder of {family.__name__} latents must return logits of shape "
            f"({', '.join(axes)}); it returned {_shapes(outputs)}."
        )
    return family(outputs)


def standard_prior(posterior: Posterior) -> PriorParameters:
    """Returns N(0, I), or the uniform distribution of discrete latents.

    Args:
        posterior: q(z|x), which says the family and the shape of an example's latents.
    """
    zeros = jnp.zeros_like(posterior.point[0])
    if isinstance(posterior, Gaussian):
        return StandardNormal(zeros)
    return type(posterior)(zeros)


def gaussian_outputs(outputs: Any) -> tuple[Array, Array]:
    """Returns (mean, log_variance) as an encoder gave it.

    Raises:
        InputError: The outputs are not two arrays of one shape.
    """
    # An array of two rows would unpack as well.
    if not (isinstance(outputs, tuple | list) and len(outputs) == 2):
        raise InputError(
            "The encoder of Gaussian latents must return (mean, log_variance); it "
            f"returned {_shapes(outputs)}."
        )
    mean, log_variance = outputs
    if jnp.shape(mean) != jnp.shape(log_variance):
        raise InputError(
            "The encoder's mean and log-variance must have one shape; they have "
            f"{_shapes(outputs)}."
        )
    return mean, log_variance


def _shapes(outputs: Any) -> str:
    if hasattr(outputs, "shape"):
        return f"one array of shape {outputs.shape}"
    return str(jax.tree.map(jnp.shape, outputs))
