import json
from types import SimpleNamespace

import jax.numpy as jnp
import pytest

from jaxgen import training
from jaxgen.errors import InputError
from jaxgen.training import BestCheckpoint, best_score


def restored(directory, template):
    checkpoints = training.Checkpoints(directory, keep=1)
    try:
        return checkpoints.restore(template)
    finally:
        checkpoints.close()


def best_at(tmp_path, values, metric="l1", **more):
    scores = {step: {metric: value} for step, value in values.items()}
    return BestCheckpoint(
        tmp_path / "best", metric, lambda step: scores.get(step, {}), **more
    )


def test_the_best_state_is_kept_also_over_a_resumption(tmp_path):
    values = {10: 0.3, 20: 0.1, 30: 0.2, 40: 0.05}
    state = SimpleNamespace(make=lambda step: {"net": jnp.full(3, float(step))})
    best = best_at(tmp_path, values)
    for step in (10, 20, 30):
        best(state.make(step), step)
    found, known = restored(tmp_path / "best", state.make(0))
    assert known == {"metric": "l1", "value": 0.1, "step": 20}
    assert found["net"].tolist() == [20, 20, 20]
    # It goes on from step 10, does the same again, and then better.
    again = best_at(tmp_path, values)
    for step in (20, 30, 35):
        again(state.make(step), step)
    assert best_score(tmp_path / "best").step == 20
    again(state.make(40), 40)
    found, known = restored(tmp_path / "best", state.make(0))
    assert known["step"] == 40
    assert found["net"].tolist() == [40, 40, 40]
    with pytest.raises(InputError, match="best checkpoint by l1, not by psnr"):
        best_at(tmp_path, values, "psnr")


def test_more_is_better_of_psnr(tmp_path):
    best = best_at(
        tmp_path, {10: 20.0, 20: 25.0, 30: 22.0}, "psnr", lower_is_better=False
    )
    for step in (10, 20, 30):
        best({"net": jnp.zeros(1)}, step)
    assert best_score(tmp_path / "best").step == 20
    assert best_score(tmp_path) is None


@pytest.mark.parametrize(
    "content", [{"metric": "l1"}, {"metric": "l1", "value": 0.1, "step": 2.5}]
)
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "best.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="best.json is damaged"):
        best_score(tmp_path)
