"""The pathwise estimator: the derivative goes through the sample."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from jaxgen.estimators import distributions
from jaxgen.estimators.base import Distribution, Estimate, Estimator, Integrand
from jaxgen.typing import PRNGKeyArray, PyTree

__all__ = ["Pathwise"]


@dataclasses.dataclass(frozen=True)
class Pathwise(Estimator):
    """The reparameterization gradient, explicit or implicit: E[f'(x) dx/dtheta].

    f must have a derivative almost everywhere *and no jumps*: what it gains in a jump
    is missed. A function of jumps alone is refused; one with a jump beside a slope
    cannot be told apart, and `compare` shows its bias.

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2014; Figurnov et al.,
        Implicit Reparameterization Gradients, 2018.
    """

    differentiates: ClassVar[bool] = True

    def refusal(self, dist: Distribution, num_samples: int) -> str | None:
        if dist.has_rsample:
            return None
        return (
            f"{self} needs samples that move smoothly with the parameters, and those "
            f"of {distributions.family(dist)} do not. Use ScoreFunction, "
            "MeasureValued, or a relaxation such as GumbelSoftmax."
        )

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        samples = distributions.draw(key, dist, num_samples)
        return Estimate(jnp.mean(jax.vmap(f)(samples), axis=0), state)
