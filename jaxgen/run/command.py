"""What every script's command does around its `main`: options, errors, exit status."""

import contextlib
import dataclasses
import gc
import os
import shlex
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import jax

from jaxgen import stopping, training
from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.files import is_full
from jaxgen.run import rescue
from jaxgen.run.compilation_cache import use_compilation_cache
from jaxgen.run.help import short_help
from jaxgen.run.options import check_options, flag_of, in_options
from jaxgen.training import (
    Failed,
    Interrupted,
    NonFiniteError,
    RunFolder,
    discard_run,
    has_checkpoint,
)

__all__ = [
    "MOST_CPU_DEVICES",
    "command_line",
    "command_of",
    "follow_run",
    "resume_command",
    "use_devices",
]

Config = TypeVar("Config")
MOST_CPU_DEVICES = 256
"""A CPU can be split into more devices than this, but JAX then takes long to start."""
_run: RunFolder | None = None
_run_is_new = False
_presets: Mapping[str, Any] = {}


def command_line(
    main: Callable[[Config], Any],
    config: type[Config],
    description: str,
    examples: Mapping[str, str] | None = None,
    *,
    presets: Mapping[str, Config] | None = None,
) -> None:
    """Parses the options, runs `main` and exits.

    The exit status is 0; 2 for input that cannot be used; 1 for a run that failed; 128
    and the signal's number for one that was stopped. None of these prints a traceback.
    A new run that ends before anything was saved leaves no folder.

    Args:
        main: The script's `main(config)`.
        config: Its frozen dataclass of options.
        description: What `--help` says first; `--help` shows its first paragraph.
        examples: What may be typed after the command, each with what it does.
        presets: Options by the names that the option `preset` has, the default first;
            what else is given counts on top of them.
    """
    global _presets
    _presets = presets or {}
    prog = " ".join(_program())
    if {"-h", "--help"} & set(sys.argv[1:]):
        with contextlib.suppress(BrokenPipeError):  # as by `| head`
            print(short_help(config, prog, description, examples or {}), flush=True)
        raise SystemExit(0)
    words = ["--help" if word == "--help-all" else word for word in sys.argv[1:]]
    try:
        import tyro
    except ImportError:
        _stop('This script needs tyro: pip install "jaxgen[experiments]".', 2)
    gc.freeze()  # what is imported; `experiments` has put it off until here
    gc.enable()
    options = None
    follow_run(None, new=False)

    def stop(error: stopping.Stopped) -> None:
        _discard_new_run()
        print(f"{error} {_again(options)}", file=sys.stderr)
        _leave(128 + error.signal_number)

    with stopping.raising_stopped(stop):
        try:
            default = {"default": _preset_of(words)} if _presets else {}
            options = tyro.cli(
                config, prog=prog, description=description, args=words, **default
            )
            check_options(options)
            # Before anything uses JAX.
            if getattr(options, "compilation_cache", True):
                use_compilation_cache()
            use_devices(getattr(options, "devices", None))
            main(options)
        except (Exception, stopping.Stopped) as error:
            if not isinstance(error, Interrupted | Failed):
                _discard_new_run()
            end = _end_of(error, options)
            if end is None:
                raise
            if isinstance(error, Failed):
                _stop_at_once(*end)
            _stop(*end)
        finally:
            _release_run()


def _end_of(error: BaseException, options: Any) -> tuple[str, int] | None:
    """Returns what is said of an error, and the exit status; None if it is unknown."""
    if isinstance(error, Interrupted):
        again = f"To go on: {resume_command(options)}"
        return f"{error} {again}", 128 + error.signal_number
    again = _again(options)
    if isinstance(error, Failed):
        if error.saved is None:
            return f"{error}\n{again}", 1
        goes_on = rescue.copy_back(error, options.output) + resume_command(options)
        return f"{error}\nTo go on, once that is mended: {goes_on}", 1
    if isinstance(error, stopping.Stopped):
        return f"{error} {again}", 128 + error.signal_number
    # What writes pages and folders tells of a full disk as of other input.
    full = is_full(error) and hasattr(options, "resume")
    if isinstance(error, InputError) and not full:
        return in_options(str(error), options), 2
    if isinstance(error, NonFiniteError):
        return str(error), 1
    if not _devices_start():
        return _no_devices(), 2
    if is_full(error):
        return (
            f"The disk is full. What was saved before is whole. Make room. {again}",
            1,
        )
    out_of_memory = isinstance(error, jax.errors.JaxRuntimeError) and (
        "RESOURCE_EXHAUSTED" in str(error)
    )
    if out_of_memory or isinstance(error, MemoryError):
        cure = "use a machine that has more"
        if hasattr(options, "batch_size"):
            cure = f"give a smaller --batch-size (now {options.batch_size}), or {cure}"
        return f"There is too little memory: {cure}.", 1
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}. {again}", 1
    return None


def _discard_new_run() -> None:
    """Removes the folder that this process made, if nothing was saved in it."""
    if _run is not None and _run_is_new:
        discard_run(_run)


def _release_run() -> None:
    if _run is not None:
        training.release_run(_run)


def _again(options: Any) -> str:
    """Returns the command that goes on, or else that starts anew."""
    if _run is not None and hasattr(options, "resume"):
        if has_checkpoint(_run):
            return f"To go on: {resume_command(options)}"
    return f"To start: {stopping.start_command()}"


def _preset_of(words: Sequence[str]) -> Any:
    """Returns the preset that words name, the first one where they name none."""
    name = ""
    for word, following in zip(words, [*words, ""][1:], strict=True):
        if word == "--preset":
            name = following
        elif word.startswith("--preset="):
            name = word.partition("=")[2]
    return _presets.get(name, next(iter(_presets.values())))


def command_of(options: Any, presets: Mapping[str, Any] | None = None) -> str:
    """Returns the command line that gives these options, defaults left out.

    Args:
        options: A dataclass of options.
        presets: See `command_line`; by default those of the script that runs.
    """
    words = _program()
    preset = (presets or _presets).get(getattr(options, "preset", ""))
    if not isinstance(preset, type(options)):
        preset = None
    for field in dataclasses.fields(options):
        value, usual = getattr(options, field.name), field.default
        if preset is not None and field.name != "preset":
            usual = getattr(preset, field.name)
        if value == usual:
            continue
        flag = flag_of(field.name)
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        elif isinstance(value, tuple):
            words += [flag, *map(str, value)]
        else:
            words += [flag, str(value)]
    return shlex.join(words)


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
        return command_of(options)
    name = options.name if _run is None else _run.path.name
    line = command_of(dataclasses.replace(options, resume=True, name=name))
    return line.replace("python", shlex.quote(stopping.python()), 1)


def follow_run(folder: RunFolder | None, *, new: bool) -> None:
    """Says which folder the run got, for the command that resumes it.

    Args:
        folder: The folder.
        new: Whether this process made it: if nothing is saved in it, it is removed.
    """
    global _run, _run_is_new
    _run, _run_is_new = folder, new


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


def _program() -> list[str]:
    """Returns the words that start this script: of a module, or of a file."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is None:
        return ["python", sys.argv[0]]
    return ["python", "-m", spec.name]


def _stop_at_once(message: str, status: int) -> None:
    """Stops without the threads of a save that failed, which may wait for minutes."""
    print(message, file=sys.stderr)
    _release_run()
    if any(not thread.daemon for thread in threading.enumerate()[1:]):
        _leave(status)
    raise SystemExit(status)


def _leave(status: int) -> None:
    """Ends the process, whatever is still running in it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(status)


def _stop(message: str, status: int) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(status)
