"""Quality of a model's samples: Frechet distance and agreement with the labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import random
from jaxgen.checks import check_count, check_key
from jaxgen.errors import InputError
from jaxgen.images import every_nth, to_bytes
from jaxgen.metrics import features
from jaxgen.metrics.features import Activations, FeatureNet, Images, extract
from jaxgen.metrics.frechet import frechet_distance_of_features, frechet_replicates
from jaxgen.metrics.proportions import wilson_interval
from jaxgen.metrics.resampling import Interval, halves, interval
from jaxgen.progress import Progress
from jaxgen.run_files import add_records
from jaxgen.typing import PRNGKeyArray

__all__ = [
    "QualityMonitor",
    "QualityReference",
    "SampleQuality",
    "draw_images",
    "measure_quality",
    "quality_reference",
]

_BLOCK = 250
_RESAMPLES = 50


class QualityReference(NamedTuple):
    """Features of real images that samples are compared with.

    Attributes:
        nets: Feature networks, whose distances are averaged.
        activations: Of `num_images` test images, one per network.
        floor: Frechet distance between these and as many training images.
        num_images: Images of each set, and samples compared with them.
    """

    nets: tuple[FeatureNet, ...]
    activations: Sequence[Activations]
    floor: float
    num_images: int

    @property
    def accuracy(self) -> float | None:
        """Share of test images that a classifier takes right; None without one."""
        return self.nets[0].protocol.get("accuracy")


class SampleQuality(NamedTuple):
    """Quality of samples.

    Attributes:
        fd: Frechet distance to test images, with its 95 % interval.
        label_agreement: Share of samples that a classifier takes for the class they
            were asked for, with its 95 % interval; None for a model without classes and
            features without a classifier.
    """

    fd: Interval
    label_agreement: Interval | None


def quality_reference(
    test: Images,
    train: Images,
    *,
    nets: FeatureNet | Sequence[FeatureNet] | None = None,
    most: int = 2000,
    progress: Progress | None = None,
) -> QualityReference:
    """Calculates the features of real images that samples are compared with.

    Args:
        test: Images that samples are compared with.
        train: Real images too; their distance is the floor of that of samples.
        nets: A feature network, or several whose distances are averaged. By default a
            classifier of the labels of `train`; without labels random networks.
        most: Images of each set, if there are as many. They are evenly spread.
        progress: Called as the classifier is trained and features are calculated.

    Raises:
        InputError: The images cannot be used.
    """
    check_count("most", most, 2)
    show = progress or (lambda what, done, total: None)
    if nets is None:
        nets = features.named_features((), train, test, progress=show)[0]
    nets = (nets,) if isinstance(nets, FeatureNet) else tuple(nets)
    number = min(most, len(test), len(train))
    show("features of test and training images", 0, None)
    activations, others = (
        extract(nets, images, indices=every_nth(len(images), number))
        for images in (test, train)
    )
    floor = _distance(activations, others)
    return QualityReference(nets, activations, floor, number)


def measure_quality(
    key: PRNGKeyArray,
    model: Any,
    state: Any,
    reference: QualityReference,
    *,
    num_labelled: int = 10_000,
) -> SampleQuality:
    """Measures the quality of a trained model's samples.

    Args:
        key: It is consumed.
        model: See `draw_images`.
        state: Its state.
        reference: What samples are compared with.
        num_labelled: Samples whose class is compared with the one asked for. They are
            drawn anew.

    Raises:
        InputError: The samples are no images, or not finite.
    """
    check_key(key)
    distance_key, halves_key, labels_key = jax.random.split(key, 3)
    number = reference.num_images
    images, _ = draw_images(distance_key, model, state, number)
    made = extract(reference.nets, images, name="generated")
    fd = _distance_interval(halves_key, reference, made)
    if model.num_classes is None or made[0].log_probabilities is None:
        return SampleQuality(fd, None)
    images, labels = draw_images(labels_key, model, state, num_labelled)
    (found,) = extract(reference.nets[:1], images, name="generated")
    return SampleQuality(fd, wilson_interval(_hits(found, labels), len(labels)))


def draw_images(
    key: PRNGKeyArray, model: Any, state: Any, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draws images as bytes; a conditional model is asked for its classes in turn.

    Args:
        key: It is consumed.
        model: Any with `draw_latents`, `generate`, `latents` and `num_classes`, as
            `models.gan`.
        state: Its state.
        number: Of images, at least 1.

    Returns:
        The images, uint8, shape (number, height, width, channels), and the labels they
        were asked for, shape (number,), all 0 for a model without classes.

    Raises:
        InputError: The images are not finite.
    """
    check_key(key)
    check_count("number", number, 1)
    latents = np.asarray(model.draw_latents(key, (number, model.latents)))
    classes = model.num_classes
    labels = np.arange(number) % (classes or 1)
    generate = jax.jit(model.generate)
    blocks = []
    for first in range(0, number, _BLOCK):
        # The last block is filled up: another size would be compiled anew.
        rows = np.arange(first, first + min(_BLOCK, number)) % number
        condition = ()
        if classes is not None:
            condition = (jnp.asarray(np.eye(classes, dtype=np.float32)[labels[rows]]),)
        images = np.asarray(generate(state, jnp.asarray(latents[rows]), *condition))
        if not np.isfinite(images).all():
            raise InputError(
                "The generated images are not finite: check the state for NaN."
            )
        blocks.append(to_bytes(images))
    return np.concatenate(blocks)[:number], labels


