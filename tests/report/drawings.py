"""What tests see of a figure: its dots, its texts."""

import io

import matplotlib
import numpy as np
from PIL import Image

from jaxgen.report import style


def drawn(figure, dpi=60):
    return dots(style.png(figure, dpi=dpi))


def dots(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=float)


def texts(figure):
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def images(rng, *shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)
