"""Image sets prepared by TensorFlow Datasets, read without TensorFlow."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen.data import images
from jaxgen.data.sources import Source
from jaxgen.errors import InputError
from jaxgen.files import open_regular

__all__ = ["is_known", "list_builders", "load_tfds"]

_HIDDEN = -1
"""The label that TFDS gives every example of a split whose labels are not published."""


def list_builders() -> list[str]:
    """Lists the sets that the installed TensorFlow Datasets knows; [] without it."""
    try:
        import tensorflow_datasets as tfds
    except ImportError:
        return []
    # Listing the community's sets would ask the network.
    return tfds.list_builders(with_community_datasets=False)


def is_known(name: str, data_dir: str | Path | None) -> bool:
    """Says whether `name` is a builder, or a set that lies prepared in `data_dir`."""
    base = name.split("/")[0].split(":")[0]
    return base in list_builders() or (
        base.isidentifier()
        and data_dir is not None
        and (Path(data_dir) / base).is_dir()
    )


def load_tfds(
    name: str,
    split: str,
    *,
    data_dir: str | Path | None = None,
    image_size: int | None = None,
) -> Source:
    """Loads a set that TensorFlow Datasets has prepared as array_record.

    A split whose labels are hidden is one without labels: its first label is -1.

    Args:
        name: The builder, with configuration and version as TFDS writes them
            (`emnist/letters:3.1.0`).
        split: A split of the set.
        data_dir: Where the set was prepared; TFDS's own default if None.
        image_size: Resize so that the short side has this many pixels and crop the
            centre. Without it all images must have the size of the first.

    Raises:
        InputError: The extra is not installed, the set is not prepared, it has no
            such split or no image, or its files cannot be read.
    """
    try:
        import tensorflow_datasets as tfds
        from array_record.python import array_record_data_source  # noqa: F401
        from tensorflow_datasets.core import decode
    except ImportError as error:
        raise InputError(
            f"The data set {name!r} is read through TensorFlow Datasets, which is not "
            f'installed ({error}): pip install "jaxgen[tfds]".'
        ) from error
    with _quiet():
        try:
            builder: Any = tfds.builder(name, data_dir=data_dir)
        # An unknown configuration or version is any of ValueError, AssertionError,
        # DatasetNotFoundError.
        except Exception as error:
            raise InputError(
                f"The data set {name!r} cannot be opened ({_first_line(error)}): "
                "expected name[/configuration][:version] as TensorFlow Datasets lists "
                "them; check the name and data_dir."
            ) from error
        features = builder.info.features
        image_name = _image_feature(name, features)
        if not builder.is_prepared():
            raise _unprepared(name, builder, "is not prepared")
        if split not in builder.info.splits:
            raise InputError(
                f"The data set {name!r} has no split {split!r}: expected one of "
                f"{', '.join(map(repr, sorted(builder.info.splits)))}."
            )
        try:
            for path in sorted(Path(builder.data_path).glob("*.array_record*")):
                with open_regular(path):
                    pass
            # We decode the images ourselves: it is faster than through TFDS, and an
            # error can say which one is damaged.
            examples: Any = builder.as_data_source(
                split=split, decoders={image_name: decode.SkipDecoding()}
            )
            first = examples[0]
        except NotImplementedError as error:
            raise _unprepared(
                name, builder, "is prepared, but not as array_record"
            ) from error
        # The readers of array_record raise what C++ tells them, of no common type.
        except Exception as error:
            raise _unprepared(
                name, builder, f"cannot be read ({_first_line(error)})"
            ) from error
    class_names = _class_names(features)
    if class_names is not None and first["label"] == _HIDDEN:
        class_names = None
    image_shape = _image_shape(
        features[image_name].shape, first[image_name], f"{name}[0]", image_size
    )

    def read(indices: np.ndarray) -> dict[str, np.ndarray]:
        records = examples.__getitems__(indices.tolist())
        image = [
            images.decode(
                record[image_name],
                f"{index} of {name} ({split})",
                image_shape,
                image_size=image_size,
            )
            for index, record in zip(indices.tolist(), records, strict=True)
        ]
        batch = {"image": np.stack(image)}
        if class_names is not None:
            batch["label"] = np.array([r["label"] for r in records], np.int32)
        return batch

    return Source(
        name=name,
        split=split,
        num_examples=len(examples),
        image_shape=image_shape,
        class_names=class_names,
        read=read,
        cache_name=_cache_name(builder, split, image_size),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Holds back absl's warnings: TFDS warns of each folder it looks for in vain."""
    logger = logging.getLogger("absl")

    def is_grave(record: logging.LogRecord) -> bool:
        return record.levelno > logging.WARNING

    logger.addFilter(is_grave)
    try:
        yield
    finally:
        logger.removeFilter(is_grave)


def _image_feature(name: str, features: Any) -> str:
    import tensorflow_datasets as tfds

    found = [
        key
        for key in (features if hasattr(features, "keys") else ())
        if type(features[key]) is tfds.features.Image
        and features[key].np_dtype == np.uint8
    ]
    if "image" in found:
        return "image"
    if len(found) != 1:
        seen = ", ".join(features) if hasattr(features, "keys") else str(features)
        raise InputError(
            f"The data set {name!r} has the features {seen}: expected a feature "
            "'image' of 8 bits, or a single feature that is such an image; choose "
            "another set."
        )
    return found[0]


def _class_names(features: Any) -> tuple[str, ...] | None:
    import tensorflow_datasets as tfds

    label = features["label"] if "label" in features else None
    if not isinstance(label, tfds.features.ClassLabel) or not label.num_classes:
        return None
    return tuple(label.names)


def _image_shape(
    shape: tuple[int | None, ...], first: bytes, name: str, image_size: int | None
) -> tuple[int, int, int]:
    height, width, channels = shape
    header = images.read_header(first, name)
    if channels not in (1, 3):
        channels = 1 if header.grey else 3
    if image_size is not None:
        return image_size, image_size, channels
    return height or header.height, width or header.width, channels


def _cache_name(builder: Any, split: str, image_size: int | None) -> str:
    """Names what the decoded arrays depend on: which files, and how they are read."""
    files = [
        (path.name, path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(Path(builder.data_path).iterdir())
    ]
    return f"v1 {builder.info.full_name} {split} {image_size} {files}"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _unprepared(name: str, builder: Any, what: str) -> InputError:
    root = Path(builder.data_path)
    # The path ends in name[/config]/version.
    root = root.parents[builder.info.full_name.count("/")]
    return InputError(
        f"The data set {name!r} {what} in {builder.data_path}. Prepare it once, with "
        "TensorFlow installed (pip install tensorflow): python -c "
        f'"import tensorflow_datasets as tfds; tfds.builder({name!r}, '
        f"data_dir={str(root)!r}, file_format='array_record')"
        '.download_and_prepare()", or give the data_dir that holds it.'
    )
