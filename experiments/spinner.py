"""One line that says what a study is at, for scripts that train no one model."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    """Says on one line what is being done; nothing at all in logs and CI."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    hidden = not sys.stderr.isatty() or bool(os.environ.get("CI"))
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=hidden,
        transient=True,
    )
    with bar:
        task = bar.add_task("compiling")
        yield lambda said: bar.update(task, description=said)
