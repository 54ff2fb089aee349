"""Which figures a run gets, in the order of its page."""

from jaxgen.report import gan
from jaxgen.report.estimators import plates as studies
from jaxgen.report.evaluation import plates as evaluation
from jaxgen.report.family import measured, pictured, sweep_plates
from jaxgen.report.plate import Maker, Plate
from jaxgen.report.run import Run, naming_arrays
from jaxgen.report.translation import makers as translation

__all__ = ["evaluation_plates", "plates"]

_MAKERS: tuple[Maker, ...] = (
    pictured.class_plane,
    pictured.all_labels,
    sweep_plates.latent_planes,
    pictured.comparison,
    sweep_plates.reconstructions,
    pictured.codes,
    pictured.traversals,
    measured.disentanglement,
    sweep_plates.scores,
    measured.bounds,
    studies.three_ways,
    studies.integrands,
    studies.bernoulli,
    studies.regression,
    studies.along,
    *translation.MAKERS,
    *gan.MAKERS,
)
_EVALUATION: tuple[Maker, ...] = (
    evaluation.intervals,
    evaluation.prd,
    evaluation.side_by_side,
    evaluation.neighbours,
)


def plates(run: Run) -> list[Plate]:
    """The figures for which a run has the data, in the order of the page.

    Args:
      run: the run.

    Returns:
      The figures, not drawn yet.

    Raises:
      InputError: an array file is damaged.
    """
    return _made(_MAKERS, run)


def evaluation_plates(run: Run) -> list[Plate]:
    """The figures of a run's evaluation, which have a section of their own.

    Args:
      run: the run.

    Returns:
      The figures, not drawn yet.

    Raises:
      InputError: a file of the evaluation is damaged.
    """
    return _made(_EVALUATION, run)


def _made(makers: tuple[Maker, ...], run: Run) -> list[Plate]:
    found = []
    for maker in makers:
        with naming_arrays(run):
            found.append(maker(run))
    return [plate for plate in found if plate is not None]
