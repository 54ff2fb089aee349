"""Stacked MNIST: three digits as the channels of one image, a thousand classes."""

import zlib

import numpy as np

from jaxgen.checks import check_count
from jaxgen.data.sources import Source
from jaxgen.errors import InputError

__all__ = ["stacked_digits"]

_CHANNELS = 3


def stacked_digits(
    source: Source, *, num_examples: int = 50_000, seed: int = 0
) -> Source:
    """Makes colour images of three grey ones, drawn at random, one a channel.

    With the ten classes of MNIST the label is 100 a + 10 b + c, of the red, green and
    blue digit. Which digits make an example is a function of the seed and its index
    alone, so a set is the same however it is read, and the start of a longer one.

    Args:
        source: Grey images with labels, as `load("mnist")` or `load("mnist5k")`. They
            are kept in memory.
        num_examples: Images of the set; 50,000 are 118 MB at 28x28.
        seed: Of the draw; each split has its own.

    Raises:
        InputError: The images are not grey or have no labels, or no example is wanted.

    Examples:
        >>> from jaxgen.data import load
        >>> stacked = stacked_digits(load("digits"), num_examples=100)
        >>> stacked.name, stacked.image_shape, len(stacked.class_names)
        ('stacked-digits', (8, 8, 3), 1000)

    References:
        Metz et al., Unrolled Generative Adversarial Networks, 2017, section 3.3.1.
    """
    if source.image_shape[-1] != 1 or source.class_names is None:
        raise InputError(
            f"The images of {source.name!r} have {source.image_shape[-1]} channels and "
            f"{'no ' if source.class_names is None else ''}labels: expected grey ones "
            "with labels, such as those of 'mnist' or 'mnist5k'."
        )
    check_count("num_examples", num_examples, 1)
    check_count("seed", seed, 0)
    digits = source.in_memory()
    salt = zlib.crc32(source.split.encode())
    generator = np.random.Generator(np.random.Philox([seed, salt]))
    chosen = generator.integers(len(source), size=(num_examples, _CHANNELS))
    names = source.class_names
    places = len(names) ** np.arange(_CHANNELS)[::-1]

    def read(indices: np.ndarray) -> dict[str, np.ndarray]:
        parts = chosen[indices]
        image = np.moveaxis(digits["image"][parts][..., 0], 1, -1)
        label = (digits["label"][parts] @ places).astype(np.int32)
        return {"image": np.ascontiguousarray(image), "label": label}

    return Source(
        name=f"stacked-{source.name}",
        split=source.split,
        num_examples=num_examples,
        image_shape=(*source.image_shape[:2], _CHANNELS),
        class_names=tuple(a + b + c for a in names for b in names for c in names),
        read=read,
    )
