import jax
import numpy as np
import pytest

from benchmarks import convolution


@pytest.mark.slow
def test_a_tiny_run_measures_every_candidate(capsys):
    results = convolution.main(batch_size=2, scan_steps=1, repeats=1)
    assert set(results["milliseconds_a_step"]) == {
        f"{name}, {how}"
        for name in convolution.FORMULATIONS
        for how in ("dispatched", "scan")
    }
    assert results["fastest"] not in results["ratios_to_fastest"]
    assert "ms a step" in capsys.readouterr().out


def test_every_candidate_computes_the_same_step():
    results = []
    for formulations in convolution.FORMULATIONS.values():
        step, carry = convolution.training_step(*formulations, batch_size=2, size=8)
        results.append(jax.jit(step)(carry)[0])
    for other in results[1:]:
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), other, results[0]
        )
