"""Weights from PyTorch files, without PyTorch and without unpickling.

`torch.save` has written two kinds of file that are still about. Since version 1.6 it is
a zip archive: `data.pkl`, and the numbers of each storage in `data/KEY`. Before, and so
in many files that are still downloaded, it is five pickles in a row (a magic number, a
version, facts of the machine, the object, the keys of the storages), and the storages'
numbers behind them. The older tar files are refused.
"""

import io
import math
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import ml_dtypes
import numpy as np

from jaxgen.errors import InputError
from jaxgen.files import open_regular
from jaxgen.networks.torch_pickle import Storage, StoredTensor, read_object

__all__ = ["read_state_dict"]

_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_VERSION = 1001

_TYPES: dict[str, Any] = {
    "BFloat16Storage": ml_dtypes.bfloat16,
    "BoolStorage": np.bool_,
    "ByteStorage": np.uint8,
    "CharStorage": np.int8,
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "IntStorage": np.int32,
    "LongStorage": np.int64,
    "ShortStorage": np.int16,
}

_DAMAGE = (
    zipfile.BadZipFile,
    EOFError,
    LookupError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)
"""What `zipfile`, files and NumPy raise of what is not as it should be."""

_Read = Callable[[str], bytes]


def read_state_dict(
    path: str | Path, *, entry: str | None = None
) -> dict[str, np.ndarray]:
    """Reads the tensors of a file that `torch.save` has written.

    Nothing in the file is run: see `jaxgen.networks.torch_pickle`.

    Args:
        path: The file.
        entry: Which state dict of a checkpoint that holds several, "g_ema" say. By
            default the file is one itself, or has one under "state_dict".

    Returns:
        Arrays by their names, in the order of the file. They may be read-only.

    Raises:
        InputError: The file is missing, damaged, of another kind, or holds more than
            tensors; or there is no such entry.
    """
    path = Path(path)
    try:
        with open_regular(path) as file:
            return _read(file, entry)
    except OSError as error:
        raise InputError(
            f"Cannot read the weights {path}: {error.strerror or error}."
        ) from error
    except InputError as error:
        raise InputError(f"Cannot read the weights {path}: {error}.") from error
    except MemoryError as error:
        raise InputError(
            f"Cannot read the weights {path}: it is damaged, or there is too little "
            "memory."
        ) from error


def _read(file: BinaryIO, entry: str | None) -> dict[str, np.ndarray]:
    start = file.read(4)
    file.seek(0)
    zipped = start == b"PK\x03\x04"
    if not zipped and start[:1] != b"\x80":
        raise InputError(
            "expected what torch.save writes; if it is a tar file of before 2017, load "
            "it in PyTorch and save its state dict anew, and if it is a web page, "
            "download it again"
        )
    try:
        return _read_zip(file, entry) if zipped else _read_legacy(file, entry)
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"it is damaged ({error})") from error


def _read_zip(file: BinaryIO, entry: str | None) -> dict[str, np.ndarray]:
    archive = zipfile.ZipFile(file)
    names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(names) != 1:
        raise InputError("it is a zip archive, but none that torch.save writes")
    folder = names[0].removesuffix("data.pkl")

    def read(key: str) -> bytes:
        try:
            member = archive.getinfo(key)
        except KeyError:
            raise InputError(f"it is damaged ({key} is missing)") from None
        # torch.save never compresses, and a bomb has to.
        if member.compress_type != zipfile.ZIP_STORED:
            raise InputError(f"{key} in it is compressed, which torch.save never does")
        return archive.read(member)

    if f"{folder}byteorder" in archive.namelist():
        _check_order(read(f"{folder}byteorder") == b"little")
    tensors = _pick(read_object(io.BytesIO(read(names[0]))), entry)
    return _arrays(tensors, lambda key: read(f"{folder}data/{key}"))


