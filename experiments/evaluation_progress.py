"""What an evaluation shows while it works: a bar for people, lines for a log."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

Tell = Callable[[str, int, int | None], None]
"""`tell(what, done, total)`: so many of so many are done; the total may be unknown."""

SECONDS_BETWEEN_LINES = 20.0


@contextlib.contextmanager
def shown() -> Iterator[Tell]:
    """Gives a function that tells how far the work is, on the error stream.

    A terminal gets a bar for each stage. Elsewhere a stage is a line when it begins,
    and another now and then where it takes long; under CI there is nothing.
    """
    if os.environ.get("CI"):
        yield lambda what, done, total: None
    elif sys.stderr.isatty():
        with _bars() as tell:
            yield tell
    else:
        yield _lines()


@contextlib.contextmanager
def _bars() -> Iterator[Tell]:
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    tasks: dict[str, progress.TaskID] = {}

    def tell(what: str, done: int, total: int | None) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done, total=total)

    with bar:
        yield tell


def _lines() -> Tell:
    said: dict[str, float] = {}

    def tell(what: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if what in said and now - said[what] < SECONDS_BETWEEN_LINES:
            return
        of = "" if total is None else f" of {total:,}"
        so_far = f": {done:,}{of}" if what in said else ""
        said[what] = now
        print(f"{what}{so_far}", file=sys.stderr, flush=True)

    return tell
