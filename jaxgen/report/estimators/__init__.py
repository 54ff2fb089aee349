"""Figures of gradient estimators: what one draw is like, and what it costs."""

from jaxgen.report.estimators.along import along
from jaxgen.report.estimators.coins import bernoulli
from jaxgen.report.estimators.normals import integrands, three_ways
from jaxgen.report.estimators.training import regression

__all__ = ["along", "bernoulli", "integrands", "regression", "three_ways"]
