"""Ways to make do with few pairs, by words; and what a translator of few is worth."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from experiments import (
    cyclegan,
    pix2pix,
    training_run,
    translation_data,
    translation_judge,
    translation_monitor,
)
from experiments.few_pairs_members import SideBySide
from experiments.latent_arrays import every_nth, scale
from experiments.translation_judge import HeldOut, Judge
from experiments.translation_monitor import Direction
from jaxgen import metrics, random
from jaxgen.errors import InputError
from jaxgen.typing import PRNGKeyArray

System = Literal["pix2pix", "cyclegan"]

LABELS = {
    **{"plain": "no remedy", "l1": "L1 alone", "augmented": "augmented data"},
    **{"dag": "DAG", "diff_augment": "DiffAugment", "ada": "ADA", "r1": "R1"},
    **{"shared": "one head for all", "lecam": "LeCam"},
}
"""What methods are called in figures and tables; others by their own words."""

ENLARGED = 286 / 256
"""How much larger augmented images are than what is cropped of them, as published."""

SMALL: dict[str, dict[str, int]] = {
    "pix2pix": {"width": 16, "critic_width": 16, "critic_layers": 1},
    "cyclegan": {"width": 8, "blocks": 3, "critic_width": 16, "critic_layers": 1},
}
"""The networks, half as wide as those of the small presets of both scripts."""


@dataclasses.dataclass(frozen=True)
class SystemOptions:
    """What is trained, where the methods leave it open."""

    system: System = "pix2pix"
    """`pix2pix` learns from pairs; `cyclegan` from the same images unpaired."""
    width: int | None = None
    """Channels of the generators' finest layers."""
    critic_width: int | None = None
    """Channels of the critics' finest layer."""
    critic_layers: int | None = None
    """Of the patch critic; 1 to 5 of them see 16, 34, 70, 142 and 286 pixels."""
    l1_weight: float = 100.0
    """With pix2pix: weight of the distance, whose images are in [-1, 1]."""
    dag_transforms: Literal["rotation", "fliprot", "cropping"] = "rotation"
    """What the heads of `dag` see, and the one head of `shared`."""


class Method(NamedTuple):
    """One way to train.

    Attributes:
        word: As it was given.
        label: What it is called.
        adversarial: Whether there is a critic.
        augmented: Whether data are flipped and cropped at random.
        remedies: Words of `translation_parts.remedies_of`.
    """

    word: str
    label: str
    adversarial: bool
    augmented: bool
    remedies: str

    @property
    def part(self) -> str:
        """The name of its folder."""
        return self.word.replace("+", "-").replace("=", "")


def method_of(word: str) -> Method:
    """Returns what a word asks for.

    Args:
        word: `plain`, `l1` (no critic), `augmented`, remedies by name, or several of
            them joined by a plus.

    Examples:
        >>> method_of("augmented+r1=10").label, method_of("l1").adversarial
        ('augmented data + R1 (10)', False)
    """
    words = word.split("+")
    if "plain" in words and len(words) > 1:
        raise InputError(
            f"The method {word} is plain and more: leave `plain` out, or the rest."
        )
    cures = [one for one in words if one not in ("plain", "l1", "augmented")]
    if "l1" in words and cures:
        raise InputError(
            f"The method {word} has no critic that {cures[0]} could help: leave l1 out."
        )
    return Method(
        word,
        " + ".join(map(_label, words)),
        "l1" not in words,
        "augmented" in words,
        "+".join(cures) or "none",
    )


def _label(word: str) -> str:
    name, _, number = word.partition("=")
    label = LABELS.get(name, name)
    return f"{label} ({number})" if number else label


def model_of(
    config: Any, method: Method, channels: tuple[int, int], steps: int
) -> tuple[Any, Any]:
    """Returns a model that is trained in one way, and its adversarial loss.

    Args:
        config: `SystemOptions` and `training_run.RunOptions`.
        method: Which way.
        channels: Of images a and of images b.
        steps: Of the whole run.
    """
    script = {"pix2pix": pix2pix, "cyclegan": cyclegan}[config.system]
    given = {
        name: getattr(config, name)
        for name in ("width", "critic_width", "critic_layers")
        if getattr(config, name) is not None
    }
    more: dict[str, Any] = {}
    if config.system == "pix2pix":
        more["l1_weight"] = config.l1_weight
        more["objective"] = "l1+cgan" if method.adversarial else "l1"
    options = script.Config(
        **SMALL[config.system] | given | more,
        **{name: getattr(config, name) for name in ("batch_size", "learning_rate")},
        image_size=config.image_size,
        remedies=method.remedies,
        dag_transforms=config.dag_transforms,
    )
    options = script.settled(options)
    loss = pix2pix.translation_parts.loss_of(options.loss)
    return script.build(options, channels, steps), loss


