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


NEIGHBOURS = 10

RESAMPLES = 50
"""Half-samples behind an interval."""

LEAST_IMAGES = 100
"""With fewer test images neighbours tell little."""


class Evidence(NamedTuple):
    """What the check looks at.

    Attributes:
        key: Key of the half-samples.
        mean: Latent means of test images, shape (n, latents).
        plane: The same images in the plane of two principal components, shape (n, 2).
        labels: Their classes, shape (n,), or None where the set has none.
        epochs: Epochs of the training.
    """

    key: PRNGKeyArray
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
    if len(evidence.mean) < LEAST_IMAGES:
        return f"{len(evidence.mean)} test images are too few"
    if evidence.epochs < 1:
        return "too few steps: less than one pass over the training images"
    return ""


def check(evidence: Evidence) -> run.Finding:
    """Compares the classes of neighbours in both planes.

    Images are neighbours of each other, so they are not independent: intervals are of
    half-samples.
    """
    halves = metrics.half_samples(evidence.key, RESAMPLES, len(evidence.mean))
    own, linear = _agreement(evidence, halves)
    gain = metrics.interval(own[0] - linear[0], own[1:] - linear[1:])
    found, other = (metrics.interval(one[0], one[1:]) for one in (own, linear))
    shares = np.unique(evidence.labels, return_counts=True)[1] / len(evidence.mean)
    return run.Finding(
        held=None if gain.low <= 0 <= gain.high else gain.low > 0,
        name=f"share of the {NEIGHBOURS} nearest latents that are of an image's class",
        number=run.Estimate(*found),
        reference=f"{run.Estimate(*other)} with principal components, "
        f"{(shares**2).sum():.2f} by chance; the gain is {run.Estimate(*gain)}",
        note="one seed; intervals are over test images",
    )


def _agreement(evidence: Evidence, halves: np.ndarray) -> np.ndarray:
    """Returns agreements in both planes, of all images and then of each half."""
    assert evidence.labels is not None
    rows = [np.ones(len(evidence.mean), bool), *halves]
    return np.array(
        [
            [
                metrics.neighbour_agreement(
                    points[row], evidence.labels[row], neighbours=NEIGHBOURS
                ).mean()
                for row in rows
            ]
            for points in (evidence.mean, evidence.plane)
        ]
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
        key=random.stream(key, "claim"),
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
