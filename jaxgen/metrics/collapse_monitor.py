"""A callback that watches a GAN in training for collapse and a critic that overfits."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from jaxgen.checks import check_key, examples_of
from jaxgen.images import every_nth, scale
from jaxgen.metrics.critic_overfitting import critic_overfitting
from jaxgen.metrics.density_coverage import density_coverage, expected_coverage
from jaxgen.metrics.diversity import relative_diversity
from jaxgen.metrics.features import ImageSet
from jaxgen.metrics.modes import gaussian_modes
from jaxgen.progress import print_line
from jaxgen.run_files import add_records
from jaxgen.typing import Array, Batch, PRNGKeyArray

__all__ = ["PATIENCE", "SIZES", "CollapseMonitor", "GANHealth", "modes_warning"]

SIZES = (960, 480, 240, 120, 60, 30, 16, 8, 4, 2, 1)
"""How many samples and examples are compared: the first size that the data have.

The sizes are multiples of small groups, because a critic with `pac(3)` takes samples in
groups of three."""

PATIENCE = 3
"""Measurements in a row that must find the same before there is a warning."""

_NEIGHBOURS = 5


class GaussianMixture(Protocol):
    """A mixture whose modes can be counted, as `jaxgen.data.mixtures.Mixture`."""

    @property
    def means(self) -> Any:
        """Shape (modes, d), or None where there are no modes to count."""
        ...

    @property
    def standard_deviation(self) -> float:
        """Of each Gaussian in any direction."""
        ...


class GANHealth(NamedTuple):
    """Signs of collapse and of overfitting at one step of a training.

    Attributes:
        modes: Modes captured, of a mixture whose modes are known; otherwise None.
        num_modes: Modes there are.
        coverage: Share of data with a sample nearby, over what a second set of data
            would reach: about 1 for perfect samples. None where modes are counted.
        diversity: See `metrics.relative_diversity`.
        sign: See `metrics.critic_overfitting`.
        held_out: See `metrics.critic_overfitting`.
    """

    modes: int | None
    num_modes: int | None
    coverage: float | None
    diversity: float
    sign: float
    held_out: float | None

    @property
    def warning(self) -> tuple[str, str] | None:
        """What is amiss: its kind, and a sentence with what to try; None if nothing is.

        A collapse is named before a critic that overfits.
        """
        if self.modes is not None and self.num_modes is not None:
            sentence = modes_warning(self.modes, self.num_modes)
            if sentence is not None:
                return "modes", sentence
        elif self.coverage is not None and self.coverage < 0.25:
            if self.diversity < 0.5:
                return "diversity", (
                    f"Samples are {self.diversity:.0%} as far from each other as data, "
                    f"and near {self.coverage:.0%} of them: {_CURE}"
                )
        if self.held_out is not None and self.held_out > 0.5:
            return "overfitting", (
                f"To the critic, held-out data are {self.held_out:.0%} of the way from "
                "training data to samples: it knows its data by heart; try "
                "augmentation (dag, adaptive_augment), a larger r1, or more data."
            )
        return None


class CollapseMonitor:
    """A callback of `training.fit` that measures samples and logits of a GAN.

    Each call draws samples, compares at most 960 examples of each kind, and adds one
    record to `path`. What stays amiss for `PATIENCE` calls is told once, in a sentence
    that names what to try. Nothing of the training changes.

    Args:
        path: The file of records, JSON lines. A run that is resumed goes on in it.
        model: Any with `sample(state, key, n)` and `critique(state, samples)`; if its
            `num_classes` is a number, both are given a condition as well.
        key: Of the latents, the same at each call; it is consumed.
        train: Training data: a set, of whose images at most 960 are read, evenly
            spread; or a batch with "data" or "image", and "label" where there are
            classes, of which the first are used.
        test: Held-out data likewise. Without them an overfitting critic goes unseen.
        mixture: The distribution of the data, if its modes are to be counted; by
            default samples are compared with their neighbours in the training data.
        steps_per_epoch: For the epochs of the records.
        warn: Called with each warning; by default it prints a line to stderr.
    """

    def __init__(
        self,
        path: Path,
        model: Any,
        key: PRNGKeyArray,
        train: Batch | ImageSet,
        *,
        test: Batch | ImageSet | None = None,
        mixture: GaussianMixture | None = None,
        steps_per_epoch: int = 1,
        warn: Callable[[str], None] = print_line,
    ):
        """Compiles the measurement."""
        check_key(key)
        self._path, self._mixture, self._warn = path, mixture, warn
        self._steps_per_epoch = steps_per_epoch
        self._kind, self._repeats = None, 0
        self._key, self._train = key, _first(train)
        self._test = None if test is None else _first(test)
        num_classes = getattr(model, "num_classes", None)

        def conditions(data: Batch) -> tuple[Array, ...]:
            if num_classes is None:
                return ()
            return (jax.nn.one_hot(data["label"], num_classes),)

        def logits(state: Any, samples: Array, *condition: Array) -> Array:
            found = model.critique(state, samples, *condition)
            return found if found.ndim == 1 else found[:, 0]

        @jax.jit
        def sample_and_judge(
            state: Any, key: PRNGKeyArray, train: Batch, test: Batch | None
        ) -> dict[str, Array]:
            known = conditions(train)
            samples = model.sample(state, key, len(examples_of(train)), *known)
            found = {
                "samples": samples,
                "fake": logits(state, samples, *known),
                "train": logits(state, examples_of(train), *known),
            }
            if test is not None:
                found["test"] = logits(state, examples_of(test), *conditions(test))
            return found

        self._sample_and_judge = sample_and_judge

    def __call__(self, state: Any, step: int) -> None:
        """Measures, writes a record, and warns where something stays amiss."""
        key = jax.random.clone(self._key)
        found = self._sample_and_judge(state, key, self._train, self._test)
        found = {name: np.asarray(a) for name, a in found.items()}
        if not all(np.isfinite(array).all() for array in found.values()):
            return  # the loop says where that came from
        health = self._health(found)
        known = {k: v for k, v in health._asdict().items() if v is not None}
        at = {"step": step, "epoch": step / self._steps_per_epoch, "split": "monitor"}
        add_records(self._path, [at | known])
        self._warn_once(health)

    def _health(self, found: dict[str, np.ndarray]) -> GANHealth:
        samples, data = (
            np.asarray(a, np.float64).reshape(len(a), -1)
            for a in (found["samples"], examples_of(self._train))
        )
        modes = num_modes = coverage = None
        if self._mixture is not None and self._mixture.means is not None:
            num_modes = len(self._mixture.means)
            modes = gaussian_modes(
                samples, self._mixture.means, self._mixture.standard_deviation
            ).captured
        elif len(data) > _NEIGHBOURS:
            covered = density_coverage(data, samples, k=_NEIGHBOURS).coverage
            coverage = covered / expected_coverage(
                len(data), len(samples), k=_NEIGHBOURS
            )
        overfitting = critic_overfitting(
            found["train"], found["fake"], found.get("test")
        )
        diversity = relative_diversity(samples, data)
        return GANHealth(modes, num_modes, coverage, diversity, *overfitting)

    def _warn_once(self, health: GANHealth) -> None:
        kind, sentence = health.warning or (None, None)
        self._repeats = self._repeats + 1 if kind == self._kind else 1
        self._kind = kind
        if sentence is not None and self._repeats == PATIENCE:
            self._warn(sentence)


_CURE = (
    "the generator collapses; if it has trained for long, try pac2 or unroll5 among "
    "the remedies, or a critic that learns faster."
)


def modes_warning(modes: int, num_modes: int) -> str | None:
    """Returns a sentence with what to try if samples cover too few modes, or None.

    Args:
        modes: Modes that samples cover.
        num_modes: Modes of the data. Three quarters of them are enough.

    Examples:
        >>> print(modes_warning(2, 8))
        Samples cover 2 of 8 modes: the generator collapses; if it has trained for long,
        try pac2 or unroll5 among the remedies, or a critic that learns faster.
    """
    if modes >= 0.75 * num_modes:
        return None
    return f"Samples cover {modes} of {num_modes} modes: {_CURE}"


def _first(data: Batch | ImageSet) -> dict[str, np.ndarray]:
    batch: Any = data
    if not isinstance(data, Mapping):
        examples = data.read(every_nth(len(data), SIZES[0]))
        batch = {**examples, "image": scale(examples["image"])}
    number = next(size for size in SIZES if size <= len(examples_of(batch)))
    kept = ("data", "image", "label")
    return {k: np.asarray(v)[:number] for k, v in batch.items() if k in kept}
