"""Estimators that differentiate f through samples which depend on the parameters."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from jaxgen.checks import check_key
from jaxgen.errors import InputError
from jaxgen.estimators import distributions
from jaxgen.estimators.base import (
    Distribution,
    Estimate,
    Estimator,
    Integrand,
    why_not,
)
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = ["Reparameterization", "differentiable_sample"]


class Reparameterization(Estimator):
    """The base class of estimators whose gradient is that of f at their samples.

    They call f once per sample and nothing else of it enters the gradient. So f may be
    a function of the samples of a whole batch, as with batch normalization.
    """

    differentiates: ClassVar[bool] = True

    def samples(self, key: PRNGKeyArray, dist: Distribution, num_samples: int) -> Array:
        """Returns samples whose derivative in the parameters makes the estimator."""
        raise NotImplementedError

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        samples = self.samples(key, dist, num_samples)
        return Estimate(jnp.mean(jax.vmap(f)(samples), axis=0), state)


def differentiable_sample(
    key: PRNGKeyArray, dist: Distribution, estimator: Estimator
) -> Array:
    """Returns the sample at which `expectation` of one sample evaluates f.

    Args:
        key: A typed key; it is consumed.
        dist: A `numpyro.distributions` object.
        estimator: `Pathwise()`, `GumbelSoftmax(0.5)` and their like.

    Returns:
        The sample, shape batch + event; its derivative makes the estimator.

    Raises:
        InputError: The estimator has no such samples, or is not for this distribution.
    """
    check_key(key)
    if not isinstance(estimator, Reparameterization):
        raise InputError(
            f"{estimator} has no differentiable samples: give Pathwise(), or a "
            "relaxation such as GumbelSoftmax(0.5)."
        )

    def smooth(sample: Array) -> Array:
        event = tuple(range(len(dist.batch_shape), sample.ndim))
        return jnp.sum(sample, axis=event)

    reason = why_not(estimator, smooth, dist)
    if reason is not None:
        raise InputError(reason)
    kind = distributions.float_type(dist)
    wide = distributions.cast_floats(dist, jnp.promote_types(kind, jnp.float32))
    with distributions.broadcasting():
        sample = estimator.samples(key, wide, 1)[0]
    return sample.astype(kind)
