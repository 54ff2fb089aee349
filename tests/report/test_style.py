"""The look that all figures share: settings, colours, files."""

import io
import re

import matplotlib
import numpy as np
from PIL import Image

from jaxgen.report import Curve, CurvePanel, Curves, style


def plain():
    curve = Curve(np.arange(4.0), np.array([3.0, 1.0, 2.0, 0.5]))
    panel = CurvePanel({"train": curve}, unit="nats", levels={"floor": 0.2})
    return Curves("Loss", "It falls.", "A curve.", {"Loss": panel})


def test_settings_are_put_back():
    before = dict(matplotlib.rcParams)
    plain().pictures()
    assert dict(matplotlib.rcParams) == before


def test_every_colour_of_a_theme_has_one_place():
    for theme in (style.LIGHT, style.DARK):
        colours = [theme.paper, theme.ink, theme.muted, theme.rule, theme.train]
        colours += [theme.test, *theme.classes]
        assert len(set(colours)) == len(colours)


def test_a_recoloured_drawing_is_what_would_have_been_drawn():
    figure = plain()
    light, dark = figure.svg(style.LIGHT), figure.svg(style.DARK)
    assert light != dark
    found = style.recolour(light, style.DARK)
    # Parts are named after their looks.
    names = rb'id="[^"]*"|xlink:href="#[^"]*"|url\(#[^)]*\)'
    assert re.sub(names, b"", found) == re.sub(names, b"", dark)


def test_the_same_figure_is_the_same_files():
    assert plain().files() == plain().files()


def test_a_png_file_has_the_dots_of_its_size():
    figure = plain().draw()
    width, height = figure.get_size_inches() * style.DPI
    picture = Image.open(io.BytesIO(style.png(figure)))
    assert picture.size == (round(width), round(height))


def test_colours_of_classes_can_be_told_apart_by_the_colour_blind():
    """Distances in OKLab after a simulation of missing cones (Machado 2009)."""
    deuteranopia = [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
    protanopia = [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]
    tritanopia = [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ]
    for theme in (style.LIGHT, style.DARK):
        colours = [theme.classed(index)[0] for index in range(10)]
        assert len(set(colours)) == 10
        for seen in (np.eye(3), deuteranopia, protanopia, tritanopia):
            assert _closest(colours, np.array(seen)) >= 0.107


def _closest(colours, seen):
    srgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    cones = [
        [0.41222147, 0.53633254, 0.05144599],
        [0.21190350, 0.68069955, 0.10739696],
        [0.08830246, 0.28171884, 0.62997870],
    ]
    opponents = [
        [0.21045426, 0.79361779, -0.00407205],
        [1.97799850, -2.42859221, 0.45059371],
        [0.02590404, 0.78277177, -0.80867577],
    ]
    lms = np.cbrt(np.clip(linear @ seen.T, 0, 1) @ np.transpose(cones))
    oklab = lms @ np.transpose(opponents)
    apart = np.linalg.norm(oklab[:, None] - oklab[None], axis=-1)
    return apart[np.triu_indices(len(colours), 1)].min()
