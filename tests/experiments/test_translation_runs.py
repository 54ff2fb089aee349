import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments import cyclegan, pix2pix, restored_runs
from experiments.translation_studies import runs
from experiments.translation_studies.runs import load_translator
from jaxgen import models, networks, training
from jaxgen.data import colour
from jaxgen.errors import InputError
from jaxgen.models import InferenceMode
from tests.experiments.tiny_scripts import tiny_networks
from tests.models.translation import tiny_translation as tiny

IMAGES = tiny.images(rows=2)


@dataclasses.dataclass(frozen=True)
class Options:
    generator: str = "unet"
    depth: int = 3
    statistics: str = "image"


def build(config):
    sgd = optax.sgd(0.1)
    return models.pix2pix(
        tiny.normalized(),
        tiny.critic(),
        sgd,
        sgd,
        ema_decay=0.5,
        inference=InferenceMode(statistics=config.statistics),
    )


def trained_translators(config, facts, restore):
    """The hook of a script, as experiments.pix2pix has it."""
    model = build(config)
    return {"pix2pix": (model, restore(model))}


def save(folder, state, step):
    checkpoints = training.Checkpoints(folder)
    checkpoints.save(step, state, {})
    checkpoints.close()


@pytest.fixture(scope="module")
def states():
    """Two states of one model: the last, and the best before it."""
    model = build(Options())
    made = jax.jit(lambda key: model.init(key, tiny.batch()))
    last, best = (made(jax.random.key(seed)) for seed in (0, 1))
    # The average is what translates, not the parameters.
    ema = jax.tree.map(lambda leaf: leaf + 0.3, last.ema)
    return last._replace(ema=ema, step=jnp.int32(7)), best._replace(step=jnp.int32(4))


@pytest.fixture
def run(tmp_path, states, monkeypatch):
    script = SimpleNamespace(trained_translators=trained_translators)
    found = restored_runs.Options("pix2pix", script, Options(), ())
    monkeypatch.setattr(restored_runs, "script_and_options", lambda run, hook: found)
    folder = training.RunFolder(tmp_path / "run")
    folder.path.mkdir()
    shapes = {name: (4, 4, 2) for name in "ab"}
    told = runs.write_facts(folder, **shapes, directions=("a_to_b",), steps=7)
    assert runs.read_facts(folder.path) == told
    save(folder.checkpoints, states[0], 7)
    return folder.path


def test_a_run_translates_by_its_average_and_tells_its_sizes(run, states):
    loaded = load_translator(run)
    expected = build(Options()).translate(states[0], None, IMAGES)
    np.testing.assert_allclose(loaded.translate(None, IMAGES), expected, atol=1e-6)
    assert loaded.channels == (2, 2)
    assert (loaded.image_size, loaded.multiple, loaded.least) == ((4, 4), 8, 8)
    assert loaded.source == f"{run}, last checkpoint, after 7 steps"


def test_the_best_checkpoint_is_taken_where_there_is_one(run, states):
    folder = run / training.BEST_FOLDER
    keep = training.BestCheckpoint(folder, "l1", lambda step: {"l1": 0.5})
    keep(states[1], 4)
    best, last = load_translator(run), load_translator(run, which="last")
    assert best.source.endswith("best checkpoint, after 4 steps")
    assert last.source.endswith("last checkpoint, after 7 steps")
    expected = build(Options()).translate(states[1], None, IMAGES)
    np.testing.assert_allclose(best.translate(None, IMAGES), expected, atol=1e-6)


def test_statistics_may_be_those_of_training(run, states):
    running = load_translator(run, statistics="running").translate(None, IMAGES)
    expected = build(Options(statistics="running")).translate(states[0], None, IMAGES)
    np.testing.assert_allclose(running, expected, atol=1e-6)
    assert np.abs(running - load_translator(run).translate(None, IMAGES)).max() > 1e-3


