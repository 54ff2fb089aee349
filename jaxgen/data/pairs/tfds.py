"""Unpaired sets of TensorFlow Datasets: splits trainA, trainB, testA and testB."""

import os
from pathlib import Path

from jaxgen.data import tfds
from jaxgen.data.pairs.sets import Pairs
from jaxgen.data.sources import without_labels
from jaxgen.errors import InputError

__all__ = ["is_known", "load_pair_tfds"]


def is_known(name: str, data_dir: str | os.PathLike[str] | None) -> bool:
    """Says whether TensorFlow Datasets has a set of this name."""
    # Known even where the extra is missing, which then is what the error says.
    folder = None if data_dir is None else Path(data_dir)
    return name.split("/")[0] == "cycle_gan" or tfds.is_known(name, folder)


def load_pair_tfds(
    name: str,
    split: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    image_size: int | None = None,
) -> Pairs:
    """Loads an unpaired set that TensorFlow Datasets has prepared as array_record.

    Args:
        name: As `cycle_gan/horse2zebra`.
        split: `train` or `test`: the splits trainA and trainB, or testA and testB.
        data_dir: Where the set was prepared; TFDS's own default if None.
        image_size: See `load_pairs`.

    Raises:
        InputError: As `jaxgen.data.tfds.load_tfds`.
    """
    folder = None if data_dir is None else Path(data_dir)
    if folder is not None and not folder.is_dir():
        raise InputError(
            f"The data folder {folder} does not exist: expected the "
            f"folder where TensorFlow Datasets has prepared {name!r}; check data_dir."
        )
    a, b = (
        without_labels(
            tfds.load_tfds(
                name, f"{split}{side}", data_dir=folder, image_size=image_size
            )
        )
        for side in "AB"
    )
    return Pairs(a, b, aligned=False, name=name, split=split)
