"""What may be taken from an image, so that a translator learns to give it back.

Each function makes a `Degradation` for `jaxgen.data.paired`. They work on the host, on
uint8 or uint16 images; what is drawn is a function of the seed and an image's index.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from jaxgen.data import images as image_files
from jaxgen.data.sources import Source
from jaxgen.errors import InputError, check_number

_LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in the luma of ITU-R BT.601, as pillow's `L`."""

_AB_RANGE = 128.0
"""a and b of Lab lie within +-128 for all colours of sRGB (-108 to 99 in fact)."""


class Degradation(NamedTuple):
    """A function of images, and what it makes pairs of.

    Attributes:
        name: For titles and tables; it tells all options.
        degrade: `(images, indices) -> a`, of (n, height, width, channels) uint8 or
            uint16; `indices` are those of the images in their set.
        target: Likewise for b; None where b is the image itself.
        cached: Whether the result of a set that is kept on disk is kept there too.
    """

    name: str
    degrade: Callable[[np.ndarray, np.ndarray], np.ndarray]
    target: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    cached: bool = True

    def applied(self, source: Source, function: Callable[..., np.ndarray]) -> Source:
        """Returns the source of what `function`, one of the two, makes of a source.

        Raises:
            InputError: It gives no images, or another number of them.
        """

        def read(indices: np.ndarray) -> dict[str, np.ndarray]:
            return {"image": function(source.read(indices)["image"], indices)}

        first = np.asarray(read(np.arange(1))["image"])
        if first.ndim != 4 or len(first) != 1 or first.dtype not in _KINDS:
            raise InputError(
                f"The degradation {self.name!r} makes {first.dtype} of shape "
                f"{first.shape} of one image: expected uint8 or uint16 of shape (1, "
                "height, width, channels)."
            )
        part = "a" if function is self.degrade else "b"
        cached = self.cached and source.cache_name is not None
        return dataclasses.replace(
            source,
            name=f"{source.name} {self.name}",
            image_shape=first.shape[1:],
            dtype=first.dtype,
            class_names=None,
            read=read,
            cache_name=f"{source.cache_name} {self.name} {part}" if cached else None,
        )


_KINDS = (np.dtype(np.uint8), np.dtype(np.uint16))


