"""Fixed transforms of a batch that say whether they can be undone.

Data augmentation changes what a generative model learns unless the model can tell which
transform was used. A set of transforms, the identity first, gives one head of a critic
each; where they are invertible, the Jensen-Shannon divergence of transformed data from
transformed samples is that of data from samples.

Tran et al., On Data Augmentation for GAN Training, 2021.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import random
from jaxgen.calls import factory
from jaxgen.checks import check_number
from jaxgen.errors import InputError
from jaxgen.typing import Array, Images, RandomKeys

__all__ = [
    "Transform",
    "any_of",
    "check_square",
    "crops",
    "flips_and_rotation",
    "identity",
    "rotations",
]


class Transform(NamedTuple):
    """A transform of a batch, called as a function.

    Attributes:
        name: For titles and tables.
        apply: `batch -> batch` of the same shape, differentiable.
        inverse: What undoes it, or None where something is lost.
    """

    name: str
    apply: Callable[[Array], Array]
    inverse: Callable[[Array], Array] | None

    def __call__(self, batch: Array) -> Array:
        """Returns the transformed batch."""
        return self.apply(batch)


@factory
def identity() -> Transform:
    """Makes the transform that changes nothing."""
    return Transform("identity", lambda batch: batch, lambda batch: batch)


@factory
def rotations() -> tuple[Transform, ...]:
    """Makes turns of square images by 0, 90, 180 and 270 degrees, counter-clockwise.

    Examples:
        >>> image = jnp.arange(4.0).reshape(1, 2, 2, 1)
        >>> turn = rotations()[1]
        >>> turn.name, turn(image).squeeze().tolist()
        ('rotation 90', [[1.0, 3.0], [0.0, 2.0]])
        >>> turn.inverse(turn(image)).squeeze().tolist()
        [[0.0, 1.0], [2.0, 3.0]]
    """
    return identity(), *(_turn(quarters) for quarters in (1, 2, 3))


@factory
def flips_and_rotation() -> tuple[Transform, ...]:
    """Makes the identity, both flips, and a quarter turn: "fliprot" of the paper."""
    flips = (
        Transform(f"flip {name}", flip, flip)
        for name, flip in (
            ("left-right", partial(_flip, axis=2)),
            ("up-down", partial(_flip, axis=1)),
        )
    )
    return identity(), *flips, _turn(1)


@factory
def crops(share: float = 0.75) -> tuple[Transform, ...]:
    """Makes the identity, and a crop at each corner, resized to the whole.

    A crop loses the rest of the image: it is not invertible, and for it the paper's
    theorem does not hold.

    Args:
        share: Side of the crop in sides of the image.

    Raises:
        InputError: The share is not between 0 and 1.
    """
    check_number("share", share, above=0, below=1)
    corners = (
        Transform(
            f"crop {'bottom' if down else 'top'}-{'right' if right else 'left'}",
            partial(_crop, share=share, down=down, right=right),
            None,
        )
        for down in (False, True)
        for right in (False, True)
    )
    return identity(), *corners


@factory
def any_of(
    transforms: Sequence[Callable[[Array], Array]],
) -> Callable[[RandomKeys, Array], Array]:
    """Makes `function(keys, batch) -> batch`: each example by one of the transforms.

    All are as likely. Used on data alone, or on data and samples before one head of a
    critic, a model learns transformed data with it.

    Args:
        transforms: Functions of batches.
    """

    def function(keys: RandomKeys, batch: Array) -> Array:
        number = batch.shape[0]
        keys = random.example_keys(keys, number) if keys.ndim == 0 else keys
        draw = partial(jax.random.randint, shape=(), minval=0, maxval=len(transforms))
        made = jnp.stack([transform(batch) for transform in transforms])
        return made[jax.vmap(draw)(keys), jnp.arange(number)]

    return function


def _turn(quarters: int) -> Transform:
    return Transform(
        f"rotation {90 * quarters}",
        partial(_rotate, quarters=quarters),
        partial(_rotate, quarters=-quarters),
    )


def _rotate(images: Images, *, quarters: int) -> Images:
    check_square(images.shape)
    return jnp.rot90(images, quarters, axes=(1, 2))


def _flip(images: Images, *, axis: int) -> Images:
    return jnp.flip(images, axis)


def _crop(images: Images, *, share: float, down: bool, right: bool) -> Images:
    _, height, width, _ = images.shape
    rows, columns = _stretch(height, share, down), _stretch(width, share, right)
    return jnp.einsum("ih,jw,nhwc->nijc", rows, columns, images)


def _stretch(size: int, share: float, at_end: bool) -> np.ndarray:
    """Returns the matrix that stretches the first or last pixels to all of them."""
    length = max(int(size * share), 1)
    first = size - length if at_end else 0
    places = first + np.linspace(0, length - 1, size)
    weights = 1 - np.abs(places[:, np.newaxis] - np.arange(size))
    return np.maximum(weights, 0).astype(np.float32)


def check_square(shape: Any) -> None:
    """Raises an InputError unless images of a shape (..., h, w, channels) are square.

    Raises:
        InputError: They are not.
    """
    if len(shape) < 3 or shape[-3] != shape[-2]:
        raise InputError(
            f"A batch of shape {tuple(shape)} cannot be turned by 90 degrees: expected "
            "square images; crop them, or leave the turns out."
        )
