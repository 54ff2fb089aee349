"""The whole menu, in the order of the families."""

from jaxgen.estimators.antithetic import ARM, ARMS, DisARM
from jaxgen.estimators.base import Estimator
from jaxgen.estimators.double_cv import DoubleCV
from jaxgen.estimators.finite_difference import SPSA, FiniteDifference
from jaxgen.estimators.measure_valued import MeasureValued
from jaxgen.estimators.pathwise import Pathwise
from jaxgen.estimators.rebar import Rebar
from jaxgen.estimators.relaxed import (
    GumbelRao,
    GumbelSoftmax,
    ReinMax,
    StraightThrough,
)
from jaxgen.estimators.score_function import ScoreFunction
from jaxgen.estimators.taylor import DeltaMethod, MuProp

__all__ = ["menu"]


def menu() -> tuple[Estimator, ...]:
    """Returns one estimator of each kind, with the settings most often seen.

    Left out are the exact ones, which are the truth to compare with, and `Relax`, whose
    control variate is the caller's.
    """
    return (
        Pathwise(),
        DeltaMethod(Pathwise(), coefficient=1.0),
        ScoreFunction(),
        ScoreFunction("moving_average"),
        ScoreFunction("leave_one_out"),
        ScoreFunction("optimal"),
        DeltaMethod(ScoreFunction(), coefficient=1.0),
        MuProp(),
        DoubleCV(),
        MeasureValued(),
        MeasureValued(coupling=False),
        ARM(),
        DisARM(),
        ARMS(),
        Rebar(),
        GumbelSoftmax(0.5),
        GumbelSoftmax(0.5, hard=True),
        StraightThrough(),
        GumbelRao(0.5, 16),
        ReinMax(),
        FiniteDifference(),
        SPSA(),
    )
