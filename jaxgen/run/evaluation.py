"""What a run measures on its test set, and the snapshots of its samples."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import random, training
from jaxgen.run.records import last_record
from jaxgen.run.setup import Setup
from jaxgen.run.tables import Estimate, mean_estimate
from jaxgen.typing import Array, Model

__all__ = ["final_terms", "floors", "taken_snapshots"]


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


def floors(floor: Callable[[Array], Array] | None, setup: Setup) -> dict[str, float]:
    """Returns the least loss that the test images allow, for `config.json`.

    Args:
        floor: `floor(images) -> nats per image`, as a likelihood of `losses.vae` has
            it, or None.
        setup: The data.
    """
    if floor is None:
        return {}
    sum_up = jax.jit(lambda images, weight: jnp.sum(floor(images) * weight))
    total, weight = 0.0, 0.0
    for batch in training.iterate_batches(setup.test_batches):
        total += float(sum_up(batch["image"], batch["weight"]))
        weight += float(np.sum(batch["weight"]))
    value = total / weight
    return dict.fromkeys(("reconstruction", "loss"), value) if value > 0 else {}


def taken_snapshots(folder: training.RunFolder) -> dict[int, np.ndarray]:
    """Returns what `snapshots` kept in `arrays`, by epoch; empty if nothing."""
    path = folder.arrays / "epochs.npz"
    return training.read_snapshots(path) if path.exists() else {}
