import importlib.util

import pytest

from benchmarks import precision_recall


def test_a_tiny_run_measures_time_and_memory_of_each(capsys):
    results = precision_recall.main(number=40, large=50, dimension=3, rounds=1)
    assert results["jaxgen"]["seconds"] > 0
    assert results["large"]["peak_mebibytes"] > 10
    names = ["jaxgen", "jaxgen with half-samples"]
    if importlib.util.find_spec("prdc"):
        names.append("prdc")
        assert len(results["jaxgen"]["time_over_prdc"]) == 1
    for name in names:
        assert results[name]["values"] == pytest.approx(results["jaxgen"]["values"])
    assert "50 against 50" in capsys.readouterr().out
