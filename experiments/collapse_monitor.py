"""A watch over a GAN in training: does it collapse, and what is there to try?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen import metrics, run, training
from jaxgen.checks import examples_of
from jaxgen.data.mixtures import Mixture
from jaxgen.metrics import critic_overfitting, relative_diversity
from jaxgen.typing import Array, Batch, PRNGKeyArray

SIZES = (960, 480, 240, 120, 60, 30, 16, 8, 4, 2, 1)
"""How many samples, and examples of data, a look takes: the first that there are.

A critic that sees small groups, as with `pac(3)`, splits them without a rest."""

NEIGHBOURS = 5
"""In the balls of coverage."""

PATIENCE = 3
"""Looks in a row that must find the same before it is said."""


class Health(NamedTuple):
    """What one look at a GAN found.

    Attributes:
        modes: Modes captured, of a mixture whose modes are known; otherwise None.
        num_modes: Modes there are.
        coverage: Share of data with a sample nearby, over what a second set of data
            would reach: about 1 for perfect samples. None where modes are counted.
        diversity: See `metrics.diversity`.
        sign: See `metrics.critic_overfitting`.
        held_out: Likewise.
    """

    modes: int | None
    num_modes: int | None
    coverage: float | None
    diversity: float
    sign: float
    held_out: float | None


class CollapseMonitor:
    """A callback of `training.fit` that looks at samples and logits.

    `fit(..., callbacks=[CollapseMonitor(...)])` calls it at each evaluation. A look
    samples and judges at most 960 examples of each kind, and adds one record to `path`,
    which the page draws. A finding that stays for `PATIENCE` looks is told once, in a
    sentence that names what to try; nothing of the training changes.

    Args:
        path: The file of records: the page looks for `RUN/monitor.jsonl`.
        model: Any with `sample(state, key, n)` and `critique(state, samples)`; if its
            `num_classes` is a number, both are given a condition as well.
        key: Of the latents, the same at each look; it is consumed.
        train: Some training data, a batch with "data" or "image", and "label" where
            there are classes; of more than 960 the first are used.
        test: Held-out data likewise; without them an overfitting critic is not seen.
        mixture: Where the data come from, if their modes are to be counted; otherwise
            samples are judged by their neighbours among the training data.
        steps_per_epoch: For the epochs of the records.
        warn: Called with each warning; by default it prints a line to stderr.
    """

    def __init__(
        self,
        path: Path,
        model: Any,
        key: PRNGKeyArray,
        train: Batch,
        *,
        test: Batch | None = None,
        mixture: Mixture | None = None,
        steps_per_epoch: int = 1,
        warn: Callable[[str], None] = run.print_line,
    ):
        """Compiles the look."""
        self._path, self._mixture, self._warn = path, mixture, warn
        self._steps_per_epoch = steps_per_epoch
        self._found, self._looks = None, 0
        self._key, self._train = key, _some(train)
        self._test = None if test is None else _some(test)
        num_classes = getattr(model, "num_classes", None)

        def conditions(data: Batch) -> tuple[Array, ...]:
            if num_classes is None:
                return ()
            return (jax.nn.one_hot(data["label"], num_classes),)

        def logits(state: Any, samples: Array, *condition: Array) -> Array:
            found = model.critique(state, samples, *condition)
            return found if found.ndim == 1 else found[:, 0]

        @jax.jit
        def look(
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

        self._look = look

    def __call__(self, state: Any, step: int) -> None:
        """Looks, writes a record, and warns where something is amiss."""
        found = self._look(state, jax.random.clone(self._key), self._train, self._test)
        found = {name: np.asarray(a) for name, a in found.items()}
        if not all(np.isfinite(array).all() for array in found.values()):
            return  # the loop says where that came from
        health = self._judge(found)
        told = {k: v for k, v in health._asdict().items() if v is not None}
        # Records of later steps belong to a run that was cut off and is resumed.
        records = training.JsonLines(self._path, resume_step=step - 1)
        at = {"step": step, "epoch": step / self._steps_per_epoch, "split": "monitor"}
        records.write(at | told)
        records.close()
        self._tell(health)

    def _judge(self, found: dict[str, np.ndarray]) -> Health:
        samples, data = (
            np.asarray(a, np.float64).reshape(len(a), -1)
            for a in (found["samples"], examples_of(self._train))
        )
        modes = num_modes = coverage = None
        if self._mixture is not None and self._mixture.means is not None:
            num_modes = len(self._mixture.means)
            modes = metrics.gaussian_modes(
                samples, self._mixture.means, self._mixture.standard_deviation
            ).captured
        else:
            reached = metrics.density_coverage(data, samples, k=NEIGHBOURS).coverage
            coverage = reached / metrics.expected_coverage(
                len(data), len(samples), k=NEIGHBOURS
            )
        judged = critic_overfitting(found["train"], found["fake"], found.get("test"))
        return Health(
            modes, num_modes, coverage, relative_diversity(samples, data), *judged
        )

    def _tell(self, health: Health) -> None:
        found, sentence = advice(health)
        self._looks = self._looks + 1 if found == self._found else 1
        self._found = found
        if sentence is not None and self._looks == PATIENCE:
            self._warn(sentence)


_CURE = (
    "the generator collapses; if it has trained for long, try pac2 or unroll5 among "
    "the remedies, or a critic that learns faster."
)


def modes_advice(modes: int, num_modes: int) -> str | None:
    """Returns what to try where samples cover too few modes; None where it is well.

    Examples:
        >>> print(modes_advice(2, 8))
        Samples cover 2 of 8 modes: the generator collapses; if it has trained for long,
        try pac2 or unroll5 among the remedies, or a critic that learns faster.
    """
    if modes >= 0.75 * num_modes:
        return None
    return f"Samples cover {modes} of {num_modes} modes: {_CURE}"


def advice(health: Health) -> tuple[str | None, str | None]:
    """Returns what is amiss in a word, and in a sentence with what to try.

    Collapse is told before an overfitting critic; (None, None) where all is well.
    """
    if health.modes is not None and health.num_modes is not None:
        sentence = modes_advice(health.modes, health.num_modes)
        if sentence is not None:
            return "modes", sentence
    elif health.coverage is not None and health.coverage < 0.25:
        if health.diversity < 0.5:
            return "diversity", (
                f"Samples are {health.diversity:.0%} as far from each other as data, "
                f"and near {health.coverage:.0%} of them: {_CURE}"
            )
    if health.held_out is not None and health.held_out > 0.5:
        return "overfitting", (
            f"To the critic, held-out data are {health.held_out:.0%} of the way from "
            "training data to samples: it knows its data by heart; try augmentation "
            "(dag, adaptive_augment), a larger r1, or more data."
        )
    return None, None


def _some(batch: Batch) -> dict[str, np.ndarray]:
    number = next(size for size in SIZES if size <= len(examples_of(batch)))
    kept = ("data", "image", "label")
    return {k: np.asarray(v)[:number] for k, v in batch.items() if k in kept}
