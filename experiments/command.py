"""What every script's command does around its `main`: options, errors, exit status."""

import contextlib
import dataclasses
import errno
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax

from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.training import Interrupted, NonFiniteError
from jaxgen.training.run_folder import check_name

Config = TypeVar("Config")
FULL = (errno.ENOSPC, errno.EDQUOT)
MOST_CPU_DEVICES = 256
"""A CPU can be split into more devices than this, but JAX then takes long to start."""
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
        check_options(options)
        main(options)
    except InputError as error:
        _stop(in_options(str(error), options), 2)
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
        flag = flag_of(field.name)
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        elif isinstance(value, tuple):
            words += [flag, *map(str, value)]
        else:
            words += [flag, str(value)]
    return shlex.join(words)


def in_options(message: str, options: Any) -> str:
    """Returns a message of a Python call with its arguments written as options.

    Those are `name=value`, and a name with an underscore by itself: other names may be
    plain English. What is part of a path, of a longer name or of a quotation stays.

    Args:
        message: The message; it may speak of arguments that are no options.
        options: The options, whose names are replaced.
    """
    flags = {field.name: flag_of(field.name) for field in dataclasses.fields(options)}
    # The pipelines of pairs have a name of their own for it.
    for name, flag in (flags | {"crop_size": "--image-size"}).items():
        alone = r"|(?![\w/'\"-]|\.\w)" if "_" in name else ""
        found = rf"(?<![\w./'\"-]){name}(=True\b|(?==){alone})"
        message = re.sub(found, flag, message)
    return message


def check_options(options: Any) -> None:
    """Raises an InputError that names the first option that no script can use.

    Those are floats that are not finite, whole numbers below 0, and a `name` that is
    not the name of one folder.

    Args:
        options: A dataclass of options.
    """
    for field in dataclasses.fields(options):
        flag = flag_of(field.name)
        for number in _numbers(options, field.name):
            if isinstance(number, float):
                check_number(flag, number)
            else:
                check_count(flag, number, 0)
    if getattr(options, "name", None) is not None:
        check_name(options.name, flag_of("name"))


def check_positive(options: Any, *names: str) -> None:
    """Raises an InputError that names the first option that is not above 0."""
    for name in names:
        if getattr(options, name) == ():
            raise InputError(f"{flag_of(name)} is empty: give at least one number.")
        check_bounds(options, name, above=0)


def check_bounds(options: Any, *names: str, **bounds: float) -> None:
    """Raises an InputError that names the first option that is out of its bounds.

    Args:
        options: A dataclass of options.
        names: Of those that are checked. An option of several numbers is within the
            bounds if each of them is; None is within any.
        bounds: As those of `jaxgen.checks.check_number`.
    """
    for name in names:
        for number in _numbers(options, name):
            check_number(flag_of(name), number, **bounds)


def use_devices(count: int | None) -> None:
    """Splits a CPU into so many devices, before JAX is used, or finds them there.

    Raises:
        InputError: There are not that many.
    """
    if count is None:
        return
    check_count("--devices", count, 1)
    if 1 < count <= MOST_CPU_DEVICES:
        with contextlib.suppress(RuntimeError):  # JAX is up: it has what it has
            jax.config.update("jax_num_cpu_devices", count)
    there = jax.devices()
    if count > len(there):
        most = MOST_CPU_DEVICES if there[0].platform == "cpu" else len(there)
        raise InputError(
            f"--devices={count}: JAX sees {len(there)} ({there[0].platform}); give a "
            f"number from 1 to {most}."
        )


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
    """Prints the tables of a page, as wide as the terminal; a pipe has 80 columns.

    Cells that are too wide are wrapped, and none is cut.

    Args:
        tables: Each with its title, columns, words and rows of strings.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=shutil.get_terminal_size().columns, markup=False)
    for table in tables:
        text = Table(title=table["title"], box=box.SIMPLE, title_justify="left")
        for number, column in enumerate(table["columns"]):
            if number < table["words"]:
                text.add_column(column, overflow="fold")
                continue
            # Numbers stay on one line where they can; heads and words are wrapped.
            parts = [*column.split(), *(row[number] for row in table["rows"])]
            size = max(map(len, parts), default=0)
            text.add_column(column, justify="right", width=size, overflow="fold")
        for row in table["rows"]:
            text.add_row(*row)
        console.print(text)


def name_run(name: str) -> None:
    """Says which folder the run got, for the command that resumes it."""
    global _run_name
    _run_name = name


def flag_of(name: str) -> str:
    """Returns an option as it is typed: `--learning-rate` of `learning_rate`."""
    return "--" + name.replace("_", "-")


def _numbers(options: Any, name: str) -> list[int | float]:
    # The numbers of an option, which may be one, a tuple of them, or None.
    value = getattr(options, name)
    values = value if isinstance(value, tuple) else (value,)
    return [
        number
        for number in values
        if isinstance(number, int | float) and not isinstance(number, bool)
    ]


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
