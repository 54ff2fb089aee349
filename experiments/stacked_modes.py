"""Which of the thousand modes of stacked digits a GAN draws, watched over training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen import metrics, run
from jaxgen.data import Source
from jaxgen.files import write_npz
from jaxgen.images import every_nth
from jaxgen.metrics import AssignedModes, Interval, Modes, count_modes, mode_replicates
from jaxgen.metrics.features import FeatureNet, extract, named_features
from jaxgen.models import GAN
from jaxgen.run_files import read_arrays
from jaxgen.typing import PRNGKeyArray

SURE = 0.9
"""What the classifier gives at least the three digits of a sample it is sure of."""

HALVES = 50
"""Half-samples behind the interval of a single seed."""

_DIGITS_SEEN = 10_000
"""Digits that decide how often each of them comes."""


class Judge(NamedTuple):
    """Reads a digit from each channel.

    Attributes:
        net: The classifier of single digits.
        accuracy: Share of the test digits that it takes right.
        proportions: Of the modes of the data as it sees them, shape (modes,).
    """

    net: FeatureNet
    accuracy: float
    proportions: np.ndarray


class Read(NamedTuple):
    """What the judge reads.

    Attributes:
        modes: Of each sample, int32, shape (..., samples).
        sure: Whether the judge is sure of it, bool, shape (..., samples).
    """

    modes: np.ndarray
    sure: np.ndarray


class Looks(NamedTuple):
    """What was read as training went on, from the same latents each time.

    Attributes:
        step: Shape (looks,).
        read: With a leading axis of looks.
    """

    step: np.ndarray
    read: Read

    @property
    def last(self) -> Read:
        """What was read at the end."""
        return Read(*(found[-1] for found in self.read))


class Measured(NamedTuple):
    """What is said of a system, with 95 % intervals.

    Attributes:
        captured: Modes.
        captured_surely: Modes of the samples that the judge is sure of.
        reverse_kl: Nats.
        sure: Share of samples that the judge is sure of.
    """

    captured: Interval
    captured_surely: Interval
    reverse_kl: Interval
    sure: float


def judge_of(train: Source, test: Source) -> Judge:
    """Trains the classifier of single digits, or finds it in the cache.

    The channels of a stacked image are drawn independently, so its modes come as often
    as the products of the shares of three digits.

    Args:
        train: Single digits.
        test: Those that it is tested on.
    """
    with run.display() as show:
        (net,) = named_features(("classifier",), train, test, progress=show)
    assert isinstance(net, FeatureNet)
    some = every_nth(len(train), _DIGITS_SEEN)
    (seen,) = extract([net], train, indices=some)
    digits = np.asarray(seen.log_probabilities).argmax(axis=1)
    share = np.bincount(digits, minlength=len(net.class_names or ())) / len(digits)
    proportions = np.einsum("a,b,c->abc", share, share, share).ravel()
    return Judge(net, net.protocol["accuracy"], proportions)


def read(judge: Judge, images: np.ndarray) -> Read:
    """Reads the three digits of each image.

    Args:
        judge: The judge.
        images: Bytes, shape (n, height, width, 3).
    """
    number, height, width, channels = images.shape
    single = np.moveaxis(images, -1, 1).reshape(-1, height, width, 1)
    (found,) = extract([judge.net], single, name="generated")
    told = np.asarray(found.log_probabilities).reshape(number, channels, -1)
    modes = metrics.combine_classes(told.argmax(axis=2), num_classes=told.shape[2])
    sure = told.max(axis=2).sum(axis=1) >= np.log(SURE)
    return Read(modes.astype(np.int32), sure)


def modes_of(judge: Judge, found: Read) -> Modes:
    """Counts the modes among samples."""
    return count_modes(_assigned(judge, found))


def measured(key: PRNGKeyArray, judge: Judge, found: Sequence[Read]) -> Measured:
    """Measures a system, with the interval of its mean over seeds.

    A single seed has the interval over samples instead, by half-samples: it says how
    far the numbers of this generator are known, not what another seed would give.

    Args:
        key: It is consumed.
        judge: The judge.
        found: What was read of each seed.
    """
    every = [_assigned(judge, own) for own in found]
    surely = [own._replace(counted=own.high_quality) for own in every]
    rows = metrics.half_samples(key, HALVES, len(found[0].modes))
    most = float(len(judge.proportions))
    return Measured(
        _interval(every, "captured", rows, most),
        _interval(surely, "captured", rows, most),
        _interval(every, "reverse_kl", rows, np.inf),
        float(np.mean([own.sure for own in found])),
    )


class StackedWatch:
    """A callback that reads samples of the model as training goes on.

    Args:
        path: The `.npz` file of what was read; a run that is resumed goes on in it.
        model: The model.
        judge: The judge.
        key: Key of the samples, the same each time; it is consumed.
        num_samples: Samples that are read.
    """

    def __init__(
        self,
        path: Path,
        model: GAN,
        judge: Judge,
        key: PRNGKeyArray,
        *,
        num_samples: int,
    ):
        """Compiles nothing yet."""
        self._path, self._model, self._judge = path, model, judge
        self._key, self._number = key, num_samples

    def __call__(self, state: Any, step: int) -> None:
        """Adds a look; those of later steps belong to a run cut off."""
        key = jax.random.clone(self._key)
        images, _ = metrics.draw_images(key, self._model, state, self._number)
        found = {"step": np.array(step), **read(self._judge, images)._asdict()}
        looks = {name: value[None] for name, value in found.items()}
        if self._path.exists():
            before = read_arrays(self._path)
            kept = before["step"] < step
            looks = {
                name: np.concatenate([before[name][kept], value])
                for name, value in looks.items()
            }
        write_npz(self._path, **looks)

    def looks(self) -> Looks:
        """Returns all that was read."""
        kept = read_arrays(self._path)
        return Looks(kept["step"], Read(kept["modes"], kept["sure"]))


def _assigned(judge: Judge, found: Read) -> AssignedModes:
    every = np.ones(len(found.modes), bool)
    return AssignedModes(found.modes, every, found.sure, judge.proportions)


def _interval(
    found: Sequence[AssignedModes], term: str, rows: np.ndarray, most: float
) -> Interval:
    values = [float(getattr(count_modes(own), term)) for own in found]
    if len(values) > 1:
        return metrics.mean_interval(np.array(values), bounds=(0.0, most))
    halves = getattr(mode_replicates(found[0], rows), term)
    return metrics.interval(values[0], halves, bounds=(0.0, most))
