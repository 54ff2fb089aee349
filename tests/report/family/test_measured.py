"""The figures of scores, sweeps and bounds: every number is where it belongs."""

import matplotlib
import numpy as np

from jaxgen.report import style
from jaxgen.report.family.places import name_points
from tests.report.drawings import texts
from tests.report.family import folder
from tests.report.family.folder import found


def test_every_seed_is_a_dot_and_the_median_a_bar(tmp_path):
    data = folder.disentanglement()
    plate = found(tmp_path, "disentanglement")["disentanglement"]
    axes = plate.draw(style.LIGHT).axes
    assert [panel.get_title("left") for panel in axes[:2]] == ["MIG", "DCI"]
    for panel, scores in zip(axes[:2], data["scores"], strict=True):
        dots, bars = panel.get_lines()[::2], panel.get_lines()[1::2]
        for row, (dot, bar) in enumerate(zip(dots, bars, strict=True)):
            np.testing.assert_allclose(dot.get_xdata(), scores[row])
            assert bar.get_xdata()[0] == np.median(scores[row])
    assert len(axes[2].get_lines()) == 3
    np.testing.assert_allclose(axes[2].get_lines()[1].get_xdata(), data["kl"][1])
    assert f"beta 1 {np.median(data['scores'][0, 0]):.2f}" in plate.alt


def test_a_setting_has_one_colour_and_its_name_beside_its_dots(tmp_path):
    figure = found(tmp_path, "disentanglement")["disentanglement"].draw(style.DARK)
    dots = [figure.axes[0].get_lines()[2], figure.axes[2].get_lines()[1]]
    assert dots[0].get_color() == dots[1].get_color()
    assert {"beta 1", "beta 4", "KL to 20"} <= set(texts(figure.axes[2]))


def test_names_of_close_points_do_not_cover_each_other():
    figure = matplotlib.figure.Figure(figsize=(5, 4))
    axes = figure.add_subplot()
    points = np.array([[0.5, 0.5], [0.51, 0.5], [0.5, 0.51], [1.0, 1.0], [0.0, 0.0]])
    axes.plot(*points.T, "o")
    names = [f"setting {n}" for n in range(5)]
    name_points(figure, axes, points, names, points, style.LIGHT)
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
    assert len(boxes) == 5
    frame = axes.get_window_extent()
    for index, box in enumerate(boxes):
        assert frame.x0 <= box.x0
        assert box.x1 <= frame.x1
        assert not any(box.overlaps(other) for other in boxes[:index])


def test_each_plane_has_equal_units_and_its_own_range(tmp_path):
    figure = found(tmp_path, "lambda_sweep")["lambda_planes"].draw(style.LIGHT)
    widths = []
    for axes in figure.axes:
        wide, high = np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())
        np.testing.assert_allclose(wide, high)
        widths.append(wide)
    assert widths[0] < widths[2] / 2
    names = [axes.get_title("left") for axes in figure.axes]
    assert names == ["CS, λ 1", "CS, λ 5", "KL"]
    assert "component of the prior" in texts(figure)


def test_a_sweep_without_a_mixture_prior_does_not_speak_of_one(tmp_path):
    plate = found(tmp_path, "lambda_sweep", prior_means=None)["lambda_planes"]
    assert "mixture" not in plate.caption
    assert "component of the prior" not in texts(plate.draw(style.LIGHT))


def test_models_of_one_kind_are_joined_and_one_without_weight_is_a_level(tmp_path):
    plate = found(tmp_path, "lambda_sweep")["lambda_scores"]
    _, middle, right = plate.draw(style.LIGHT).axes
    joined, level = middle.get_lines()
    assert joined.get_xdata().tolist() == [1, 5]
    assert joined.get_ydata().tolist() == [80, 85]
    assert set(level.get_ydata()) == {82.0}
    assert "KL" in texts(right)
    assert "lowest for: CS, λ 5" in plate.caption


def test_the_labels_of_two_levels_lie_on_either_side(tmp_path):
    plate = found(tmp_path, "lambda_sweep", lambda_=np.array([1.0, 0.0, 0.0]))
    middle = plate["lambda_scores"].draw(style.LIGHT).axes[1]
    sides = {text.xy[1]: text.get_va() for text in middle.texts}
    assert sides == {85.0: "baseline", 82.0: "top"}


def test_a_sweep_of_no_weights_at_all_is_drawn(tmp_path):
    plates = found(tmp_path, "lambda_sweep", lambda_=np.zeros(3))
    assert plates["lambda_scores"].draw(style.LIGHT).axes


def test_active_latents_are_counted(tmp_path):
    plate = found(tmp_path, "bounds")["bounds"]
    said = texts(plate.draw(style.LIGHT))
    assert {"VAE (2 of 4 active)", "IWAE (3 of 4 active)"} <= set(said)
    assert "active above 0.01" in said
    assert "VAE 2, IWAE 3" in plate.alt
