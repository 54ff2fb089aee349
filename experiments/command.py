"""What every script's command does around its `main`: options, errors, exit status."""

import contextlib
import dataclasses
import errno
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax

from jaxgen.errors import InputError
from jaxgen.training import Interrupted, NonFiniteError

Config = TypeVar("Config")
FULL = (errno.ENOSPC, errno.EDQUOT)
_run_name: str | None = None


def run(main: Callable[[Config], Any], config: type[Config], description: str) -> None:
    """Parses the options, runs `main` and exits.

    The exit status is 0; 2 for input that cannot be used; 1 for a run that failed; 128
    and the signal's number for one that was stopped. None of these prints a traceback.

    Args:
        main: The script's `main(config)`.
        config: Its frozen dataclass of options.
        description: What `--help` says first.
    """
    try:
        import tyro
    except ImportError:
        _stop('This script needs tyro: pip install "jaxgen[experiments]".', 2)
    options = tyro.cli(config, prog=f"python -m {_module()}", description=description)
    try:
        main(options)
    except InputError as error:
        _stop(str(error), 2)
    except NonFiniteError as error:
        _stop(str(error), 1)
    except Interrupted as stop:
        _stop(f"{stop} To go on: {resume_command(options)}", 128 + stop.signal_number)
    except KeyboardInterrupt:
        _stop("Stopped at once, without saving.", 130)
    except Exception as error:
        if not _devices_start():
            _stop(_no_devices(), 2)
        # Checkpoints are written by a library that reports it in words of its own.
        code = getattr(error, "errno", None)
        if code not in FULL and "No space left" not in str(error):
            raise
        _stop(
            "The disk is full. What was saved before is whole. Make room, then: "
            f"{resume_command(options)}",
            1,
        )


def command(options: Any) -> str:
    """Returns the command line that gives these options, defaults left out."""
    words = ["python", "-m", _module()]
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if value == field.default:
            continue
        flag = "--" + field.name.replace("_", "-")
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        elif isinstance(value, tuple):
            words += [flag, *map(str, value)]
        else:
            words += [flag, str(value)]
    return shlex.join(words)


def check_positive(options: Any, *names: str) -> None:
    """Raises an InputError that names the first option that is not above 0."""
    for name in names:
        value = getattr(options, name)
        numbers = value if isinstance(value, tuple) else (value,)
        if not numbers or any(n is not None and not n > 0 for n in numbers):
            shown = " ".join(map(str, numbers)) or "empty"
            raise InputError(
                f"--{name.replace('_', '-')} is {shown}: give a number above 0."
            )


def check_not_negative(options: Any, *names: str) -> None:
    """Raises an InputError that names the first option that is below 0."""
    for name in names:
        value = getattr(options, name)
        if not value >= 0:
            raise InputError(
                f"--{name.replace('_', '-')} is {value}: give 0 or a number above it."
            )


def use_devices(count: int | None) -> None:
    """Lets a CPU pretend to be several devices; it must come before JAX is used."""
    if count is not None and count > 1:
        with contextlib.suppress(RuntimeError):  # JAX is up: it has what it has
            jax.config.update("jax_num_cpu_devices", count)


def resume_command(options: Any) -> str:
    """Returns the command line that resumes the run of these options."""
    if not hasattr(options, "resume"):  # a study without training starts anew
        return command(options)
    name = _run_name or options.name
    line = command(dataclasses.replace(options, resume=True, name=name))
    # The README runs the interpreter of an environment that need not be active.
    python = os.path.relpath(sys.executable)
    python = sys.executable if python.startswith("..") else python
    return line.replace("python", shlex.quote(python), 1)


def print_tables(tables: Sequence[dict[str, Any]]) -> None:
    """Prints the tables of a page: title, columns, words, rows of strings."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 150)
    for table in tables:
        shown = Table(title=table["title"], box=box.SIMPLE, title_justify="left")
        for number, column in enumerate(table["columns"]):
            words = number < table["words"]
            shown.add_column(column, justify="left" if words else "right", no_wrap=True)
        for row in table["rows"]:
            shown.add_row(*row)
        console.print(shown)


def name_run(name: str) -> None:
    """Says which folder the run got, for the command that resumes it."""
    global _run_name
    _run_name = name


def _devices_start() -> bool:
    """Whether JAX finds any device; it raises AssertionError or RuntimeError if not."""
    try:
        return bool(jax.devices())
    except (AssertionError, RuntimeError):
        return False


def _no_devices() -> str:
    wanted = str(jax.config.jax_platforms)  # pyright: ignore[reportAttributeAccessIssue]
    needs = ""
    if "cuda" in wanted or "gpu" in wanted:
        needs = (
            "CUDA needs an NVIDIA GPU with its driver, and JAX for CUDA: "
            'pip install "jaxgen[cuda]". '
        )
    return (
        f"JAX cannot start the platform that JAX_PLATFORMS={wanted} asks for. {needs}"
        "To run on the CPU set JAX_PLATFORMS=cpu; to let JAX choose, unset it."
    )


def _module() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return (
        spec.name
        if spec is not None
        else "experiments." + os.path.basename(sys.argv[0]).removesuffix(".py")
    )


def _stop(message: str, status: int) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(status)
