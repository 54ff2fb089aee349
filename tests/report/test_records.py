"""Figures of the log: floors, constraints, and what has no unit."""

import json

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.report import style
from jaxgen.report.records import record_figures
from jaxgen.report.run import read_run
from tests.report.drawings import drawn, texts


def write(path, **config):
    """A run whose KL goes to 25 while beta finds its place."""
    rows = []
    for step in range(1, 31):
        kl = 25 + 10 * float(np.exp(-step / 5))
        row = {"step": step, "epoch": step / 2, "split": "train", "loss": 90.0 + kl}
        row |= {"reconstruction": 80.0 + 10 / step, "kl": kl, "kl_average": kl + 0.1}
        rows.append(row | {"beta": 1 + step / 10, "slack": kl - 25})
    path.mkdir(exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (path / "metrics.jsonl").write_text(text)
    (path / "config.json").write_text(json.dumps(config))
    return read_run(path)


def found(run):
    return record_figures(run)


def titles(figure):
    return [axes.get_title("left") for axes in figure.axes]


@pytest.mark.parametrize("theme", [style.LIGHT, style.DARK])
def test_a_constraint_is_drawn_with_its_target(tmp_path, theme):
    plate = found(write(tmp_path, constraint={"kl": 25.0}))["constraint"]
    figure = plate.draw(theme)
    assert titles(figure) == ["KL", "Beta", "Slack"]
    term, beta, slack = figure.axes
    assert "target 25.00" in texts(term)
    assert any(set(line.get_ydata()) == {25.0} for line in term.get_lines())
    low, high = term.get_ylim()
    assert low < 25 < high
    assert beta.get_yscale() == "log"
    assert any(set(line.get_ydata()) == {0} for line in slack.get_lines())
    assert "its target of 25 nats per image" in plate.caption
    assert drawn(figure).std() > 1


def test_what_the_constraint_shows_is_no_loss_term(tmp_path):
    figures = found(write(tmp_path, constraint={"kl": 25.0}))
    shown = titles(figures["losses"].draw(style.LIGHT))
    assert shown == ["Loss", "Reconstruction", "KL"]
    assert "constraint" not in (free := found(write(tmp_path)))
    assert {"Beta", "Slack"} <= set(titles(free["losses"].draw(style.LIGHT)))


def test_a_constraint_on_the_reconstruction_is_drawn(tmp_path):
    figures = found(write(tmp_path, constraint={"reconstruction": 80.0}))
    assert titles(figures["constraint"].draw(style.LIGHT))[0] == "Reconstruction"


@pytest.mark.parametrize("key", ["constraint", "floors"])
@pytest.mark.parametrize("value", [25.0, {"kl": "much"}, ["kl"], {"kl": float("nan")}])
def test_a_damaged_configuration_is_named(tmp_path, key, value):
    with pytest.raises(InputError, match=rf"config\.json: '{key}' is "):
        found(write(tmp_path, **{key: value}))


def test_what_steers_a_loss_has_no_unit(tmp_path):
    units = write(tmp_path).units
    assert units["kl"] == "nats per image"
    assert not {"beta", "slack"} & set(units)


def test_a_floor_is_explained_where_it_is_drawn(tmp_path):
    with_floor = found(write(tmp_path, floors={"reconstruction": 70.0}))["losses"]
    assert "no model can go below" in with_floor.caption
    assert "entropy" not in found(write(tmp_path))["losses"].caption
