"""What Orbax and its threads print of errors that `Checkpoints` raises itself."""

import logging
import sys
import traceback
from collections.abc import Callable
from typing import Any

__all__ = ["LATE", "quiet_orbax"]

LATE = ("Event loop is closed", "exception was never retrieved")
"""What is told of a read or a write that ends after another one has failed."""


def quiet_orbax() -> None:
    """Holds it back from now on: errors in the log, and those that come too late."""
    logging.getLogger("absl").addFilter(_is_of_others)
    logging.getLogger("asyncio").addFilter(_is_no_late_write)
    if not isinstance(sys.unraisablehook, _Hook):
        sys.unraisablehook = _Hook(sys.unraisablehook)


class _Hook:
    def __init__(self, former: Callable[[Any], Any]):
        self._former = former

    def __call__(self, unraisable: Any) -> None:
        if str(unraisable.exc_value) != LATE[0]:
            self._former(unraisable)


def _is_of_others(record: logging.LogRecord) -> bool:
    """Whether a record is no warning or error of Orbax."""
    if record.levelno < logging.WARNING:
        return True
    # JAX makes this logger before absl does, and the record then names absl's own file.
    frame = sys._getframe()
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("orbax."):
            return False
        frame = frame.f_back
    return True


def _is_no_late_write(record: logging.LogRecord) -> bool:
    """Whether a record is not of a write that nobody waits for any more."""
    if LATE[1] not in record.getMessage() or record.exc_info is None:
        return True
    text = "".join(traceback.format_exception(*record.exc_info))
    return "orbax" not in text and "OCDBT" not in text