def grey() -> Degradation:
    """Takes the colour away: a is the luma, 1 channel, b the image."""

    def degrade(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        return _luma("grey", images)

    return Degradation("grey", degrade)


def lab_colorization() -> Degradation:
    """Splits an image in CIELAB: a is the lightness L, b the colour (a*, b*).

    Both as uint16: L from 0 to 100, a* and b* from -128 to 128. `join_lab` puts them
    together again, to the grey level. Needs scikit-image.
    """

    def lab(images: np.ndarray) -> np.ndarray:
        _check_colour("lab_colorization", images)
        scaled = images / np.iinfo(images.dtype).max
        return _skimage("lab_colorization").color.rgb2lab(scaled)

    def degrade(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        return _words(lab(images)[..., :1] / 100)

    def target(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        return _words(lab(images)[..., 1:] / (2 * _AB_RANGE) + 0.5)

    return Degradation("lab_colorization", degrade, target)


def join_lab(lightness: Any, colour: Any) -> np.ndarray:
    """Puts the two halves of `lab_colorization` together.

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


_WHITE = np.array([0.95047, 1.0, 1.08883])
"""D65, as scikit-image has it."""
_XYZ_TO_RGB = np.linalg.inv(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)


def low_resolution(factor: int = 2, *, enlarged: bool = True) -> Degradation:
    """Loses resolution: a is the mean of blocks of pixels, b the image.

    Args:
        factor: Pixels of b along a side of a block.
        enlarged: Bring a up to the size of b again, bicubically, for networks whose
            output has the size of their input; otherwise a stays small.

    Raises:
        InputError: The factor is below 2, or (when used) no divisor of the size.
    """
    if factor < 2:
        raise InputError(f"low_resolution factor={factor}: expected at least 2.")

    def degrade(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        count, height, width, channels = images.shape
        if height % factor or width % factor:
            raise InputError(
                f"The images are {width}x{height} pixels: expected a multiple of the "
                f"factor {factor} of low_resolution; give --image-size."
            )
        blocks = images.reshape(
            count, height // factor, factor, width // factor, factor, channels
        )
        small = _rounded(blocks.mean((2, 4)), images.dtype)
        return image_files.enlarge(small, factor) if enlarged else small

    return Degradation(f"low_resolution({factor}, enlarged={enlarged})", degrade)


def edges(*, sigma: float = 1.0) -> Degradation:
    """Leaves the edges alone: a has Canny's, black on white, 1 channel, b the image.

    Needs scikit-image.

    Args:
        sigma: Width in pixels of the Gaussian that smooths before.

    References:
        Canny, A Computational Approach to Edge Detection, 1986. Edges to objects: Isola
        et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
    """
    check_number("edges sigma", sigma, above=0)

    def degrade(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        canny = _skimage("edges").feature.canny
        scale = 1 / np.iinfo(images.dtype).max
        found = [canny(one * scale, sigma=sigma) for one in _luma("edges", images)]
        return np.where(np.stack(found), 0, 255).astype(np.uint8)[..., None]

    return Degradation(f"edges({sigma:g})", degrade)


def noise(deviation: float = 0.1, *, seed: int = 0) -> Degradation:
    """Adds Gaussian noise, always the same to the same image; b is the image.

    Args:
        deviation: Standard deviation, in units of white.
        seed: Of the draw.
    """
    check_number("noise deviation", deviation, above=0)

    def degrade(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        scale = deviation * np.iinfo(images.dtype).max
        drawn = [
            np.random.default_rng((seed, int(index))).normal(0, scale, one.shape)
            for index, one in zip(indices, images, strict=True)
        ]
        return _rounded(images + np.stack(drawn), images.dtype)

    return Degradation(f"noise({deviation:g}, seed={seed})", degrade)


def mask(share: float = 0.5, *, centred: bool = False, seed: int = 0) -> Degradation:
    """Cuts out a rectangle, grey in a; b is the image (inpainting).

    Args:
        share: Of the image's height and width that is cut out, in (0, 1).
        centred: In the middle of every image; otherwise anywhere, always at the same
            place of the same image.
        seed: Of the place.
    """
    if not 0 < share < 1:
        raise InputError(f"mask share={share:g}: expected a number in (0, 1).")

    def degrade(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        made = images.copy()
        size = [max(round(share * side), 1) for side in images.shape[1:3]]
        room = np.array(images.shape[1:3]) - size
        for index, one in zip(indices, made, strict=True):
            rng = np.random.default_rng((seed, int(index)))
            top, left = room // 2 if centred else rng.integers(room + 1)
            one[top : top + size[0], left : left + size[1]] = (
                np.iinfo(images.dtype).max // 2
            )
        return made

    place = "centred" if centred else f"seed={seed}"
    return Degradation(f"mask({share:g}, {place})", degrade)


def blur(sigma: float = 2.0) -> Degradation:
    """Blurs by a Gaussian; b is the image.

    Args:
        sigma: Standard deviation of the Gaussian in pixels.
    """
    check_number("blur sigma", sigma, above=0)

    def degrade(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        smooth = ndimage.gaussian_filter(
            images.astype(np.float32), (0, sigma, sigma, 0), mode="nearest"
        )
        return _rounded(smooth, images.dtype)

    return Degradation(f"blur({sigma:g})", degrade)


def _luma(name: str, images: np.ndarray) -> np.ndarray:
    if images.shape[-1] == 1 and name == "edges":
        return images[..., 0]
    _check_colour(name, images)
    luma = _rounded(images @ _LUMA, images.dtype)
    return luma if name == "edges" else luma[..., None]


def _check_colour(name: str, images: np.ndarray) -> None:
    if images.shape[-1] != 3:
        raise InputError(
            f"The images have {images.shape[-1]} channels: expected 3 (RGB) for {name}."
        )


def _rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.clip(np.round(values), 0, np.iinfo(dtype).max).astype(dtype)


def _words(values: np.ndarray) -> np.ndarray:
    return _rounded(values * 65535, np.dtype(np.uint16))


def _skimage(name: str) -> Any:
    try:
        import skimage.color
        import skimage.feature
    except ImportError as error:
        raise InputError(
            f"The degradation {name} needs scikit-image, which is not installed: "
            'pip install "jaxgen[experiments]".'
        ) from error
    return skimage
