"""Colours: the luma of RGB, and the two halves of CIELAB, taken apart and joined."""

from typing import Any, NamedTuple

import numpy as np

from jaxgen.errors import InputError

__all__ = ["Lab", "check_colour", "join_lab", "luma", "split_lab"]

_LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in the luma of ITU-R BT.601, as pillow's `L`."""

_AB_RANGE = 128.0
"""a and b of Lab lie within +-128 for all colours of sRGB (-108 to 99 in fact)."""

_WHITE = np.array([0.95047, 1.0, 1.08883])
"""D65, as scikit-image has it."""
_XYZ_TO_RGB = np.linalg.inv(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)


class Lab(NamedTuple):
    """An image in CIELAB, in two halves.

    Attributes:
        lightness: L, shape (n, height, width, 1); 0 to 100 become [0, 1].
        colour: a* and b*, shape (n, height, width, 2); -128 to 128 become [0, 1].
    """

    lightness: np.ndarray
    colour: np.ndarray


def luma(images: np.ndarray) -> np.ndarray:
    """Calculates `0.299 R + 0.587 G + 0.114 B` (ITU-R BT.601).

    Args:
        images: Shape (n, height, width, 3).

    Returns:
        Shape (n, height, width), in the units of the images.

    Raises:
        InputError: The images have not 3 channels.
    """
    check_colour("their luma", images)
    return images @ _LUMA


def split_lab(images: np.ndarray) -> Lab:
    """Takes RGB apart into lightness and colour; `join_lab` is the way back.

    Needs scikit-image.

    Args:
        images: uint8 or uint16, shape (n, height, width, 3).

    Raises:
        InputError: The images have not 3 channels, or scikit-image is missing.
    """
    check_colour("CIELAB", images)
    try:
        from skimage.color import rgb2lab
    except ImportError as error:
        raise InputError(
            "Colours in CIELAB need scikit-image, which is not installed: "
            'pip install "jaxgen[experiments]".'
        ) from error
    lab = rgb2lab(images / np.iinfo(images.dtype).max)
    return Lab(lab[..., :1] / 100, lab[..., 1:] / (2 * _AB_RANGE) + 0.5)


def join_lab(lightness: Any, colour: Any) -> np.ndarray:
    """Puts the two halves of `split_lab`, or of `lab_colorization`, together.

    Args:
        lightness: Shape (n, height, width, 1), in [0, 1].
        colour: Shape (n, height, width, 2), in [0, 1].

    Returns:
        RGB, float32 (n, height, width, 3) in [0, 1]; colours that sRGB lacks are
        clipped.

    Examples:
        >>> print(join_lab(np.full((1, 1, 1, 1), 0.5), np.full((1, 1, 1, 2), 0.5)))
        [[[[0.466... 0.466... 0.466...]]]]
    """
    lightness, colour = np.asarray(lightness, float), np.asarray(colour, float)
    lab = np.concatenate([100 * lightness, 2 * _AB_RANGE * (colour - 0.5)], axis=-1)
    # By hand, since scikit-image warns of each colour that it clips.
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _WHITE
    linear = np.clip(xyz @ _XYZ_TO_RGB.T, 0, 1)
    gamma = 1.055 * linear ** (1 / 2.4) - 0.055
    return np.where(linear > 0.0031308, gamma, 12.92 * linear).astype(np.float32)


def check_colour(what: str, images: np.ndarray) -> None:
    """Raises an `InputError` unless images have 3 channels, which `what` needs."""
    if images.shape[-1] != 3:
        raise InputError(
            f"The images have {images.shape[-1]} channels: expected 3 (RGB) for {what}."
        )
