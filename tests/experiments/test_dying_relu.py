"""Dead units along a small run, and what is counted as one."""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from experiments import dying_relu
from experiments.critic_studies import dead_units
from jaxgen.errors import InputError

SMALL = dying_relu.Config(
    learning_rates=(3e-2,),
    seeds=2,
    hidden=(5, 4),
    latents=2,
    modes=3,
    looked_at=16,
    steps=4,
    batch_size=8,
    steps_per_call=4,
)


def test_a_small_run_leaves_its_figure(tmp_path):
    results = dying_relu.main(dataclasses.replace(SMALL, output=str(tmp_path)))
    folder = Path(results["page"]).parent
    assert folder == tmp_path / "dying_relu" / "ring-3"
    assert (folder / "figures" / "dying_relu.png").exists()
    with np.load(folder / "arrays" / "dying_relu.npz") as arrays:
        assert arrays["critic"].shape == (2, 2)
        assert arrays["zero"].shape == (2, 2)
        # A leaky critic always passes something on.
        assert (arrays["zero"][arrays["slope"] > 0] == 0).all()


def test_inputs_of_layers_are_those_of_the_network(key):
    setting = dead_units.Setting(1e-3, 0.2)
    model = dying_relu.build(SMALL, setting)
    state = model.init(key, {"data": jnp.ones((8, 2))})
    points = jnp.linspace(-1, 1, 16).reshape(8, 2)
    *_, last = dead_units.layer_inputs(state.critic.params, points, 2, 0.2)
    head = state.critic.params["Dense_2"]
    logits = dead_units.rectify(last, slope=0.2) @ head["kernel"] + head["bias"][None]
    found = model.critique(state, points)
    np.testing.assert_allclose(found, logits[:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"learning_rates": (1e-3, 1e-3)}, "name each one once"),
        ({"slope": 0.0}, "--slope=0"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, sentence):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **options)
    with pytest.raises(InputError, match=sentence):
        dying_relu.main(config)
    assert not list(tmp_path.iterdir())
