"""What every metric asks of the arrays it is given."""

from typing import Any

import numpy as np

from jaxgen.checks import check_unit_interval
from jaxgen.errors import InputError

__all__ = ["as_pixels", "check_features", "check_images", "check_pair"]


def check_features(name: str, features: Any, *, least: int = 2) -> np.ndarray:
    """Returns features as an array, or says what is wrong with them.

    Args:
        name: What to call them in an error.
        features: Shape (n, d), numbers.
        least: How many there must be.

    Raises:
        InputError: They have another shape, are too few or not finite.
    """
    features = np.asarray(features)
    if features.ndim != 2 or features.dtype.kind not in "fiu" or not features.shape[1]:
        raise InputError(
            f"The {name} features are {features.dtype} of shape {features.shape}: "
            "expected numbers of shape (examples, features)."
        )
    if len(features) < least:
        raise InputError(
            f"There are {len(features)} {name} features: this needs at least {least}; "
            "give more examples."
        )
    bad = ~np.isfinite(features).all(axis=1)
    if bad.any():
        raise InputError(
            f"{int(bad.sum())} of {len(features)} rows of the {name} features are not "
            f"finite, the first is number {int(bad.argmax())} (from 0): look at that "
            "image and the network that made them."
        )
    return features


def check_pair(
    real: Any, generated: Any, *, least: int = 2, name: str = "real"
) -> tuple[np.ndarray, np.ndarray]:
    """Returns two sets of features, or says what is wrong with them.

    Args:
        real: Shape (n, d).
        generated: Shape (m, d).
        least: How many there must be of each.
        name: What to call the first set in an error.

    Raises:
        InputError: See `check_features`; or they have not the same d.
    """
    real = check_features(name, real, least=least)
    generated = check_features("generated", generated, least=least)
    if real.shape[1] != generated.shape[1]:
        raise InputError(
            f"The {name} features have {real.shape[1]} dimensions and the generated "
            f"ones {generated.shape[1]}: use the same feature network for both."
        )
    return real, generated


def check_images(name: str, images: Any) -> np.ndarray:
    """Returns images as an array of bytes or of floats in [0, 1].

    Args:
        name: What to call them in an error.
        images: Shape (n, height, width, channels); uint8, or floats in [0, 1].

    Raises:
        InputError: They have another shape, kind or range, or are not finite.
    """
    images = np.asarray(images)
    if images.ndim != 4 or 0 in images.shape:
        raise InputError(
            f"The {name} images have shape {images.shape}: expected (examples, "
            "height, width, channels), none of them 0."
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise InputError(
            f"The {name} images are {images.dtype}: expected uint8 from 0 to 255, or "
            "floats from 0 to 1."
        )
    if not np.isfinite([images.min(), images.max()]).all():
        first = int(np.isfinite(images).all(axis=(1, 2, 3)).argmin())
        raise InputError(
            f"The {name} images hold numbers that are not finite, first in image "
            f"{first} (from 0): look at the model that made them."
        )
    check_unit_interval(f"The array of {name} images", images)
    return images


def as_pixels(name: str, images: Any) -> np.ndarray:
    """Returns images as float32 in [0, 1].

    Args:
        name: What to call them in an error.
        images: Shape (n, height, width, channels); uint8, or floats in [0, 1].

    Raises:
        InputError: See `check_images`.
    """
    images = check_images(name, images)
    scale = 255 if images.dtype == np.uint8 else 1
    return np.asarray(images, np.float32) / np.float32(scale)
