import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments import gan_modes, mode_models, mode_watch
from jaxgen import training
from jaxgen.data import mixtures
from jaxgen.errors import InputError

TINY = gan_modes.Config(
    remedies=("none",),
    seeds=2,
    hidden=(8,),
    latents=2,
    steps=6,
    batch_size=8,
    frames=3,
    devices=1,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[gan_modes.Config, dict]:
    config = dataclasses.replace(TINY, output=str(tmp_path_factory.mktemp("runs")))
    return config, gan_modes.main(config)


def test_a_run_leaves_a_table_an_animation_and_a_page(run):
    folder = Path(run[1]["page"]).parent
    figures = {path.stem for path in (folder / "figures").glob("*.png")}
    assert {"mode_table", "mode_movie", "mode_stills", "mode_curves"} <= figures
    assert b"acTL" in (folder / "figures" / "mode_movie.png").read_bytes()
    summary = json.loads((folder / "summary.json").read_text())
    assert [row[0] for row in summary["tables"][0]["rows"]] == ["plain GAN"]
    assert set(run[1]) == {"plain GAN", "page"}


def test_a_resumed_run_goes_on_with_the_same_latents(run, tmp_path):
    row, ring = mode_models.Row("non_saturating", "none"), mixtures.ring()
    (tmp_path / "arrays").mkdir()
    for steps in (4, 6):
        config = dataclasses.replace(run[0], steps=steps, frames=3)
        setup = gan_modes.points_setup(config, ring, row)
        folder = training.RunFolder(tmp_path)
        resumed = gan_modes.train_row(config, setup, folder, ring, row)
    once = Path(run[1]["page"]).parent / "parts" / row.part / "frames.npz"
    np.testing.assert_array_equal(resumed.step, [2, 4, 6])
    np.testing.assert_array_equal(resumed.samples, np.load(once)["samples"])


@pytest.mark.parametrize("word", ["pac2+r1", "veegan", "adagan"])
def test_every_kind_of_row_is_a_model_of_the_plane(word):
    config = dataclasses.replace(TINY, remedies=(word,))
    (row,) = mode_models.rows_of(config)
    model = mode_models.build(config, row)
    batch = {"data": jax.ShapeDtypeStruct((8, 2), np.float32)}
    state = jax.eval_shape(model.init, jax.random.key(0), batch)
    after, _ = jax.eval_shape(model.update, state, batch)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    drawn = jax.eval_shape(lambda s, k: model.sample(s, k, 5), state, jax.random.key(0))
    assert drawn.shape == (5, 2)


def test_perfect_samples_find_every_mode_with_all_their_quality():
    ring = mixtures.ring()
    points = np.tile(ring.means, (50, 1))
    found = mode_watch._counted(points, ring)
    assert found == pytest.approx((8, 1.0, 0.0), abs=1e-6)
    assert mode_watch._counted(points * np.nan, ring) == (0, 0, np.inf)


def test_collapse_is_told_once_when_most_seeds_have_lacked_modes_for_a_while(tmp_path):
    said, ring = [], mixtures.ring()
    watch = mode_watch.ModeWatch(
        tmp_path / "frames.npz",
        None,
        ring,
        jax.random.key(0),
        label="plain GAN",
        warn=said.append,
    )
    looks = np.array([[8, 8, 8], [1, 1, 8], [1, 2, 8], [1, 2, 8], [1, 1, 1]])
    counts = [(watch.tell(looks[:n]), len(said))[1] for n in range(1, 6)]
    assert counts == [0, 0, 0, 1, 1]
    assert said[0].startswith("plain GAN, the median seed: Samples cover 2 of 8 modes")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"remedies": ("pack2",)}, "pac2"),
        ({"remedies": ("pac2.5",)}, "whole number"),
        ({"remedies": ("pac2", "pac2")}, "twice"),
        ({"remedies": ()}, "empty"),
        ({"seeds": 0}, "--seeds=0"),
        ({"remedies": ("pac2",), "batch_size": 7}, "7"),
    ],
)
def test_what_cannot_be_trained_is_named(option, said, tmp_path):
    config = dataclasses.replace(TINY, output=str(tmp_path), **option)
    with pytest.raises(InputError, match=said):
        gan_modes.main(config)
