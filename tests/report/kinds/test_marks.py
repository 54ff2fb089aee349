"""Dots, scatter, bars, heat maps and movies: every number is where it belongs."""

import io

import numpy as np
import pytest
from PIL import Image

from jaxgen.errors import InputError
from jaxgen.report import (
    BarPanel,
    Bars,
    DotPanel,
    Dots,
    HeatMap,
    HeatPanel,
    Interval,
    Movie,
    Scatter,
    ScatterPanel,
    style,
)
from tests.report.drawings import texts

WORDS = ("Title", "Caption.", "Alt.")
X = np.arange(4.0)
POINTS = np.stack([X, X], axis=1)


def dots(**rows):
    return Dots(*WORDS, {"Modes": DotPanel({n: {"": i} for n, i in rows.items()})})


def test_a_dot_lies_on_its_interval_in_the_row_of_its_name():
    figure = dots(one=Interval(1.0, 0.5, 3.0), two=Interval(7.0, 6.0, 9.0)).draw()
    (axes,) = figure.axes
    rows = {t.get_text(): t.get_position()[1] for t in axes.get_yticklabels()}
    lines = [line.get_xydata().tolist() for line in axes.get_lines()]
    assert [[0.5, rows["one"]], [3.0, rows["one"]]] in lines
    assert [[7.0, rows["two"]]] in lines
    low, high = axes.get_ylim()
    assert low > rows["two"] > rows["one"] > high


def test_panels_of_the_same_rows_name_them_once():
    panel = DotPanel({"a row": {"": Interval(1.0, 0.0, 2.0)}}, unit="share")
    figure = Dots(*WORDS, {"A": panel, "B": panel}).draw()
    ticks = [tick for axes in figure.axes for tick in axes.get_yticklabels()]
    assert sum(tick.get_text() == "a row" for tick in ticks) == 1


def test_series_have_a_colour_and_a_legend():
    row = {"VAE": Interval(1.0, 0.0, 2.0), "GAN": Interval(3.0, 2.0, 4.0)}
    figure = Dots(*WORDS, {"A": DotPanel({"r": row})}).draw()
    shades = {h.get_label(): h.get_color() for h in figure.legends[0].legend_handles}
    marks = {
        line.get_xdata()[0]: line.get_color()
        for line in figure.axes[0].get_lines()
        if len(line.get_xdata()) == 1
    }
    assert marks == {1.0: shades["VAE"], 3.0: shades["GAN"]}


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (Interval(1.0, 2.0, 3.0), "not between the ends"),
        (Interval(4.0, 2.0, 3.0), "not between the ends"),
        (Interval(1.0, np.nan, 3.0), "finite number"),
        (Interval("1", 0.0, 3.0), "finite number"),
        (Interval(1.0, 0.0, 3.0, X + 2), "the value of 'one' is not between"),
    ],
)
def test_an_interval_holds_its_number(interval, words):
    with pytest.raises(InputError, match=words):
        dots(one=interval)


def scatter(groups, **more):
    return Scatter(*WORDS, {"": ScatterPanel(groups)}, **more)


def test_the_name_of_a_group_stands_at_its_median():
    figure = scatter({"low": POINTS, "high": POINTS + 10}, medians=True).draw()
    places = {text.get_text(): text.xy for text in figure.axes[0].texts}
    assert places == {"low": (1.5, 1.5), "high": (11.5, 11.5)}


def test_points_that_follow_each_other_go_from_faint_to_full():
    figure = scatter({"": POINTS}, ordered=True).draw()
    shades = figure.axes[0].collections[0].get_array()
    assert (np.diff(shades) > 0).all()


