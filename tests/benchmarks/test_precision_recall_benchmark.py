import importlib.util

import numpy as np
import pytest

from benchmarks import precision_recall


def samples(number):
    """The sets that the benchmark draws."""
    return np.random.default_rng(0).normal(size=(2, number, 3)).astype(np.float32)


def by_definition(real, generated):
    """Precision, recall, density and coverage, k = 3, from all pairs."""

    def distances(x, y):
        return np.linalg.norm(x[:, None].astype(float) - y, axis=-1)

    def radii(points):
        # The point itself, at 0, is the first.
        return np.sort(distances(points, points), axis=1)[:, 3]

    between = distances(real, generated)
    in_real = between < radii(real)[:, None]
    in_generated = between < radii(generated)
    nearest = between.min(axis=1) < radii(real)
    return [
        in_real.any(axis=0).mean(),
        in_generated.any(axis=1).mean(),
        in_real.sum(axis=0).mean() / 3,
        nearest.mean(),
    ]


@pytest.mark.slow
def test_a_tiny_run_measures_time_and_memory_of_each(capsys):
    results = precision_recall.main(number=40, large=50, dimension=3, rounds=1)
    candidates = ["jaxgen", "jaxgen with half-samples"]
    if importlib.util.find_spec("prdc"):
        candidates.insert(0, "prdc")
        [ratio] = results["jaxgen"]["time_over_prdc"]
        expected = results["jaxgen"]["seconds"] / results["prdc"]["seconds"]
        assert ratio == pytest.approx(expected)
    assert [name for name in results if name in precision_recall.CANDIDATES] == (
        candidates
    )
    truth = by_definition(*samples(40))
    for name in candidates:
        found = results[name]
        assert found["values"] == pytest.approx(truth, abs=1e-6)
        # What compiles is in the first call alone.
        if name != "prdc":
            assert found["seconds"] < found["first_call_seconds"]
        assert found["peak_mebibytes"] >= found["mebibytes_before"] > 10
    truth = by_definition(*samples(50))
    assert results["large"]["values"] == pytest.approx(truth[:2], abs=1e-6)
    assert results["large"]["number"] == 50
    assert "50 against 50" in capsys.readouterr().out
