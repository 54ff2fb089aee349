import itertools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest

from benchmarks import stylegan_step
from jaxgen import networks

SIZES = networks.StyleGAN2Config(
    channel_base=64,
    channel_max=4,
    latents=8,
    style_features=8,
    compute_dtype=jnp.bfloat16,
)


def test_each_size_and_type_is_measured(monkeypatch, capsys):
    # The plumbing alone: compiling a StyleGAN2 takes a minute.
    measured = []

    def measure(image_size, sizes, *, batch_size):
        measured.append((image_size, sizes.compute_dtype, sizes.latents, batch_size))
        return {"seconds_per_kimg": 5.0, "memory_mib": 1.0, "compile_seconds": 2.0}

    monkeypatch.setattr(stylegan_step, "measure", measure)
    results = stylegan_step.main({128: 4, 16: 2}, latents=8)
    assert measured == [
        (128, None, 8, 4),
        (128, jnp.bfloat16, 8, 4),
        (16, None, 8, 2),
        (16, jnp.bfloat16, 8, 2),
    ]
    sizes, types = (128, 16), ("float32", "bfloat16")
    assert list(results) == [f"{size}, {name}" for size in sizes for name in types]
    said = capsys.readouterr().out
    assert "s/kimg   A100" in said
    # The published seconds of that size.
    assert "6.79" in said


def test_seconds_are_those_of_a_round_for_a_thousand_images(monkeypatch):
    made = SimpleNamespace(
        init=lambda key, batch: jnp.zeros(256 * 1024),
        update=lambda state, batch: (state + 1.0, {}),
    )
    monkeypatch.setattr(stylegan_step, "training", lambda *_: made)
    # Each reading of the clock is longer after the last one.
    clock = SimpleNamespace(perf_counter=itertools.accumulate(range(20)).__next__)
    monkeypatch.setattr(stylegan_step, "time", clock)
    found = stylegan_step.measure(16, SIZES, batch_size=5, rounds=2)
    # Readings 0 and 1 are of the compilation, 2 and 3 of a round that warms up, and
    # readings 4 and 5, 5 seconds apart, of the faster round.
    assert found["compile_seconds"] == 1.0
    assert found["seconds_per_kimg"] == pytest.approx(5.0 * 1000 / (16 * 5))
    assert found["memory_mib"] >= 1.0
    assert found["batch_size"] == 5


def test_a_step_returns_a_state_like_the_one_it_took():
    model = stylegan_step.training(16, SIZES, 4)
    batch = {"image": jax.ShapeDtypeStruct((4, 16, 16, 3), jnp.float32)}
    state = jax.eval_shape(model.init, jax.random.key(0), batch)
    after, metrics = jax.eval_shape(model.update, state, batch)
    assert after == state
    assert {"augment_probability", "path_length"} <= set(metrics)
