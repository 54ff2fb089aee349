"""Curves: names at their ends, levels, zones, bands, and what is refused."""

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.report import Curve, CurvePanel, Curves, Zone, style
from jaxgen.report.terms import term_panels
from tests.report.drawings import drawn, texts

WORDS = ("Title", "Caption.", "Alt.")


def rows(values, split="train"):
    return [
        {"step": i, "epoch": i / 2, "split": split, "loss": value}
        for i, value in enumerate(values)
    ]


def one(values, **more):
    curve = Curve(np.arange(float(len(values))), np.array(values, float))
    return Curves(*WORDS, {"Loss": CurvePanel({"test": curve}, **more)})


def test_a_high_start_is_told_and_does_not_flatten_the_curve():
    own = rows([5000.0, 300.0, 160.0, 155.0, 152.0, 151.0])
    axes = Curves(*WORDS, term_panels(own, ["loss"])).draw().axes[0]
    assert axes.get_ylim()[1] < 200
    assert axes.get_ylim()[0] < 151
    assert "\N{UPWARDS ARROW} starts at 5,000" in texts(axes.figure)


@pytest.mark.parametrize("values", [[3.0], [2.0, 2.0, 2.0], [1.0, np.nan, 4.0]])
def test_short_constant_and_broken_curves_are_drawn(values):
    panels = term_panels(rows(values) + rows(values, "test"), ["loss"])
    figure = Curves(*WORDS, panels).draw()
    ends = [text for text in texts(figure) if text.startswith(("train", "test"))]
    assert len(ends) == 2
    assert drawn(figure).std() > 1


def test_a_term_without_a_number_has_no_panel():
    assert term_panels(rows([np.nan, np.inf]), ["loss"]) == {}
    assert term_panels([], ["loss"]) == {}


@pytest.mark.parametrize("number", [1, 2, 4, 7])
def test_every_term_has_one_panel(number):
    names = [f"term_{n}" for n in range(number)]
    own = [
        {"step": s, "epoch": s, "split": "test", **dict.fromkeys(names, s)}
        for s in range(4)
    ]
    figure = Curves(*WORDS, term_panels(own, names)).draw()
    assert len(figure.axes) == number


def test_a_near_level_is_inside_the_panel():
    (axes,) = one([100, 80, 75, 74], levels={"floor": 70.5}).draw().axes
    assert axes.get_ylim()[0] < 70.5
    assert any(set(line.get_ydata()) == {70.5} for line in axes.get_lines())
    assert "floor 70.50" in texts(axes)


def test_a_far_level_is_told_and_does_not_flatten_the_curve():
    (axes,) = one([100, 80, 75, 74], levels={"floor": 10.0}).draw().axes
    assert axes.get_ylim()[0] > 70
    assert "\N{DOWNWARDS ARROW} floor 10.00 below" in texts(axes)


def test_a_band_is_within_the_axis_and_around_its_curve():
    x = np.arange(5.0)
    curve = Curve(x, x, low=x - 3, high=x + 3)
    (axes,) = Curves(*WORDS, {"A": CurvePanel({"a": curve})}).draw().axes
    low, high = axes.get_ylim()
    assert low < -2
    assert high > 7
    with pytest.raises(InputError, match="not between the ends"):
        Curves(*WORDS, {"A": CurvePanel({"a": Curve(x, x, low=x + 3, high=x - 3)})})


def test_a_name_has_one_colour_in_all_panels():
    x = np.arange(3.0)
    a, b = Curve(x, x), Curve(x, 2 * x)
    figure = Curves(
        *WORDS, {"A": CurvePanel({"one": a, "two": b}), "B": CurvePanel({"two": b})}
    ).draw()
    first, second = figure.axes
    assert first.get_lines()[1].get_color() == second.get_lines()[0].get_color()


@pytest.mark.parametrize(("number", "legends"), [(3, 0), (6, 1)])
def test_many_curves_have_a_legend_and_few_their_names_at_the_end(number, legends):
    x = np.arange(3.0)
    curves = {f"curve {n}": Curve(x, n * x) for n in range(number)}
    figure = Curves(*WORDS, {"A": CurvePanel(curves)}).draw()
    assert len(figure.legends) == legends
    assert all(any(name in text for text in texts(figure)) for name in curves)


def test_a_zone_is_shaded_up_to_the_edge_and_named():
    zone = Zone(0.9, "critic wins", above=True)
    (axes,) = one([0.5, 0.7, 0.95], limits=(0.4, 1.0), zone=zone).draw().axes
    assert "critic wins" in texts(axes)
    shape = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    np.testing.assert_allclose(shape.intervaly, [0.9, 1.0])
    assert axes.get_ylim() == (0.4, 1.0)


def test_logarithmic_axes_have_plain_numbers():
    (axes,) = one([1, 10, 1000], log="y").draw().axes
    assert axes.get_yscale() == "log"
    axes.figure.draw_without_rendering()
    assert any("1,000" in label.get_text() for label in axes.get_yticklabels())


X = np.arange(4.0)


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        (Curve(X, X[:3]), r"shape \(3,\); \(4\)"),
        (Curve(X[::-1], X), "falls"),
        (Curve(X, np.full(4, np.nan)), "no number at all"),
        (Curve(X, np.array([0, 1, 2, np.inf])), "finite"),
        (Curve(X, X, low=X), "one end of a band"),
        (Curve(X, X, low=X[:2], high=X), r"shape \(2,\)"),
        (Curve(X.astype(str), X), "numbers were expected"),
        (Curve(X, X, style="wavy"), "'wavy'"),
    ],
)
def test_curves_that_do_not_belong_together_are_refused(curve, words):
    with pytest.raises(InputError, match=words):
        Curves(*WORDS, {"A": CurvePanel({"a": curve})})


@pytest.mark.parametrize(
    ("panel", "more", "words"),
    [
        (CurvePanel({}), {}, "no curves"),
        (CurvePanel({"a": Curve(X, X)}, levels={"b": np.nan}), {}, "finite number"),
        (CurvePanel({"a": Curve(X, X)}, log="x"), {}, "above 0"),
        (CurvePanel({"a": Curve(X, X)}, limits=(2.0, 1.0)), {}, "limits"),
        (CurvePanel({"a": Curve(X, X)}), {"tones": {"b": "train"}}, "none of"),
        (CurvePanel({"a": Curve(X, X)}), {"tones": {"a": "pink"}}, "'pink'"),
        (CurvePanel({"a": Curve(X, X)}), {"x_label": ""}, "x_label"),
    ],
)
def test_panels_that_do_not_belong_together_are_refused(panel, more, words):
    with pytest.raises(InputError, match=words):
        Curves(*WORDS, {"A": panel}, **more)


@pytest.mark.parametrize(("theme", "light"), [(style.LIGHT, True), (style.DARK, False)])
def test_a_figure_is_drawn_on_the_paper_of_its_theme(theme, light):
    page = drawn(one([3, 2, 1]).draw(theme))
    assert (page[0, 0].mean() > 128) == light
