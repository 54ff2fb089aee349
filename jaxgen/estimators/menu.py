"""The whole menu, in the order of the families."""

from jaxgen.estimators.base import Estimator
from jaxgen.estimators.pathwise import Pathwise
from jaxgen.estimators.score_function import ScoreFunction


def menu() -> tuple[Estimator, ...]:
    """Returns one estimator of each kind, with the settings most often seen."""
    return (
        Pathwise(),
        ScoreFunction(),
        ScoreFunction("leave_one_out"),
        ScoreFunction("moving_average"),
        ScoreFunction("optimal"),
    )
