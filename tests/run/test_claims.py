import json

import numpy as np
import pytest

from jaxgen import run
from jaxgen.errors import InputError

NUMBER = run.Estimate(0.7, 0.6, 0.8)


def claim_of(reason: str, held: bool | None) -> run.Claim:
    def check(evidence):
        assert not reason, "it is checked where it does not apply"
        return run.Finding(held, "share", NUMBER, "0.1 by chance", "one seed")

    return run.Claim("All is well.", applies=lambda evidence: reason, check=check)


@pytest.mark.parametrize(
    ("reason", "held", "outcome"),
    [
        ("", True, "held"),
        ("", False, "not held"),
        ("", None, "cannot be told here"),
        ("other latents", True, "cannot be told here"),
    ],
)
def test_a_claim_has_three_outcomes(reason, held, outcome):
    verdict = claim_of(reason, held).verdict(None)
    assert verdict.outcome == outcome
    kept = json.loads(json.dumps(verdict.as_json()))
    assert kept["verdict"] == outcome
    assert kept["sentence"] == "All is well."
    assert ("number" in kept) == (not reason)
    assert (reason or "one seed") in str(verdict)


def test_numbers_have_as_many_digits_as_their_interval_tells():
    assert run.Estimate(168.104, 167.48, 168.728).text == "168.10 ± 0.62"
    assert run.Estimate(12345.6, 12321.6, 12369.6).text == "12,346 ± 24"
    assert run.Estimate(0.9, 0.76, 0.96).text == "0.90 (0.76 to 0.96)"
    assert run.Estimate(-1.0, -1.1, -0.9).text == "−1.00 ± 0.10"
    assert str(run.Estimate(2.0, unit="nats")) == "2.00 nats"
    assert run.Estimate(0.0004).text == "0.0004"
    assert run.Estimate(-0.001, -0.5, 0.5).text == "0.00 ± 0.50"


@pytest.mark.parametrize("ends", [(1.0, 2.0), (-1.0, 0.0), (None, 1.0), (0.0, None)])
def test_an_interval_holds_its_value(ends):
    with pytest.raises(InputError, match="interval"):
        run.Estimate(0.5, *ends)


def test_an_interval_of_a_mean_holds_the_truth_19_times_of_20():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        found = run.mean_estimate(rng.normal(3.0, 2.0, 50))
        hits += found.low <= 3.0 <= found.high
    assert abs(hits / 2000 - 0.95) < 5 * (0.95 * 0.05 / 2000) ** 0.5


def test_a_mean_that_is_known_is_kept():
    found = run.mean_estimate(np.array([1.0, 3.0]), "nats", mean=2.5)
    assert found.value == 2.5
    # A t of one degree of freedom, times a standard error of 1.
    assert found.high - found.low == pytest.approx(2 * 12.7062, rel=1e-5)
    assert run.mean_estimate(np.array([1.0])) == run.Estimate(1.0)
    assert run.mean_estimate(np.array([1.0, np.inf])).low is None
    with pytest.raises(InputError, match="at least one"):
        run.mean_estimate(np.array([]))


def test_a_row_has_a_cell_for_each_column():
    with pytest.raises(InputError, match="2 columns and a row of 1"):
        run.Table(title="T", columns=["a", "b"], rows=[["1"]])
