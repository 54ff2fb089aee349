"""The page's section on an evaluation: its numbers, its figures, its refusals."""

import json
import re
import warnings

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.report import gallery, style, write_page
from jaxgen.report.evaluation import findings as reading
from jaxgen.report.evaluation import scores
from jaxgen.report.run import read_run
from tests.report import evaluated
from tests.report.drawings import drawn, texts
from tests.report.folder import write_run

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from sklearn.datasets import load_digits

SET, OTHER, THIRD = evaluated.SETS
NETWORK = "classifier of digits"


@pytest.fixture(scope="module")
def digits():
    return np.uint8(load_digits().images / 16 * 255)[..., None]


@pytest.fixture
def found(digits):
    return evaluated.arrays(digits[:400])


def compared(path, content=None, found=None):
    return read_run(evaluated.write_comparison(path / "run", content, found))


def plates(run):
    return {one.name: one.figure for one in gallery.evaluation_figures(run)}


def measure(value, half=0.1, images="a", better="lower", floor=None, metric="FD(net)"):
    row = {"metric": metric, "images": images, "value": value, "better": better}
    return {**row, "low": value - half, "high": value + half, "floor": floor}


def rows(path, *measures):
    content = {"measures": list(measures), "protocol": {}, "confidence": 0.9}
    findings = reading.read(compared(path, content))
    assert findings is not None
    return scores.rows(findings)


