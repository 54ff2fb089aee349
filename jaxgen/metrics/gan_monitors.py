"""The monitors of a GAN in training, with their files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxgen import random
from jaxgen.checks import check_key
from jaxgen.metrics.collapse_monitor import CollapseMonitor
from jaxgen.metrics.features import ImageSet
from jaxgen.metrics.sample_quality import QualityMonitor, QualityReference
from jaxgen.progress import print_line
from jaxgen.typing import PRNGKeyArray

__all__ = ["gan_monitors"]


def gan_monitors(
    folder: Path,
    model: Any,
    key: PRNGKeyArray,
    reference: QualityReference,
    train: ImageSet,
    test: ImageSet,
    steps_per_epoch: int,
    *,
    intervals: bool = False,
    warn: Callable[[str], None] | None = None,
) -> tuple[QualityMonitor, CollapseMonitor]:
    """Returns callbacks of `training.fit` that measure the samples of a GAN.

    They write `quality.jsonl` and `monitor.jsonl` into a folder.

    Args:
        folder: The folder of the model.
        model: As `models.gan`.
        key: The root key of the run; streams of it are consumed.
        reference: What samples are compared with.
        train: Training images; see `CollapseMonitor`.
        test: Held-out images.
        steps_per_epoch: For the epochs of the records.
        intervals: Whether Frechet distances have their 95 % intervals.
        warn: Called with each warning; by default it prints a line to stderr that
            begins with the name of the folder.
    """
    check_key(key)
    quality = QualityMonitor(
        folder / "quality.jsonl",
        model,
        reference,
        random.stream(key, "watch"),
        steps_per_epoch=steps_per_epoch,
        intervals=intervals,
    )
    collapse = CollapseMonitor(
        folder / "monitor.jsonl",
        model,
        random.stream(key, "monitor"),
        train,
        test=test,
        steps_per_epoch=steps_per_epoch,
        warn=warn or (lambda warning: print_line(f"{folder.name}: {warning}")),
    )
    return quality, collapse
