"""A run says what its model is, and gives it back without script, data or optimizer."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import losses, models, networks, run
from jaxgen.errors import InputError
from jaxgen.losses.vae import priors


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, run.DataOptions):
    """Options of a tiny run."""

    data: str = "digits"
    batch_size: int = 16
    steps: int | None = 2
    devices: int | None = 1


def a_vae():
    return models.vae(
        networks.mlp_encoder(2, (8,)),
        networks.mlp_decoder((8, 8, 1), (8,)),
        optax.adam(1e-3),
        likelihood=losses.vae.bernoulli(),
        prior=priors.standard_normal(2),
    )


def trained(output: Path, model, *, part: str | None = None, **options):
    config = Config(output=str(output), name="run", **options)
    setup = run.prepare(config)
    folder = run.open_folder(config, "tiny", "run", title="", claim="none")
    return folder.path, run.train(config, setup, folder, model, part=part)


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """A run of a model of jaxgen: its folder, its state, its model."""
    model = a_vae()
    return *trained(tmp_path_factory.mktemp("a"), model), model


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """A run of models with networks of their own, trained in another process."""
    output = tmp_path_factory.mktemp("b")
    script = Path(__file__).with_name("foreign_run.py")
    subprocess.run([sys.executable, script, output], check=True)
    return output / "tiny" / "run", dict(np.load(output / "samples.npz"))


def changed(folder: Path, to: Path, **entries) -> Path:
    """A copy of a run whose model.json has other entries."""
    shutil.copytree(folder, to)
    content = json.loads((to / "model.json").read_text()) | entries
    (to / "model.json").write_text(json.dumps(content))
    return to


def test_a_loaded_model_is_the_trained_one_without_its_optimizer(described):
    folder, state, model = described
    found = run.load_model(folder)
    assert type(found.model) is models.VAE
    assert jax.tree.leaves(found.state.net.opt_state) == []
    jax.tree.map(np.testing.assert_array_equal, found.state.net[:2], state.net[:2])
    assert int(found.state.step) == 2
    assert found.state.key == state.key
    images = jax.random.uniform(jax.random.key(1), (3, 8, 8, 1))
    made = [one.reconstruct(state, images) for one in (model, found.model)]
    np.testing.assert_array_equal(*made)


def test_a_folder_of_a_run_may_move(described, tmp_path):
    folder = shutil.copytree(described[0], tmp_path / "elsewhere")
    assert int(run.load_model(folder).state.step) == 2


def test_parts_are_found_and_loaded_by_name(tmp_path):
    model = a_vae()
    config = Config(output=str(tmp_path), name="run")
    setup = run.prepare(config)
    folder = run.open_folder(config, "tiny", "run", title="", claim="none")
    for part in ("two", "one"):
        run.train(config, setup, folder, model, part=part)
    assert run.parts_of(folder.path) == ("one", "two")
    assert int(run.load_model(folder.path, "two").state.step) == 2
    with pytest.raises(InputError, match="give part, one of 'one', 'two'"):
        run.load_model(folder.path)
    with pytest.raises(InputError, match="part="):
        run.load_model(folder.path, "../one")


def test_a_model_with_its_own_network_samples_the_same_bits(foreign):
    # The classes of its networks are not known to this process.
    folder, made = foreign
    key, images = jax.random.key(7), made["vae"]
    for part in ("vae", "gan"):
        model, state, _ = run.load_model(folder, part)
        np.testing.assert_array_equal(model.sample(state, key, 12), made[part])
    model, state, description = run.load_model(folder, "vae")
    assert description.calls is None
    assert (model.kind, state.step, model.translate) == ("VAE", 2, None)
    latents = model.encode(state, images)[0]
    np.testing.assert_array_equal(latents, made["encode"])
    np.testing.assert_array_equal(model.decode(state, latents), made["decode"])
    again = model.reconstruct(state, images)
    np.testing.assert_array_equal(again, made["reconstruct"])


def test_what_was_exported_takes_batches_of_any_size_and_labels(foreign):
    model, state, _ = run.load_model(foreign[0], "gan")
    for size in (1, 3):
        sample = model.sample(state, jax.random.key(0), size)
        assert sample.shape == (size, 8, 8, 1)
    other = jax.nn.one_hot(jnp.full(3, 5), 10)
    told = model.sample(state, jax.random.key(0), 3, other)
    assert not np.array_equal(told, sample)


def test_a_described_model_loads_in_a_fresh_process(described, tmp_path):
    folder, state, model = described
    script, file = tmp_path / "fresh.py", tmp_path / "found.npy"
    script.write_text(
        "import sys, jax, numpy as np\n"
        "from jaxgen import run\n"
        "model, state, _ = run.load_model(sys.argv[1])\n"
        "sample = jax.jit(model.sample, static_argnums=2)\n"
        "np.save(sys.argv[2], sample(state, jax.random.key(7), 5))\n"
        "names = ('experiments', 'tests', 'matplotlib', 'tyro')\n"
        "assert not any(name.startswith(names) for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, script, folder, file], check=True)
    sample = jax.jit(model.sample, static_argnums=2)(state, jax.random.key(7), 5)
    np.testing.assert_array_equal(np.load(file), sample)


def test_a_described_model_is_not_exported(described):
    assert not (described[0] / "exported").exists()


def test_a_state_of_an_optimizer_is_not_read(foreign):
    _, state, description = run.load_model(foreign[0], "vae")
    encoder = 64 * 8 + 8 + 8 * 4 + 4
    decoder = 2 * 8 + 8 + 4 * 8 + 8 * 64 + 64
    step_and_key = 1 + 2
    assert sum(map(jnp.size, state.arrays)) == encoder + decoder + step_and_key
    assert not any("opt_state" in path for path in description.exported["arrays"])


def test_a_run_from_before_is_refused_with_a_sentence(described, tmp_path):
    folder = changed(described[0], tmp_path / "old")
    (folder / "model.json").unlink()
    with pytest.raises(InputError, match="was written before jaxgen wrote model.json"):
        run.load_model(folder)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"model": {"call": "os.system", "arguments": {}}}, "names 'os.system'"),
        ({"model": 3}, "is damaged"),
        ({"model": None}, "at the end of the training"),
        ({"batch": None}, "is damaged"),
        ({"batch": {"image": 3}}, "the shape of 'image' is 3"),
        (
            {"batch": {"image": {"shape": [2**60], "dtype": "float32"}}},
            "the shape of 'image'",
        ),
        (
            {"batch": {"image": {"shape": [2, 9, 9, 1], "dtype": "float32"}}},
            "belongs to another model",
        ),
        ({"batch": {}}, "does not take its batch"),
    ],
    ids=range(8),
)
def test_a_damaged_description_is_refused(described, tmp_path, entries, message):
    folder = changed(described[0], tmp_path / "damaged", **entries)
    with pytest.raises(InputError, match=message):
        run.load_model(folder)


def test_a_damaged_export_is_refused(foreign, tmp_path):
    folder = shutil.copytree(foreign[0], tmp_path / "damaged")
    path = folder / "parts" / "vae" / "exported" / "sample.bin"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not as the run wrote it"):
        run.load_model(folder, "vae")


@pytest.mark.parametrize(
    "entries",
    [
        {"digests": {"../../sample": "0"}},
        {"digests": 3},
        {"arrays": None},
        {"arrays": {"step": 3}},
        {"arrays": {}},
        {"num_classes": "2"},
    ],
)
def test_damaged_words_on_an_export_are_refused(foreign, tmp_path, entries):
    home = foreign[0] / "parts" / "vae"
    content = json.loads((home / "model.json").read_text())
    exported = content["exported"] | entries
    copy = changed(home, tmp_path / "run" / "parts" / "vae", exported=exported)
    with pytest.raises(InputError, match="a damaged model.json"):
        run.load_model(copy.parents[1], "vae")


def test_a_run_without_a_checkpoint_says_how_to_get_one(described, tmp_path):
    folder = shutil.copytree(described[0], tmp_path / "copy")
    shutil.rmtree(folder / "checkpoints")
    with pytest.raises(InputError, match="no checkpoint in .*--resume"):
        run.load_model(folder)
    assert not (folder / "checkpoints").exists()


def test_what_is_no_run_is_named(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        run.load_model(tmp_path / "none")
    with pytest.raises(InputError, match="is no run, as it holds no config.json"):
        run.load_model(tmp_path)
