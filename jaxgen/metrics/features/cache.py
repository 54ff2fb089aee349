"""Weights of feature networks kept on disk, under a hash of what they were made of.

A cache is never a reason to fail: whatever goes wrong, the weights are made again.
"""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import files

__all__ = ["fingerprint", "load", "save"]


def fingerprint(
    configuration: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None
) -> str:
    """Returns the SHA-256 of a configuration and of named arrays, in hexadecimal.

    Args:
        configuration: What JSON can hold; the order of its entries does not matter.
        arrays: Their names, types, shapes and numbers count.

    Examples:
        >>> one = fingerprint({"seed": 1}, {"x": np.zeros(2)})
        >>> one == fingerprint({"seed": 1}, {"x": np.zeros((2, 1))})
        False
        >>> len(one)
        64
    """
    digest = hashlib.sha256(json.dumps(configuration, sort_keys=True).encode())
    for name, array in sorted((arrays or {}).items()):
        # Little-endian, so that a hash is the same on every machine.
        array = np.ascontiguousarray(array, np.asarray(array).dtype.newbyteorder("<"))
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def load(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict | None:
    """Returns the arrays of a file, or None if it is not there or not as it should be.

    Args:
        path: Where they are.
        shapes: The expected arrays, of finite numbers.
    """
    try:
        arrays = files.read_npz(path)
    except (OSError, ValueError):
        return None
    if {name: array.shape for name, array in arrays.items()} != dict(shapes):
        return None
    numbers = all(array.dtype.kind in "fiu" for array in arrays.values())
    if not numbers or not all(np.isfinite(array).all() for array in arrays.values()):
        return None
    return arrays


def save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays where `load` finds them; does nothing where that is impossible."""
    with contextlib.suppress(OSError), files.open_whole(path) as file:
        np.savez(file, allow_pickle=False, **dict(arrays))
