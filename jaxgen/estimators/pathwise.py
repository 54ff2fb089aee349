"""The pathwise estimator: the derivative goes through the sample."""

import dataclasses

from jaxgen.estimators import distributions
from jaxgen.estimators.base import Distribution
from jaxgen.estimators.reparameterization import Reparameterization
from jaxgen.typing import Array, PRNGKeyArray

__all__ = ["Pathwise"]


@dataclasses.dataclass(frozen=True)
class Pathwise(Reparameterization):
    """The reparameterization gradient, explicit or implicit: E[f'(x) dx/dtheta].

    f must have a derivative almost everywhere *and no jumps*: what it gains in a jump
    is missed. A function of jumps alone is refused; one with a jump beside a slope
    cannot be told apart, and `compare` shows its bias.

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2014; Figurnov et al.,
        Implicit Reparameterization Gradients, 2018.
    """

    def refusal(self, dist: Distribution, num_samples: int) -> str | None:
        if dist.has_rsample:
            return None
        return (
            f"{self} needs samples that move smoothly with the parameters, and those "
            f"of {distributions.family(dist)} do not. Use ScoreFunction, "
            "MeasureValued, or a relaxation such as GumbelSoftmax."
        )

    def samples(self, key: PRNGKeyArray, dist: Distribution, num_samples: int) -> Array:
        return distributions.draw(key, dist, num_samples)
