from benchmarks import frechet


def test_a_tiny_run_compares_values_and_times(capsys):
    results = frechet.main(dimension=12, repeats=1)
    assert set(results["spectra"]) == set(frechet.SPECTRA)
    for found in results["spectra"].values():
        assert found["times_faster"][0] > 0
        assert found["relative_difference"] < 1e-5
        assert found["of_itself"] < 1e-9
    assert "times faster than sqrtm" in capsys.readouterr().out
