import jax
import jax.numpy as jnp
import pytest

from benchmarks import gan_step


def test_every_formulation_and_way_of_calling_is_compared(monkeypatch, capsys):
    # The plumbing alone: compiling six DCGANs takes a minute.
    parts = (lambda state: state + 1, lambda key: jnp.zeros(()))
    monkeypatch.setattr(gan_step, "training_step", lambda *_, **__: parts)
    results = gan_step.main(num_steps=2, repeats=1)
    assert set(results["ratios_of_plain_to_im2col"]) == {
        "dispatched",
        "scan",
        f"scan, {gan_step.SEEDS} seeds",
    }
    assert len(results["steps_a_second"]) == 6
    assert "steps a second" in capsys.readouterr().out


def test_every_way_of_calling_takes_as_many_steps():
    parts = (lambda state: state + 1, lambda key: jnp.zeros(()))
    calls = gan_step.calls_of(*parts, 3)
    assert [jnp.ravel(call()).tolist() for call in calls.values()] == [
        [3.0],
        [3.0],
        [3.0] * gan_step.SEEDS,
    ]


@pytest.mark.parametrize("formulation", gan_step.FORMULATIONS)
def test_a_step_returns_a_state_like_the_one_it_took(formulation):
    step, init = gan_step.training_step(
        *gan_step.FORMULATIONS[formulation], batch_size=2, width=2, size=16
    )
    state = jax.eval_shape(init, jax.random.key(0))
    assert jax.eval_shape(step, state) == state
