"""Gradient estimators: one call for an expectation, one call to compare them all."""

from jaxgen.estimators.base import Cost, Estimate, Estimator, expectation, why_not
from jaxgen.estimators.checks import check_mean, check_unbiased
from jaxgen.estimators.distributions import OneHotCategorical
from jaxgen.estimators.exact import Enumerate, Quadrature
from jaxgen.estimators.pathwise import Pathwise
from jaxgen.estimators.problem import exact_grad, grad_samples
from jaxgen.estimators.score_function import ScoreFunction, magic_box
from jaxgen.estimators.streaming import Moments, moments

__all__ = [
    "Cost",
    "Enumerate",
    "Estimate",
    "Estimator",
    "Moments",
    "OneHotCategorical",
    "Pathwise",
    "Quadrature",
    "ScoreFunction",
    "check_mean",
    "check_unbiased",
    "exact_grad",
    "expectation",
    "grad_samples",
    "magic_box",
    "moments",
    "why_not",
]
