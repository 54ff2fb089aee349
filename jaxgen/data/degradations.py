"""What may be taken from an image, so that a translator learns to give it back.

Each function makes a `Degradation` for `jaxgen.data.paired`. They work on the host, on
uint8 or uint16 images; what is drawn is a function of the seed and an image's index.
"""

import dataclasses
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import scipy

from jaxgen.checks import check_count, check_number
from jaxgen.data import colour, resizing
from jaxgen.data.sources import Source, without_labels
from jaxgen.errors import InputError

__all__ = [
    "Degradation",
    "blur",
    "edges",
    "grey",
    "lab_colorization",
    "low_light",
    "low_resolution",
    "mask",
    "noise",
]


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

    def applied(self, source: Source, *, part: Literal["a", "b"]) -> Source:
        """Returns the source of the inputs, or of the outputs, made of a source.

        Args:
            source: The images.
            part: Which; b is the source without labels where there is no `target`.

        Raises:
            InputError: What is made is no images, or another number of them.
        """
        function = self.degrade if part == "a" else self.target
        if function is None:
            return without_labels(source)

        def read(indices: np.ndarray) -> dict[str, np.ndarray]:
            return {"image": function(source.read(indices)["image"], indices)}

        first = np.asarray(read(np.arange(1))["image"])
        if first.ndim != 4 or len(first) != 1 or first.dtype not in _KINDS:
            raise InputError(
                f"The degradation {self.name!r} makes {first.dtype} of shape "
                f"{first.shape} of one image: expected uint8 or uint16 of shape (1, "
                "height, width, channels)."
            )
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


_MOONLIGHT = np.array([0.75, 0.9, 1.1])
_GRAIN = 0.03
_KINDS = (np.dtype(np.uint8), np.dtype(np.uint16))


def grey() -> Degradation:
    """Takes the colour away: a is the luma, 1 channel, b the image."""

    def degrade(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        colour.check_colour("grey", images)
        return _rounded(colour.luma(images), images.dtype)[..., np.newaxis]

    return Degradation("grey", degrade)


def lab_colorization() -> Degradation:
    """Splits an image in CIELAB: a is the lightness L, b the colour (a*, b*).

    Both as uint16: L from 0 to 100, a* and b* from -128 to 128.
    `jaxgen.data.colour.join_lab` puts them together again, to the grey level. Needs
    scikit-image.
    """

    def degrade(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        return _words(colour.split_lab(images).lightness)

    def target(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        return _words(colour.split_lab(images).colour)

    return Degradation("lab_colorization", degrade, target)


def low_resolution(factor: int = 2, *, enlarged: bool = True) -> Degradation:
    """Loses resolution: a is the mean of blocks of pixels, b the image.

    Args:
        factor: Pixels of b along a side of a block.
        enlarged: Bring a up to the size of b again, bicubically, for networks whose
            output has the size of their input; otherwise a stays small.

    Raises:
        InputError: The factor is below 2, or (when used) no divisor of the size.
    """
    check_count("factor", factor, 2)

    def degrade(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        count, height, width, channels = images.shape
        if height % factor or width % factor:
            raise InputError(
                f"The images are {width}x{height} pixels: expected a multiple of the "
                f"factor {factor} of low_resolution; give another image_size."
            )
        blocks = images.reshape(
            count, height // factor, factor, width // factor, factor, channels
        )
        small = _rounded(blocks.mean((2, 4)), images.dtype)
        return resizing.enlarge(small, factor) if enlarged else small

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
        canny = _canny()
        if images.shape[-1] == 1:
            planes = images[..., 0]
        else:
            colour.check_colour("edges", images)
            planes = _rounded(colour.luma(images), images.dtype)
        scale = 1 / np.iinfo(images.dtype).max
        found = [canny(plane * scale, sigma=sigma) for plane in planes]
        return np.where(np.stack(found), 0, 255).astype(np.uint8)[..., np.newaxis]

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


def low_light(exposure: float = 0.5, *, seed: int = 0) -> Degradation:
    """Darkens images of colour as by moonlight; b is the image.

    A pixel x becomes `exposure * x^1.6 * (0.75, 0.9, 1.1)` in red, green and blue, and
    Gaussian noise of 0.03 is added, always the same to the same image. The numbers are
    ours: blueish, dark and grainy, as photographs by night are.

    Args:
        exposure: What is left of the light, above 0 and at most 1.
        seed: Of the noise.

    Raises:
        InputError: The exposure is out of its range.
    """
    check_number("low_light exposure", exposure, above=0)
    if exposure > 1:
        raise InputError(f"low_light exposure={exposure:g}: give at most 1.")
    grain = noise(_GRAIN, seed=seed)

    def degrade(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        colour.check_colour("low_light", images)
        most = np.iinfo(images.dtype).max
        dark = exposure * (images / most) ** 1.6 * _MOONLIGHT
        return grain.degrade(_rounded(dark * most, images.dtype), indices)

    return Degradation(f"low_light({exposure:g}, seed={seed})", degrade)


def mask(share: float = 0.5, *, centred: bool = False, seed: int = 0) -> Degradation:
    """Cuts out a rectangle, grey in a; b is the image (inpainting).

    Args:
        share: Of the image's height and width that is cut out, in (0, 1).
        centred: In the middle of every image; otherwise anywhere, always at the same
            place of the same image.
        seed: Of the place.
    """
    check_number("share", share, above=0, below=1)

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
        smooth = scipy.ndimage.gaussian_filter(
            images.astype(np.float32), (0, sigma, sigma, 0), mode="nearest"
        )
        return _rounded(smooth, images.dtype)

    return Degradation(f"blur({sigma:g})", degrade)


def _rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.clip(np.round(values), 0, np.iinfo(dtype).max).astype(dtype)


def _words(values: np.ndarray) -> np.ndarray:
    return _rounded(values * 65535, np.dtype(np.uint16))


def _canny() -> Callable[..., np.ndarray]:
    try:
        from skimage.feature import canny
    except ImportError as error:
        raise InputError(
            "The degradation edges needs scikit-image, which is not installed: "
            'pip install "jaxgen[experiments]".'
        ) from error
    return canny
