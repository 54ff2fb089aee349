"""Height and width of what the translation networks are given."""

from jaxgen.errors import InputError
from jaxgen.typing import Images

__all__ = ["height_and_width"]


def height_and_width(images: Images) -> tuple[int, int]:
    """Returns the sides of images.

    Raises:
        InputError: They do not have four axes.
    """
    if images.ndim != 4:
        raise InputError(
            f"Images of shape {images.shape}: give (batch, height, width, channels); "
            "one image alone as images[None]."
        )
    return images.shape[1], images.shape[2]
