"""Figures as files: what was written comes back, a stranger's file is never trusted."""

import dataclasses
import json

import numpy as np
import pytest

from jaxgen import report
from jaxgen.errors import InputError
from jaxgen.report import specs

WORDS = ("Title <b>", "Caption, with “quotes”.", "Alt: 3 × 4.")
X = np.arange(3.0)


def images(value=9):
    return np.full([4, 2, 3, 1], value, np.uint8)


def every_kind():
    """A figure of each kind, with every field used."""
    curve = report.Curve(X + 1, X, low=X - 1, high=X + 1, style="dashed")
    return {
        "bars": report.Bars(
            *WORDS,
            {"b": report.BarPanel({"one": 1.5, "two": 2.0}, "nats", levels={"l": 1.0})},
        ),
        "curves": report.Curves(
            *WORDS,
            {
                "c": report.CurvePanel(
                    {"a/b": curve, "ü": report.Curve(X + 1, X)},
                    unit="nats",
                    levels={"floor": -1.0},
                    log="x",
                    limits=(-2.0, 5.0),
                    zone=report.Zone(4.0, "bad", above=True),
                )
            },
            tones={"a/b": "class 3"},
        ),
        "dots": report.Dots(
            *WORDS,
            {
                "d": report.DotPanel(
                    {"row": {"": report.Interval(1.0, 0.0, 2.0, np.array([0.5, 1.5]))}},
                    unit="share",
                    limits=(0.0, 2.0),
                )
            },
            written=True,
        ),
        "heat_map": report.HeatMap(
            *WORDS,
            {"h": report.HeatPanel({"r": X, "s": X + np.nan}, ("a", "b", "c"))},
            unit="nats",
            digits=1,
        ),
        "image_table": report.ImageTable(
            *WORDS,
            {"": {"z": images(), "a": images(70)}},
            plane=report.Plane(X[:2], -X[:2], "x", "y"),
        ),
        "movie": report.Movie(
            *WORDS,
            {"m": np.ones([3, 5, 2])},
            steps=np.array([1, 5, 9]),
            background=np.random.default_rng(0).normal(size=[4, 2]),
        ),
        "scatter": report.Scatter(
            *WORDS,
            {"s": report.ScatterPanel({"a": np.ones([2, 2]), "b": np.ones([0, 2])})},
            equal=True,
            medians=True,
        ),
    }


def same(one, other):
    if dataclasses.is_dataclass(one):
        names = [field.name for field in dataclasses.fields(one)]
        assert type(one) is type(other)
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, dict):
        assert list(one) == list(other)
        return all(same(one[key], other[key]) for key in one)
    if isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, strict=True)
        return True
    return one == other


def test_every_kind_comes_back_as_it_was(tmp_path):
    figures = every_kind()
    assert {type(figure).__name__ for figure in figures.values()} == set(specs.KINDS)
    report.write_figures(tmp_path, figures)
    found = report.read_figures(tmp_path)
    assert list(found) == list(figures)
    assert same(figures, found)


@pytest.mark.parametrize("name", list(every_kind()))
def test_every_kind_is_drawn_light_and_dark_and_as_files(name):
    drawn = every_kind()[name].pictures()
    assert drawn.png[:4] == b"\x89PNG"
    assert drawn.svg.startswith(b"<?xml")
    assert drawn.light != drawn.dark


def test_the_order_of_the_page_is_that_of_writing(tmp_path):
    table = report.ImageTable(*WORDS, {"": {"": images()}})
    report.write_figures(tmp_path, {"zebra": table, "ape": table, "lion": table})
    assert list(report.read_figures(tmp_path)) == ["zebra", "ape", "lion"]


def test_writing_again_leaves_no_figure_of_before(tmp_path):
    table = report.ImageTable(*WORDS, {"": {"": images()}})
    report.write_figures(tmp_path, {"old": table, "kept": table})
    (tmp_path / "figures" / "old.png").write_bytes(b"")
    (tmp_path / "figures" / "losses.png").write_bytes(b"")
    report.write_figures(tmp_path, {"kept": table})
    left = {path.name for path in (tmp_path / "figures").iterdir()}
    assert left == {"kept.json", "kept.npz", "losses.png"}


