"""How work that takes long says how far it is."""

import sys
from collections.abc import Callable

__all__ = ["Progress", "print_line"]

Progress = Callable[[str, int, int | None], None]
"""`progress(what, done, total)`: so many of so many; the total may be unknown."""


def print_line(line: str) -> None:
    """Prints a line to stderr at once, in a terminal, a notebook or a pipe alike."""
    print(line, file=sys.stderr, flush=True)
