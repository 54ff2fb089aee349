"""What Orbax and its threads print of errors that `Checkpoints` raises itself."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def quiet_orbax() -> None:
    """Holds it back from now on: the log of an error, and of what comes too late.

    A read or a write that ends after another one has failed finds its event loop
    closed, and can tell nobody but the interpreter.
    """
    logging.getLogger("absl").addFilter(_is_of_others)
    if not isinstance(sys.unraisablehook, _Hook):
        sys.unraisablehook = _Hook(sys.unraisablehook)


class _Hook:
    def __init__(self, former: Callable[[Any], Any]):
        self._former = former

    def __call__(self, unraisable: Any) -> None:
        if str(unraisable.exc_value) != "Event loop is closed":
            self._former(unraisable)


def _is_of_others(record: logging.LogRecord) -> bool:
    return "orbax" not in Path(record.pathname).parts
