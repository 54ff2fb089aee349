"""Translations of the same images at several steps of a training, in one file."""

from pathlib import Path

import numpy as np

from jaxgen.files import write_npz
from jaxgen.run_files import read_arrays

__all__ = ["MOST_STEPS", "add_translations"]

MOST_STEPS = 16
"""Steps whose pictures are kept, evenly spread in the logarithm of the step."""


def add_translations(
    path: Path,
    *,
    step: int,
    epoch: float,
    inputs: np.ndarray,
    outputs: np.ndarray,
    truth: np.ndarray | None = None,
) -> None:
    """Adds translations of the same images at one more step to a file of arrays.

    Later steps in the file belong to a run that was cut off, and are dropped. Of more
    than `MOST_STEPS` steps the one that is nearest to its neighbours in the logarithm
    is dropped: pictures change most at the beginning.

    The file holds `inputs` and `truth`, shape (images, height, width, channels), and
    per step `step`, `epoch` and `outputs`, shape (steps, images, height, width,
    channels).

    Args:
        path: The `.npz` file.
        step: Steps done.
        epoch: The same in epochs.
        inputs: Bytes, shape (images, ...), the same each time.
        outputs: Their translations at this step.
        truth: What they should become, where that is known.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = {
        "step": np.array([step]),
        "epoch": np.array([epoch]),
        "outputs": outputs[None],
    }
    if path.exists():
        before = read_arrays(path)
        kept = before["step"] < step
        frames = {
            name: np.concatenate([before[name][kept], new])
            for name, new in frames.items()
        }
    if len(frames["step"]) > MOST_STEPS:
        steps = frames["step"]
        crowded = 1 + int(np.argmin(steps[2:] / steps[:-2]))
        frames = {name: np.delete(old, crowded, 0) for name, old in frames.items()}
    paired = {} if truth is None else {"truth": truth}
    write_npz(path, inputs=inputs, **frames, **paired)
