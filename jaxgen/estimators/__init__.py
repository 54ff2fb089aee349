"""Gradient estimators: one call for an expectation, one call to compare them all."""

from jaxgen.estimators.base import Cost, Estimate, Estimator, expectation, why_not
from jaxgen.estimators.distributions import OneHotCategorical
from jaxgen.estimators.exact import Enumerate, Quadrature
from jaxgen.estimators.pathwise import Pathwise
from jaxgen.estimators.score_function import ScoreFunction, magic_box

__all__ = [
    "Cost",
    "Enumerate",
    "Estimate",
    "Estimator",
    "OneHotCategorical",
    "Pathwise",
    "Quadrature",
    "ScoreFunction",
    "expectation",
    "magic_box",
    "why_not",
]
