"""What a run measures on its test set, and the snapshots of its samples."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import random, training
from jaxgen.run.records import last_record
from jaxgen.run.setup import Setup
from jaxgen.run.tables import Estimate, mean_estimate
from jaxgen.typing import Array, Model

__all__ = ["final_terms", "floors", "snapshots", "taken_snapshots"]


def final_terms(
    folder: training.RunFolder,
    setup: Setup,
    model: Model,
    state: Any,
    names: Sequence[str] = ("loss", "reconstruction", "kl"),
    *,
    unit: str = "nats per image",
) -> dict[str, Estimate]:
    """Returns terms of the last test record, each with its interval over examples.

    Args:
        folder: The run's folder, with its records.
        setup: The data.
        model: The model.
        state: Its state, on one device.
        names: Terms of `model.evaluate`.
        unit: Of the terms.

    Raises:
        InputError: The records lack a term.
    """
    last = last_record(folder.metrics, *names)
    each = training.per_example_terms(
        random.stream(setup.key, "evaluation"), model, setup.test_batches, state
    )
    return {
        name: mean_estimate(each[name], unit, mean=float(last[name])) for name in names
    }


def floors(
    floor: Callable[[Array], Array] | None, setup: Setup
) -> dict[str, dict[str, float]]:
    """Returns the least loss that the test images allow, for `config.json`.

    Args:
        floor: `floor(images) -> nats per image`, as a likelihood of `losses.vae` has
            it, or None.
        setup: The data.
    """
    if floor is None:
        return {}
    measure = jax.jit(lambda batch: floor(batch["image"]))
    total, weight = 0.0, 0.0
    for batch in training.iterate_batches(setup.test_batches):
        total += float(jnp.sum(measure(batch) * batch["weight"]))
        weight += float(jnp.sum(batch["weight"]))
    value = total / weight
    return {"reconstruction": value, "loss": value} if value > 0 else {}


def snapshots(
    folder: training.RunFolder,
    model: Any,
    setup: Setup,
    *,
    part: str | None = None,
    number: int = 12,
    most: int = 5,
) -> training.Snapshots:
    """Returns the callback that draws the same latents at a few epochs of a run.

    Args:
        folder: The run's folder.
        model: The model, which can `sample`.
        setup: The data.
        part: Where a run trains several models, the name of this one; see `train`.
        number: Latents.
        most: Epochs.
    """
    per_epoch = setup.batches.steps_per_epoch
    return training.Snapshots(
        _snapshots_file(folder, part),
        model,
        random.stream(setup.key, "snapshots"),
        per_epoch,
        math.ceil(setup.steps / per_epoch),
        number=number,
        most=most,
    )


def taken_snapshots(
    folder: training.RunFolder, *, part: str | None = None
) -> dict[int, np.ndarray]:
    """Returns what the callback of `snapshots` drew, by epoch; empty if nothing."""
    path = _snapshots_file(folder, part)
    return training.read_snapshots(path) if path.exists() else {}


def _snapshots_file(folder: training.RunFolder, part: str | None) -> Path:
    home = folder.arrays if part is None else folder.path / "parts" / part
    return home / "epochs.npz"