def setup_of(
    config: Any, method: Method, shares: Sequence[float]
) -> training_run.Setup:
    """Returns batches of all shares side by side; `train` are the pairs of each.

    Args:
        config: `translation_data.PairOptions` and `training_run.RunOptions`.
        method: For how the data are augmented.
        shares: Of the training pairs; smaller ones are parts of larger ones.
    """
    size = config.image_size
    enlarged = config.load_size or round(size * ENLARGED)
    setups = [
        translation_data.prepare(
            dataclasses.replace(
                config,
                share=config.share * share,
                flip=config.flip or method.augmented,
                load_size=enlarged if method.augmented else config.load_size or size,
            ),
            unpaired=config.system == "cyclegan",
        )
        for share in shares
    ]
    batches = SideBySide([one.batches for one in setups])
    steps = training_run.steps_of(config, batches)
    train = [one.train for one in setups]
    return setups[-1]._replace(train=train, batches=batches, steps=steps)


def direction_of(config: Any, model: Any, judge: Judge, loss: Any) -> Direction:
    """Returns how the main direction of a model is looked at."""
    if config.system == "pix2pix":
        return translation_monitor.of_pix2pix(model, judge, loss)
    return translation_monitor.of_cyclegan(
        model, dict.fromkeys(("a_to_b", "b_to_a"), judge), loss
    )[0]


class Judged(NamedTuple):
    """What one model is worth.

    Attributes:
        scores: Metrics of the held-out images, by name.
        distances: L1 of each held-out pair, shape (n,); empty where none are known.
        trained: Mean L1 of pairs that it was trained on; None likewise.
        gap: How far from training images to translations the critic puts held-out real
            ones, from 0 to 1; see `metrics.critic_overfitting`. None without a critic.
        logits: Its mean logits of training, held-out and translated images, or None.
        outputs: Translations of the held-out inputs, bytes.
    """

    scores: dict[str, float]
    distances: np.ndarray
    trained: float | None
    gap: float | None
    logits: tuple[float, float, float] | None
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
    gap, logits = None, None
    if look.critique is not None:
        seen = [
            _logits(look, state, inputs, images)
            for inputs, images in (
                (known.a, known.b),
                (judge.inputs, judge.targets),
                (judge.inputs, outputs),
            )
        ]
        logits = tuple(float(one.mean()) for one in seen)
        gap = metrics.critic_overfitting(seen[0], seen[2], seen[1]).held_out
    scores = translation_judge.quick_scores(judge, outputs)
    return Judged(scores, distances, trained, gap, logits, outputs)


def known_images(config: Any, key: PRNGKeyArray, share: float, most: int) -> HeldOut:
    """Reads training images of a share, as held-out ones come: whole, not cropped.

    Args:
        config: `translation_data.PairOptions`.
        key: The root key of the run.
        share: Of the training pairs.
        most: Images, at most, evenly spread.
    """
    own = dataclasses.replace(config, share=config.share * share)
    known = translation_data.mean_images(own, key)
    a, b = (side[every_nth(len(side), most)] for side in (known.a, known.b))
    return HeldOut(a, b, known.aligned)


def distances_of(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the L1 of each pair of bytes, in pixels from 0 to 1, shape (n,)."""
    apart = np.abs(images.astype(np.int16) - truth.astype(np.int16))
    return apart.mean(axis=(1, 2, 3)) / 255


def _logits(
    look: Look, state: Any, inputs: np.ndarray, images: np.ndarray
) -> np.ndarray:
    """Returns the mean logit over the patches of each image."""
    number = min(len(inputs), len(images))
    size = translation_judge.BLOCK
    found = [
        np.asarray(look.critique(state, scale(x), scale(y)))
        for x, y in zip(
            translation_judge.blocks(inputs[:number], size),
            translation_judge.blocks(images[:number], size),
            strict=True,
        )
    ]
    logits = np.concatenate(found)[:number]
    return logits.reshape(number, -1).mean(axis=1)
