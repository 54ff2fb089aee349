"""Gradient estimators: one call for an expectation, one call to compare them all."""

from jaxgen.estimators import distributions
from jaxgen.estimators.antithetic import ARM, ARMS, DisARM
from jaxgen.estimators.auto import Auto
from jaxgen.estimators.base import Cost, Estimate, Estimator, expectation, why_not
from jaxgen.estimators.bounds import (
    VIMCO,
    DReG,
    StickingTheLanding,
    multi_sample_bound,
)
from jaxgen.estimators.checks import check_mean, check_unbiased
from jaxgen.estimators.compare import compare
from jaxgen.estimators.distributions import log_prob
from jaxgen.estimators.double_cv import DoubleCV
from jaxgen.estimators.exact import Enumerate, Quadrature
from jaxgen.estimators.finite_difference import SPSA, FiniteDifference
from jaxgen.estimators.measure_valued import MeasureValued
from jaxgen.estimators.menu import menu
from jaxgen.estimators.one_hot import OneHotCategorical
from jaxgen.estimators.pathwise import Pathwise
from jaxgen.estimators.problem import Gradient, exact_grad, grad_samples, warmed_state
from jaxgen.estimators.rebar import Rebar, Relax
from jaxgen.estimators.relaxed import (
    GumbelRao,
    GumbelSoftmax,
    ReinMax,
    StraightThrough,
)
from jaxgen.estimators.reparameterization import (
    Reparameterization,
    differentiable_sample,
)
from jaxgen.estimators.report import Report, Row
from jaxgen.estimators.score_function import ScoreFunction, magic_box
from jaxgen.estimators.streaming import Moments, merge_moments, moments
from jaxgen.estimators.surrogates import with_gradient_of
from jaxgen.estimators.taylor import DeltaMethod, MuProp

__all__ = [
    "ARM",
    "ARMS",
    "SPSA",
    "VIMCO",
    "Auto",
    "Cost",
    "DReG",
    "DeltaMethod",
    "DisARM",
    "DoubleCV",
    "Enumerate",
    "Estimate",
    "Estimator",
    "FiniteDifference",
    "Gradient",
    "GumbelRao",
    "GumbelSoftmax",
    "MeasureValued",
    "Moments",
    "MuProp",
    "OneHotCategorical",
    "Pathwise",
    "Quadrature",
    "Rebar",
    "ReinMax",
    "Relax",
    "Reparameterization",
    "Report",
    "Row",
    "ScoreFunction",
    "StickingTheLanding",
    "StraightThrough",
    "check_mean",
    "check_unbiased",
    "compare",
    "differentiable_sample",
    "distributions",
    "exact_grad",
    "expectation",
    "grad_samples",
    "log_prob",
    "magic_box",
    "menu",
    "merge_moments",
    "moments",
    "multi_sample_bound",
    "warmed_state",
    "why_not",
    "with_gradient_of",
]
