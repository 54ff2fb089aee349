"""The figures of estimators: what is drawn, what is left out, what is refused."""

import json

import matplotlib
import numpy as np
import pytest
from PIL import Image

from jaxgen.errors import InputError
from jaxgen.report import comparison, estimators, style, write_page
from jaxgen.report.run import read_run
from tests.report.drawings import drawn, texts
from tests.report.test_page import elements

NAMES = np.array(["score", "score, mean baseline", "pathwise"])


def row(name, total, *, biased=False, claims=True, cost=2):
    return {
        "name": name,
        "claims_unbiased": claims,
        "biased": biased,
        "squared_bias": 0.25,
        "total_variance": total,
        "total_interval": [0.9 * total, 1.1 * total],
        "cost": {"evaluations": cost, "gradients": 0, "total": cost},
    }


def report(*rows):
    said = {"reference": "exact, in float64", "repeats": 2000}
    return said | {"budget": "4 evaluations", "level": 0.99, "rows": list(rows)}


def three_ways(scale=1.0):
    edges = np.linspace(-8, 14, 41)
    counts = np.tile(np.arange(40), (2, 3, 1))
    pairs = scale * np.ones((2, 3))
    return {
        "edges": edges,
        "counts": counts,
        "mean": pairs,
        "variance": pairs,
        "exact_variance": pairs,
        "truth": np.array([1.0, 2.0]),
        "names": np.array(
            ["score", "measure-valued, coupled", "measure-valued, uncoupled"]
        ),
        "setting": np.array([1.0, 1.0]),
    }


def integrands():
    arrays = {"names": NAMES, "setting": np.ones(2), "cosine_zeros": np.array([np.pi])}
    for kind in ("square", "bell", "cosine"):
        curve, points = np.geomspace(0.1, 10, 21), np.array([0.2, 5.0])
        arrays |= {
            f"{kind}_k": curve,
            f"{kind}_points": points,
            f"{kind}_exact": np.stack([np.outer(curve**p, [1, 2]) for p in (0, 1, 2)]),
            f"{kind}_measured": np.stack(
                [np.outer(points**p, [1, 2]) for p in (0, 1, 2)]
            ),
            f"{kind}_half_width": np.full((3, 2, 2), 0.01),
        }
    return arrays


def bernoulli():
    variance = np.array([[[1.0, 2.0], [3.0, 4.0]], [[1e-17, 1e-17], [0.0, 1.0]]])
    return {
        "numbers": np.array([1, 10]),
        "target": np.array([0.45]),
        "probability": np.array([0.3]),
        "names": np.array(["score", "measure-valued"]),
        "variance": variance,
        "half_width": 0.1 * variance,
        "evaluations": np.array([[1, 1], [2, 11]]),
        "exact_names": np.array(["score"]),
        "exact": variance[:1],
        "biased": np.array(["ReinMax"]),
        "bias": np.array([[[0.0, 0.1], [-1.5, 0.5]]]),
        "bias_half_width": np.full((1, 2, 2), 0.1),
    }


def regression():
    return {
        "names": NAMES,
        "step": np.arange(5) * 20,
        "elbo": -np.geomspace(100, 68, 15).reshape(3, 5),
        "accuracy": np.full((3, 5), 0.98),
        "best": np.array([-67.0]),
        "at": np.array([0, 20, 80]),
        "variance": np.geomspace(1, 1e4, 18).reshape(3, 3, 2),
        "half_width": np.full((3, 3, 2), 0.1),
        "samples": np.array([50]),
        "rows": np.array([569]),
    }


PLATES = {
    "three_ways": three_ways,
    "integrands": integrands,
    "bernoulli": bernoulli,
    "regression": regression,
}


def write_study(path):
    """A run that keeps no records, as `experiments.estimator_variance` leaves one."""
    (path / "arrays").mkdir(parents=True)
    config = {
        "experiment": "estimator_variance",
        "title": "Estimators",
        "command": "python -m experiments.estimator_variance",
        "config": {"seed": 0},
        "records": False,
    }
    (path / "config.json").write_text(json.dumps(config))
    table = {"title": "<Exact>", "note": "", "words": 1, "columns": ["f", "variance"]}
    table["rows"] = [["m z", "3.02 ± 0.1"], ["<i>", "2"]]
    summary = {"results": {"ratio": 25.04}, "tables": [table], "seconds": 3.0}
    (path / "summary.json").write_text(json.dumps(summary))
    for name, arrays in PLATES.items():
        np.savez(path / "arrays" / f"{name}.npz", **arrays())
    return path


@pytest.mark.parametrize("theme", [style.LIGHT, style.DARK])
@pytest.mark.parametrize("name", PLATES)
def test_each_study_is_drawn_in_both_themes(name, theme):
    figure = getattr(estimators, name)(PLATES[name](), theme=theme)
    assert drawn(figure).std() > 5


def test_an_estimator_has_one_colour_in_all_figures():
    data = integrands(), regression()
    figures = (
        estimators.integrands(data[0]),
        estimators.regression(data[1]),
    )
    for name in NAMES:
        found = {
            matplotlib.colors.to_hex(handle.get_color())
            for figure in figures
            for legend in figure.legends
            for handle, text in zip(legend.get_lines(), legend.get_texts(), strict=True)
            if text.get_text() == name
        }
        assert len(found) == 1


