from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import training
from jaxgen.errors import InputError
from jaxgen.training.model_state import read_leaves, read_model_state


class State(NamedTuple):
    """A state with what states have: tuples, what is empty, a key, an optimizer."""

    step: Any
    key: Any
    params: Any
    opt_state: Any
    kept: Any


def state(optimizer, seed=0):
    params = {"w": jnp.arange(6.0).reshape(2, 3) + seed, "none": {}}
    kept = (({"a": ()}, jnp.float32(seed)), (), {"mean": jnp.bfloat16(0.5)})
    return State(
        jnp.int32(4), jax.random.key(seed), params, optimizer.init(params), kept
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "checkpoints"
    checkpoints = training.Checkpoints(folder)
    for step in (3, 4):
        checkpoints.save(step, state(optax.adam(0.1), seed=step), {})
    checkpoints.close()
    return folder


def test_the_newest_state_is_read_without_that_of_its_optimizer(saved):
    template = jax.eval_shape(lambda: state(optax.identity()))
    found, expected = read_model_state(saved, template), state(optax.identity(), 4)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    assert found.key == expected.key
    for one, other in zip(
        jax.tree.leaves(found._replace(key=None)),
        jax.tree.leaves(expected._replace(key=None)),
        strict=True,
    ):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_arrays_are_read_by_their_paths_in_the_order_asked_for(saved):
    wanted = {"params.w": ((2, 3), "float32"), "kept.0.1": ((), "float32")}
    found = read_leaves(saved, wanted)
    assert list(found) == list(wanted)
    np.testing.assert_array_equal(
        found["params.w"], state(optax.sgd(1.0), 4).params["w"]
    )
    assert found["kept.0.1"] == 4


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"params.v": ((2, 3), "float32")}, "it lacks the array params.v"),
        ({"params.w": ((2, 4), "float32")}, r"is \(2, 3\) float32, the model's is"),
        ({"params.w": ((2, 3), "float16")}, "the model's is .* float16"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused(saved, wanted, message):
    with pytest.raises(InputError, match=message):
        read_leaves(saved, wanted)


def test_where_there_is_no_checkpoint_no_folder_is_made(tmp_path):
    with pytest.raises(InputError, match="There is no checkpoint in"):
        read_leaves(tmp_path / "none", {})
    assert not (tmp_path / "none").exists()


def test_a_damaged_checkpoint_is_passed_over(saved, capsys):
    (array,) = list((saved / "4" / "state" / "d").glob("*"))[:1]
    array.write_bytes(array.read_bytes() + b"x")
    assert read_leaves(saved, {"kept.0.1": ((), "float32")})["kept.0.1"] == 3
    assert "is not whole and is passed over" in capsys.readouterr().err
