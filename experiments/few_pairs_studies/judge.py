"""What a translator of few pairs is worth, and what it knows by heart."""

import dataclasses
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.few_pairs_studies.parts import Method
from jaxgen import data, metrics, random, run
from jaxgen.images import every_nth
from jaxgen.metrics import (
    TranslationDirection,
    TranslationReference,
    critic_logits,
    mean_absolute_differences,
)
from jaxgen.typing import PRNGKeyArray


def direction_of(
    config: Any, model: Any, reference: TranslationReference, loss: Any
) -> TranslationDirection:
    """Returns how the main direction of a model is looked at."""
    if config.system == "pix2pix":
        return metrics.pix2pix_direction(model, reference, loss=loss.name)
    both = dict.fromkeys(("a_to_b", "b_to_a"), reference)
    return metrics.cyclegan_directions(model, both, loss=loss.name)[0]


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
        reference: The held-out images.
    """

    translate: Any
    critique: Any
    reference: TranslationReference


def look_at(one: TranslationDirection, method: Method) -> Look:
    """Compiles what looks at a method's models."""
    critique = None if one.critique is None or not method.adversarial else one.critique
    return Look(
        jax.jit(one.translate),
        None if critique is None else jax.jit(critique),
        one.reference,
    )


def judged(look: Look, state: Any, known: data.PairImages, key: PRNGKeyArray) -> Judged:
    """Judges one model.

    Args:
        look: How.
        state: Of the model.
        known: Images that it was trained on, as the held-out ones are.
        key: Of the noise; it is consumed.
    """
    reference = look.reference

    def translated(images: np.ndarray, name: str) -> np.ndarray:
        own = random.stream(key, name)
        return metrics.translate_images(look.translate, state, images, own)

    outputs = translated(reference.inputs, "held out")
    distances, trained = np.zeros(0), None
    if reference.aligned:
        distances = mean_absolute_differences(outputs, reference.targets)
        again = translated(known.a, "known")
        trained = float(mean_absolute_differences(again, known.b).mean())
    gap = None
    if look.critique is not None:
        train, test, fake = (
            _by_image(critic_logits(look.critique, state, inputs, images))
            for inputs, images in (
                (known.a, known.b),
                (reference.inputs, reference.targets),
                (reference.inputs, outputs),
            )
        )
        gap = metrics.critic_overfitting(train, fake, test).held_out
    scores = metrics.mean_translation_scores(reference, outputs)
    return Judged(scores, distances, trained, gap, outputs)


def known_images(
    config: Any, key: PRNGKeyArray, share: float, most: int
) -> data.PairImages:
    """Reads training images of a share, as held-out ones come: whole, not cropped.

    Args:
        config: `run.PairOptions`.
        key: The root key of the run.
        share: Of the training pairs.
        most: Images, at most, evenly spread.
    """
    own = dataclasses.replace(config, share=config.share * share)
    known = run.training_images(own, key)
    a, b = (side[every_nth(len(side), most)] for side in (known.a, known.b))
    return data.PairImages(a, b, known.aligned)


def _by_image(logits: np.ndarray) -> np.ndarray:
    """The mean over the patches of each image."""
    return logits.reshape(len(logits), -1).mean(axis=1)
