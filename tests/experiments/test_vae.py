import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments import vae
from experiments.figures import vae as figures
from jaxgen import training
from jaxgen.errors import InputError

ROOT = Path(__file__).parents[2]
SMALL = vae.Config(data="digits", hidden=(8,), epochs=2, batch_size=64, devices=1)


def command(*words: str, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "experiments.vae", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"JAX_NUM_CPU_DEVICES": "1", "CI": "true"},
        **options,
    )


def fails(*words: str) -> str:
    """Runs a command that must be refused; returns its one sentence."""
    process = command(*words)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2, errors
    assert "Traceback" not in errors
    return " ".join(errors.split())


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[vae.Config, dict]:
    config = dataclasses.replace(SMALL, output=str(tmp_path_factory.mktemp("runs")))
    return config, vae.main(config)


def test_a_run_leaves_every_file_and_a_page(run):
    config, results = run
    page = Path(results["page"])
    folder = page.parent
    assert folder == Path(config.output) / "vae" / "digits-mlp-z2"
    for name in ("config.json", "metrics.jsonl", "summary.json", "index.html"):
        assert (folder / name).stat().st_size > 0
    assert list((folder / "tensorboard").glob("events*"))
    assert list((folder / "checkpoints").glob("*"))
    figures = {path.stem for path in (folder / "figures").glob("*.png")}
    wanted = {"losses", "latents", "manifold", "reconstructions", "epochs", "kl"}
    assert wanted <= figures
    assert 'id="plane"' in page.read_text()
    for term in ("loss", "reconstruction", "kl"):
        assert np.isfinite(results[term])


def test_the_saved_command_gives_the_saved_options(run):
    folder = Path(run[1]["page"]).parent
    config = json.loads((folder / "config.json").read_text())
    words = config["command"].split()
    assert words[words.index("--data") + 1] == "digits"
    assert words[words.index("--hidden") + 1] == "8"
    assert config["config"]["epochs"] == 2


def test_a_finished_run_can_go_on_for_more_epochs(run):
    config, _ = run
    longer = dataclasses.replace(config, epochs=3, resume=True)
    page = Path(vae.main(longer)["page"])
    records = training.read_records(page.parent / "metrics.jsonl")
    train = [r["epoch"] for r in records if r["split"] == "train"]
    assert train == [1, 2, 3]


def test_resuming_with_other_options_says_what_differs(run):
    config, _ = run
    other = dataclasses.replace(config, learning_rate=0.1, seed=3, resume=True)
    # The name must not change, or there would be nothing to resume.
    with pytest.raises(InputError) as error:
        vae.main(other)
    assert "learning_rate was 0.001 and is now 0.1" in str(error.value)
    assert "seed was 0 and is now 3" in str(error.value)


def test_a_second_run_of_one_name_gets_a_number_and_the_first_is_left_alone(run):
    config, _ = run
    first = Path(config.output) / "vae" / "digits-mlp-z2" / "metrics.jsonl"
    before = first.read_bytes()
    short = dataclasses.replace(config, epochs=1, steps=1)
    assert Path(vae.main(short)["page"]).parent.name == "digits-mlp-z2-2"
    assert first.read_bytes() == before


def slow(options):
    return pytest.param(options, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "options",
    [
        {"network": "conv", "steps": 2},
        slow({"likelihood": "gaussian", "latents": 5, "steps": 2}),
        {"binarize": "dynamic", "resident": "stream", "steps": 2},
        slow({"prior": "mixture", "likelihood": "learned_gaussian", "steps": 2}),
        slow({"prior": "vamp", "binarize": "fixed", "warm_up": 1, "steps": 2}),
        {"parallel": "pmap", "devices": 2, "steps": 2},
    ],
)
def test_every_kind_of_run_works(options, tmp_path):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **options)
    results = vae.main(config)
    assert np.isfinite(results["loss"])
    # The KL of a latent to a mixture has no closed form.
    page = Path(results["page"]).with_name("summary.json").read_text()
    titles = [table["title"] for table in json.loads(page)["tables"]]
    assert ("Which latents are used" in titles) == ("prior" not in options)
    assert "Where the KL goes" in titles


