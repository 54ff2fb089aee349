"""The figures of models with latents: what stands where, and in which words."""

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.report import latents
from tests.report.drawings import drawn, images, texts


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def names(number):
    return [f"class {n}" for n in range(number)]


def test_the_manifold_has_the_largest_latent_at_the_top(rng):
    x, y = np.linspace(-1, 1, 4), np.linspace(3, -3, 4)
    figure = latents.manifold(images(rng, 16, 5, 5, 1), x, y).draw()
    heights = {text.get_text(): text.xy[1] for text in figure.axes[0].texts}
    # The sheet is counted from the top.
    assert heights["3.0"] < heights["\N{MINUS SIGN}3.0"]


def test_a_plane_needs_an_image_for_each_pair_of_latents(rng):
    x, y = np.linspace(-1, 1, 4), np.linspace(3, -3, 4)
    with pytest.raises(InputError, match="4 by 4 needs 16 images"):
        latents.manifold(images(rng, 12, 5, 5, 1), x, y)
    with pytest.raises(InputError, match="x that grows and y that falls"):
        latents.manifold(images(rng, 16, 5, 5, 1), x, y[::-1])


def test_words_count_what_is_drawn(rng):
    figure = latents.reconstructions(images(rng, 7, 4, 4, 1), images(rng, 7, 4, 4, 1))
    assert figure.caption.startswith("7 test images")
    assert figure.alt.startswith("7 pairs")
    assert latents.samples(images(rng, 5, 4, 4, 1)).alt.startswith("5 images")
    panels = {"prior": images(rng, 6, 4, 4, 1), "mixture": images(rng, 6, 4, 4, 1)}
    assert "2 ways" in latents.samplers(panels).caption
    assert "6 samples each: prior, mixture" in latents.samplers(panels).alt


def test_inputs_and_outputs_have_one_shape(rng):
    with pytest.raises(InputError, match="cannot be paired"):
        latents.reconstructions(images(rng, 7, 4, 4, 1), images(rng, 6, 4, 4, 1))


@pytest.mark.parametrize("number", [8, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_epochs_are_named(rng, number, channels):
    taken = {n: images(rng, number, 6, 6, channels) for n in range(1, 4)}
    figure = latents.epochs(taken).draw()
    named = {text for text in texts(figure) if text.startswith("epoch")}
    assert named == {f"epoch {n}" for n in range(1, 4)}
    assert drawn(figure).std() > 10


def test_epochs_grow(rng):
    taken = {n: images(rng, 3, 6, 6, 1) for n in (2, 1)}
    with pytest.raises(InputError, match=r"\[2, 1\]; growing"):
        latents.epochs(taken)


@pytest.mark.parametrize("dimensions", [1, 2, 5])
@pytest.mark.parametrize("classes", [0, 2, 40])
def test_the_scatter_shows_every_class(rng, dimensions, classes):
    mean = rng.normal(size=[200, dimensions])
    label = np.arange(200) % classes if classes else None
    figure = latents.latent_scatter(mean, label=label, class_names=names(classes))
    drawing = figure.draw()
    points = sum(len(c.get_offsets()) for c in drawing.axes[0].collections)
    assert points == 200
    assert set(names(classes)) <= set(texts(drawing))
    assert drawn(drawing).std() > 3


def test_a_class_keeps_its_colour_where_another_is_missing(rng):
    mean = rng.normal(size=[21, 2])
    shades = []
    for label in (np.full(21, 2), np.arange(21) % 3):
        figure = latents.latent_scatter(mean, label=label, class_names=names(3))
        handles = figure.draw().legends[0].legend_handles
        shades.append({h.get_label(): h.get_color() for h in handles})
    assert set(shades[0]) == {"class 2"}
    assert shades[0]["class 2"] == shades[1]["class 2"]


def test_each_point_has_the_name_of_its_own_class():
    mean = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    figure = latents.latent_scatter(
        mean, label=np.array([1, 0, 1]), class_names=["nought", "one"]
    )
    groups = figure.panels[""].groups
    assert groups["nought"].tolist() == [[2, 3]]
    assert groups["one"].tolist() == [[0, 1], [4, 5]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label": np.arange(19)}, r"'label' has shape \(19,\)"),
        ({"kl": np.ones(3)}, r"'kl' has shape \(3,\)"),
        ({"label": np.full(20, 3)}, "reach from 3 to 3, and 3 classes"),
        ({"label": np.full(20, -1)}, "reach from -1"),
        ({"label": np.full(20, 0.5)}, "float64"),
        ({"class_names": ["a", "b", "a"]}, "one name"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(rng, change, words):
    known = {"kl": np.ones(2), "label": np.arange(20) % 3, "class_names": names(3)}
    with pytest.raises(InputError, match=words):
        latents.latent_scatter(rng.normal(size=[20, 2]), **known | change)


def test_of_many_dimensions_those_of_highest_kl_are_shown(rng):
    kl = np.array([0.1, 3.0, 0.0, 2.0])
    figure = latents.latent_scatter(rng.normal(size=[20, 4]), kl=kl)
    assert figure.panels[""].x_label == "latent 2  (KL 3.00 nats)"
    assert figure.panels[""].y_label == "latent 4  (KL 2.00 nats)"
    assert "latent 2 and 4" in figure.alt


@pytest.mark.parametrize("dimensions", [1, 2, 4, 128])
def test_bars_fall_and_tell_how_many_are_active(rng, dimensions):
    kl = np.where(np.arange(dimensions) % 2, 0.001, 1.5)
    drawing = latents.kl_per_latent(rng.permutation(kl)).draw()
    axes = drawing.axes[0]
    active = (dimensions + 1) // 2
    assert axes.get_title("left").startswith(f"{active} of {dimensions} dimensions")
    lines = [text for text in texts(drawing) if text.startswith("active above")]
    assert len(lines) == (dimensions > 2)
    sides = [max(bar.get_width(), bar.get_height()) for bar in axes.patches]
    assert dimensions <= 4 or (np.diff(sides) <= 1e-9).all()
    assert drawn(drawing).std() > 3
