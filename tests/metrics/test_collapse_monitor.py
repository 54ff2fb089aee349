from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import training
from jaxgen.data import mixtures
from jaxgen.metrics import CollapseMonitor, GANHealth
from jaxgen.metrics.collapse_monitor import SIZES
from jaxgen.models import remedies
from jaxgen.report.gan.monitor import health
from jaxgen.report.run import Run
from jaxgen.report.style import LIGHT
from tests.models import tiny_gan

RING = mixtures.ring(8)
POINTS = RING.draw(jax.random.key(0), 300)


class Fixed:
    """A generator that gives the points it is told to."""

    def __init__(self, path, *, heard, mixture=RING, test=None):
        model = tiny_gan.gan(remedies=[remedies.pac(2)])
        self.model = model._replace(sample=lambda state, key, n: state.ema[:n])
        self.state = model.init(jax.random.key(1), {"data": POINTS[:8]})
        self.monitor = CollapseMonitor(
            path,
            self.model,
            jax.random.key(2),
            {"data": POINTS},
            mixture=mixture,
            test=test,
            warn=heard.append,
        )

    def look(self, points, step):
        self.monitor(self.state._replace(ema=points), step)


def test_modes_are_counted_recorded_and_a_collapse_is_told_once(tmp_path):
    heard, path = [], tmp_path / "monitor.jsonl"
    watched = Fixed(path, heard=heard, test={"data": POINTS})
    two = jnp.where(
        POINTS[:, :1] > 0, jnp.array([[1.0, 0.0]]), jnp.array([[-1.0, 0.0]])
    )
    for step in range(1, 6):
        watched.look(two, step)
        assert len(heard) == (step > 2)
    assert heard[0].startswith("Samples cover 2 of 8 modes: the generator collapses;")
    watched.look(POINTS, 6)
    for step in (7, 8, 9):
        watched.look(two, step)
    assert len(heard) == 2
    records = training.read_records(path)
    assert [record["modes"] for record in records] == [2] * 5 + [8] + [2] * 3
    assert records[5]["diversity"] == pytest.approx(1.0)

    again = Fixed(path, heard=[])
    again.look(POINTS, 4)
    assert [r["step"] for r in training.read_records(path)] == [1, 2, 3, 4]


def test_without_known_modes_the_neighbours_tell(tmp_path):
    heard, path = [], tmp_path / "monitor.jsonl"
    watched = Fixed(path, heard=heard, mixture=None)
    fresh = RING.draw(jax.random.key(5), 300)
    for step in (1, 2, 3):
        watched.look(fresh, step)
    assert not heard
    for step in (4, 5, 6):
        watched.look(0.01 * POINTS, step)
    assert "as far from each other as data" in heard[0]
    records = training.read_records(path)
    assert abs(records[0]["coverage"] - 1.0) < 0.15
    assert records[-1]["coverage"] == 0.0


def test_a_state_that_is_not_finite_is_left_to_the_loop(tmp_path):
    heard = []
    Fixed(tmp_path / "m.jsonl", heard=heard).look(np.nan * POINTS, 1)
    assert not heard
    assert not (tmp_path / "m.jsonl").exists()


def test_a_critic_that_knows_its_data_by_heart_is_told():
    well = GANHealth(8, 8, None, 1.0, 0.2, 0.1)
    assert well.warning is None
    kind, sentence = well._replace(held_out=0.8).warning
    assert kind == "overfitting"
    assert "held-out data are 80% of the way from training data to samples" in sentence
    # The collapse first, where there are both.
    assert well._replace(modes=3, held_out=0.8).warning[0] == "modes"


def test_what_was_seen_is_a_figure_of_the_page(tmp_path):
    run = Run(tmp_path, {}, [], {})
    assert health(run) is None
    watched = Fixed(tmp_path / "monitor.jsonl", heard=[])
    for step in (1, 2):
        watched.look(POINTS, step)
    plate = health(run)
    assert "modes 8, diversity 1.000" in plate.alt
    panels = {axes.get_title("left"): axes for axes in plate.draw(LIGHT).axes}
    assert {"Modes", "Diversity", "Sign"} <= panels.keys()
    assert [text.get_text() for text in panels["Modes"].texts] == ["monitor\n8"]


PLAIN = SimpleNamespace(
    sample=lambda state, key, n: state[:n],
    critique=lambda state, samples: samples[:, 0],
)
OF_CLASSES = SimpleNamespace(
    num_classes=3,
    sample=lambda state, key, n, condition: state[:n],
    critique=lambda state, samples, known: known @ jnp.array([1.0, 1.0, -1.0]),
)


@pytest.mark.parametrize(
    ("model", "sign"),
    [(PLAIN, np.sign(POINTS[:240, 0]).mean()), (OF_CLASSES, 1 / 3)],
)
def test_any_model_that_samples_and_judges_is_watched(tmp_path, model, sign):
    path = tmp_path / "monitor.jsonl"
    batch = {"data": POINTS, "label": np.arange(300) % 3}
    CollapseMonitor(path, model, jax.random.key(2), batch, test=batch)(POINTS, 1)
    (record,) = training.read_records(path)
    assert record["sign"] == pytest.approx(sign)


def test_a_look_is_small_and_splits_into_groups():
    assert SIZES[0] <= 1000
    assert all(size % group == 0 for size in SIZES[:6] for group in (2, 3, 5))
