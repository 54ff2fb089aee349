"""What moves pixels in ADA's augmentations: draws, and what is done with them.

A blit puts whole pixels elsewhere and is exact. All else of an image is one affine map,
done as the paper does it: the image is mirrored at its border, doubled by the sym6
low-pass filter, sampled bilinearly, and halved by the same filter. Places are (row,
column), in pixels from the middle of the image.

Karras et al., Training Generative Adversarial Networks with Limited Data, 2020,
appendix B.2 and figure 17.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.data import wavelets
from jaxgen.typing import Array

__all__ = [
    "Blit",
    "Geometry",
    "draw_blit",
    "draw_geometry",
    "inverse_map",
    "resample",
    "shift_pixels",
    "turn_and_flip",
]

_EXACT = jax.lax.Precision.HIGHEST  # GPUs would round the pixels to 10 bits


class Blit(NamedTuple):
    """One draw of what moves whole pixels.

    Attributes:
        flip: Whether left and right are exchanged, which comes first.
        quarters: Turns by 90 degrees counter-clockwise, 0 to 3.
        shift: By how many pixels the image moves down and right, shape (2,).
    """

    flip: Array
    quarters: Array
    shift: Array


class Geometry(NamedTuple):
    """One draw of scaling, turning and moving, in the order in which they are done.

    Attributes:
        scale: Factor of both sides.
        turn_before: Angle in radians.
        stretch: Factor of the columns; that of the rows is its inverse.
        turn_after: Angle in radians.
        shift: By how many pixels the image moves down and right, shape (2,).
        drawn: Whether any of them is done; if not, they are 1 and 0.
    """

    scale: Array
    turn_before: Array
    stretch: Array
    turn_after: Array
    shift: Array
    drawn: Array


def draw_blit(uniforms: Array, size: tuple[int, ...], probability: Any) -> Blit:
    """Tells whether and how an image is flipped, turned and moved by whole pixels.

    Each with the probability; then a flip is one of two, the turn one of four, and the
    shift by the whole numbers next to a uniform draw of up to 1/8 of the image.

    Args:
        uniforms: Draws from [0, 1), shape (7,).
        size: Height and width.
        probability: Of each, from 0 to 1.
    """
    flips, turns, moves = uniforms[:3] < probability
    quarters = jnp.floor(4 * uniforms[4]).astype(jnp.int32)
    share = (uniforms[5:7] - 0.5) / 4
    shift = jnp.round(jnp.array(size, jnp.float32) * share).astype(jnp.int32)
    return Blit(
        flip=flips & (uniforms[3] < 0.5),
        quarters=jnp.where(turns, quarters, 0),
        shift=jnp.where(moves, shift, 0),
    )


def draw_geometry(
    uniforms: Array, normals: Array, size: tuple[int, ...], probability: Any
) -> Geometry:
    """Tells whether and how an image is scaled, turned, stretched and moved.

    scale: 2^N(0, 0.2^2). stretch: 2^N(0, 0.2^2). shift: N(0, 1/8^2) of height and
    width. All these with the probability p. There are two turns, by any angle, before
    and after the stretch, each with 1 - sqrt(1 - p): so there is one with p.

    Args:
        uniforms: Draws from [0, 1), shape (7,).
        normals: Standard normal draws, shape (4,).
        size: Height and width.
        probability: Of each, from 0 to 1.
    """
    scales, stretches, moves = uniforms[:3] < probability
    turns = uniforms[3:5] < 1 - jnp.sqrt(jnp.maximum(1 - probability, 0))
    factors = jnp.exp2(0.2 * normals[:2])
    before, after = jnp.where(turns, (2 * uniforms[5:7] - 1) * math.pi, 0.0)
    shift = normals[2:4] * (jnp.array(size, jnp.float32) / 8)
    return Geometry(
        scale=jnp.where(scales, factors[0], 1.0),
        turn_before=before,
        stretch=jnp.where(stretches, factors[1], 1.0),
        turn_after=after,
        shift=jnp.where(moves, shift, 0.0),
        drawn=scales | stretches | moves | turns.any(),
    )


def inverse_map(geometry: Geometry) -> tuple[Array, Array]:
    """Calculates where each place of the result comes from: matrix @ place + shift.

    With the result `shift + R(after) diag(1/stretch, stretch) R(before) scale place`.

    Returns:
        The matrix, shape (2, 2), and the shift in pixels, shape (2,).
    """
    stretch = jnp.stack([geometry.stretch, 1 / geometry.stretch])
    matrix = jnp.einsum(
        "ab,b,bc->ac",
        _rotation(-geometry.turn_before),
        stretch,
        _rotation(-geometry.turn_after),
        precision=_EXACT,
    )
    matrix /= geometry.scale
    return matrix, -jnp.sum(matrix * geometry.shift[None, :], axis=-1)


def turn_and_flip(image: Array, blit: Blit) -> Array:
    """Exchanges left and right, then turns by quarters; of square images.

    Args:
        image: Shape (side, side, channels).
        blit: Its shift is not done.
    """
    image = jnp.where(blit.flip, image[:, ::-1], image)
    turned = image
    for quarters in (1, 2, 3):
        turned = jnp.where(
            blit.quarters == quarters, jnp.rot90(image, quarters), turned
        )
    return turned


def shift_pixels(image: Array, shift: Array) -> Array:
    """Moves an image down and right by up to 1/8; its mirror image moves in.

    Args:
        image: Shape (height, width, channels).
        shift: Whole numbers, shape (2,).
    """
    most = [int(side / 8 + 0.5) for side in image.shape[:2]]
    padded = jnp.pad(image, [(one, one) for one in most] + [(0, 0)], mode="reflect")
    down, right = jnp.array(most) - shift
    return jax.lax.dynamic_slice(padded, (down, right, 0), image.shape)


def resample(image: Array, matrix: Array, shift: Array) -> Array:
    """Samples an image at `matrix @ place + shift`, between two low-pass filters.

    It is linear in the image. The identity gives the image back, up to rounding.

    Args:
        image: Shape (height, width, channels).
        matrix: From places of the result to places of the image, shape (2, 2).
        shift: In pixels, shape (2,).
    """
    sizes, dtype = image.shape[:2], image.dtype
    up = [jnp.asarray(wavelets.up_matrix(size), dtype) for size in sizes]
    down = [jnp.asarray(wavelets.down_matrix(size), dtype) for size in sizes]
    fine = jnp.einsum("ai,ijc,bj->abc", up[0], image, up[1], precision=_EXACT)
    # From here on, places are in pixels of the doubled image.
    rows, columns = (wavelets.down_places(size) - (size - 1.0) for size in sizes)
    rows, columns = jnp.asarray(rows[:, None]), jnp.asarray(columns[None])
    corners, shares = [], []
    for size, to, by, length in zip(sizes, matrix, shift, fine.shape[:2], strict=True):
        places = to[0] * rows + to[1] * columns + 2 * by
        # Beyond its border the doubled image is 0, and so it is at its border.
        first = wavelets.up_start(size)
        places = jnp.clip(places + (size - 1 - first), 0, length - 2)
        corners.append(jnp.floor(places).astype(jnp.int32))
        shares.append((places - corners[-1]).astype(dtype)[..., None])
    sampled = _bilinear(fine, *corners, *shares)
    return jnp.einsum("ia,abc,jb->ijc", down[0], sampled, down[1], precision=_EXACT)


def _bilinear(
    fine: Array, rows: Array, columns: Array, below: Array, right: Array
) -> Array:
    """Weighs four neighbours, of which `rows` and `columns` are the upper left."""
    width = fine.shape[1]
    first = rows * width + columns
    flat = fine.reshape(-1, fine.shape[2])

    def pixel(further: int) -> Array:
        # The promise halves the time of the gradient on CPUs.
        return flat.at[first + further].get(mode="promise_in_bounds")

    upper = (1 - right) * pixel(0) + right * pixel(1)
    lower = (1 - right) * pixel(width) + right * pixel(width + 1)
    return (1 - below) * upper + below * lower


def _rotation(angle: Array) -> Array:
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    return jnp.stack([jnp.stack([cosine, -sine]), jnp.stack([sine, cosine])])
