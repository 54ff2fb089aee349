import pytest

from benchmarks import frechet


def test_a_tiny_run_compares_values_and_times(capsys):
    results = frechet.main(dimension=12, repeats=3)
    assert results["dimension"] == 12
    assert set(results["spectra"]) == set(frechet.SPECTRA)
    for found in results["spectra"].values():
        rounds = found["rounds"]
        ratios = [
            peer / ours
            for ours, peer in zip(rounds["ours"], rounds["scipy sqrtm"], strict=True)
        ]
        assert found["times_faster"] == pytest.approx(sorted(ratios))
        assert found["relative_difference"] < 1e-5
        assert found["of_itself"] < 1e-9
    assert "times faster than sqrtm" in capsys.readouterr().out
