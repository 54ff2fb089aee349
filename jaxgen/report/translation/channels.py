"""Images of any number of channels as images that can be looked at."""

import numpy as np

__all__ = ["viewable"]


def viewable(images: np.ndarray) -> np.ndarray:
    """Brings images to 1 or 3 channels.

    A fourth channel is left out, as transparency. Two channels, or more than four, are
    drawn in false colours: each has its own, and they add up in proportion to each.

    Args:
      images: [N, H, W, C] uint8.

    Returns:
      uint8, [N, H, W, 1 or 3].
    """
    channels = images.shape[-1]
    if channels in (1, 3, 4):
        return images[..., : min(channels, 3)]
    # Only here: it asks for matplotlib.
    from jaxgen.report.style import CLASS_COLOURS

    names = [CLASS_COLOURS[c % len(CLASS_COLOURS)] for c in range(channels)]
    palette = np.array(
        [[int(name[i : i + 2], 16) for i in (1, 3, 5)] for name in names], np.float32
    )
    share = images.astype(np.float32) / 255
    share /= np.maximum(share.sum(axis=-1, keepdims=True), 1)
    return (share @ palette).round().astype(np.uint8)
