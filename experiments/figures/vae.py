"""What `experiments.vae` draws and tabulates, and the check of its claim."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgen import metrics, models, random, report, run, training
from jaxgen.losses.vae.families import StandardNormal
from jaxgen.typing import PRNGKeyArray

__all__ = ["Evidence", "check", "figures", "tables", "why_not"]

MOST_POINTS = 10_000
"""Images whose latents are shown: more would not be seen in a scatter plot."""


class Evidence(NamedTuple):
    """What the check looks at.

    Attributes:
        mean: Latent means of test images, shape (n, latents).
        plane: The same images in the plane of two principal components, shape (n, 2).
        labels: Their classes, shape (n,), or None where the set has none.
        epochs: Epochs of the training.
    """

    mean: np.ndarray
    plane: np.ndarray
    labels: np.ndarray | None
    epochs: float


def why_not(evidence: Evidence) -> str:
    """Returns why the claim cannot be told from a run, or an empty text."""
    if evidence.mean.shape[1] != 2:
        return f"{evidence.mean.shape[1]} latents; the claim is of two"
    if evidence.labels is None:
        return "the images have no labels"
    if len(np.unique(evidence.labels)) < 2:
        return "all images are of one class"
    if evidence.epochs < 1:
        return "too few steps: less than one pass over the training images"
    return ""


def check(evidence: Evidence) -> run.Finding:
    """Compares the classes of neighbours in both planes, image by image."""
    labels, neighbours = evidence.labels, min(10, len(evidence.mean) - 1)
    assert labels is not None
    own, linear = (
        metrics.neighbour_agreement(points, labels, neighbours=neighbours)
        for points in (evidence.mean, evidence.plane)
    )
    gain = run.mean_estimate(own - linear)
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    assert gain.low is not None
    return run.Finding(
        held=gain.low > 0,
        name=f"share of the {neighbours} nearest latents that are of an image's class",
        number=run.mean_estimate(own),
        reference=f"{run.mean_estimate(linear)} with principal components, "
        f"{(shares**2).sum():.2f} by chance; the gain is {gain}",
        note="one seed; intervals are over test images",
    )


def figures(
    key: PRNGKeyArray,
    model: models.VAE,
    state: Any,
    setup: run.Setup,
    folder: training.RunFolder,
) -> tuple[dict[str, report.FigureSpec], Evidence]:
    """Returns the figures of a trained model, and what the check looks at.

    Args:
        key: The root key of the run.
        model: The model.
        state: Its state, on one device.
        setup: The data.
        folder: The run's folder: the explorer of the page reads its arrays.
    """
    run.print_line("Encoding images and decoding latents for the figures")
    test = setup.test.read(np.arange(min(len(setup.test), MOST_POINTS)))
    train = setup.train.read(np.arange(min(len(setup.train), MOST_POINTS)))
    views = models.view_latents(
        random.stream(key, "figures"), model, state, test["image"], train=train["image"]
    )
    known: dict[str, Any] = {}
    if setup.test.class_names is not None:
        known = {"label": test["label"], "class_names": list(setup.test.class_names)}
    report.latents.write_explorer(folder.path, views, **known)
    evidence = Evidence(
        mean=views.mean,
        plane=metrics.principal_components(train["image"], test["image"]),
        labels=known.get("label"),
        epochs=setup.steps / setup.batches.steps_per_epoch,
    )
    snapshots = run.taken_snapshots(folder)
    return report.latents.latent_figures(views, snapshots=snapshots, **known), evidence


def tables(
    key: PRNGKeyArray, model: models.VAE, state: Any, setup: run.Setup
) -> list[run.Table]:
    """Returns which latents are used, where the prior tells, and where the KL goes."""
    images = setup.test.read(np.arange(min(len(setup.test), 5000)))["image"]
    run.print_line(f"Measuring what the latents carry, on {len(images):,} test images")
    q, kl = models.encode_images(model, state, images)
    parts = metrics.kl_decomposition(
        random.stream(key, "aggregate"), q.mean, q.log_variance
    )
    found = [run.kl_table(parts, len(images))]
    if isinstance(model.prior(state), StandardNormal):
        activity = metrics.active_units(jnp.asarray(q.mean)).activity
        used = metrics.collapse_report(kl.mean(axis=0), activity)
        found.insert(0, run.collapse_table(used))
    return found
