"""How far a run is: a bar in a terminal, lines of plain text in a pipe or a log."""

import math
import os
import sys
import time
from types import TracebackType
from typing import Any

from jaxgen.errors import InputError
from jaxgen.progress import print_line

__all__ = ["SECONDS_BETWEEN_LINES", "LineTimer", "ProgressBar", "is_terminal"]

SECONDS_BETWEEN_LINES = 5.0


class ProgressBar:
    """Shows epoch, terms, examples a second and time left, while used as a context.

    A terminal gets a bar. Elsewhere there is a line for each record, at most one for
    each hundredth of the run, and lines between records that are far apart, see
    `LineTimer`. All of it goes to the error stream.

    Args:
        steps: Steps of the whole run.
        steps_per_epoch: For the number of the epoch.
        terms: Which terms are shown, in this order.
        name: What is trained, where a script trains several models.
        evaluate_every: Steps between records, as given to `fit`; an epoch by default.
    """

    def __init__(
        self,
        steps: int,
        steps_per_epoch: int,
        terms: tuple[str, ...],
        *,
        name: str = "",
        evaluate_every: int | None = None,
    ):
        """Takes the options; the bar appears on entering the context."""
        self._steps, self._per_epoch, self._terms = steps, steps_per_epoch, terms
        self._name, self._period = name, evaluate_every or steps_per_epoch
        self._line_at, self._timer = -math.inf, LineTimer()
        self._bar: Any = None

    def __enter__(self) -> "ProgressBar":
        """Shows the bar, or says that the step is compiled."""
        self._timer = LineTimer()
        if is_terminal():
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task(
                self._place(0), total=self._steps, terms="compiling", rate=""
            )
        else:
            name = f": {self._name}" if self._name else ""
            print_line(f"Compiling the training step{name}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leaves the bar as it is."""
        if self._bar is not None:
            self._bar.stop()

    def update(self, step: int, terms: dict[str, float], rate: float) -> None:
        """Moves the bar; see `jaxgen.training.loop.Progress`."""
        values = "  ".join(f"{k} {terms[k]:.2f}" for k in self._terms if k in terms)
        speed = f"{rate:,.0f} images/s" if rate else ""
        if self._bar is not None:
            self._bar.update(
                self._task,
                completed=step,
                description=self._place(step),
                terms=values,
                rate=speed,
            )
            return
        record = step % self._period == 0 and step - self._line_at >= self._steps / 100
        if record or step == self._steps or self._timer.is_due():
            self._line_at = step
            self._timer.restart()
            # The epoch is that of the last step of these.
            place = f"{self._place(step - 1)}  step {step:,}/{self._steps:,}"
            print_line("  ".join(part for part in (place, values, speed) if part))

    def _place(self, step: int) -> str:
        whole = -(-self._steps // self._per_epoch)
        epoch = f"epoch {min(step // self._per_epoch + 1, whole)}/{whole}"
        return f"{self._name}  {epoch}" if self._name else epoch


def _bar() -> Any:
    try:
        from rich import progress
        from rich.console import Console
    except ImportError as error:
        raise InputError(
            'The progress bar needs rich: pip install "jaxgen[experiments]".'
        ) from error
    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TextColumn("{task.fields[terms]}"),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )


class LineTimer:
    """Times the lines that work which takes long writes to a log.

    The next line is due after 5 seconds, and in the long run after a fiftieth of the
    time so far, so that a log of a day is no longer than a few hundred lines.
    """

    def __init__(self):
        """Starts now."""
        self._start = self._last = time.monotonic()

    def is_due(self) -> bool:
        """Whether the next line is due."""
        now = time.monotonic()
        wait = max(SECONDS_BETWEEN_LINES, (now - self._start) / 50)
        return now - self._last >= wait

    def restart(self) -> None:
        """Starts the wait for the next line."""
        self._last = time.monotonic()


def is_terminal() -> bool:
    """Whether the error stream is a terminal in which a line can be redrawn."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
