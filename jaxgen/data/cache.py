"""Decoded sets kept on disk: reading 60,000 PNGs takes seconds, one array does not.

A cache is never a reason to fail: whatever goes wrong, the set is decoded again.
"""

import contextlib
import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

_MAX_BYTES = 512 * 2**20
"""Larger sets are decoded each time rather than fill the user's disk."""


def folder() -> Path:
    """Returns the folder of the cache: `$XDG_CACHE_HOME/jaxgen`, or `~/.cache/jaxgen`.

    Raises:
        RuntimeError: There is neither.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "jaxgen"


def load_or_compute(
    name: str,
    shapes: Mapping[str, tuple[int, ...]],
    compute: Callable[[], dict[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Returns the cached arrays of `name`, or computes and caches them.

    Args:
        name: It must change whenever the arrays would.
        shapes: The expected arrays; a cached file that differs is not used.
        compute: What makes the arrays.
    """
    try:
        digest = hashlib.sha256(name.encode()).hexdigest()[:32]
        path = folder() / f"{digest}.npz"
        # np.load would leave a file open that it finds damaged.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as saved:
            arrays = {key: saved[key] for key in saved.files}
        if {key: array.shape for key, array in arrays.items()} == dict(shapes):
            return arrays
    except (OSError, RuntimeError, ValueError, EOFError, zipfile.BadZipFile):
        pass
    arrays = compute()
    if sum(array.nbytes for array in arrays.values()) <= _MAX_BYTES:
        with contextlib.suppress(OSError, RuntimeError):
            _save(folder() / f"{digest}.npz", arrays)
    return arrays


def _save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside its place and renamed: a reader, or a run killed meanwhile, never
    # sees half a file.
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **dict(arrays))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
