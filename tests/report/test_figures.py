"""The figures: each shows its data, whatever its size, colour or number."""

import io

import matplotlib
import numpy as np
import pytest
from PIL import Image

from jaxgen.errors import InputError
from jaxgen.report import latents, pictures, style


def drawn(figure, dpi=60):
    picture = Image.open(io.BytesIO(style.png(figure, dpi=dpi)))
    return np.asarray(picture.convert("RGB"), dtype=float)


def texts(figure):
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def images(rng, *shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_settings_are_put_back(rng):
    before = dict(matplotlib.rcParams)
    style.png(latents.latent_scatter(rng.normal(size=[9, 2]), theme=style.DARK), dpi=30)
    assert dict(matplotlib.rcParams) == before


def test_an_image_keeps_every_pixel(rng):
    """Each pixel becomes a square of dots of one colour: nothing is resampled."""
    batch = images(rng, 4, 8, 8, 3)
    figure = pictures.samples(batch)
    sheet = drawn(figure, dpi=style.DPI)
    scale = 1150 // 2 // 8
    margin, edge = round(0.08 * style.DPI), 8 * scale
    first = sheet[margin : margin + edge, margin : margin + edge]
    np.testing.assert_array_equal(
        first, batch[0].repeat(scale, axis=0).repeat(scale, axis=1)
    )


def test_the_manifold_has_the_largest_latent_at_the_top(rng):
    x, y = np.linspace(-1, 1, 4), np.linspace(-3, 3, 4)
    figure = pictures.manifold(images(rng, 16, 5, 5, 1), x, y)
    axes = figure.axes[0]
    heights = [label.get_text() for label in axes.get_yticklabels()]
    assert heights == ["3.0", "1.0", "\N{MINUS SIGN}1.0", "\N{MINUS SIGN}3.0"]
    places = axes.transData.transform([(0, place) for place in axes.get_yticks()])
    assert (np.diff(places[:, 1]) < 0).all()


def test_pairs_touch(rng):
    inputs = np.full([50, 4, 4, 1], 60, np.uint8)
    outputs = np.full([50, 4, 4, 1], 180, np.uint8)
    sheet = drawn(pictures.reconstructions(inputs, outputs), dpi=style.DPI)[..., 0]
    row = sheet[len(sheet) // 2 + 30]
    changes = np.flatnonzero((row[:-1] == 60) & (row[1:] == 180))
    assert len(changes) == 5


@pytest.mark.parametrize("number", [8, 16, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_epochs_are_named(rng, number, channels):
    figure = pictures.epochs(images(rng, 5, number, 6, 6, channels), np.arange(1, 6))
    named = {text for text in texts(figure) if text.startswith("epoch")}
    assert named == {f"epoch {n}" for n in range(1, 6)}
    assert drawn(figure).std() > 10


def test_large_images_are_made_smaller(rng):
    figure = pictures.samples(images(rng, 9, 700, 500, 3))
    assert figure.get_size_inches().max() < 10


@pytest.mark.parametrize(
    "batch", [np.zeros([2, 3, 3, 2], np.uint8), np.zeros([2, 3, 3, 1])]
)
def test_what_is_no_image_is_refused(batch):
    with pytest.raises(InputError, match="cannot be drawn"):
        pictures.samples(batch)


@pytest.mark.parametrize("dimensions", [1, 2, 5])
@pytest.mark.parametrize("classes", [0, 2, 10, 40])
def test_the_scatter_shows_every_class(rng, dimensions, classes):
    mean = rng.normal(size=[200, dimensions])
    label = np.arange(200) % classes if classes else None
    figure = latents.latent_scatter(mean, label)
    points = sum(len(c.get_offsets()) for c in figure.axes[0].collections)
    assert points == 200
    if dimensions > 1:
        assert {str(c) for c in range(classes)} <= set(texts(figure))
    assert drawn(figure).std() > 3


def test_of_many_dimensions_those_of_highest_kl_are_shown(rng):
    kl = np.array([0.1, 3.0, 0.0, 2.0])
    figure = latents.latent_scatter(rng.normal(size=[20, 4]), kl=kl)
    assert figure.axes[0].get_xlabel() == "latent 2  (KL 3.00 nats)"
    assert figure.axes[0].get_ylabel() == "latent 4  (KL 2.00 nats)"


@pytest.mark.parametrize("dimensions", [1, 2, 4, 20, 128])
def test_bars_fall_and_tell_how_many_are_active(rng, dimensions):
    kl = np.where(np.arange(dimensions) % 2, 0.001, 1.5)
    figure = latents.kl_per_dimension(rng.permutation(kl))
    axes = figure.axes[0]
    active = (dimensions + 1) // 2
    assert axes.get_title("left").startswith(f"{active} of {dimensions} dimensions")
    lines = [text for text in texts(figure) if text.startswith("active above")]
    assert len(lines) == (dimensions > 2)
    sides = [max(bar.get_width(), bar.get_height()) for bar in axes.patches]
    assert dimensions <= 4 or (np.diff(sides) <= 1e-9).all()
    assert drawn(figure).std() > 3


def _rows(values, split="train"):
    return [
        {"step": i, "epoch": i / 2, "split": split, "loss": value}
        for i, value in enumerate(values)
    ]


def test_a_high_start_is_told_and_does_not_flatten_the_curve():
    rows = _rows([5000.0, 300.0, 160.0, 155.0, 152.0, 151.0])
    axes = curves.curves(rows, ["loss"]).axes[0]
    assert axes.get_ylim()[1] < 200
    assert axes.get_ylim()[0] < 151
    assert "\N{UPWARDS ARROW} starts at 5,000" in texts(axes.figure)


@pytest.mark.parametrize("values", [[3.0], [2.0, 2.0, 2.0], [1.0, np.nan, 4.0], []])
def test_short_constant_and_broken_curves_are_drawn(values):
    figure = curves.curves(_rows(values) + _rows(values, "test"), ["loss"])
    finite = [value for value in values if np.isfinite(value)]
    ends = [text for text in texts(figure) if text.startswith(("train", "test"))]
    assert len(ends) == (2 if finite else 0)
    assert drawn(figure).std() > 1


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 7])
def test_every_term_has_one_panel(number):
    names = [f"term_{n}" for n in range(number)]
    rows = [
        {"step": s, "epoch": s, "split": "test", **dict.fromkeys(names, s)}
        for s in range(4)
    ]
    figure = curves.curves(rows, names)
    assert len(figure.axes) == number


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
