import numpy as np
import pytest

from jaxgen import metrics
from jaxgen.errors import InputError
from jaxgen.metrics import collapse


def test_every_latent_gets_its_verdict():
    report = metrics.collapse_report([0.0, 2.0, 0.5], [0.0, 0.8, 0.001])
    assert report.verdicts == (collapse.COLLAPSED, collapse.ACTIVE, collapse.CONSTANT)
    assert report.num_active == 1
    assert [row["latent"] for row in report.rows] == [1, 2, 0]
    assert "1 of 3 latents is active" in str(report)


@pytest.mark.parametrize(
    ("kl", "activity", "expected"),
    [
        ([0.0, 0.0], [0.0, 0.0], "warm-up"),
        ([1.0, 0.0], [0.9, 0.0], "lost early in training"),
        ([1.0, 1.0], [0.9, 0.9], "None has collapsed"),
        ([1.0, 0.5], [0.9, 0.0], "alike for all inputs"),
        ([30.0, 0.1, 0.1, 0.1], [0.9, 0.1, 0.1, 0.1], "hold 90 %"),
    ],
)
def test_the_advice_follows_the_pattern(kl, activity, expected):
    assert expected in metrics.collapse_report(kl, activity).advice


def test_a_healthy_code_gets_no_remedy():
    advice = metrics.collapse_report(np.ones(4), np.ones(4)).advice
    assert "Try" not in advice
    assert "warm-up" not in advice


def test_impossible_values_are_refused():
    with pytest.raises(InputError, match="one value per latent"):
        metrics.collapse_report(np.ones((5, 2)), np.ones(2))
    with pytest.raises(InputError, match="kl_per_dimension holds -1"):
        metrics.collapse_report([-1.0, 0.0], [0.0, 0.0])
    with pytest.raises(InputError, match="activity holds nan"):
        metrics.collapse_report([1.0, 0.0], [np.nan, 0.0])
