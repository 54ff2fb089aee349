"""How good the samples of a GAN are, as training goes on and at its end."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments import feature_choice
from jaxgen import run, training
from jaxgen.errors import InputError
from jaxgen.images import every_nth, to_bytes
from jaxgen.metrics import (
    Interval,
    frechet_distance_of_features,
    frechet_replicates,
    halves,
    interval,
    wilson_interval,
)
from jaxgen.metrics.features import Activations, FeatureNet, extract
from jaxgen.models import GAN
from jaxgen.progress import Progress
from jaxgen.run_files import is_number, read_json
from jaxgen.typing import PRNGKeyArray

BLOCK = 250
"""Samples generated at once."""

RESAMPLES = 50
"""Half-samples behind an interval."""


class Judge(NamedTuple):
    """What samples are compared with.

    Attributes:
        nets: Feature networks, whose distances are averaged.
        real: Features of so many test images, one per network.
        floor: Frechet distance of as many training images, which are real too.
        accuracy: Of the classifier on test images, or None where it is none.
        num_samples: Samples compared.
    """

    nets: tuple[FeatureNet, ...]
    real: list[Activations]
    floor: float
    accuracy: float | None
    num_samples: int


def judge_of(setup: run.Setup, show: Progress, *, most: int = 2000) -> Judge:
    """Returns the judge of a set: a classifier of its labels, or random networks.

    Args:
        setup: The data.
        show: Shows how far the training of the classifier is.
        most: Samples compared, if there are as many test images.
    """
    found = feature_choice.networks_of((), setup.train, setup.test, show)[0]
    nets = (found,) if isinstance(found, FeatureNet) else tuple(found)
    number = min(most, len(setup.test), len(setup.train))
    show("features of test and training images", 0, None)
    real, other = (
        extract(nets, source, indices=every_nth(len(source), number))
        for source in (setup.test, setup.train)
    )
    return Judge(
        nets,
        real,
        _distance(real, other),
        nets[0].protocol.get("accuracy"),
        number,
    )


class Found(NamedTuple):
    """What the judge says of samples.

    Attributes:
        fd: Frechet distance to test images, with its interval.
        agreement: Share of samples whose class is the one asked for, or None.
    """

    fd: Interval
    agreement: Interval | None


def judged(
    key: PRNGKeyArray, model: GAN, state: Any, judge: Judge, *, num_samples: int
) -> Found:
    """Judges a trained model.

    Args:
        key: It is consumed.
        model: The model.
        state: Its state.
        judge: The judge.
        num_samples: Samples whose class is looked at, all of them drawn anew.
    """
    of_samples, of_halves, of_more = jax.random.split(key, 3)
    number = judge.num_samples
    images, _ = drawn(of_samples, model, state, number)
    made = extract(judge.nets, images, name="generated")
    both = halves(of_halves, RESAMPLES, number, number)
    replicates = np.mean(
        [
            frechet_replicates(x.features, y.features, both)
            for x, y in zip(judge.real, made, strict=True)
        ],
        axis=0,
    )
    fd = interval(_distance(judge.real, made), replicates, bounds=(0.0, np.inf))
    if model.num_classes is None or made[0].log_probabilities is None:
        return Found(fd, None)
    images, labels = drawn(of_more, model, state, num_samples)
    hits = _hits(extract(judge.nets[:1], images, name="generated")[0], labels)
    return Found(fd, wilson_interval(hits, len(labels)))


def drawn(
    key: PRNGKeyArray, model: GAN, state: Any, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draws images as bytes, and the labels they were asked for, in turn.

    Args:
        key: It is consumed.
        model: The model.
        state: Its state.
        number: Of images.
    """
    latents = np.asarray(model.draw_latents(key, (number, model.latents)))
    classes = model.num_classes
    labels = np.arange(number) % (classes or 1)
    generate = jax.jit(model.generate)
    blocks = []
    for first in range(0, number, BLOCK):
        # The last block is filled up: another size would be compiled anew.
        rows = np.arange(first, first + min(BLOCK, number)) % number
        condition = ()
        if classes is not None:
            condition = (jnp.asarray(np.eye(classes, dtype=np.float32)[labels[rows]]),)
        blocks.append(to_bytes(generate(state, jnp.asarray(latents[rows]), *condition)))
    return np.concatenate(blocks)[:number], labels


class Watch:
    """A callback that judges the model.

    Args:
        path: The JSON file of what was found; that of a run that is resumed is kept.
        model: The model.
        judge: The judge.
        key: Key of the samples, the same each time; it is consumed.
    """

    def __init__(self, path: Path, model: GAN, judge: Judge, key: PRNGKeyArray):
        """Compiles nothing yet."""
        self._path, self._model, self._judge, self._key = path, model, judge, key

    def __call__(self, state: Any, step: int) -> None:
        """Looks."""
        number = self._judge.num_samples
        key = jax.random.clone(self._key)
        images, labels = drawn(key, self._model, state, number)
        made = extract(self._judge.nets, images, name="generated")
        row = {"step": step, "fd": _distance(self._judge.real, made)}
        if self._model.num_classes and made[0].log_probabilities is not None:
            row["label_agreement"] = _hits(made[0], labels) / number
        before = [one for one in looks(self._path) if one["step"] < step]
        training.write_json(self._path, [*before, row])


def looks(path: Path) -> list[dict[str, Any]]:
    """Reads what `Watch` wrote: a step and numbers of each look.

    Raises:
        InputError: The file is damaged.
    """
    if not os.path.lexists(path):
        return []
    found = read_json(path)
    if not isinstance(found, list) or not all(map(_is_look, found)):
        raise InputError(
            f"{path} is damaged: a list of objects was expected, each with a step, a "
            "whole number, and other numbers; restore the file, or start the run anew "
            "under another name."
        )
    return found


def _is_look(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and type(row.get("step")) is int
        and all(map(is_number, row.values()))
    )


def _distance(real: list[Activations], made: list[Activations]) -> float:
    distances = [
        frechet_distance_of_features(x.features, y.features)
        for x, y in zip(real, made, strict=True)
    ]
    return float(np.mean(distances))


def _hits(made: Activations, labels: np.ndarray) -> int:
    return int((np.asarray(made.log_probabilities).argmax(axis=1) == labels).sum())
