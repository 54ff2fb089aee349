"""What the network of a critic is shown: samples after the remedies, row by row."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jaxgen.models.conditions import Condition
from jaxgen.models.remedies import Remedy, pack
from jaxgen.models.styled_generator import fold_keys
from jaxgen.typing import Array, PyTree, RandomKeys

__all__ = [
    "CriticStep",
    "Rows",
    "RowsPair",
    "count_before_statistics",
    "evaluation_rows",
    "paired_rows",
    "training_rows",
]


class CriticStep(NamedTuple):
    """Inputs of one critic step.

    Attributes:
        count: Steps of the critic before it, int32 scalar.
        keys: One per example.
        real: Data, shape (batch, ...).
        condition: One-hot labels of data and generated samples, or None.
        axis_name: The mapped axis, if any.
    """

    count: Array
    keys: RandomKeys
    real: Array
    condition: Condition
    axis_name: str | None


class Rows(NamedTuple):
    """Inputs of the network.

    Attributes:
        samples: Packed or not, shape (rows, ...).
        condition: Of the rows, or None.
        keys: One per row, for what the network draws; None in evaluation.
    """

    samples: Array
    condition: Condition
    keys: RandomKeys | None = None


class RowsPair(NamedTuple):
    """Both sides of one transform in training.

    Attributes:
        real: Data.
        fake: Generated samples.
        keys: One per row, for what else is drawn.
        view: `samples -> samples of rows`, with the draws of `real`.
    """

    real: Rows
    fake: Rows
    keys: RandomKeys
    view: Callable[[Array], Array]


def count_before_statistics(remedies: Sequence[Remedy]) -> int:
    """Counts the remedies before those that only add a statistic of the batch.

    Such remedies at the end of the list are part of the critic that is penalised.
    """
    count = len(remedies)
    while (
        count and remedies[count - 1].inputs is None and remedies[count - 1].group < 2
    ):
        count -= 1
    return count


def evaluation_rows(
    remedies: Sequence[Remedy], samples: Array, condition: Condition
) -> Rows:
    """Returns what the network is shown in evaluation: without what is drawn."""
    rows = Rows(samples, condition)
    for remedy in remedies:
        rows = _laid_out(remedy, rows)
    return rows


def training_rows(
    remedies: Sequence[Remedy],
    kept: PyTree,
    count: Array,
    keys: RandomKeys,
    samples: Array,
    condition: Condition,
) -> Rows:
    """Returns what the network is shown in training.

    Args:
        remedies: All, or the first of them.
        kept: What each remedy keeps.
        count: Steps of the critic before this one.
        keys: One per sample.
        samples: Shape (batch, ...).
        condition: One-hot labels, or None.
    """
    rows = Rows(samples, condition)
    for place, (remedy, own) in enumerate(zip(remedies, kept, strict=False)):
        if remedy.inputs is not None:
            # A row draws with the key of its first sample.
            drawn = fold_keys(keys, place)[:: keys.shape[0] // rows.samples.shape[0]]
            changed = remedy.inputs(own, count, drawn, rows.samples)
            rows = rows._replace(samples=changed)
        rows = _laid_out(remedy, rows)
    return rows


def paired_rows(
    remedies: Sequence[Remedy],
    kept: PyTree,
    step: CriticStep,
    fake: Array,
    head: int,
    transform: Callable[[Array], Array],
) -> RowsPair:
    """Returns both sides of the transform of one head.

    Args:
        remedies: All, or the first of them.
        kept: What each remedy keeps.
        step: With the condition that the network takes.
        fake: Generated samples, shape (batch, ...).
        head: Number of the head.
        transform: Of the samples of this head.
    """
    keys = fold_keys(step.keys, head)

    def rows_of(side: int, samples: Array) -> Rows:
        own = fold_keys(keys, side)
        return training_rows(
            remedies, kept, step.count, own, transform(samples), step.condition
        )

    real, generated = rows_of(0, step.real), rows_of(1, fake)
    group = fake.shape[0] // generated.samples.shape[0]
    # Of the sides are 0 and 1, of what else is drawn 2, of the network 3.
    network_keys = fold_keys(keys, 3)[::group]
    return RowsPair(
        real=real._replace(keys=fold_keys(network_keys, 0)),
        fake=generated._replace(keys=fold_keys(network_keys, 1)),
        keys=fold_keys(keys, 2)[::group],
        view=lambda samples: rows_of(0, samples).samples,
    )


def _laid_out(remedy: Remedy, rows: Rows) -> Rows:
    if remedy.layout is None:
        return rows
    condition = rows.condition
    if condition is not None and remedy.group > 1:
        condition = pack(condition, remedy.group)
    return rows._replace(samples=remedy.layout(rows.samples), condition=condition)
