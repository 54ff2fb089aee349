"""Which figures a run gets, in the order of its page."""

from typing import NamedTuple

from jaxgen.report import gan
from jaxgen.report.estimators import plates as studies
from jaxgen.report.evaluation import plates as evaluation
from jaxgen.report.family import measured, pictured, sweep_plates
from jaxgen.report.kinds import FigureSpec
from jaxgen.report.plate import Maker, Plate
from jaxgen.report.records import record_figures
from jaxgen.report.run import Run, naming_arrays
from jaxgen.report.specs import read_figures
from jaxgen.report.translation import makers as translation

__all__ = ["Shown", "evaluation_figures", "figures", "plates"]

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


class Shown(NamedTuple):
    """A figure of a page: the name of its file, the file that it shows, its data."""

    name: str
    source: str
    figure: FigureSpec | Plate


def figures(run: Run) -> list[Shown]:
    """The figures of a run, in the order of its page.

    Args:
      run: the run.

    Returns:
      Those that it has written, those of what it logged, and those for whose arrays the
      drawing is here.

    Raises:
      InputError: a file is damaged.
    """
    found = [
        Shown(name, f"figures/{name}.npz", figure)
        for name, figure in read_figures(run.path).items()
    ]
    found += [
        Shown(name, "metrics.jsonl", figure)
        for name, figure in record_figures(run).items()
    ]
    return found + [Shown(plate.name, plate.source, plate) for plate in plates(run)]


def evaluation_figures(run: Run) -> list[Shown]:
    """The figures of a run's evaluation, which have a section of their own.

    Args:
      run: the run.

    Returns:
      The figures, not drawn yet.

    Raises:
      InputError: a file of the evaluation is damaged.
    """
    made = _made(_EVALUATION, run)
    return [Shown(plate.name, plate.source, plate) for plate in made]


def plates(run: Run) -> list[Plate]:
    """The figures for whose arrays the drawing is here, and not with the arrays.

    Args:
      run: the run.

    Raises:
      InputError: an array file is damaged.
    """
    return _made(_MAKERS, run)


def _made(makers: tuple[Maker, ...], run: Run) -> list[Plate]:
    found = []
    for maker in makers:
        with naming_arrays(run):
            found.append(maker(run))
    return [plate for plate in found if plate is not None]
