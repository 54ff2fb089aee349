"""The figure of estimators along a training run: every one can be told apart."""

import numpy as np

from jaxgen.report import estimators, style
from jaxgen.report.estimators.looks import handle
from tests.report.drawings import texts
from tests.report.family.folder import ESTIMATORS, estimators_along, found


def test_twelve_estimators_have_twelve_looks():
    for theme in (style.LIGHT, style.DARK):
        lines = [handle(str(name), theme) for name in ESTIMATORS]
        looks = {(line.get_color(), line.get_marker()) for line in lines}
        assert len(looks) == 12
        # Two of one family share a colour, and differ in marker and line.
        assert len({line.get_color() for line in lines}) == 11


def test_an_exact_gradient_is_said_to_have_no_variance():
    figure = estimators.along(estimators_along())
    assert "enumeration: no variance" in texts(figure.axes[2])
    heights = [line.get_ydata() for line in figure.axes[2].get_lines()]
    assert min(np.min(height) for height in heights if len(height)) > 0.1


def test_the_best_run_lies_lowest_and_every_run_is_inside():
    data = estimators_along()
    axes = estimators.along(data).axes[0]
    curves = [line.get_ydata() for line in axes.get_lines()[::2]]
    ends = [float(curve[-1]) for curve in curves]
    assert int(np.argmin(ends)) == int(np.argmax(data["elbo"][:, -1]))
    np.testing.assert_allclose(
        ends[:-1], data["elbo"].max() - data["elbo"][:-1, -1], rtol=1e-6
    )
    low, high = axes.get_ylim()
    assert low < min(ends)
    assert max(curve.max() for curve in curves) < high


def test_without_signal_to_noise_there_is_no_panel_of_it(tmp_path):
    plate = found(tmp_path, "estimators_along", snr=None)["estimators_along"]
    assert len(plate.draw(style.LIGHT).axes) == 3
    assert "signal" not in plate.caption


def test_the_best_run_is_named(tmp_path):
    plate = found(tmp_path, "estimators_along")["estimators_along"]
    assert plate.caption.endswith("highest with: enumeration.")
    assert "\N{MINUS SIGN}101" in plate.caption
