"""Samples of the same latents at a few epochs of a run."""

import math
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgen.checks import check_key
from jaxgen.errors import InputError
from jaxgen.files import write_npz
from jaxgen.images import to_bytes
from jaxgen.run_files import read_arrays
from jaxgen.typing import PRNGKeyArray

__all__ = ["Snapshots", "read_snapshots"]


class Snapshots:
    """A callback that decodes the same latents at a few epochs of a run.

    Args:
        path: The `.npz` file; snapshots of a run that is resumed are kept.
        model: The model, which can `sample`.
        key: Key of the samples; it is consumed.
        steps_per_epoch: To tell epochs from steps.
        epochs: All epochs of the run; up to `most` of them are chosen.
        number: Latents.
        most: Epochs.
    """

    def __init__(
        self,
        path: Path,
        model: Any,
        key: PRNGKeyArray,
        steps_per_epoch: int,
        epochs: int,
        *,
        number: int = 12,
        most: int = 5,
    ):
        """Chooses the epochs."""
        check_key(key)
        self._path, self._per_epoch = path, steps_per_epoch
        self._sample = jax.jit(model.sample, static_argnums=2)
        self._key, self._number = key, number
        # The picture changes most at the beginning: evenly spaced in the logarithm.
        self._epochs = set(np.geomspace(1, max(epochs, 1), most).round().astype(int))

    def __call__(self, state: Any, step: int) -> None:
        """Decodes if this is one of the epochs."""
        epoch = math.ceil(step / self._per_epoch)
        if epoch not in self._epochs:
            return
        # The same key: the same latents, as far as the prior stays what it is.
        key = jax.random.clone(self._key)
        taken = {epoch: to_bytes(self._sample(state, key, self._number))}
        if self._path.exists():
            former = read_arrays(self._path)
            old = zip(former["epoch"], former["images"], strict=True)
            taken = {e: i for e, i in old if e < epoch} | taken
        write_npz(self._path, epoch=list(taken), images=np.stack(list(taken.values())))


def read_snapshots(path: Path) -> dict[int, np.ndarray]:
    """Reads a file of `Snapshots`.

    Args:
        path: The `.npz` file.

    Returns:
        By epoch, in order, images of the same latents, uint8, shape (latents, height,
        width, channels).

    Raises:
        InputError: The file is missing, damaged, or holds something else.
    """
    taken = read_arrays(path)
    epoch, images = taken.get("epoch"), taken.get("images")
    if epoch is None or images is None or epoch.shape != images.shape[:1]:
        raise InputError(
            f"{path} holds {sorted(taken)}; as many epochs as rows of images were "
            "expected: delete it, or run the experiment again."
        )
    return dict(zip(map(int, epoch), images, strict=True))
