"""Compiled programs that are kept for the next run: JAX's compilation cache."""

import hashlib
import os
import platform
import stat
import tempfile
import warnings
from pathlib import Path

import jax

from jaxgen import files
from jaxgen.progress import print_line

__all__ = ["MOST_BYTES", "use_compilation_cache"]

MOST_BYTES = 2**30
"""Of the programs kept when a run starts; a script has about 2 MiB of them."""


def use_compilation_cache(folder: Path | None = None) -> Path | None:
    """Has JAX keep what it compiles, and take from there what it has compiled before.

    To be called before JAX compiles anything. A cache that JAX was given otherwise, as
    by `JAX_COMPILATION_CACHE_DIR`, stays as it is. Several processes may share a
    folder: one that finds a program half written compiles it. A folder that cannot be
    used is told of in a line.

    What is in the folder is run as it is, so it must be the user's own.

    Args:
        folder: Where; by default `compiled` in `jaxgen.files.cache_folder()`. Programs
            are in a folder within, one for each kind of processor.

    Returns:
        The folder within; None if JAX was given a cache, or this one cannot be used.
    """
    if jax.config.jax_compilation_cache_dir:  # pyright: ignore[reportAttributeAccessIssue]
        return None
    try:
        folder = (folder or files.cache_folder() / "compiled") / _processor()
        _prepare(folder)
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        print_line(f"Compiled programs are not kept for the next run: {error}.")
        return None
    warnings.filterwarnings(
        "ignore", "Error (reading|writing) persistent compilation cache", UserWarning
    )
    # The folder is of this processor, but XLA takes preferences for features that it
    # lacks, and says so at each program. Only JAX's own level of messages comes back.
    level = jax.config.jax_logging_level  # pyright: ignore[reportAttributeAccessIssue]
    jax.config.update("jax_logging_level", "CRITICAL")
    jax.config.update("jax_logging_level", None if level == "NOTSET" else level)
    # Small programs too: a script has a hundred of them.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    return folder


def _processor() -> str:
    """Returns a word for the kind of processor: another may lack instructions."""
    kind = platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            names = ("model name", "flags", "Features", "CPU part")
            kind += "".join(sorted({x for x in file if x.startswith(names)}))
    except OSError:
        pass  # not Linux
    return hashlib.sha256(kind.encode()).hexdigest()[:16]


def _prepare(folder: Path) -> None:
    """Makes the folder, and room in it.

    Raises:
        OSError: It cannot be made or written to, or others may write to it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid"):
        there = folder.stat()
        others = there.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if there.st_uid != os.getuid() or others:
            raise PermissionError(f"others may write to {folder}")
    with tempfile.TemporaryFile(dir=folder):
        pass
    entries = []
    for path in folder.glob("*-cache"):
        try:
            found = path.stat()
        except OSError:
            continue  # another process has just removed it
        entries.append((max(found.st_atime, found.st_mtime), found.st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= MOST_BYTES:
            break
        path.unlink(missing_ok=True)
        total -= size
