"""A progress bar for people; nothing at all in logs and CI."""

import os
import sys
from types import TracebackType
from typing import Any

from jaxgen.errors import InputError


class ProgressBar:
    """Shows epoch, terms, examples a second and time left, while used as a context.

    Args:
        steps: Steps of the whole run.
        steps_per_epoch: To tell the epoch.
        terms: Which terms are shown, in this order.
    """

    def __init__(self, steps: int, steps_per_epoch: int, terms: tuple[str, ...]):
        """Lays the bar out; it appears on entering the context."""
        try:
            from rich import progress
            from rich.console import Console
        except ImportError as error:
            raise InputError(
                'The progress bar needs rich: pip install "jaxgen[experiments]".'
            ) from error
        self._steps, self._per_epoch, self._terms = steps, steps_per_epoch, terms
        self._bar = progress.Progress(
            progress.TextColumn("epoch {task.fields[epoch]}"),
            progress.BarColumn(),
            progress.TextColumn("{task.fields[terms]}"),
            progress.TextColumn("{task.fields[rate]}"),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty() or bool(os.environ.get("CI")),
        )
        self._task: Any = None

    def __enter__(self) -> "ProgressBar":
        """Shows the bar."""
        self._bar.start()
        self._task = self._bar.add_task(
            "", total=self._steps, epoch=self._epoch(0), terms="compiling", rate=""
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leaves the bar as it is."""
        self._bar.stop()

    def update(self, step: int, terms: dict[str, float], rate: float) -> None:
        """Moves the bar; see `jaxgen.training.loop.Progress`."""
        shown = "  ".join(f"{k} {terms[k]:.2f}" for k in self._terms if k in terms)
        self._bar.update(
            self._task,
            completed=step,
            epoch=self._epoch(step),
            terms=shown,
            rate=f"{rate:,.0f} images/s" if rate else "",
        )

    def _epoch(self, step: int) -> str:
        whole = -(-self._steps // self._per_epoch)
        return f"{min(step // self._per_epoch + 1, whole)}/{whole}"
