"""What a translator of few pairs is worth, and what it knows by heart."""

import dataclasses
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.few_pairs_studies.parts import Method
from experiments.translation_studies import data, monitor
from experiments.translation_studies import judge as translation_judge
from experiments.translation_studies.judge import HeldOut, Judge
from experiments.translation_studies.monitor import Direction, critic_logits
from jaxgen import metrics, random
from jaxgen.images import every_nth
from jaxgen.typing import PRNGKeyArray


def direction_of(config: Any, model: Any, judge: Judge, loss: Any) -> Direction:
    """Returns how the main direction of a model is looked at."""
    if config.system == "pix2pix":
        return monitor.of_pix2pix(model, judge, loss)
    return monitor.of_cyclegan(model, dict.fromkeys(("a_to_b", "b_to_a"), judge), loss)[
        0
    ]


class Judged(NamedTuple):
    """What one model is worth.

    Attributes:
        scores: Metrics of the held-out images, by name.
        distances: L1 of each held-out pair, shape (n,); empty where none are known.
        trained: Mean L1 of pairs that it was trained on; None likewise.
        gap: How far from training images to translations the critic puts held-out real
            ones, from 0 to 1; see `metrics.critic_overfitting`. None without a critic.
        outputs: Translations of the held-out inputs, bytes.
    """

    scores: dict[str, float]
    distances: np.ndarray
    trained: float | None
    gap: float | None
    outputs: np.ndarray


class Look(NamedTuple):
    """How models of one method are looked at, compiled once for all.

    Attributes:
        translate: `(state, images, key) -> images`.
        critique: `(state, inputs, images) -> logits`, or None.
        judge: Of the held-out images.
    """

    translate: Any
    critique: Any
    judge: Judge


def look_at(one: Direction, method: Method) -> Look:
    """Compiles what looks at a method's models."""
    critique = None if one.critique is None or not method.adversarial else one.critique
    return Look(
        jax.jit(one.translate),
        None if critique is None else jax.jit(critique),
        one.judge,
    )


def judged(look: Look, state: Any, known: HeldOut, key: PRNGKeyArray) -> Judged:
    """Judges one model.

    Args:
        look: How.
        state: Of the model.
        known: Images that it was trained on, as the held-out ones are.
        key: Of the noise; it is consumed.
    """
    judge = look.judge

    def translated(images: np.ndarray, name: str) -> np.ndarray:
        own = random.stream(key, name)
        return translation_judge.translated(look.translate, state, images, own)

    outputs = translated(judge.inputs, "held out")
    distances, trained = np.zeros(0), None
    if judge.aligned:
        distances = distances_of(outputs, judge.targets)
        trained = float(distances_of(translated(known.a, "known"), known.b).mean())
    gap = None
    if look.critique is not None:
        train, test, fake = (
            _by_image(critic_logits(look.critique, state, inputs, images))
            for inputs, images in (
                (known.a, known.b),
                (judge.inputs, judge.targets),
                (judge.inputs, outputs),
            )
        )
        gap = metrics.critic_overfitting(train, fake, test).held_out
    scores = translation_judge.quick_scores(judge, outputs)
    return Judged(scores, distances, trained, gap, outputs)


def known_images(config: Any, key: PRNGKeyArray, share: float, most: int) -> HeldOut:
    """Reads training images of a share, as held-out ones come: whole, not cropped.

    Args:
        config: `translation_studies.data.PairOptions`.
        key: The root key of the run.
        share: Of the training pairs.
        most: Images, at most, evenly spread.
    """
    own = dataclasses.replace(config, share=config.share * share)
    known = data.mean_images(own, key)
    a, b = (side[every_nth(len(side), most)] for side in (known.a, known.b))
    return HeldOut(a, b, known.aligned)


def distances_of(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the L1 of each pair of bytes, in pixels from 0 to 1, shape (n,)."""
    apart = np.abs(images.astype(np.int16) - truth.astype(np.int16))
    return apart.mean(axis=(1, 2, 3)) / 255


def _by_image(logits: np.ndarray) -> np.ndarray:
    """The mean over the patches of each image."""
    return logits.reshape(len(logits), -1).mean(axis=1)