def test_a_run_without_figures_has_none(tmp_path):
    assert report.read_figures(tmp_path) == {}


@pytest.mark.parametrize("name", ["", "../up", "A", "a b", "1st", "a" * 81, "a.b"])
def test_a_name_that_is_no_file_is_refused(tmp_path, name):
    table = report.ImageTable(*WORDS, {"": {"": images()}})
    with pytest.raises(InputError, match="cannot have the name"):
        report.write_figures(tmp_path, {name: table})


def test_what_is_no_figure_is_refused(tmp_path):
    with pytest.raises(InputError, match="one of the kinds Bars, Curves"):
        report.write_figures(tmp_path, {"plot": np.ones(3)})


@pytest.fixture
def written(tmp_path):
    report.write_figures(tmp_path, every_kind())
    return tmp_path


def change(folder, name, **entries):
    path = folder / "figures" / f"{name}.json"
    content = json.loads(path.read_text())
    for key, value in entries.items():
        *way, last = key.split("__")
        inner = content
        for part in way:
            inner = inner[part]
        inner[last] = value
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"kind": "os.system"}, r"its kind is 'os.system'; Bars"),
        ({"kind": "__import__"}, "its kind is '__import__'"),
        ({"kind": ["Bars"]}, r"its kind \['Bars'\]"),
        ({"kind": "Curves"}, "an object with title, caption, alt, panels, x_label"),
        ({"format": 2}, "format is 2"),
        ({"place": "first"}, "place is 'first'"),
        ({"figure": None}, "figure is None"),
        ({"figure__title": 3}, "figure.title is 3; a text"),
        ({"figure__title": ""}, "title is ''"),
        ({"figure__equal": 1}, "figure.equal is 1; true or false"),
        ({"figure__columns": 1.5}, "figure.columns is 1.5; a whole number"),
        ({"figure__more": 1}, "an object with"),
        ({"figure__panels": []}, "panels is .*; an object"),
        ({"figure__panels__s__groups__a": "elsewhere"}, "the name of an array"),
        ({"figure__panels__s__groups__a": [[1, 2]]}, "the name of an array"),
        ({"figure__panels__s__log": "z"}, "one of"),
    ],
)
def test_a_strangers_file_is_refused_with_its_name(written, entries, words):
    change(written, "scatter", **entries)
    with pytest.raises(InputError, match=rf"scatter\.json.*{words}"):
        report.read_figures(written)


def test_one_array_cannot_stand_in_two_places(written):
    change(written, "scatter", figure__panels__s__groups__a="panels.0.groups.1")
    with pytest.raises(InputError, match=r"scatter\.json"):
        report.read_figures(written)


def arrays_of(folder, name):
    with np.load(folder / "figures" / f"{name}.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", ["curves", "dots", "heat_map", "image_table", "movie"])
def test_arrays_that_were_cut_or_are_of_another_kind_are_refused(written, name):
    """Each array in turn loses its last entries, its numbers or its place."""
    whole = arrays_of(written, name)
    path = written / "figures" / f"{name}.npz"
    for key, array in whole.items():
        changes = [{key: array.astype(str)}, {key: array[None]}]
        if key != "background" and not key.endswith("seeds"):
            changes.append({key: array[: len(array) // 2]})
        for one in changes:
            np.savez(path, **whole | one)
            with pytest.raises(InputError, match=rf"{name}\.json"):
                report.read_figures(written)
        np.savez(path, **{own: whole[own] for own in whole if own != key})
        with pytest.raises(InputError, match=rf"{name}\.json"):
            report.read_figures(written)
    np.savez(path, **whole, more=X)
    with pytest.raises(InputError, match=r"beside it are \[.*'more'"):
        report.read_figures(written)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"{}"])
@pytest.mark.parametrize("ending", ["json", "npz"])
def test_a_damaged_file_is_named(written, ending, content):
    (written / "figures" / f"movie.{ending}").write_bytes(content)
    with pytest.raises(InputError, match=r"figures/movie\."):
        report.read_figures(written)
