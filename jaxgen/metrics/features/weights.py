"""Files of weights on this machine: found, checked by their hash, kept in our format.

There are two kinds. A PyTorch file as its authors released it is read as it is. A
safetensors file of `experiments.convert_weights` holds the parameters of our network,
and says in its metadata which network, and the SHA-256 of the files it was made of. No
network connection is ever used.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgen.errors import InputError
from jaxgen.files import open_regular, write_whole
from jaxgen.metrics.features.cache import fingerprint
from jaxgen.typing import Params

__all__ = [
    "FORMAT",
    "Release",
    "Weights",
    "check_file",
    "file_sha256",
    "identity",
    "is_converted",
    "load_weights",
    "named",
    "save_weights",
]

FORMAT = "jaxgen-weights-1"
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})(?:\.[A-Za-z]+)+$")


class Release(NamedTuple):
    """A file of weights that its authors have published.

    Attributes:
        name: Of the file.
        url: Where it is to be had.
        sha256: Of the file.
    """

    name: str
    url: str
    sha256: str


class Weights(NamedTuple):
    """The parameters of a feature network and where they come from.

    Attributes:
        params: Of our network.
        sources: SHA-256 of the files they were made of.
    """

    params: Params
    sources: tuple[str, ...]


def check_file(path: Path, releases: tuple[Release, ...]) -> None:
    """Raises an InputError that says what to fetch, unless a file of weights is there.

    Args:
        path: Where it should be.
        releases: What could be put there.
    """
    try:
        with open_regular(path):
            return
    except FileNotFoundError:
        pass
    except OSError as error:
        raise InputError(
            f"Cannot read the weights {path}: {error.strerror}."
        ) from error
    urls = " or ".join(release.url for release in releases)
    raise InputError(
        f"The file of weights {path} is not there, and none is ever downloaded: "
        f"fetch {urls} and give its path, or convert it once by `python -m "
        "experiments.convert_weights` and give the path of the result."
    )


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal.

    Raises:
        InputError: It cannot be read, or its name promises another hash: by PyTorch's
            custom `name-0123abcd.pth` carries the first digits of its own.
    """
    try:
        with open_regular(path) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"Cannot read the weights {path}: {error.strerror}.") from None
    promised = _HASH_IN_NAME.search(path.name)
    # The name of a converted file may be that of its source.
    if promised and not is_converted(path) and not found.startswith(promised[1]):
        raise InputError(
            f"The weights {path} have the wrong hash: the name says {promised[1]}, and "
            f"the SHA-256 of the file begins with {found[:8]}. It is damaged or "
            "another file: fetch it again."
        )
    return found


def is_converted(path: Path) -> bool:
    """Returns whether a file is one of ours, by its name."""
    return path.suffix == ".safetensors"


def save_weights(path: Path, weights: Weights, *, architecture: str) -> None:
    """Writes parameters as a safetensors file.

    Args:
        path: Where to.
        weights: The parameters and their sources.
        architecture: Of which network they are.

    Raises:
        InputError: It cannot be written, or the package is missing.
    """
    save = _safetensors().save
    metadata = {
        "format": FORMAT,
        "architecture": architecture,
        "sources": json.dumps(weights.sources),
    }
    try:
        write_whole(path, save(named(weights.params), metadata))
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror}.") from error


def load_weights(
    path: Path,
    *,
    architecture: str,
    shapes: Mapping[tuple[str, ...], tuple[int, ...]],
) -> Weights:
    """Reads a file of `save_weights`.

    Args:
        path: The file.
        architecture: Of which network it should be.
        shapes: Of each parameter by its path.

    Raises:
        InputError: It is damaged or for another network, does not say what it was made
            of, or has numbers that are not finite; or the package is missing.
    """
    _safetensors()
    from safetensors import SafetensorError, safe_open

    try:
        with open_regular(path), safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    # The last two are of types of numbers that NumPy lacks.
    except (SafetensorError, OSError, AttributeError, TypeError) as error:
        raise InputError(
            f"Cannot read the weights {path}: {error}. Convert them again."
        ) from error
    seen = metadata.get("architecture", "none")
    if metadata.get("format") != FORMAT or seen != architecture:
        raise InputError(
            f"The weights {path} are for the network {seen!r}, expected "
            f"{architecture!r}: make them by `python -m experiments.convert_weights`."
        )
    expected = {"/".join(place): shape for place, shape in shapes.items()}
    if {name: array.shape for name, array in arrays.items()} != expected:
        raise InputError(
            f"The weights {path} do not fit the network {architecture!r}: convert them "
            "again."
        )
    for name, array in arrays.items():
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise InputError(
                f"The weights {path} have numbers in {name} ({array.dtype}) that are "
                "not finite floats: fetch the original file again and convert it by "
                "`python -m experiments.convert_weights`."
            )
    params = unflatten_dict({tuple(k.split("/")): v for k, v in arrays.items()})
    return Weights(params, _sources(path, metadata.get("sources")))


def identity(params: Params, configuration: Mapping[str, Any]) -> str:
    """Returns a hash of parameters and configuration.

    It is that of the numbers: a file and its conversion have the same.
    """
    return fingerprint(configuration, named(params))


def named(params: Params) -> dict[str, np.ndarray]:
    """Returns the arrays of nested parameters by their paths, `a/b/kernel`."""
    return {
        "/".join(place): np.ascontiguousarray(array)
        for place, array in flatten_dict(params).items()
    }


def _sources(path: Path, text: str | None) -> tuple[str, ...]:
    text = text or ""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    valid = isinstance(found, list) and all(isinstance(s, str) and s for s in found)
    if not found or not valid:
        raise InputError(
            f"The weights {path} do not say what they were made of (sources="
            f"{text[:80]!r} in the metadata, expected a list of SHA-256): convert the "
            "original file again by `python -m experiments.convert_weights`."
        )
    return tuple(found)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise InputError(
            'Files of safetensors need a package: pip install "jaxgen[metrics]".'
        ) from None
    return safetensors.numpy
