import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import estimator_cost
from jaxgen.estimators.finite_difference import FiniteDifference

TRUTH = {
    "score function": -2 * estimator_cost.TARGET,
    "RLOO": -2 * estimator_cost.TARGET,
}


def test_a_tiny_run_measures_the_menu_and_the_peers(monkeypatch, capsys):
    few = estimator_cost.menu()[:3]
    monkeypatch.setattr(estimator_cost, "menu", lambda: few)
    results = estimator_cost.main(
        sizes=(1, 3), call=64, floats=12, million=4, memory_draws=(), repeats=1
    )
    rows = results["menu"]["Normal, D = 3"]
    assert set(rows) == {str(estimator) for estimator in few}
    assert all(row.gradients_per_second > 0 for row in rows.values())
    assert results["menu"]["Bernoulli, D = 1"]["Pathwise()"].skipped
    assert results["peers"]["RLOO, D = 3"]["seconds"]["jaxgen"] > 0
    assert "gradients/s" in capsys.readouterr().out


def test_what_would_take_too_long_is_skipped_with_its_reason():
    reason = estimator_cost.refusal(FiniteDifference(), estimator_cost.normal, 10_000)
    assert "evaluations of f" in reason


@pytest.mark.parametrize("problem", ["score function", "RLOO", "Gumbel-Softmax"])
def test_the_peers_estimate_what_we_estimate(problem):
    pytest.importorskip("torch")
    candidates = estimator_cost.torch_peers(problem, 4000, 3)
    means, errors = [], []
    for call in (estimator_cost.ours(problem, 4000, 3), *candidates.values()):
        drawn = np.asarray(call())
        assert drawn.shape == (4000, 3)
        means.append(drawn.mean(axis=0))
        errors.append(drawn.std(axis=0) / 4000**0.5)
    for mean, error in zip(means[1:], errors[1:], strict=True):
        assert np.all(np.abs(mean - means[0]) < 5 * np.hypot(error, errors[0]))
        np.testing.assert_allclose(error, errors[0], rtol=0.25)
    if problem in TRUTH:
        assert jnp.all(np.abs(means[0] - TRUTH[problem]) < 5 * errors[0])
