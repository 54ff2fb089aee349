import pytest

from benchmarks import vae_seeds


@pytest.mark.slow
def test_a_tiny_run_compares_an_ensemble_with_runs(capsys):
    sizes = {"tiny": vae_seeds.Size(4, 3, 2, 8)}
    results = vae_seeds.main(sizes=sizes, num_seeds=2, num_steps=2, repeats=1)
    assert set(results["sizes"]["tiny"]["first_call_seconds"]) == {
        "one seed",
        "ensemble",
    }
    assert results["sizes"]["tiny"]["whole"] > 0
    assert "2 seeds at once cost" in capsys.readouterr().out