def test_the_gaussian_likelihood_trains(tmp_path):
    config = dataclasses.replace(
        SMALL, likelihood="gaussian", epochs=8, output=str(tmp_path)
    )
    page = Path(vae.main(config)["page"])
    records = training.read_records(page.parent / "metrics.jsonl")
    losses = [r["loss"] for r in records if r["split"] == "test"]
    assert losses[-1] < losses[0]


def test_a_signal_stops_with_the_command_that_resumes(tmp_path):
    options = ("--data", "digits", "--hidden", "8", "--epochs", "100000")
    process = command(*options, "--output", str(tmp_path))
    metrics = tmp_path / "vae" / "digits-mlp-z2" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if metrics.exists() and metrics.stat().st_size:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in errors
    assert "Compiling the training step\nepoch 1/100000  step " in errors
    assert "-m experiments.vae --data digits" in errors
    assert "--name digits-mlp-z2 --resume" in errors


def test_an_unknown_data_set_is_told_the_nearest_names(tmp_path):
    message = fails("--data", "mnist5", "--output", str(tmp_path))
    assert "mnist5k" in message


def test_an_empty_folder_is_named(tmp_path):
    (tmp_path / "pictures").mkdir()
    message = fails("--data", str(tmp_path / "pictures"), "--output", str(tmp_path))
    assert "pictures" in message


def test_an_output_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    message = fails("--data", "digits", "--output", str(tmp_path / "file"))
    assert f"{tmp_path / 'file'}" in message
    assert "choose another folder" in message


@pytest.mark.parametrize(
    "option", [{"epochs": 0}, {"latents": -1}, {"hidden": (8, 0)}, {"steps": 0}]
)
def test_a_number_that_must_be_positive_is_named(option, tmp_path):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **option)
    with pytest.raises(InputError, match=f"--{next(iter(option))}=.* above 0"):
        vae.main(config)


@pytest.mark.parametrize("option", ["beta", "warm_up", "free_bits"])
def test_a_number_below_0_is_named(option, tmp_path):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **{option: -3})
    with pytest.raises(InputError, match=f"--{option.replace('_', '-')}=-3"):
        vae.main(config)


def test_nothing_to_resume_is_said(tmp_path):
    message = fails("--data", "digits", "--resume", "--output", str(tmp_path))
    assert "leave out --resume" in message


def test_help_explains_every_option():
    out, _ = command("--help").communicate(timeout=60)
    for field in dataclasses.fields(vae.Config):
        assert "--" + field.name.replace("_", "-") in out


def evidence(**changes) -> figures.Evidence:
    """Latents that lie by class, and a plane in which nothing does."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 4
    base = figures.Evidence(
        key=jax.random.key(0),
        mean=rng.normal(size=(200, 2)) + 9 * labels[:, None],
        plane=rng.normal(size=(200, 2)),
        labels=labels,
        epochs=2.0,
    )
    return base._replace(**changes)


def test_the_claim_holds_where_latents_lie_by_class_and_principal_components_do_not():
    own, plane = evidence().mean, evidence().plane
    held = vae.CLAIM.verdict(evidence())
    assert held.outcome == "held"
    assert held.finding.number.value > 0.99
    assert vae.CLAIM.verdict(evidence(mean=plane, plane=own)).outcome == "not held"
    same = vae.CLAIM.verdict(evidence(mean=plane, plane=plane))
    assert same.outcome == "cannot be told here"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mean": np.zeros((200, 20))}, "20 latents; the claim is of two"),
        ({"labels": None}, "the images have no labels"),
        ({"labels": np.zeros(200, int)}, "all images are of one class"),
        ({"epochs": 0.1}, "too few steps"),
        ({"mean": np.zeros((99, 2))}, "99 test images are too few"),
    ],
)
def test_the_claim_cannot_be_told_from_other_runs(changes, reason):
    verdict = vae.CLAIM.verdict(evidence(**changes))
    assert verdict.outcome == "cannot be told here"
    assert verdict.reason.startswith(reason)
