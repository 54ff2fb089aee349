import jax
import jax.numpy as jnp
import pytest

from benchmarks import filters


def test_every_formulation_use_and_pass_is_compared(monkeypatch, capsys):
    # The plumbing alone: 27 programs take half a minute to compile.
    passes = {name: lambda: jnp.zeros(()) for name in ("forward", "gradient", "second")}
    monkeypatch.setattr(filters, "calls_of", lambda *_: passes)
    results = filters.main(sizes=(4, 8), channels=1, repeats=1)
    assert set(results) == {
        f"{size} {use}, {name}"
        for size in (4, 8)
        for use in ("up", "down", "blur")
        for name in passes
    }
    for milliseconds in results.values():
        assert set(milliseconds) == set(filters.FORMULATIONS)
        assert min(milliseconds.values()) > 0.0
    assert "milliseconds" in capsys.readouterr().out


@pytest.mark.parametrize("formulation", filters.FORMULATIONS)
def test_what_is_timed_goes_through_the_filter_of_that_formulation(
    formulation, monkeypatch
):
    found = []

    def filtered(images, *, formulation, **use):
        found.append((formulation, use))
        return images

    monkeypatch.setattr(filters, "filter_images", filtered)
    # Traced, not compiled.
    monkeypatch.setattr(
        filters.jax, "jit", lambda function: lambda x: jax.eval_shape(function, x)
    )
    images = jnp.ones((2, 4, 4, 3))
    for use in filters.USES.values():
        calls = filters.calls_of(formulation, use, images)
        shapes = {name: call().shape for name, call in calls.items()}
        assert shapes == {
            "forward": (),
            "gradient": (2, 4, 4, 3),
            "second": (2, 4, 4, 3),
        }
        assert found == [(formulation, use)] * 3
        found.clear()
