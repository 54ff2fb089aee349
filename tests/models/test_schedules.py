import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators import GumbelRao, Pathwise
from jaxgen.models.schedules import (
    constant_then_linear,
    decaying_adam,
    exponential,
    half_life,
    linear,
    with_temperature,
)


def test_a_rate_falls_once_an_epoch_as_in_the_published_code():
    steps, epochs, decay = 7, 3, 4
    rate = constant_then_linear(
        2e-4, steps=epochs * steps, decay_steps=decay * steps, every=steps
    )
    for step in range(steps * (epochs + decay)):
        # Their factor is 1 - max(0, epoch + 1 - n) / (n_decay + 1) with epochs counted
        # from 1, which never comes to 0; here the last epoch is at 1 / n_decay.
        epoch = step // steps
        expected = 2e-4 * min(1.0, 1 - (epoch - epochs) / decay)
        np.testing.assert_allclose(rate(jnp.int32(step)), expected, rtol=1e-5)


def test_adam_steps_by_its_rate_which_falls_over_the_last_steps():
    optimizer = decaying_adam(2e-4, steps=8, decay=0.5)
    gradient = {"x": jnp.ones(1)}
    update = jax.jit(optimizer.update)
    state, sizes = optimizer.init(gradient), []
    for _ in range(8):
        # Of a constant gradient Adam's step is the rate.
        step, state = update(gradient, state)
        sizes.append(-float(step["x"][0]))
    rates = 2e-4 * np.array([1, 1, 1, 1, 1, 0.75, 0.5, 0.25])
    np.testing.assert_allclose(sizes, rates, rtol=1e-3)
    with pytest.raises(InputError, match="decay=1.5"):
        decaying_adam(2e-4, steps=8, decay=1.5)


def test_without_decay_a_rate_is_constant():
    assert constant_then_linear(0.5, steps=3, decay_steps=0)(1000) == 0.5


@pytest.mark.parametrize(
    "options",
    [
        {"steps": -1, "decay_steps": 3},
        {"steps": 1, "decay_steps": -3},
        {"steps": 1, "decay_steps": 3, "every": 0},
    ],
)
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(InputError, match="(steps|every)=.*give a whole number"):
        constant_then_linear(0.1, **options)


def test_an_estimator_gets_the_temperature_of_the_step():
    falling = exponential(2.0, rate=0.1, least=0.5)
    at = with_temperature(GumbelRao(1.0, 3), falling)
    for step in (0, 5, 100):
        estimator = at(jnp.int32(step))
        assert estimator.num_inner == 3
        expected = max(2.0 * np.exp(-0.1 * step), 0.5)
        np.testing.assert_allclose(estimator.temperature, expected, rtol=1e-5)


def test_an_estimator_without_a_temperature_is_refused():
    with pytest.raises(InputError, match="estimator=Pathwise has no temperature"):
        with_temperature(Pathwise(), linear(1.0, 0.5, steps=3))


def test_a_rate_of_zero_keeps_a_number():
    assert exponential(0.3, rate=0.0, least=0.5)(10) == 0.3


@pytest.mark.parametrize(
    ("examples", "batch_size", "ramp"),
    [
        (10_000.0, 32, 0.05),
        (5_000.0, 16, 0.05),
        (500_000.0, 64, 0.05),
        (20_000.0, 64, None),
    ],
)
def test_half_lives_of_averages_are_those_of_the_published_presets(
    examples, batch_size, ramp
):
    decay = half_life(examples, batch_size=batch_size, ramp=ramp)
    for step in (0, 1, 7, 1000, 6_250, 10_000_000):
        life = examples
        if ramp is not None:
            life = min(life, ramp * step * batch_size)
        wanted = 0.5 ** (batch_size / life) if life else 0.0
        np.testing.assert_allclose(decay(jnp.int32(step)), wanted, rtol=0, atol=1e-7)
    # After a half-life, half of the weight is left.
    steps = examples / batch_size
    late = float(decay(jnp.int32(1_000_000)))
    np.testing.assert_allclose(late**steps, 0.5, rtol=1e-2)


def test_half_lives_out_of_range_are_refused():
    with pytest.raises(InputError, match="examples=0"):
        half_life(0.0, batch_size=4)
    with pytest.raises(InputError, match="ramp=-1"):
        half_life(10.0, batch_size=4, ramp=-1.0)
