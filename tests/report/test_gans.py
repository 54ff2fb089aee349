"""Figures of GANs: what is drawn where, and under which name."""

import matplotlib
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.report import gans, style

RNG = np.random.default_rng(0)


def images(*shape):
    return RNG.integers(0, 256, (*shape, 6, 6, 1)).astype(np.uint8)


def texts(figure):
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def test_samples_stand_under_their_names():
    given = {"real images": images(4), "GAN": images(4)}
    figure = gans.samples(given)
    (panel,) = figure.panels.values()
    assert list(panel) == list(given)
    for name, some in given.items():
        np.testing.assert_array_equal(panel[name], some)
    assert figure.caption.startswith("4 images of each, none of them picked: real im")
    assert {"real images", "GAN"} <= set(texts(figure.draw()))


@pytest.mark.parametrize("class_names", [(), ("nought", "one")])
def test_latents_over_epochs_stand_in_a_block_for_each_system(class_names):
    given = {"GAN": {1: images(2), 5: images(2)}, "WGAN": {1: images(2)}}
    figure = gans.over_epochs(given, class_names)
    assert list(figure.panels) == ["GAN", "WGAN"]
    assert list(figure.panels["GAN"]) == ["epoch 1", "epoch 5"]
    np.testing.assert_array_equal(figure.panels["GAN"]["epoch 5"], given["GAN"][5])
    said = texts(figure.draw(style.DARK))
    assert {"GAN", "WGAN", "epoch 1", "epoch 5", *class_names} <= set(said)
    assert ("the class above it" in figure.caption) == bool(class_names)


LOOKS = {
    "hinge": {
        "epoch": np.array([1.0, 2.0]),
        "fd": np.array([9.0, 4.0]),
        "generator loss": np.array([1.0, 2.0]),
    },
    "WGAN": {
        "epoch": np.array([1.0, 2.0]),
        "fd": np.array([5.0, 3.0]),
        "generator loss": np.array([7.0, 8.0]),
        "estimate": np.array([3.0, 2.0]),
    },
}
CURVES = ["generator loss", "estimate"]
LEVELS = {
    "hinge": {"generator loss": -1.0},
    "WGAN": {"critic loss": 0.1, "generator loss": -0.5, "estimate": 1.0},
}


def test_every_curve_is_drawn_against_the_distance_of_its_model():
    figure = gans.distance_and_signals(LOOKS, LEVELS, CURVES)
    points = {
        title: (panel.x_label, panel.groups[""].tolist())
        for title, panel in figure.panels.items()
    }
    minus = "\N{MINUS SIGN}"
    assert points == {
        "hinge": ("epoch", [[1, 9], [2, 4]]),
        f"rank correlation {minus}1.00": ("generator loss", [[1, 9], [2, 4]]),
        "WGAN": ("epoch", [[1, 5], [2, 3]]),
        f"rank correlation {minus}0.50": ("generator loss", [[7, 5], [8, 3]]),
        "rank correlation 1.00": ("estimate", [[3, 5], [2, 3]]),
    }
    assert "WGAN: generator loss -0.50, estimate 1.00" in figure.alt
    drawn = figure.draw(style.DARK)
    assert len([axes for axes in drawn.axes if axes.collections]) == 5
    assert {axes.get_yscale() for axes in drawn.axes if axes.collections} == {"log"}


def test_curves_of_one_correlation_have_a_panel_each():
    levels = {"WGAN": {"generator loss": 1.0, "estimate": 1.0}}
    panels = gans.distance_and_signals(LOOKS, levels, CURVES).panels
    assert list(panels) == [
        "WGAN",
        "rank correlation 1.00",
        "WGAN, estimate: 1.00",
    ]
    assert [p.x_label for p in panels.values()] == [
        "epoch",
        "generator loss",
        "estimate",
    ]


@pytest.mark.parametrize("name", ["epoch", "fd", "generator loss"])
def test_looks_of_other_lengths_are_refused(name):
    for wrong in (LOOKS["hinge"][name][:1], None):
        own = {k: v for k, v in LOOKS["hinge"].items() if k != name}
        if wrong is not None:
            own[name] = wrong
        with pytest.raises(InputError, match="'hinge' have"):
            gans.distance_and_signals(
                {"hinge": own}, {"hinge": LEVELS["hinge"]}, CURVES
            )


def test_distances_stand_at_their_times_between_the_ends_of_their_intervals():
    looks = {
        name: {
            "seconds": seconds,
            "fd": np.array([50.0, 20.0]),
            "fd_low": np.array([40.0, 15.0]),
            "fd_high": np.array([60.0, 25.0]),
        }
        for name, seconds in {
            "A": np.array([1.0, 2.0]),
            "B": np.array([3.0, 9]),
        }.items()
    }
    figure = gans.distance_over_training(looks, 4.0, "seconds")
    (panel,) = figure.panels.values()
    assert list(panel.curves) == ["A", "B", "real images"]
    for name, own in looks.items():
        curve = panel.curves[name]
        for shown, term in zip(curve.__dict__.values(), own.values(), strict=False):
            np.testing.assert_array_equal(shown, term)
    # The level of real images reaches as far as the longest training.
    assert panel.curves["real images"].x.tolist() == [0.0, 9.0]
    assert panel.curves["real images"].y.tolist() == [4.0, 4.0]
    assert "A 20.00, B 20.00; real images 4.00" in figure.alt
    assert {"A", "B", "real images", "seconds"} <= set(texts_of_curves(figure))


def texts_of_curves(figure):
    # Names stand above their last values.
    return [line for text in texts(figure.draw()) for line in text.split("\n")]


def test_mixed_styles_stand_in_a_table_of_their_sources():
    given = {name: images(3) for name in ("fine", "coarse 1", "coarse 2", "coarse 3")}
    figure = gans.style_mixing(given)
    (panel,) = figure.panels.values()
    assert list(panel) == list(given)
    for name, some in given.items():
        np.testing.assert_array_equal(panel[name], some)
    assert "3 sources of coarse styles at the left, 2 of fine styles" in figure.alt
    assert set(given) <= set(texts(figure.draw()))
