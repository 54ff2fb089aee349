import numpy as np
import pytest

from benchmarks import metric_agreement
from benchmarks.metric_agreement import BAR, agreement

SMALL = metric_agreement.all_sets(num_examples=200)
MODULES = {
    "scipy": "scipy",
    "torch-fidelity": "torch_fidelity",
    "prdc": "prdc",
    "scikit-learn": "sklearn",
    "scikit-image": "skimage",
}


@pytest.mark.parametrize("peer", metric_agreement.PEERS)
def test_our_numbers_are_those_of_the_peer(peer):
    pytest.importorskip(MODULES[peer])
    for name, sets in SMALL.items():
        if peer == "scikit-image" and not name.startswith("digits"):
            continue
        pairs = metric_agreement.PEERS[peer](sets)
        assert pairs
        for what, pair in pairs.items():
            assert agreement(*pair).relative_difference <= BAR, (name, what)


def test_a_run_says_what_it_skipped_and_what_is_furthest_apart(monkeypatch, capsys):
    def missing(sets):
        raise ImportError("no such package")

    def close(sets):
        return {"one": (2.0, 2.0), "other": ([1.0, 4.0], [1.0, 4.0004])}

    peers = {"absent": missing, "numpy": close}
    monkeypatch.setattr(metric_agreement, "PEERS", peers)
    found = metric_agreement.main(num_examples=40)
    assert found["skipped"] == {"absent": "no such package"}
    assert found["peers"] == {"numpy": np.__version__}
    assert found["comparisons"] == 6
    assert found["worst"].endswith("numpy: other")
    assert found["largest_relative_difference"] == pytest.approx(1e-4, rel=1e-3)
    assert "skipped: absent" in capsys.readouterr().out


def test_of_many_numbers_those_furthest_apart_are_compared():
    row = agreement(np.array([[1.0, 2.0], [3.0, 10.0]]), [[1.0, 2.5], [3.1, 10.0]])
    assert row == (2.0, 2.5, pytest.approx(0.05))
    assert agreement(0.0, 0.0).relative_difference == 0
