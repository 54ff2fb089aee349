"""What a script does now: a bar in a terminal, lines of plain text elsewhere.

Everything goes to the error stream. A training has `jaxgen.training.ProgressBar`.
"""

import contextlib
from collections.abc import Iterator

from jaxgen.progress import Progress, print_line
from jaxgen.training import LineTimer, is_terminal

__all__ = ["display"]

_current: Progress | None = None


@contextlib.contextmanager
def display() -> Iterator[Progress]:
    """Gives a function that shows what is done now, and how much of it.

    A terminal gets a bar. Elsewhere there is a line when something begins that was not
    named before, and then one after some seconds, so that a log shows that it goes on.
    Within another such context it is the function of that one.
    """
    global _current
    if _current is not None:
        yield _current
        return
    with _bar() if is_terminal() else contextlib.nullcontext(_lines()) as _current:
        try:
            yield _current
        finally:
            _current = None


@contextlib.contextmanager
def _bar() -> Iterator[Progress]:
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TextColumn("{task.fields[count]}"),
        progress.TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )

    def show(what: str, done: int, total: int | None) -> None:
        bar.update(
            task,
            description=_capital(what),
            completed=done,
            count=_count(done, total),
            # Without a total the bar would show that of the stage before.
            total=total or max(2 * done, 1),
        )

    with bar:
        task = bar.add_task("Compiling", total=1, count="")
        yield show


def _lines() -> Progress:
    timer, begun = LineTimer(), set()

    def show(what: str, done: int, total: int | None) -> None:
        if what in begun and not timer.is_due():
            return
        begun.add(what)
        timer.restart()
        count = _count(done, total)
        print_line(f"{_capital(what)}: {count}" if count else _capital(what))

    return show


def _capital(what: str) -> str:
    return what[:1].upper() + what[1:]


def _count(done: int, total: int | None) -> str:
    if total is not None:
        return f"{done:,} of {total:,}"
    return f"{done:,}" if done else ""