def _read_legacy(file: BinaryIO, entry: str | None) -> dict[str, np.ndarray]:
    magic, version = read_object(file), None
    if magic == _MAGIC:
        version = read_object(file)
    if version != _LEGACY_VERSION:
        raise InputError(
            "it is a pickle, but none that torch.save writes; load it where it was "
            "made and save the state dict by torch.save"
        )
    machine = read_object(file)
    _check_order(isinstance(machine, dict) and machine.get("little_endian") is True)
    storages: dict[str, Storage] = {}
    tensors = _pick(read_object(file, storages), entry)
    keys = read_object(file)
    contents = {}
    for key in keys if isinstance(keys, list) else []:
        # Behind its length, a storage has no end but the one its type gives it.
        count = int.from_bytes(file.read(8), "little")
        if not isinstance(key, str) or key not in storages:
            raise InputError("it is damaged (a storage that no tensor has)")
        if count != storages[key].size:
            raise InputError(f"it is damaged (the length of the storage {key})")
        contents[key] = file.read(count * _type(storages[key]).itemsize)

    def read(key: str) -> bytes:
        if key not in contents:
            raise InputError(f"it is damaged (the storage {key} is missing)")
        return contents[key]

    return _arrays(tensors, read)


def _check_order(little: bool) -> None:
    if not little:
        raise InputError(
            "its numbers are not little-endian; load it in PyTorch and save it anew on "
            "an ordinary machine"
        )


def _pick(found: Any, entry: str | None) -> dict[str, StoredTensor]:
    """Returns the state dict that is meant, of what a file holds."""
    if not isinstance(found, dict):
        raise InputError(
            f"it holds a {type(found).__name__}; expected a state dict, as of "
            "torch.save(module.state_dict(), path)"
        )
    inner = [str(name) for name, value in found.items() if _is_state_dict(value)]
    if entry is not None:
        if entry not in inner:
            raise InputError(
                f"it has no state dict {entry!r}; it has {', '.join(inner) or 'none'}"
            )
        return found[entry]
    if _is_state_dict(found):
        return found
    if "state_dict" in inner:
        return found["state_dict"]
    if inner:
        raise InputError(f"say which entry of it is meant: {', '.join(inner)}")
    raise InputError("it holds no state dict (names with a tensor each)")


def _is_state_dict(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and bool(found)
        and all(
            isinstance(name, str) and isinstance(value, StoredTensor)
            for name, value in found.items()
        )
    )


def _type(storage: Storage) -> np.dtype:
    if storage.kind not in _TYPES:
        raise InputError(
            f"it has a {storage.kind}, which cannot be read; save the tensors as "
            "float32"
        )
    return np.dtype(_TYPES[storage.kind])


def _arrays(tensors: Mapping[str, StoredTensor], read: _Read) -> dict[str, np.ndarray]:
    storages: dict[str, bytes] = {}
    arrays = {}
    for name, tensor in tensors.items():
        key = tensor.storage.key
        if key not in storages:
            storages[key] = read(key)
        arrays[name] = _array(name, tensor, storages[key])
    return arrays


def _array(name: str, tensor: StoredTensor, content: bytes) -> np.ndarray:
    kind = _type(tensor.storage)
    count = math.prod(tensor.shape)
    available = len(content) // kind.itemsize
    if not count:
        return np.zeros(tensor.shape, kind)
    steps = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((size - 1) * stride for size, stride in steps)
    # More numbers than are stored would be one written out again and again.
    if last >= available or count > available:
        raise InputError(
            f"it is damaged (the tensor {name} needs {max(last + 1, count)} numbers, "
            f"and there are {available})"
        )
    numbers = np.frombuffer(content, kind)[tensor.offset : last + 1]
    strides = tuple(stride * kind.itemsize for stride in tensor.strides)
    view = np.lib.stride_tricks.as_strided(
        numbers, tensor.shape, strides, writeable=False
    )
    return np.ascontiguousarray(view).reshape(tensor.shape)