def test_the_ratio_at_cos_5x_is_read_from_the_curves():
    said = texts(estimators.integrands(integrands()))
    assert "25×" in said


def test_every_point_is_inside_its_panel_and_the_zeros_are_named():
    data = integrands()
    data["cosine_measured"][2, 0] = 1e-7
    figure = estimators.integrands(data)
    upper = figure.axes[2]
    assert upper.get_ylim()[0] < 1e-7
    assert "0 at \N{GREEK SMALL LETTER PI}" in texts(upper)


def test_errors_that_flip_are_averaged_over_windows():
    data = regression()
    data |= {"step": np.arange(251) * 20, "elbo": np.full((3, 251), -68.0)}
    data["accuracy"] = np.tile(0.98 + 0.01 * (np.arange(251) % 2), (3, 1))
    line = estimators.regression(data).axes[1].get_lines()[0]
    x, y = line.get_data()
    assert x[:3].tolist() == [0, 20, 40]
    assert 15 < len(x) < 30
    np.testing.assert_allclose(y[-5:], 0.015, atol=0.001)


def test_what_has_no_variance_is_said_and_not_drawn():
    figure = estimators.bernoulli(bernoulli())
    assert "measure-valued: no variance" in texts(figure.axes[0])
    assert "measure-valued: no variance at D = 1" in texts(figure.axes[1])
    heights = [
        height
        for line in figure.axes[0].get_lines()
        for height in np.atleast_1d(line.get_ydata())
    ]
    assert min(heights) > 1e-9


def test_labels_at_the_ends_are_apart_and_in_order():
    heights = style.spread_apart([0.1, 0.5, 0.5, 0.5, 0.99], 0.1)
    assert (np.diff(heights) > 0.099).all()
    assert min(heights) >= 0.02
    assert max(heights) <= 0.98


def test_a_comparison_is_sorted_with_the_biased_apart_and_the_skipped_left_out():
    content = report(
        row("dear", 3.0),
        {"name": "skipped", "skipped": "because"},
        row("biased", 0.1, biased=True, claims=False),
        row("cheap", 1.0),
        row("unseen", 0.2, claims=False),
        row("exact", 0.0),
    )
    axes = comparison.draw(content).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["exact", "cheap", "dear", "biased", "unseen"]
    places = axes.transData.transform([(1, y) for y in axes.get_yticks()])[:, 1]
    assert (np.diff(places) < 0).all()
    said = texts(axes.figure)
    assert {"no variance", "bias²", "0.25"} <= set(said)


def test_nothing_of_a_comparison_is_cut_off_however_long_the_names():
    long = "ScoreFunction(baseline='moving_average', of_a_long=True)"
    figure = comparison.draw(report(row(long, 1.0), row("b", 2.0, biased=True)))
    figure.draw_without_rendering()
    whole = figure.get_window_extent()
    inside = figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert whole.x0 <= inside.x0
    assert inside.x1 <= whole.x1
    (legend,) = figure.legends
    (said,) = (text for text in texts(figure) if "Truth" in text)
    assert "exact, in float64. 2,000 gradients each, of 4 evaluations" in said
    first, second = (text.get_text() for text in legend.get_texts())
    assert first == "unbiased"
    assert second.startswith("biased")


def test_every_interval_of_a_comparison_is_inside_the_axis():
    axes = comparison.draw(report(row("a", 1e-3), row("b", 1e3, cost=7))).axes[0]
    low, high = axes.get_xlim()
    assert low < 0.9e-3 * 2
    assert high > 1.1e3 * 7


def test_a_comparison_of_exact_estimators_alone_is_drawn():
    assert drawn(comparison.draw(report(row("sum", 0.0)))).std() > 1


def test_a_comparison_without_a_measured_row_is_refused():
    with pytest.raises(InputError, match="measured no estimator"):
        comparison.draw(report({"name": "a", "skipped": "because"}))


def test_a_comparison_is_written_as_a_picture(tmp_path):
    comparison.draw(report(row("a", 1.0)), tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as picture:
        assert picture.width > 500


def test_a_study_without_records_has_a_page_with_its_tables(tmp_path):
    page = write_page(write_study(tmp_path / "runs" / "estimator_variance" / "all"))
    text = page.read_text(encoding="utf-8")
    assert {path.stem for path in (page.parent / "figures").iterdir()} == set(PLATES)
    assert "--resume" not in text
    assert "&lt;Exact&gt;" in text
    assert "&lt;i&gt;" in text
    assert "3.02 ± 0.1" in text
    assert 'id="plane"' not in text
    pictures = [e for tag, e in elements(page) if tag == "img"]
    assert all(len(picture["alt"]) > 20 for picture in pictures)


def test_only_a_run_that_says_so_may_keep_no_records(tmp_path):
    folder = write_study(tmp_path / "all")
    assert read_run(folder).rows == []
    config = json.loads((folder / "config.json").read_text())
    del config["records"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"it holds no metrics\.jsonl"):
        read_run(folder)


def test_a_damaged_table_is_named(tmp_path):
    folder = write_study(tmp_path / "all")
    (folder / "summary.json").write_text('{"tables": [{"title": "no rows"}]}')
    with pytest.raises(InputError, match=r"summary\.json is damaged: a table needs"):
        write_page(folder)
