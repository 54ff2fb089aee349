"""SIGINT and SIGTERM outside of the training loop, which has handlers of its own.

The loop ends its call and saves; elsewhere there is nothing to save, and the run stops
where it is.
"""

import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

__all__ = [
    "SIGNALS",
    "Stopped",
    "exit_while_importing",
    "is_ignored",
    "python",
    "raising_stopped",
    "start_command",
]

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)  # Windows has no terminal that hangs up
)


class Stopped(KeyboardInterrupt):
    """A signal came; nothing that handles errors handles it by accident.

    Attributes:
        signal_number: The signal.
    """

    def __init__(self, signal_number: int):
        """Keeps the signal."""
        super().__init__(f"Stopped by {signal.Signals(signal_number).name}.")
        self.signal_number = signal_number


def exit_while_importing() -> None:
    """Ends the process at a signal, with a sentence, before the script has begun."""
    _handle(_exit)


@contextlib.contextmanager
def raising_stopped(swallowed: Callable[[Stopped], object]) -> Iterator[None]:
    """Raises `Stopped` at a signal within the context; a second one ends at once.

    Args:
        swallowed: Called where the exception cannot get out: in a callback of the
            garbage collector, or in a `__del__`; and at the end, where code in C has
            cleared it.
    """
    received: list[int] = []

    def keep_and_raise(number: int, frame: FrameType | None) -> NoReturn:
        received.append(number)
        _raise(number, frame)

    former, hook = _handle(keep_and_raise), sys.unraisablehook

    def unraisable(what: Any) -> None:
        if isinstance(what.exc_value, Stopped):
            swallowed(what.exc_value)
        else:
            hook(what)

    sys.unraisablehook = unraisable
    try:
        yield
        if received:
            swallowed(Stopped(received[0]))
    finally:
        sys.unraisablehook = hook
        for number, handler in former.items():
            signal.signal(number, handler)


def is_ignored(number: int) -> bool:
    """Whether a process is to outlive its terminal, as `nohup` asks for.

    A shell script has its background jobs ignore SIGINT too, which says nothing of what
    their owner wants.
    """
    hang_up = getattr(signal, "SIGHUP", None)
    return number == hang_up and signal.getsignal(number) is signal.SIG_IGN


def start_command() -> str:
    """Returns the command line that this process was started with."""
    # The README runs the interpreter of an environment that need not be active.
    return shlex.join([python(), *sys.orig_argv[1:]])


def python() -> str:
    """Returns the interpreter, by a path that is short where it can be."""
    path = os.path.relpath(sys.executable)
    return sys.executable if path.startswith("..") else path


def _handle(handler: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    former: dict[int, Any] = {}
    for number in SIGNALS:
        if is_ignored(number):
            continue
        # Only the main thread may handle signals.
        with contextlib.suppress(ValueError):
            former[number] = signal.signal(number, handler)
    return former


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    # Raised again, while the first is dealt with, it would end in a traceback.
    _handle(lambda number, frame: os._exit(128 + number))
    raise Stopped(number)


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    # At once: an exception would end as a traceback of whatever is being imported.
    print(f"{Stopped(number)} To start: {start_command()}", file=sys.stderr, flush=True)
    os._exit(128 + number)
