import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments import importance_bounds, iwae
from experiments.importance_bounds import bound_of
from jaxgen.errors import InputError

SMALL = iwae.Config(
    data="digits",
    hidden=(8,),
    latents=3,
    steps=60,
    batch_size=50,
    devices=1,
    ks=(1, 4),
    compare_gradients=False,
    nll_samples=20,
    nll_images=120,
    gradient_draws=25,
    learning_rate=1e-2,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, dict]:
    config = dataclasses.replace(SMALL, output=str(tmp_path_factory.mktemp("runs")))
    results = iwae.main(config)
    return Path(results["page"]).parent, results


def test_a_run_leaves_a_page_with_the_bounds_and_every_model(run):
    folder, results = run
    assert folder.name == "digits-k1-4"
    figures = {path.stem for path in (folder / "figures").glob("*.png")}
    assert {"losses", "bounds", "reconstructions"} <= figures
    names = ["VAE", "IWAE-4"]
    for name in names:
        assert np.isfinite(results[f"-log p(x), {name}"])
        assert 0 <= results[f"active latents, {name}"] <= 3
    tables = json.loads((folder / "summary.json").read_text())["tables"]
    likelihood, signal = tables
    assert [row[0] for row in likelihood["rows"]] == names
    assert [row[0] for row in signal["rows"]] == ["pathwise", "stl", "dreg"]
    # Ten groups of two, and an interval of nine degrees of freedom.
    assert " 20 draws" in signal["note"]
    assert importance_bounds.REACH == pytest.approx(3.2498, abs=1e-4)
    for table in tables:
        assert {len(row) for row in table["rows"]} == {len(table["columns"])}


def test_the_bound_rises_with_the_number_of_samples(run):
    with np.load(run[0] / "arrays" / "bounds.npz") as data:
        assert data["k"].tolist() == [1, 2, 5, 10, 20]
        # Each of these divides the next: that holds of every sample.
        for chain in ([0, 1, 3, 4], [0, 2, 3, 4]):
            assert (np.diff(data["bound"][:, chain], axis=1) > 0).all()


def test_the_first_bound_is_the_evidence_bound_that_training_logged(run):
    folder, results = run
    records = (folder / "parts" / "VAE" / "metrics.jsonl").read_text().splitlines()
    logged = [r for r in map(json.loads, records) if r["split"] == "test"][-1]["loss"]
    with np.load(folder / "arrays" / "bounds.npz") as data:
        measured, half_width = -data["bound"][0, 0], data["half_width"][0, 0]
    # Over the first images alone.
    assert abs(measured - logged) < 2 * half_width


def test_the_largest_k_is_trained_by_a_second_gradient():
    config = dataclasses.replace(SMALL, ks=(1, 5, 3), compare_gradients=True)
    assert iwae.tasks_of(config)[3:] == [("IWAE-5-pathwise", 5, "pathwise")]
    config = dataclasses.replace(config, estimator="pathwise")
    assert iwae.tasks_of(config)[3:] == [("IWAE-5-dreg", 5, "dreg")]
    config = dataclasses.replace(config, ks=(1,))
    assert iwae.tasks_of(config) == [("VAE", 1, "plain")]


def test_bounds_of_groups_by_hand():
    weights = np.log([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [9.0, 9.0], [7.0, 7.0]])
    expected = [
        np.mean(np.log([2.0, 7.0])),
        np.mean(np.log([3.0, 7.5])),
    ]
    np.testing.assert_allclose(bound_of(weights, 2), expected)


def test_the_schedule_is_that_of_the_paper():
    at = jax.jit(iwae.burda_schedule(1e-3, 3280))
    ends = np.cumsum([3**i for i in range(8)])
    assert ends[-1] == 3280
    for stage, end in enumerate(ends):
        for step in (end - 3**stage, end - 1):
            np.testing.assert_allclose(at(step), 1e-3 * 10 ** (-stage / 7), rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ks": (1, 0)}, "--ks=0: give a number above 0"),
        ({"ks": (5, 5)}, "--ks is 5 5: give each number of samples once"),
        ({"binarize": "no"}, "--binarize is no.*dynamic or fixed"),
        ({"nll_images": 1}, "--nll-images=1"),
        ({"gradient_draws": 5}, "--gradient-draws is 5.*at least 20"),
    ],
)
def test_options_that_cannot_be_used_are_named(options, message, tmp_path):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **options)
    with pytest.raises(InputError, match=message):
        iwae.main(config)
    assert not list(tmp_path.iterdir())
