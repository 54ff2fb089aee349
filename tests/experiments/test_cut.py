import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments import cut
from jaxgen import report, training
from jaxgen.errors import InputError
from tests.experiments.tiny_scripts import tiny_networks

TINY = cut.Config(
    degrade="none",
    image_size=16,
    share=0.06,
    best="l1",
    width=4,
    critic_width=4,
    epochs=1,
    batch_size=16,
    look_every=1,
    devices=1,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> dict:
    config = dataclasses.replace(TINY, output=str(tmp_path_factory.mktemp("runs")))
    with tiny_networks():
        return cut.main(config)


def test_a_run_goes_one_way_and_leaves_figures_a_table_and_a_verdict(run):
    folder = Path(run["page"]).parent
    assert folder.name == "emoji-cut-16-6percent"
    assert list(report.read_figures(folder)) == ["translation_triples"]
    summary = json.loads((folder / "summary.json").read_text())
    (table,) = summary["tables"]
    assert table["title"] == "Held-out images, a to b"
    assert list(summary["results"]) == ["L1"]
    assert summary["claim"]["reason"] == "too few steps: 2 of 500"
    looks = training.read_records(folder / "translation.jsonl")
    assert [look["split"] for look in looks] == ["a_to_b"]


@pytest.mark.parametrize(
    ("options", "weight"),
    [
        ({}, 1.0),
        ({"fast": True}, 10.0),
        ({"fast": True, "nce_weight": 3.0}, 3.0),
    ],
)
def test_fast_has_one_contrastive_term_of_ten_times_the_weight(options, weight):
    with tiny_networks():
        model = cut.build(dataclasses.replace(TINY, **options), (3, 3), steps=10)
    images = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)
    batch = {"a": images, "b": images[::-1]}
    state = jax.jit(model.init)(jax.random.key(0), batch)
    _, terms = jax.jit(model.update)(state, batch)
    nce = terms["nce"]
    if not options.get("fast"):
        nce = (nce + terms["nce_identity"]) / 2
    assert ("nce_identity" in terms) != options.get("fast", False)
    total = terms["adversarial"] + weight * nce
    assert terms["generator_loss"] == pytest.approx(float(total), rel=1e-5)


def test_patches_are_compared_in_the_layers_of_the_generator():
    model = cut.build(TINY, (3, 3), steps=10)
    batch = {
        name: jax.ShapeDtypeStruct((4, 16, 16, count), np.float32)
        for name, count in (("a", 3), ("b", 3))
    }
    state = jax.eval_shape(model.init, jax.random.key(0), batch)
    _, terms = jax.eval_shape(model.update, state, batch)
    assert {"nce", "nce_identity", "critic_sum"} <= terms.keys()


def test_a_cycle_is_not_measured(tmp_path):
    config = dataclasses.replace(TINY, best="cycle", output=str(tmp_path / "runs"))
    with (
        tiny_networks(),
        pytest.raises(InputError, match="'cycle' of the best .* not measured"),
    ):
        cut.main(config)
    assert not (tmp_path / "runs").exists()
