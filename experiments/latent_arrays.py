"""The figures of a latent variable model."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import data, models, report, run, training
from jaxgen.files import write_npz
from jaxgen.models import VAE
from jaxgen.training import on_one_device
from jaxgen.typing import PRNGKeyArray

MOST_POINTS = 10_000
"""Test images whose latents are kept: more would not be seen in a scatter plot."""


def latent_figures(
    folder: training.RunFolder,
    model: VAE,
    state: Any,
    test: data.Source,
    key: PRNGKeyArray,
    *,
    train: data.Source | None = None,
) -> dict[str, report.FigureSpec]:
    """Returns the figures of a model with latents, by name, for `report.write_figures`.

    What the explorer of the page needs is written to `arrays/`; the snapshots of the
    run are read from there.

    Args:
        folder: The run's folder.
        model: The model; where it is conditional the test set's labels are given to it.
        state: Its state.
        test: The test split.
        key: Key of the samples; it is consumed.
        train: The training split, whose latents the samplers are fitted to; without it
            there are none.
    """
    run.print_line("Encoding images and decoding latents for the figures")
    conditional = takes_labels(model, test)
    images, condition, rest = chosen(test, conditional)
    views = models.view_latents(
        key,
        model,
        on_one_device(state),
        images,
        condition=condition,
        train=None if train is None else chosen(train, False)[0],
    )
    report.latents.write_explorer(folder.path, views, **rest)
    taken = folder.arrays / "epochs.npz"
    return report.latents.latent_figures(
        views,
        conditional=conditional,
        snapshots=training.read_snapshots(taken) if taken.exists() else None,
        **rest,
    )


def write_traversals(
    folder: Path,
    model: VAE,
    state: Any,
    test: data.Source,
    *,
    index: int | None = None,
    steps: int = 9,
) -> None:
    """Writes what the decoder makes of each latent as it moves and the others stay.

    Args:
        folder: Where `traversals.npz` goes.
        model: The model, unconditional, with Gaussian latents.
        state: Its state.
        test: The test split.
        index: The test image at whose latent means the others stay; by default the one
            that is encoded closest to 0, in the middle of what was trained.
        steps: Values of each latent, from -2.5 to 2.5.
    """
    state = on_one_device(state)
    images = test.read(np.arange(min(len(test), MOST_POINTS)))["image"]
    q, parts = models.encode_images(model, state, images)
    mean = np.asarray(q.mean)
    if index is None:
        index = int(np.argmin(np.sum(mean**2, axis=1)))
    values = np.linspace(-2.5, 2.5, steps)
    number = mean.shape[1]
    latents = np.tile(mean[index], (number, steps, 1))
    latents[np.arange(number), :, np.arange(number)] = values[None]
    moved = models.image_decoder(model, state)(
        latents.reshape(-1, number).astype(np.float32)
    )
    write_npz(
        folder / "traversals.npz",
        images=moved.reshape(number, steps, *moved.shape[1:]),
        values=values,
        kl=parts.mean(axis=0),
        dimension=np.arange(number),
    )


def takes_labels(model: VAE, test: data.Source) -> bool:
    """Tells whether the model was made with labels, and the set has them."""
    return test.class_names is not None and model.num_classes is not None


def chosen(
    test: data.Source, conditional: bool
) -> tuple[np.ndarray, np.ndarray | None, dict[str, Any]]:
    """Reads the test images that figures show.

    Returns:
        The images, uint8; their one-hot labels for a conditional model; and what is
        known of their classes, for the files.
    """
    examples = test.read(np.arange(min(len(test), MOST_POINTS)))
    if test.class_names is None:
        return examples["image"], None, {}
    rest = {"label": examples["label"], "class_names": list(test.class_names)}
    one_hot = np.eye(len(test.class_names), dtype=np.float32)[examples["label"]]
    return examples["image"], one_hot if conditional else None, rest
