"""How far a run is: a bar in a terminal, lines of plain text in a pipe or a log."""

import math
import os
import sys
import time
from types import TracebackType
from typing import Any

from jaxgen.errors import InputError

SECONDS_BETWEEN_LINES = 5.0


class ProgressBar:
    """Shows epoch, terms, examples a second and time left, while used as a context.

    A terminal gets a bar. Elsewhere there is a line for each record, at most one for
    each hundredth of the run, and lines between records that are far apart, see
    `Patience`. All of it goes to the error stream.

    Args:
        steps: Steps of the whole run.
        steps_per_epoch: To tell the epoch.
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
        """Lays the bar out; it appears on entering the context."""
        try:
            from rich import progress
            from rich.console import Console
        except ImportError as error:
            raise InputError(
                'The progress bar needs rich: pip install "jaxgen[experiments]".'
            ) from error
        self._steps, self._per_epoch, self._terms = steps, steps_per_epoch, terms
        self._name, self._period = name, evaluate_every or steps_per_epoch
        self._shown, self._patience = -math.inf, Patience()
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TextColumn("{task.fields[terms]}"),
            progress.TextColumn("{task.fields[rate]}"),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task: Any = None

    def __enter__(self) -> "ProgressBar":
        """Shows the bar, or says that the step is compiled."""
        self._patience = Patience()
        if is_terminal():
            self._bar.start()
            self._task = self._bar.add_task(
                self._place(0), total=self._steps, terms="compiling", rate=""
            )
        else:
            say("Compiling the training step" + (f": {self._name}" * bool(self._name)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leaves the bar as it is."""
        if self._task is not None:  # stopping a bar that is not shown prints a line
            self._bar.stop()

    def update(self, step: int, terms: dict[str, float], rate: float) -> None:
        """Moves the bar; see `jaxgen.training.loop.Progress`."""
        shown = "  ".join(f"{k} {terms[k]:.2f}" for k in self._terms if k in terms)
        speed = f"{rate:,.0f} images/s" if rate else ""
        if self._task is not None:
            self._bar.update(
                self._task,
                completed=step,
                description=self._place(step),
                terms=shown,
                rate=speed,
            )
            return
        record = step % self._period == 0 and step - self._shown >= self._steps / 100
        if record or step == self._steps or self._patience.is_over():
            self._shown = step
            self._patience.restart()
            # The epoch is that of the last step of these.
            place = f"{self._place(step - 1)}  step {step:,}/{self._steps:,}"
            say("  ".join(part for part in (place, shown, speed) if part))

    def _place(self, step: int) -> str:
        whole = -(-self._steps // self._per_epoch)
        epoch = f"epoch {min(step // self._per_epoch + 1, whole)}/{whole}"
        return f"{self._name}  {epoch}" if self._name else epoch


class Patience:
    """Tells when work that takes long is due for its next line in a log.

    That is after 5 seconds, and in the long run after a fiftieth of the time so far,
    so that a log of a day is no longer than a few hundred lines.
    """

    def __init__(self):
        """Starts now."""
        self._start = self._last = time.monotonic()

    def is_over(self) -> bool:
        """Whether the next line is due."""
        now = time.monotonic()
        wait = max(SECONDS_BETWEEN_LINES, (now - self._start) / 50)
        return now - self._last >= wait

    def restart(self) -> None:
        """Waits anew: a line was written."""
        self._last = time.monotonic()


def is_terminal() -> bool:
    """Whether a person looks at the error stream, and a line can be drawn anew."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def say(sentence: str) -> None:
    """Writes a line to the error stream at once; a bar there moves down for it."""
    print(sentence, file=sys.stderr, flush=True)
