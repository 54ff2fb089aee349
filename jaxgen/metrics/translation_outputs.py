"""What a translator and its critic give for many images, block by block.

A block has one size always: another size would be compiled anew. The last one is filled
up with the first images, because images of zeros would change the statistics of a
batch.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxgen.checks import check_key
from jaxgen.images import scale, to_bytes
from jaxgen.typing import Array, PRNGKeyArray

__all__ = [
    "BLOCK",
    "Critique",
    "NotFiniteError",
    "Translate",
    "critic_logits",
    "translate_images",
]

Translate = Callable[[Any, PRNGKeyArray, Array], Array]
"""`(state, key, images) -> images`, both float32 in [0, 1]."""

Critique = Callable[[Any, Array, Array], Array]
"""`(state, inputs, images) -> logits` of a critic, which may look at the inputs."""

BLOCK = 16
"""Images at once."""


class NotFiniteError(ArithmeticError):
    """Outputs of a model are infinite or not numbers."""


def translate_images(
    translate: Translate,
    state: Any,
    images: np.ndarray,
    key: PRNGKeyArray,
    *,
    size: int = BLOCK,
) -> np.ndarray:
    """Translates images block by block.

    Args:
        translate: Compiled; see `Translate`.
        state: State of the model.
        images: Bytes, shape (n, height, width, channels).
        key: Key of the noise; it is consumed.
        size: Images at once.

    Returns:
        Bytes, shape (n, height', width', channels').

    Raises:
        NotFiniteError: A translation is not finite.
    """
    check_key(key)
    made = []
    for number, block in enumerate(_blocks(images, size)):
        outputs = translate(state, jax.random.fold_in(key, number), scale(block))
        if not np.isfinite(outputs).all():
            raise NotFiniteError(f"The translations of block {number} are not finite.")
        made.append(to_bytes(outputs))
    return np.concatenate(made)[: len(images)]


def critic_logits(
    critique: Critique, state: Any, inputs: np.ndarray, images: np.ndarray
) -> np.ndarray:
    """Returns the critic's logits of images; inputs are repeated where they are fewer.

    Args:
        critique: Compiled; see `Critique`.
        state: State of the model.
        inputs: Bytes, shape (n, ...).
        images: Bytes, shape (m, ...).

    Returns:
        The logits as the critic gives them, shape (m, ...).

    Raises:
        NotFiniteError: A logit is not finite.
    """
    beside = inputs[np.arange(len(images)) % len(inputs)]
    logits = np.concatenate(
        [
            np.asarray(critique(state, scale(x), scale(y)), np.float32)
            for x, y in zip(_blocks(beside), _blocks(images), strict=True)
        ]
    )[: len(images)]
    if not np.isfinite(logits).all():
        raise NotFiniteError("The critic's logits are not finite.")
    return logits


def _blocks(images: np.ndarray, size: int = BLOCK) -> list[np.ndarray]:
    size = min(size, len(images))
    rows = np.arange(-(-len(images) // size) * size) % len(images)
    return [images[some] for some in rows.reshape(-1, size)]
