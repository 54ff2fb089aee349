from types import SimpleNamespace

import pytest

from jaxgen import run
from jaxgen.metrics import Interval, TranslationScore


def result(step=1000, aligned=True, pairs=10, **scores):
    reference = SimpleNamespace(aligned=aligned, inputs=range(pairs))
    return SimpleNamespace(
        step=step,
        direction=SimpleNamespace(reference=reference),
        scores={
            name: TranslationScore(name, Interval(*interval))
            for name, interval in scores.items()
        },
    )


@pytest.mark.parametrize(
    ("margin", "held"),
    [
        ((0.10, 0.08, 0.12), True),
        ((-0.10, -0.12, -0.08), False),
        ((0.01, -0.02, 0.04), None),
    ],
)
def test_a_margin_says_something_where_its_interval_leaves_out_0(margin, held):
    finding = run.margin_finding("below the input's", margin)
    assert finding.held is held
    assert finding.name == "L1 below the input's"
    assert finding.number.value == pytest.approx(100 * margin[0])
    assert finding.number.low == pytest.approx(100 * margin[1])
    assert finding.note == "one seed"


def test_nothing_is_said_without_pairs_or_after_few_steps():
    def reason(**more):
        results = {"a_to_b": result(), "b_to_a": result(**more)}
        return run.too_little_known(results, least_steps=500)

    assert reason() == ""
    assert reason(step=499) == "too few steps: 499 of 500"
    assert reason(aligned=False) == "no pairs are known"
    assert reason(pairs=9) == "too few held-out pairs: 9"


def test_the_head_has_two_numbers_a_direction_each_with_its_interval():
    both = {"l1": (0.10, 0.09, 0.11), "psnr": (20, 19, 21), "fd": (3.0, 2.5, 3.5)}
    head = run.translation_head(
        {"a_to_b": result(**both), "b_to_a": result(fd=(4.0, 3.5, 4.5))}
    )
    assert {name: str(number) for name, number in head.items()} == {
        "L1, a to b": "10.0 ± 1.0 % of the range",
        "FD, a to b": "3.00 ± 0.50",
        "FD, b to a": "4.00 ± 0.50",
    }
    assert list(run.translation_head({"a_to_b": result(**both)})) == ["L1", "FD"]
