import jax
import jax.numpy as jnp
import pytest

torch = pytest.importorskip("torch", reason="needs the extra bench")
from benchmarks import translation_peer, translation_step  # noqa: E402
from benchmarks.translation_step import Setting  # noqa: E402

TINY = Setting(size=32, batch_size=2, blocks=1, width=2)


def peer(**changes):
    options = TINY._asdict() | changes
    del options["dtype"]
    return translation_peer.cyclegan(**options)


def test_every_candidate_is_compared_with_pytorch(monkeypatch, capsys):
    # The plumbing alone: compiling CycleGANs takes a minute.
    def ours(setting, formulation):
        return translation_step.Ours(lambda: jnp.zeros(()), peer().parameters)

    monkeypatch.setattr(translation_step, "ours", ours)
    results = translation_step.main(settings=(TINY,), repeats=1)
    (measured,) = results["measured"]
    assert set(measured["ratios_to_pytorch"]) == {"jaxgen, auto", "jaxgen, plain"}
    assert measured["seconds_a_step"]["pytorch"] > 0.0
    assert "times PyTorch's" in capsys.readouterr().out


def test_the_peer_is_as_large_as_ours():
    with torch.random.fork_rng():
        full = peer(width=64, blocks=6).parameters
    assert full == (2 * 7_837_699, 2 * 2_764_737)


def test_the_peer_learns():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        step = peer(width=4).step
        losses = [float(step()) for _ in range(20)]
    assert losses[-1] < 0.9 * losses[0]


def test_a_step_of_ours_is_of_networks_of_equal_size(monkeypatch):
    # Traced, not compiled.
    def traced(function, **_):
        return lambda *inputs: jax.eval_shape(function, *inputs)

    monkeypatch.setattr(translation_step.jax, "jit", traced)
    made = translation_step.ours(TINY._replace(dtype="bfloat16"), "auto")
    metrics = made.step()
    assert made.parameters == peer().parameters
    assert metrics["generator_loss"].shape == ()
