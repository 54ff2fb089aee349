"""The figures of divergences and of dead units: both themes, and what they say."""

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.report import style
from jaxgen.report.gan import divergences, dying_relu
from jaxgen.report.run import Run
from tests.report.drawings import drawn, texts

THETA = np.array([-1.0, -0.1, 0.0, 0.1, 1.0])


def parallel_lines():
    excess = np.abs(THETA) * (1 + np.abs(THETA) / np.array([[20.0], [0.2]]))
    measured = {
        "js": np.where(THETA == 0, 0, np.log(2)),
        "wasserstein": excess,
        "gradient": np.stack([1e-5 / np.cosh(THETA), 1 / (THETA + 1e-3), THETA]),
    }
    half_widths = {
        f"{name}_half_width": 0.01 * np.abs(x) for name, x in measured.items()
    }
    return {
        "theta": THETA,
        "true_wasserstein": np.abs(THETA),
        "penalties": np.array([10.0, 0.1]),
        "penalized": excess,
        "names": np.array(["minimax", "non_saturating", "wasserstein"]),
        **measured,
        **half_widths,
    }


def moving_apart():
    theta = np.linspace(0, 3, 4)
    return {
        "theta": theta,
        "names": np.array(["KL", "JS", "W"]),
        "values": np.stack([theta**2 / 2, 1 - np.exp(-theta), theta]),
        "gradients": np.stack([theta, theta * np.exp(-(theta**2)), np.ones(4)]),
        "losses": np.array(["minimax", "non_saturating"]),
        "loss_gradients": np.stack([theta * np.exp(-(theta**2)), theta]),
    }


def learned_critics():
    x = np.linspace(-3, 3, 7)
    one, learned = np.ones(7), np.stack([x, 1.1 * x])
    return {
        "x": x,
        "densities": np.exp(-((x - np.array([[-1.0], [1.0]])) ** 2)),
        "distance": np.array([2.0]),
        "penalty": np.array([10.0]),
        **{"best_logits": -2 * x, "best_slope": -one, "penalized_slope": -1.1 * one},
        **{"logits": -2 * learned, "logit_slope": -2 * np.ones((2, 7))},
        **{"critic": -learned, "critic_slope": -np.ones((2, 7))},
    }


def moved_earth():
    return {
        "positions": np.array([0.0, 1.0, 2.0]),
        "source": np.array([0.5, 0.5, 0.0]),
        "target": np.array([0.0, 0.25, 0.75]),
        "plan": np.array([[0, 0.25, 0.25], [0, 0, 0.5], [0, 0, 0]]),
        "cost": np.array([1.25]),
    }


def dead_units():
    return {
        "learning_rate": np.array([1e-3, 1e-3, 3e-2, 3e-2]),
        "slope": np.array([0.0, 0.2, 0.0, 0.2]),
        "start": np.full((4, 2), 0.1),
        "critic": np.linspace(0, 1, 8).reshape(4, 2),
        "critic_half_width": np.full((4, 2), 0.05),
        "zero": np.array([[0, 0, 0], [0, 0, 0], [1, 0.2, 1], [0, 0, 0]], float),
    }


PLATES = {
    "parallel_lines": (divergences.parallel_lines, parallel_lines),
    "moving_apart": (divergences.moving_apart, moving_apart),
    "learned_critics": (divergences.learned_critics, learned_critics),
    "moved_earth": (divergences.moved_earth, moved_earth),
    "dying_relu": (dying_relu.dying_relu, dead_units),
}


def plate_of(path, name, **changed):
    maker, arrays = PLATES[name]
    (path / "arrays").mkdir(exist_ok=True)
    np.savez(path / "arrays" / f"{name}.npz", **arrays() | changed)
    return maker(Run(path, {}, [], {}))


@pytest.mark.parametrize("name", PLATES)
def test_each_file_is_drawn_in_both_themes(name, tmp_path):
    plate = plate_of(tmp_path, name)
    assert len(plate.caption) > 100
    pages = [drawn(plate.draw(theme), dpi=40) for theme in (style.LIGHT, style.DARK)]
    assert pages[0].mean() > 180 > 80 > pages[1].mean()


def test_bands_of_earth_end_where_the_plan_says(tmp_path):
    axes = plate_of(tmp_path, "moved_earth").draw(style.LIGHT).axes[0]
    bands = [patch for patch in axes.patches if len(patch.get_xy()) == 5]
    ends = {tuple(np.sort(band.get_xy()[2:4, 0]).round(2)) for band in bands}
    # Bin 2 gets a third of its earth from bin 0, then two thirds from bin 1.
    assert (1.53, 1.84) in ends
    assert (1.84, 2.47) in ends


def test_seeds_without_a_gradient_are_counted(tmp_path):
    plate = plate_of(tmp_path, "dying_relu")
    assert "2 of 3 at most with the plain rectifier, 0 with the leaky" in plate.caption
    assert {"learning rate 0.001", "ReLU", "leaky ReLU"} <= set(
        texts(plate.draw(style.LIGHT))
    )


def test_arrays_that_do_not_belong_together_are_refused(tmp_path):
    with pytest.raises(InputError, match="'source' has shape"):
        plate_of(tmp_path, "moved_earth", source=np.ones(4))
