"""Critics held to what they estimate: closed forms, and a small run of every study."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from experiments import divergences
from experiments.critic_studies import gaussians, lines
from experiments.critic_studies.best import best_critics
from jaxgen.errors import InputError

SMALL = divergences.Config(
    seeds=2,
    steps=150,
    learning_rate=2e-2,
    hidden=(16,),
    penalties=(10.0,),
    draws=256,
    distances=(0.5,),
    farthest=3.0,
    bins=6,
)


def test_the_best_slope_under_a_penalty_is_found_by_search():
    slopes = np.linspace(0.5, 8, 200_001)
    for theta, weight in ((0.3, 10.0), (-1.0, 0.1)):
        gain = slopes * abs(theta) - weight * (slopes - 1) ** 2
        best = slopes[np.argmax(gain)] * abs(theta)
        np.testing.assert_allclose(
            lines.penalized_estimate(np.array(theta), weight), best, rtol=1e-4
        )


def test_the_best_critic_of_gaussians_is_steep_only_where_the_penalty_lets_it():
    x = np.linspace(-4, 4, 33)
    heavy = best_critics(x, 3.0, 1e6)
    np.testing.assert_allclose(heavy.penalized, 3.0, rtol=1e-5)
    np.testing.assert_allclose(heavy.penalized_slope, heavy.slope, rtol=1e-4)
    # Between pairs is a density: the mean excess slope is W / (2 w), whatever it is.
    fine = np.linspace(-12, 12, 4001)
    found = best_critics(fine, 3.0, 10.0)
    rng = np.random.default_rng(0)
    mixing = rng.random(400_000)
    pairs = rng.normal([-1.5, 1.5], 1, (400_000, 2))
    between = mixing * pairs[:, 0] + (1 - mixing) * pairs[:, 1]
    excess = np.interp(between, fine, -found.penalized_slope) - 1
    error = excess.std() / np.sqrt(len(excess))
    assert abs(excess.mean() - 3.0 / 20) < 5 * error


def test_critics_of_lines_read_the_truth_and_leave_a_page(tmp_path):
    studies = ("parallel_lines", "moved_earth")
    config = dataclasses.replace(SMALL, output=str(tmp_path), studies=studies)
    results = divergences.main(config)
    folder = Path(results["page"]).parent
    for kind in ("arrays", "figures"):
        assert {path.stem for path in (folder / kind).iterdir()} == set(studies)
    assert results["lines: JS estimate, farthest from log 2"] < 3
    assert results["lines: W estimate (penalty 10), farthest from |theta|"] < 10
    summary = json.loads((folder / "summary.json").read_text())
    for table in summary["tables"]:
        assert {len(row) for row in table["rows"]} == {len(table["columns"])}
    with np.load(folder / "arrays" / "parallel_lines.npz") as arrays:
        gradient = dict(zip(arrays["names"], arrays["gradient"][:, -1], strict=True))
    # Down the gradient is towards the data: theta falls.
    assert gradient["non_saturating"] > 5 > gradient["wasserstein"] > 0.5
    assert 0 < gradient["minimax"] < 0.5


def test_the_gradient_of_js_fades_where_that_of_kl_grows():
    found = gaussians.moving_apart(farthest=6.0, points=13)
    kl, js, distance = found.arrays["gradients"]
    theta = found.arrays["theta"]
    np.testing.assert_allclose(kl, theta, atol=1e-12)
    np.testing.assert_allclose(distance[1:], 1.0)
    assert js[-1] < 0.03 * js.max()
    np.testing.assert_allclose(found.arrays["loss_gradients"][0], 2 * js)


@pytest.mark.slow
def test_critics_of_gaussians_come_near_the_best(tmp_path):
    config = dataclasses.replace(
        SMALL, output=str(tmp_path), studies=("learned_critics",), steps=600
    )
    results = divergences.main(config)
    assert results["Gaussians: JS read, from the truth"] < 5
    assert results["Gaussians: W read, from the best under the penalty"] < 5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"studies": ()}, "--studies is empty"),
        ({"bins": 1}, "--bins=1"),
        ({"penalties": (0.0,)}, "--penalties=0"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, sentence):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **options)
    with pytest.raises(InputError, match=sentence):
        divergences.main(config)
    assert not list(tmp_path.iterdir())
