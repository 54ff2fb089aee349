import dataclasses
import json
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments import cut, cyclegan, pix2pix
from experiments.translation_studies import runs
from experiments.translation_studies.runs import load_translator
from jaxgen import models, networks, training
from jaxgen.data import colour
from jaxgen.errors import InputError
from jaxgen.models import InferenceMode
from jaxgen.run.restore import write_description
from tests.models.translation import tiny_translation as tiny

IMAGES = tiny.images(rows=2)


def build(statistics="image"):
    sgd = optax.sgd(0.1)
    return models.pix2pix(
        networks.unet_translator(2, width=2, depth=2, norm="batch", dropout=None),
        networks.pixel_critic(width=2, norm="none"),
        sgd,
        sgd,
        ema_decay=0.5,
        inference=InferenceMode(statistics=statistics),
    )


def save(folder, state, step):
    checkpoints = training.Checkpoints(folder)
    checkpoints.save(step, state, {})
    checkpoints.close()


def empty(leaf):
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.key(0)
    return jnp.zeros(leaf.shape, leaf.dtype)


@pytest.fixture(scope="module")
def states():
    """Two states of one model: the last, and the best before it."""
    model = build()
    made = jax.jit(lambda key: model.init(key, tiny.batch()))
    last, best = (made(jax.random.key(seed)) for seed in (0, 1))
    # The average is what translates, not the parameters.
    ema = jax.tree.map(lambda leaf: leaf + 0.3, last.ema)
    return last._replace(ema=ema, step=jnp.int32(7)), best._replace(step=jnp.int32(4))


@pytest.fixture
def run(tmp_path, states):
    folder = training.RunFolder(tmp_path / "run")
    folder.path.mkdir()
    config = {"experiment": "pix2pix", "config": {"data": "nowhere"}}
    training.write_json(folder.config, config)
    shapes = {name: jax.typeof(image) for name, image in tiny.batch().items()}
    write_description(folder, build(), shapes)
    save(folder.checkpoints, states[0], 7)
    return folder.path


def test_a_run_translates_by_its_average_and_tells_its_sizes(run, states):
    loaded = load_translator(run)
    expected = build().translate(states[0], None, IMAGES)
    np.testing.assert_allclose(loaded.translate(None, IMAGES), expected, atol=1e-6)
    assert loaded.channels == (2, 2)
    assert (loaded.image_size, loaded.multiple, loaded.least) == ((4, 4), 4, 4)
    assert loaded.source == f"{run}, last checkpoint, after 7 steps"


def test_the_best_checkpoint_is_taken_where_there_is_one(run, states):
    folder = run / training.BEST_FOLDER
    keep = training.BestCheckpoint(folder, "l1", lambda step: {"l1": 0.5})
    keep(states[1], 4)
    best, last = load_translator(run), load_translator(run, which="last")
    assert best.source.endswith("best checkpoint, after 4 steps")
    assert last.source.endswith("last checkpoint, after 7 steps")
    expected = build().translate(states[1], None, IMAGES)
    np.testing.assert_allclose(best.translate(None, IMAGES), expected, atol=1e-6)


def test_statistics_may_be_those_of_training(run, states):
    running = load_translator(run, statistics="running").translate(None, IMAGES)
    expected = build("running").translate(states[0], None, IMAGES)
    np.testing.assert_allclose(running, expected, atol=1e-6)
    assert np.abs(running - load_translator(run).translate(None, IMAGES)).max() > 1e-3


@pytest.mark.parametrize(
    ("script", "options", "directions", "multiple"),
    [
        (pix2pix, {"depth": 3, "remedies": "dag"}, ("a_to_b",), 8),
        (cyclegan, {"remedies": "dag"}, ("a_to_b", "b_to_a"), 4),
        (cut, {"fast": True}, ("a_to_b",), 4),
    ],
)
def test_runs_of_every_script_are_loaded_where_their_data_are_not(
    tmp_path, script, options, directions, multiple
):
    """Without training: what is saved is a state of zeros."""
    config = script.Config(**options, width=2, critic_width=2, data="nowhere")
    if script is pix2pix:
        config = pix2pix.settled(config)
    name = script.__name__.removeprefix("experiments.")
    description = {"experiment": name, "config": dataclasses.asdict(config)}
    (tmp_path / "config.json").write_text(json.dumps(description))
    folder = training.RunFolder(tmp_path)
    inputs = 3 if script is cut else 1
    shapes = {"a": (2, 16, 16, inputs), "b": (2, 16, 16, 3)}
    batch = {name: jax.ShapeDtypeStruct(s, jnp.float32) for name, s in shapes.items()}
    model = script.build(config, (inputs, 3), 9)
    write_description(folder, model, batch)
    template = jax.eval_shape(model.init, jax.random.key(0), batch)
    save(folder.checkpoints, jax.tree.map(empty, template), 9)
    loaded = load_translator(tmp_path, direction=directions[-1])
    assert loaded.channels == ((3, 1) if len(directions) == 2 else (inputs, 3))
    assert (loaded.image_size, loaded.multiple) == ((16, 16), multiple)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", r"model\.json is damaged"),
        ('{"a": [4, 4]}', r"model\.json is damaged"),
        ("[]", r"model\.json is damaged"),
        (None, r"was written before jaxgen wrote model\.json"),
    ],
)
def test_a_run_that_does_not_tell_its_model_is_named(run, content, words):
    path = run / "model.json"
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(InputError, match=words):
        load_translator(run)


def test_a_run_of_another_kind_is_named(run):
    path = run / "model.json"
    path.write_text(path.read_text().replace('"kind": "Pix2Pix"', '"kind": "VAE"'))
    with pytest.raises(InputError, match="kind VAE, which translates no images"):
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
