"""The figures made of images: what stands where, and under which name."""

import numpy as np
import pytest

from jaxgen.report import style
from jaxgen.report.family import codes as code_maps
from jaxgen.report.family.tables import panels, table
from tests.report.drawings import drawn, texts
from tests.report.family import folder
from tests.report.family.folder import found


def labels(ticks):
    return [label.get_text() for label in ticks]


def test_the_class_that_is_held_is_named(tmp_path):
    plate = found(tmp_path, "class_plane")["class_plane"]
    assert "held at two" in plate.caption
    assert "label two" in plate.alt


def test_the_traversals_are_sorted_by_what_they_carry(tmp_path):
    images = np.zeros([3, 5, 4, 4, 1], np.uint8)
    images[1] = 200
    plate = found(tmp_path, "traversals", images=images)["traversals"]
    figure = plate.draw(style.LIGHT)
    rows = labels(figure.axes[0].get_yticklabels())
    assert rows == ["z3  4.2 nats", "z8  1.0 nats", "z1  0.0 nats"]
    columns = labels(figure.axes[0].get_xticklabels())
    assert columns[0] == "\N{MINUS SIGN}2.0"
    sheet = figure.axes[0].get_images()[0].get_array()
    assert sheet[0, 0, 0] == 200
    assert sheet[-1, 0, 0] == 0


def test_a_comparison_tells_both_numbers_and_their_difference(tmp_path):
    plate = found(tmp_path, "comparison")["comparison"]
    assert "82.50 nats for VAE and 75.25 nats for CVAE" in plate.caption
    assert "7.25 nats less for CVAE" in plate.caption
    assert {"input", "VAE", "CVAE"} <= set(texts(plate.draw(style.LIGHT)))


@pytest.mark.parametrize("name", ["one", "a class of a long name"])
def test_every_column_has_its_name_and_long_names_lean(name):
    figure = table(folder.images(2, 10), columns=[name] * 10)
    ticks = figure.axes[0].get_xticklabels()
    assert labels(ticks) == [name] * 10
    assert all((tick.get_rotation() > 0) == (len(name) > 5) for tick in ticks)
    figure.draw_without_rendering()
    inside = figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    whole = figure.get_window_extent()
    assert whole.x0 <= inside.x0
    assert inside.x1 <= whole.x1
    assert inside.y1 <= whole.y1


def test_the_first_row_of_a_sweep_stands_apart(tmp_path):
    plate = found(tmp_path, "lambda_sweep")["lambda_reconstructions"]
    axes = plate.draw(style.LIGHT).axes[0]
    assert labels(axes.get_yticklabels())[:2] == ["input", "CS, λ 1"]
    gaps = np.diff(axes.get_yticks())
    assert gaps[0] == gaps[1] + 12


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_every_sampler_has_a_panel_under_its_name(number):
    names = [f"sampler {n}" for n in range(number)]
    figure = panels(folder.images(number, 5), names)
    assert [text for text in texts(figure) if text] == names
    assert drawn(figure).std() > 10


def test_a_sure_variable_is_dark_in_its_class_alone():
    probabilities = np.zeros([1, 3, 4])
    probabilities[0, :, 2] = 1
    picture = np.zeros([1, 6, 6, 1], np.uint8)
    figure = code_maps.codes(picture, picture, probabilities)
    sheet = figure.axes[0].get_images()[0].get_array()
    cell = sheet.shape[1] / 4
    shades = sheet[-1, [int((place + 0.5) * cell) for place in range(4)], :3]
    assert len(np.unique(shades, axis=0)) == 2
    assert (shades[2] != shades[[0, 1, 3]]).any(axis=-1).all()


def test_at_most_eight_codes_are_shown(tmp_path):
    plate = found(tmp_path, "codes")["codes"]
    assert plate.caption.startswith("8 test images")
    assert code_maps.shown(3).tolist() == [0, 1, 2]