@pytest.mark.parametrize(
    ("script", "options", "directions", "multiple"),
    [
        (pix2pix, {"depth": 3, "remedies": "dag"}, ("a_to_b",), 8),
        (cyclegan, {"blocks": 1}, ("a_to_b", "b_to_a"), 4),
        (cyclegan, {"blocks": 1, "method": "cut"}, ("a_to_b",), 4),
    ],
)
def test_runs_of_every_script_are_loaded_where_their_data_are_not(
    tmp_path, script, options, directions, multiple
):
    """Without training: what is saved is a state of zeros."""
    config = script.settled(
        script.Config(**options, width=2, critic_width=2, data="nowhere")
    )
    name = script.__name__.removeprefix("experiments.")
    description = {"experiment": name, "config": dataclasses.asdict(config)}
    (tmp_path / "config.json").write_text(json.dumps(description))
    folder = training.RunFolder(tmp_path)
    inputs = 3 if "method" in options else 1
    facts = runs.write_facts(
        folder, a=(16, 16, inputs), b=(16, 16, 3), directions=directions, steps=9
    )
    batch = {"a": jnp.zeros((1, *facts.a)), "b": jnp.zeros((1, *facts.b))}

    def start(model, part=None):
        state = runs.empty_state(model, batch)
        save(folder.checkpoints, state, 9)
        return state

    with tiny_networks():
        script.trained_translators(config, facts, start)
        loaded = load_translator(tmp_path, direction=directions[-1])
    assert loaded.channels == ((3, 1) if len(directions) == 2 else (inputs, 3))
    assert (loaded.image_size, loaded.multiple) == ((16, 16), multiple)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", r"translator\.json is damaged"),
        ('{"a": [4, 4]}', r"translator\.json is damaged"),
        ("[]", r"translator\.json is damaged"),
        (None, r"holds no translator\.json, so it is no run of a translator"),
    ],
)
def test_a_run_that_does_not_tell_its_images_is_named(run, content, words):
    path = run / runs.FACTS
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(InputError, match=words):
        load_translator(run)


def test_what_cannot_be_loaded_is_named(run, tmp_path):
    with pytest.raises(InputError, match="b_to_a, but the run .* trained for a_to_b"):
        load_translator(run, direction="b_to_a")
    with pytest.raises(InputError, match="does not exist: give the folder of a run"):
        load_translator(tmp_path / "missing")
    (tmp_path / "net.pth").write_bytes(b"<html>")
    with pytest.raises(InputError, match=r"is b_to_a, but .*net\.pth is one network"):
        load_translator(tmp_path / "net.pth", direction="b_to_a")
    with pytest.raises(InputError, match=r"Cannot read the weights .*net\.pth"):
        load_translator(tmp_path / "net.pth")


@pytest.fixture
def put(monkeypatch, tmp_path):
    """Lets a file be one of weights of a network."""
    path = tmp_path / "net.pth"
    path.touch()

    def put(network, params):
        found = SimpleNamespace(
            translator=network,
            params=params,
            stats=(),
            description="a net",
            dropout=None,
            channels=(4, 2),
            side=16,
            multiple=8,
        )
        monkeypatch.setattr(networks, "import_translator", lambda path: found)
        return path

    return put


def test_weights_translate_in_the_units_of_pictures_and_draw_by_the_key(put):
    network = tiny.pixelwise(2, dropout=True)
    params = {"w": jnp.full((2, 2), 0.5)}
    path = put(network, params)
    loaded = load_translator(path)
    assert loaded.source == f"{path} (a net)"
    assert (loaded.channels, loaded.image_size) == ((4, 2), None)
    assert (loaded.multiple, loaded.least) == (8, 16)
    expected, _ = network.apply(params, {}, 2 * IMAGES - 1)
    made = loaded.translate(None, IMAGES)
    np.testing.assert_allclose(made, (expected + 1) / 2, atol=1e-6)
    drawn = [loaded.translate(jax.random.key(seed), IMAGES) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    assert (drawn[0] != made).any()


def test_lightness_and_colour_make_pictures_of_pictures(run, monkeypatch):
    grey = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 8, 8, 1).repeat(3, -1)
    lightness = runs.lightness_of(grey)
    assert lightness.shape == (1, 8, 8, 1)
    neutral = np.full((1, 8, 8, 2), 0.5, np.float32)
    np.testing.assert_allclose(colour.join_lab(lightness, neutral), grey, atol=2e-3)
    loaded = runs.Loaded(
        lambda key, images: np.full((*images.shape[:3], 2), 0.5),
        (1, 2),
        None,
        1,
        1,
        "",
    )
    coloured = runs.with_colour(loaded)
    assert coloured.channels == (3, 3)
    np.testing.assert_allclose(coloured.translate(None, grey), grey, atol=2e-3)


def test_lightness_is_that_of_scikit_image():
    color = pytest.importorskip("skimage.color")
    images = np.random.default_rng(0).random((1, 9, 9, 3), np.float32)
    expected = color.rgb2lab(images)[..., :1] / 100
    np.testing.assert_allclose(runs.lightness_of(images), expected, atol=1e-5)


def test_facts_are_written_as_plain_json(tmp_path):
    folder = training.RunFolder(tmp_path)
    runs.write_facts(
        folder,
        a=np.array([8, 16, 1]),
        b=(8, 16, 2),
        directions=("a_to_b", "b_to_a"),
        steps=3,
        lab=True,
    )
    told = json.loads((Path(tmp_path) / "translator.json").read_text())
    assert told["a"] == [8, 16, 1]
    assert runs.read_facts(tmp_path).lab is True
    with pytest.raises(ValueError, match=r"a=\(8, 16\)"):
        runs.write_facts(
            folder, a=(8, 16), b=(8, 16, 2), directions=("a_to_b",), steps=3
        )
