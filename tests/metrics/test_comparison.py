"""What belongs to the comparison of two sets as a whole."""

import jax
import numpy as np

from jaxgen.metrics.comparison import _class_divergences, compare_sets
from jaxgen.metrics.features import Activations
from jaxgen.metrics.resampling import halves, interval


def test_the_extrapolated_distance_is_left_out_where_halves_do_not_span_the_features():
    rng = np.random.default_rng(0)
    sets = [Activations(rng.normal(size=(40, 20))) for _ in range(2)]
    both = halves(jax.random.key(0), 2, 40, 40)
    wide = compare_sets(jax.random.key(1), *sets, both)
    assert "FD∞" not in wide.outcomes
    assert "FD" in wide.outcomes
    narrow = [Activations(one.features[:, :19]) for one in sets]
    assert "FD∞" in compare_sets(jax.random.key(1), *narrow, both).outcomes


def test_the_interval_of_class_shares_moves_with_both_sets():
    """Reverse KL of n draws from p beside n draws from q covers its mean at its level;
    with the real shares held fixed it covered 4 times in 5."""
    rng = np.random.default_rng(0)
    classes, n, repeats = 5, 400, 300
    real_shares = np.full(classes, 1 / classes)
    own_shares = np.arange(1, classes + 1) / 15
    both = halves(jax.random.key(0), 50, n, n)
    values, ends = [], []
    for _ in range(repeats):
        real, own = (
            np.eye(classes)[rng.choice(classes, n, p=shares)]
            for shares in (real_shares, own_shares)
        )
        every = np.ones((1, n), bool)
        value = float(_class_divergences(real, own, every, every)[0])
        found = _class_divergences(real, own, both.real, both.generated)
        values.append(value)
        ends.append(interval(value, found)[1:])
    mean = np.mean(values)
    covered = np.mean([low <= mean <= high for low, high in ends])
    assert abs(covered - 0.95) < 5 * np.sqrt(0.95 * 0.05 / repeats)
