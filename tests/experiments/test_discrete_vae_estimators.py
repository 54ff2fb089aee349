import dataclasses
from pathlib import Path

import numpy as np
import pytest

from experiments import discrete_vae_estimators as script
from jaxgen.errors import InputError

SMALL = script.Config(
    data="digits",
    hidden=(8,),
    latents=4,
    steps=20,
    batch_size=64,
    estimators=("REBAR",),
    places=1,
    draws=40,
    images=8,
    devices=1,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, dict]:
    config = dataclasses.replace(SMALL, output=str(tmp_path_factory.mktemp("runs")))
    results = script.main(config)
    return Path(results["page"]).parent, results


def test_a_run_leaves_the_figure_and_the_tables(run):
    folder, results = run
    assert folder.name == "digits-4bits"
    assert (folder / "figures" / "estimators_along.png").stat().st_size > 0
    page = (folder / "index.html").read_text()
    for title in ("Own runs of 20 steps", "Gradients at step", "What is claimed"):
        assert title in page
    assert results["largest of 2 deviations of REBAR"] < 5


def test_every_number_of_the_figure_is_finite_and_the_common_run_takes_part(run):
    with np.load(run[0] / "arrays" / "estimators_along.npz") as arrays:
        assert list(arrays["names"]) == ["RLOO-2", "REBAR"]
        assert list(arrays["at"]) == [0, 1]
        for name in ("elbo", "seconds", "variance", "half_width", "snr"):
            assert np.isfinite(arrays[name]).all()
        assert (arrays["variance"] > 0).all()
        # The same start on the same batches.
        np.testing.assert_allclose(arrays["elbo"][:, 0], arrays["elbo"][0, 0], rtol=0.1)


def test_the_names_are_those_that_have_a_look_on_the_page():
    from tests.report.family.folder import ESTIMATORS

    assert set(script.CHOSEN) == set(map(str, ESTIMATORS))


def test_what_cannot_be_enumerated_is_left_out():
    few = script.entrants_of(script.Config(latents=8))
    assert list(few) == list(script.CHOSEN)
    assert "enumeration" not in script.entrants_of(script.Config(latents=20))


def test_pairs_are_compared_at_equal_evaluations():
    config = script.Config()
    work = {
        name: script.evaluations(config, entrant)
        for name, entrant in script.entrants_of(config).items()
    }
    for less, more in script.PAIRS:
        assert work[less] == work[more]
    assert work["enumeration"] == 2**8


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"images": 100}, "--images is 100 and --batch-size 64"),
        ({"draws": 10}, "--draws=10"),
        ({"latent_kind": "categorical", "classes": 1}, "--classes=1"),
        ({"places": 0}, "--places=0"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, said, tmp_path):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **options)
    with pytest.raises(InputError, match=said):
        script.main(config)
    assert not list(tmp_path.iterdir())
