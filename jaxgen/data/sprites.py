"""Sprites with exact factors, drawn inside the compiled step: nothing is stored.

A set in the manner of dSprites (Matthey et al., dSprites: Disentanglement testing
Sprites dataset, 2017): the same five factors with as many values, our own drawing.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from jaxgen.checks import check_count, check_key
from jaxgen.data.order import Order
from jaxgen.typing import Array, Batch, Images, PRNGKeyArray, PyTree

__all__ = [
    "FACTORS",
    "NUM_HELD_OUT",
    "NUM_SPRITES",
    "SHAPES",
    "Factors",
    "SpriteData",
    "batches",
    "factors_of",
    "render",
]

FACTORS = {"shape": 3, "scale": 6, "rotation": 40, "x": 32, "y": 32}
"""The factors and how many values each takes, in the order of a row of factors."""
SHAPES = ("square", "ellipse", "heart")
NUM_SPRITES = 737_280
NUM_HELD_OUT = 10_000
"""Sprites that are never trained on."""

Factors = Int[Array, "batch 5"]

# Lengths are fractions of the image. All shapes of one scale have the area of the
# square, and the largest reaches 0.223 from its center, which stays 0.258 inside.
_SIDE = 0.3125
_AXES = _SIDE * np.sqrt(np.array([1.6, 1 / 1.6]) / np.pi)
_HEART = _SIDE / np.sqrt(1 + np.pi / 4)
# From the middle of the heart's square up to the center of the least circle around
# it, in sides: there the tip is as far away as the far ends of the discs,
# sqrt(1/2) + c = 1/2 + |(a, a - c)|, a = sqrt(1/8).
_HEART_CENTER = 0.184699


@partial(jax.jit, static_argnames="image_size")
def render(factors: Factors, *, image_size: int = 64) -> Images:
    """Draws sprites: white on black, with an edge one pixel wide.

    Scales are 0.5 to 1, rotations the multiples of 9 degrees, counter-clockwise, and
    centers lie 1/64 of the image apart. x grows to the right, y downwards. A square
    looks the same after 90 degrees and an ellipse after 180, so as in dSprites the
    rotation can be told from an image only up to the symmetry of its shape.

    Args:
        factors: Integers (batch, 5) in the order of `FACTORS`; that they are in range
            is not checked, so that the function can be compiled.
        image_size: Height and width in pixels.

    Returns:
        float32 (batch, image_size, image_size, 1) in [0, 1].

    Examples:
        The largest of every shape covers 0.3125^2 = 0.098 of the image.

        >>> image = render(jnp.array([[0, 5, 1, 9, 9], [1, 5, 2, 8, 8]]))
        >>> print(image.shape, *(f"{one.mean():.2f}" for one in image))
        (2, 64, 64, 1) 0.10 0.10
    """
    shape, scale, rotation, x, y = jnp.moveaxis(factors, -1, 0)[..., None, None]
    size = 0.5 + 0.1 * scale
    angle = (2 * np.pi / FACTORS["rotation"]) * rotation
    pixels = (jnp.arange(image_size, dtype=jnp.float32) + 0.5) / image_size
    right = pixels[None, None, :] - (0.5 + (x - 15.5) / 64)
    up = (0.5 + (y - 15.5) / 64) - pixels[None, :, None]
    # The frame of the sprite: turned back by its angle, at scale 1.
    u = (jnp.cos(angle) * right + jnp.sin(angle) * up) / size
    v = (jnp.cos(angle) * up - jnp.sin(angle) * right) / size
    signed_distance = jnp.where(
        shape == 0, _square(u, v), jnp.where(shape == 1, _ellipse(u, v), _heart(u, v))
    )
    # Close to the part of a pixel that a straight edge covers.
    covered = jnp.clip(0.5 - signed_distance * size * image_size, 0.0, 1.0)
    return covered.astype(jnp.float32)[..., None]


def factors_of(index: Int[Array, "batch"]) -> Factors:
    """Returns the factors of sprites by number, int32 (batch, 5); y varies fastest.

    Examples:
        >>> factors_of(jnp.array([33]))
        Array([[0, 0, 0, 1, 1]], dtype=int32)
    """
    values = []
    for size in reversed(FACTORS.values()):
        values.append(index % size)
        index = index // size
    return jnp.stack(values[::-1], axis=-1)


class SpriteData:
    """Sprites as a `jaxgen.typing.Data`: the host feeds numbers, the step draws.

    Attributes:
        batch_size: Examples a batch, over all devices.
        num_examples: Examples in the set.
        steps_per_epoch: Batches a pass.
        resident: Nothing.
    """

    def __init__(
        self,
        *,
        batch_size: int,
        key: PRNGKeyArray,
        train: bool,
        image_size: int,
        num_examples: int,
        factors: bool,
    ):
        """Makes the set; see `batches` for the arguments."""
        self._order = Order(num_examples, batch_size=batch_size, key=key, train=train)
        # The constant 0: the same sprites in every run, held out or not.
        numbers = np.random.Generator(np.random.Philox(0)).permutation(NUM_SPRITES)
        chosen = numbers[:num_examples] if train else numbers[::-1][:num_examples]
        self._numbers = chosen.astype(np.int32)
        self._train = train
        self._image_size = image_size
        self._factors = factors
        self.batch_size = batch_size
        self.num_examples = num_examples
        self.steps_per_epoch = self._order.steps_per_epoch
        self.resident: dict[str, Any] = {}

    def feed(
        self, first_step: int, num_steps: int, rows: slice = slice(None)
    ) -> PyTree:
        """Returns `index` int32 (num_steps, rows), and `weight` in evaluation."""
        steps = range(first_step, first_step + num_steps)
        index = [self._numbers[self._order.indices(step)[rows]] for step in steps]
        item = {"index": np.stack(index)}
        if self._train:
            return item
        weight = [self._order.weights(step)[rows] for step in steps]
        return item | {"weight": np.stack(weight)}

    def batch(
        self,
        resident: PyTree,
        item: PyTree,
        step: Array,
        *,
        axis_name: str | None = None,
    ) -> Batch:
        """Draws the sprites of one step."""
        factors = factors_of(jnp.asarray(item["index"]))
        batch = {"image": render(factors, image_size=self._image_size)}
        if self._factors:
            batch["factors"] = factors
        return batch | {name: item[name] for name in ("weight",) if name in item}


def batches(
    *,
    batch_size: int,
    key: PRNGKeyArray,
    train: bool,
    image_size: int = 64,
    num_examples: int | None = None,
    factors: bool = False,
) -> SpriteData:
    """Makes batches of sprites, drawn on the device.

    Of the 737,280 sprites 10,000, picked once and for all, are held out of training.

    Args:
        batch_size: Examples a batch, over all devices.
        key: The root key of the data: the order of the examples is drawn from it.
        train: In training, every epoch has its own order and leaves out its last
            incomplete batch. In evaluation, held-out sprites come in a fixed order,
            the last batch is padded, and batches carry a `weight`, 0 for padding.
        image_size: Height and width in pixels.
        num_examples: Use only so many sprites, always the same ones. The default is
            all in training and 2,000 in evaluation.
        factors: Add `factors`, int32 (batch, 5), to the batches.

    Raises:
        InputError: A size is out of range, or the batch is larger than the training
            set.

    Examples:
        >>> data = batches(batch_size=8, key=jax.random.key(0), train=True)
        >>> data.num_examples, data.steps_per_epoch
        (727280, 90910)
        >>> item = jax.tree.map(lambda leaf: leaf[0], data.feed(0, num_steps=1))
        >>> data.batch(data.resident, item, 0)["image"].shape
        (8, 64, 64, 1)
    """
    check_key(key)
    available = NUM_SPRITES - NUM_HELD_OUT if train else NUM_HELD_OUT
    if num_examples is None:
        num_examples = available if train else 2_000
    check_count("batch_size", batch_size, 1)
    check_count("num_examples", num_examples, 1, available)
    # In fewer pixels the sprites cannot be told apart.
    check_count("image_size", image_size, 16)
    return SpriteData(
        batch_size=batch_size,
        key=key,
        train=train,
        image_size=image_size,
        num_examples=num_examples,
        factors=factors,
    )


def _square(u: Array, v: Array) -> Array:
    return _box(u, v, 0.5 * _SIDE)


def _box(u: Array, v: Array, half: float) -> Array:
    """Calculates the signed distance to a square around the origin, negative inside."""
    a, b = jnp.abs(u) - half, jnp.abs(v) - half
    outside = jnp.hypot(jnp.maximum(a, 0.0), jnp.maximum(b, 0.0))
    return outside + jnp.minimum(jnp.maximum(a, b), 0.0)


def _ellipse(u: Array, v: Array) -> Array:
    # To first order g / |grad g| with g = |(u / a, v / b)| - 1, right at the edge.
    a, b = _AXES
    radius = jnp.hypot(u / a, v / b)
    # In the center the gradient is 0 / 0; any negative distance of a pixel will do.
    slope = jnp.maximum(jnp.hypot(u / a**2, v / b**2), 1e-6)
    return jnp.maximum(radius, 1e-3) * (radius - 1) / slope


def _heart(u: Array, v: Array) -> Array:
    # A square on its corner, and two discs with its upper sides as diameters.
    side = _HEART
    v = v + _HEART_CENTER * side
    half = side * np.sqrt(0.125)
    s, t = (u + v) * np.sqrt(0.5), (v - u) * np.sqrt(0.5)
    discs = jnp.hypot(jnp.abs(u) - half, v - half) - 0.5 * side
    return jnp.minimum(_box(s, t, 0.5 * side), discs)
