"""What an evaluation shows while it works: a bar for people, lines for a log."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

Tell = Callable[[str, int, int | None], None]
"""`tell(what, done, total)`: so many of so many are done; the total may be unknown."""

SECONDS_BETWEEN_LINES = 5.0


@contextlib.contextmanager
def shown() -> Iterator[Tell]:
    """Gives a function that tells how far the work is, on the error stream.

    A terminal gets a bar of what is being done. Elsewhere there is a line now and then,
    so that a log shows that it goes on; under CI there is nothing.
    """
    if os.environ.get("CI"):
        yield lambda what, done, total: None
    elif sys.stderr.isatty():
        with _bar() as tell:
            yield tell
    else:
        yield _lines()


@contextlib.contextmanager
def _bar() -> Iterator[Tell]:
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TextColumn("{task.fields[count]}"),
        progress.TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )

    def tell(what: str, done: int, total: int | None) -> None:
        bar.update(
            task,
            description=what,
            completed=done,
            count=_count(done, total),
            # Without a total the bar would show that of the stage before.
            total=total or max(2 * done, 1),
        )

    with bar:
        task = bar.add_task("loading", total=1, count="")
        yield tell


def _lines() -> Tell:
    last = -SECONDS_BETWEEN_LINES

    def tell(what: str, done: int, total: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            print(f"{what} {_count(done, total)}".rstrip(), file=sys.stderr, flush=True)

    return tell


def _count(done: int, total: int | None) -> str:
    if total is not None:
        return f"{done:,} of {total:,}"
    return f"{done:,}" if done else ""