class QualityMonitor:
    """A callback of `training.fit` that measures the quality of samples.

    Each call adds a record to `path`: `fd`, `fd_low` and `fd_high` with `intervals`,
    and `label_agreement` where there are classes.

    Args:
        path: The file of records, JSON lines. A run that is resumed goes on in it.
        model: See `draw_images`.
        reference: What samples are compared with.
        key: Of the samples, the same at each call; it is consumed.
        steps_per_epoch: For the epochs of the records.
        intervals: Whether the distance has its 95 % interval in each record.
    """

    def __init__(
        self,
        path: Path,
        model: Any,
        reference: QualityReference,
        key: PRNGKeyArray,
        *,
        steps_per_epoch: int = 1,
        intervals: bool = False,
    ):
        """Compiles nothing yet."""
        check_key(key)
        self._path, self._model, self._reference = path, model, reference
        self._key, self._steps_per_epoch = key, steps_per_epoch
        self._intervals = intervals

    def __call__(self, state: Any, step: int) -> None:
        """Draws samples, measures them, writes a record."""
        reference, key = self._reference, jax.random.clone(self._key)
        number = reference.num_images
        try:
            images, labels = draw_images(key, self._model, state, number)
        except InputError:
            return  # the loop says where NaN came from
        made = extract(reference.nets, images, name="generated")
        record = {"step": step, "epoch": step / self._steps_per_epoch}
        record |= {"split": "quality"}
        if self._intervals:
            halves_key = random.stream(self._key, "halves")
            found = _distance_interval(halves_key, reference, made)
            record |= dict(zip(("fd", "fd_low", "fd_high"), found, strict=True))
        else:
            record["fd"] = _distance(reference.activations, made)
        if self._model.num_classes and made[0].log_probabilities is not None:
            record["label_agreement"] = _hits(made[0], labels) / number
        add_records(self._path, [record])


def _distance(real: Sequence[Activations], made: Sequence[Activations]) -> float:
    distances = [
        frechet_distance_of_features(x.features, y.features)
        for x, y in zip(real, made, strict=True)
    ]
    return float(np.mean(distances))


def _distance_interval(
    key: PRNGKeyArray, reference: QualityReference, made: Sequence[Activations]
) -> Interval:
    number = reference.num_images
    both = halves(key, _RESAMPLES, number, number)
    replicates = np.mean(
        [
            frechet_replicates(x.features, y.features, both)
            for x, y in zip(reference.activations, made, strict=True)
        ],
        axis=0,
    )
    distance = _distance(reference.activations, made)
    return interval(distance, replicates, bounds=(0.0, np.inf))


def _hits(made: Activations, labels: np.ndarray) -> int:
    return int((np.asarray(made.log_probabilities).argmax(axis=1) == labels).sum())