def words(page):
    text = re.sub(r"<style>.*?</style>", "", page.read_text("utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))


def test_a_comparison_of_folders_has_a_page_of_its_evaluation_alone(tmp_path, found):
    folder = evaluated.write_comparison(tmp_path / "ab", evaluated.document(), found)
    page = write_page(folder)
    written = {path.stem for path in (folder / "figures").iterdir()}
    assert written == {"evaluation", "prd", "side_by_side", "neighbours"}
    said = words(page)
    assert "FD ↓ classifier of digits4.2 [3.4, 5.0]16.7 [15.9, 17.5]" in said
    assert "Figure 1 Every metric" in said
    assert "models: Bstep 900" in said
    assert "networks: random convolutionsidentity" in said


def test_the_evaluation_follows_the_figures_of_its_run(tmp_path):
    folder = write_run(tmp_path / "run")
    for path in [*folder.glob("arrays/*"), *folder.glob("figures/*")]:
        path.unlink()
    evaluated.write_evaluation(folder, evaluated.document(networks=["net"]), None)
    ids = re.findall(r'<figure id="(\w+)"', write_page(folder).read_text("utf-8"))
    assert ids == ["losses", "health", "evaluation"]


def test_a_page_without_an_evaluation_says_nothing_of_it(page):
    text = page.read_text("utf-8")
    assert "Evaluation" not in text
    assert ".measures" not in text


def test_names_of_sets_become_neither_markup_nor_formulas(tmp_path, digits):
    sets = ("<b>$x_$</b>", "$a$ & b")
    found = evaluated.arrays(digits[:300], ("$x_$", "$a$ & b"), ["$n_$"])
    content = evaluated.document(sets, ["net"])
    folder = evaluated.write_comparison(tmp_path / "run", content, found)
    text = write_page(folder).read_text("utf-8")
    assert "<b>$x" not in text
    assert "&lt;b&gt;$x_$&lt;/b&gt;" in text


@pytest.mark.parametrize(
    ("value", "half", "written"),
    [
        (45.234, 0.83, "45.2 [44.4, 46.1]"),
        (45.234, 0.12, "45.23 [45.11, 45.35]"),
        (1234.5, 20.0, "1,234 [1,214, 1,254]"),
        (-0.01, 0.3, "\N{MINUS SIGN}0.01 [\N{MINUS SIGN}0.31, 0.29]"),
        (0.5, 0.0, "0.500 [0.500, 0.500]"),
    ],
)
def test_a_number_has_the_digits_that_its_interval_justifies(
    tmp_path, value, half, written
):
    (row,) = rows(tmp_path, measure(value, half))
    assert f"{row.number('a')} {row.interval('a')}" == written


def test_small_numbers_are_multiples_of_a_power_of_ten(tmp_path):
    (row,) = rows(tmp_path, measure(1.2e-4, 3e-6, floor=2e-6))
    assert (row.unit, row.number("a"), row.floor()) == ("×10⁻³", "0.1200", "0.00200")


def test_what_is_not_finite_is_said(tmp_path):
    one = measure(3.0) | {"high": None}
    (row,) = rows(tmp_path, one, measure(1.0, images="b") | {"value": None})
    assert row.interval("a").endswith(", ∞]")
    assert row.number("b") == "not finite"


def test_only_a_set_whose_interval_lies_apart_is_the_best(tmp_path):
    a, b = measure(1.0), measure(1.3, images="b")
    assert rows(tmp_path / "1", a, b)[0].best == "a"
    assert rows(tmp_path / "2", a, measure(1.1, images="b"))[0].best is None
    higher = [one | {"better": "higher"} for one in (a, b)]
    assert rows(tmp_path / "3", *higher)[0].best == "b"


def test_near_is_best_by_its_distance_to_the_floor(tmp_path):
    near = [
        measure(value, 0.01, images=name, better="near", floor=1.0)
        for name, value in {"a": 0.8, "b": 1.03, "c": 1.3}.items()
    ]
    assert rows(tmp_path, *near)[0].best == "b"


def test_reconstructions_do_not_compete_with_samples(tmp_path):
    a, b = measure(0.1, images="reconstructions of A"), measure(1.0, images="b")
    assert rows(tmp_path / "1", a, b)[0].best is None
    assert rows(tmp_path / "2", a, b, measure(2.0, images="c"))[0].best == "b"


def test_every_dot_stands_at_its_value_in_the_colour_of_its_set(tmp_path):
    plate = plates(compared(tmp_path, evaluated.document()))["evaluation"]
    figure = plate.draw(style.LIGHT)
    first = figure.axes[0]
    dots = [line for line in first.lines if line.get_marker() == "o"]
    assert [float(dot.get_xdata()[0]) for dot in dots] == pytest.approx(
        [4.2, 16.7, 29.2]
    )
    assert len({dot.get_color() for dot in dots}) == 3
    assert len(figure.axes) == len(evaluated.METRICS) * 2 + 1
    assert texts(figure).count("not measured") == 2
    assert drawn(figure).std() > 5


@pytest.mark.parametrize(
    ("sets", "networks"),
    [(("one",), ("a", "b", "c")), (tuple(f"set {n}" for n in range(6)), ("net",))],
)
def test_any_number_of_sets_and_networks_is_drawn(tmp_path, digits, sets, networks):
    found = evaluated.arrays(digits[:500], sets, networks, rows=3, nearest=1)
    run = compared(tmp_path, evaluated.document(sets, networks), found)
    for plate in plates(run).values():
        assert drawn(plate.draw(style.DARK), dpi=25).std() > 5


def test_a_curve_has_recall_across_and_tells_its_scores(tmp_path, found):
    key = f"prd/{NETWORK}: {SET}"
    found[key] = np.array([[1.0, 0.5], [0.0, 0.25]])
    figure = plates(compared(tmp_path, evaluated.document(), found))["prd"].draw(
        style.LIGHT
    )
    axes = figure.axes[0]
    told = f"{SET}\n$F_{{8}}$ 0.960   $F_{{1/8}}$ 0.970"
    line = next(line for line in axes.lines if line.get_label() == told)
    np.testing.assert_allclose(line.get_xydata(), [[0, 1], [0.25, 0.5]])
    floor = next(line for line in axes.lines if line.get_linestyle() == "--")
    assert str(floor.get_label()).startswith("real against real")


def test_scores_without_a_network_are_those_of_the_curve_without_another(
    tmp_path, found
):
    curve = found[f"prd/{NETWORK}: {SET}"]
    rows = [measure(0.5, 0.01, images=SET, metric="F_8"), measure(1.0, images=SET)]
    run = compared(
        tmp_path,
        evaluated.document() | {"measures": rows},
        {f"prd/Inception: {SET}": curve, f"prd/net: {SET}": curve},
    )
    first, second = plates(run)["prd"].draw(style.LIGHT).axes
    assert first.lines[0].get_label() == f"{SET}\n$F_{{8}}$ 0.500"
    assert second.lines[0].get_label() == SET


def test_the_legends_of_all_squares_are_inside_the_figure(tmp_path, found):
    figure = plates(compared(tmp_path, evaluated.document(), found))["prd"].draw(
        style.LIGHT
    )
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert axes.get_legend().get_window_extent().y0 > 0


def test_a_gap_parts_an_image_from_its_neighbours(tmp_path):
    rows = np.full([2, 3, 4, 4, 1], 50, np.uint8)
    rows[:, 0] = 200
    run = compared(tmp_path, None, {"neighbours/a": rows})
    plate = plates(run)["neighbours"]
    figure = plate.draw(style.LIGHT)
    sheet = np.asarray(figure.axes[0].get_images()[0].get_array())
    line = sheet[-1]
    seen = line[:, 3] > 0
    assert line[0, 0] == 200
    edges = np.flatnonzero(np.diff(seen.astype(int)))
    gaps = np.diff(edges)[::2]
    assert len(gaps) == 2
    assert gaps[0] > 3 * gaps[1]


def test_real_images_come_first_side_by_side(tmp_path, found):
    figure = plates(compared(tmp_path, None, found))["side_by_side"].draw(style.LIGHT)
    said = [text for text in texts(figure) if text]
    assert said == ["real images", SET, OTHER, THIRD]


def test_arrays_alone_and_numbers_alone_are_enough(tmp_path, found):
    assert set(plates(compared(tmp_path / "1", None, found))) == {
        "prd",
        "side_by_side",
        "neighbours",
    }
    assert set(plates(compared(tmp_path / "2", evaluated.document()))) == {"evaluation"}
    write_page(tmp_path / "1" / "run")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"measures": []}, "'measures' are no list"),
        ({"measures": [{"metric": "FD"}]}, "measure 1 lacks one of metric, images"),
        ({"measures": [measure(1.0) | {"value": "1"}]}, "'1' as 'value'"),
        ({"measures": [measure(1.0) | {"better": "big"}]}, "better 'big'"),
        ({"measures": [measure(1.0) | {"images": 3}]}, "no texts"),
        ({"confidence": 95}, "'confidence' is 95"),
        ({"protocol": 3}, "'protocol' is no JSON object"),
    ],
)
def test_damaged_numbers_are_named(tmp_path, change, what):
    run = compared(tmp_path, evaluated.document() | change)
    with pytest.raises(InputError, match=rf"evaluation\.json is damaged: .*{what}"):
        gallery.evaluation_figures(run)


def test_a_cut_file_is_named(tmp_path):
    run = compared(tmp_path, evaluated.document())
    path = run.path / "evaluation.json"
    path.write_text(json.dumps(evaluated.document())[:-9])
    with pytest.raises(InputError, match=r"evaluation\.json is damaged: it is no JSON"):
        write_page(run.path)


@pytest.mark.parametrize(
    ("key", "array"),
    [
        (f"prd/{NETWORK}: a", np.ones([3, 5])),
        (f"prd/{NETWORK}: a", np.full([2, 5], np.nan)),
        (f"prd/{NETWORK}: a", np.full([2, 5], 1.5)),
        ("neighbours/a", np.zeros([2, 1, 4, 4, 1], np.uint8)),
        ("neighbours/a", np.zeros([2, 3, 4, 4, 1])),
        ("samples/a", np.zeros([0, 4, 4, 1], np.uint8)),
        ("real", np.zeros([4, 4, 4, 2], np.uint8)),
    ],
)
def test_arrays_of_another_kind_are_named(tmp_path, key, array):
    run = compared(tmp_path, None, {key: array})
    named = rf"arrays/evaluation\.npz: the array '{key}' has shape"
    with pytest.raises(InputError, match=named):
        gallery.evaluation_figures(run)
