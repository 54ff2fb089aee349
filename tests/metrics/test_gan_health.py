import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.critic_overfitting import critic_overfitting
from jaxgen.metrics.diversity import relative_diversity


def test_diversity_is_relative_and_0_for_equal_samples():
    data = np.random.default_rng(0).normal(size=(200, 3))
    assert relative_diversity(data, data) == 1.0
    np.testing.assert_allclose(relative_diversity(0.3 * data + 5.0, data), 0.3)
    assert relative_diversity(np.ones((5, 3)), data) == 0.0
    with pytest.raises(InputError, match="All data are the same"):
        relative_diversity(data, np.ones((5, 3)))


def test_held_out_data_are_placed_between_training_data_and_samples():
    train, fake = np.array([3.0, 1.0]), np.array([-2.0, -4.0])
    for test, share in ((train, 0.0), (fake, 1.0), (0.5 * (train + fake), 0.5)):
        assert critic_overfitting(train, fake, test).held_out == pytest.approx(share)
    assert critic_overfitting(train, fake).held_out is None
    assert critic_overfitting(fake, train, test).held_out is None
    assert critic_overfitting(np.array([1.0, -1.0, 2.0, 0.0]), fake).sign == 0.25
    with pytest.raises(InputError, match="fake_logits have shape"):
        critic_overfitting(train, np.array([np.nan]))