def test_panels_may_share_their_limits():
    panels = {"A": ScatterPanel({"": POINTS}), "B": ScatterPanel({"": 50 * POINTS})}
    one, other = Scatter(*WORDS, panels, shared=True).draw().axes
    assert one.get_xlim() == other.get_xlim()
    assert one.get_xlim()[1] < 10


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ({}, "no groups"),
        ({"a": POINTS[:0]}, "no points"),
        ({"a": POINTS.T[:, :3]}, r"shape \(2, 3\)"),
        ({"a": POINTS * np.nan}, "finite"),
        ({"a": POINTS, "": POINTS}, "empty name"),
    ],
)
def test_groups_that_are_no_points_are_refused(groups, words):
    with pytest.raises(InputError, match=words):
        scatter(groups)


def test_bars_up_to_the_level_are_grey():
    panel = BarPanel({"a": 3.0, "b": 2.0, "c": 0.1}, "nats", levels={"active": 1.0})
    (axes,) = Bars(*WORDS, {"KL": panel}).draw().axes
    shades = [bar.get_facecolor() for bar in axes.patches]
    assert shades[0] == shades[1] != shades[2]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["a", "b", "c"]
    assert "active" in texts(axes)


@pytest.mark.parametrize(
    ("panel", "words"),
    [
        (BarPanel({}, "nats"), "no values"),
        (BarPanel({"a": np.nan}, "nats"), "finite number"),
        (BarPanel({"a": 1.0}, " "), "unit"),
        (BarPanel({"a": -1.0}, "nats", log=True), "below 0"),
    ],
)
def test_bars_without_numbers_or_units_are_refused(panel, words):
    with pytest.raises(InputError, match=words):
        Bars(*WORDS, {"KL": panel})


def test_a_row_of_a_heat_map_is_in_the_line_of_its_name():
    rows = {"low": np.zeros(2), "high": np.ones(2)}
    figure = HeatMap(*WORDS, {"": HeatPanel(rows, ("a", "b"))}, "share", digits=0)
    axes = figure.draw().axes[0]
    lines = {t.get_text(): t.get_position()[1] for t in axes.get_yticklabels()}
    written = {text.xy[1]: text.get_text() for text in axes.texts}
    assert written == {lines["low"]: "0", lines["high"]: "1"}


@pytest.mark.parametrize(
    ("rows", "more", "words"),
    [
        ({"a": np.zeros(3)}, {}, r"shape \(3,\); \(2\)"),
        ({"a": np.zeros(2) + np.nan}, {}, "no number at all"),
        ({"a": np.array([0.0, 2.0])}, {"limits": (0.0, 1.0)}, "numbers from 0 to 2"),
        ({}, {}, "no rows"),
    ],
)
def test_heat_maps_that_do_not_fit_are_refused(rows, more, words):
    with pytest.raises(InputError, match=words):
        HeatMap(*WORDS, {"": HeatPanel(rows, ("a", "b"))}, "share", **more)


def movie(steps=(1, 5, 9), frames=3):
    frame = np.arange(float(frames))[:, None, None]
    return Movie(*WORDS, {"GAN": POINTS + frame}, np.array(steps), POINTS)


@pytest.mark.parametrize("theme", [style.LIGHT, style.DARK])
def test_a_movie_has_a_frame_for_each_step_on_the_paper_of_its_theme(theme):
    picture = Image.open(io.BytesIO(movie().draw(theme)))
    assert picture.n_frames == 3
    paper = tuple(int(theme.paper[i : i + 2], 16) for i in (1, 3, 5))
    shown = []
    for frame in range(3):
        picture.seek(frame)
        shown.append(np.asarray(picture.convert("RGB")))
        assert tuple(shown[-1][0, 0]) == paper
    assert (shown[0] != shown[1]).any()


def test_frames_and_steps_belong_together():
    with pytest.raises(InputError, match=r"shape \(3, 4, 2\); \(2, n, 2\)"):
        movie(steps=(1, 5))
    with pytest.raises(InputError, match="growing numbers"):
        movie(steps=(1, 9, 5))
    with pytest.raises(InputError, match="does not move"):
        movie(steps=(1,), frames=1)
