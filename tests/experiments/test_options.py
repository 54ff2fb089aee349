"""Every script refuses numbers and names that it cannot use, by the option's name."""

import dataclasses
import importlib
import math
import pathlib
import re
import time

import jax
import pytest

from experiments import pix2pix, vae
from jaxgen import run
from jaxgen.errors import InputError

FOLDER = pathlib.Path(vae.__file__).parent
SCRIPTS = [
    importlib.import_module(f"experiments.{path.stem}")
    for path in sorted(FOLDER.glob("*.py"))
    if re.search("^(class Config|if __name__ ==)", path.read_text(), re.MULTILINE)
]


def numbers(kind):
    """Returns every option of every script that is a number of a kind, or several."""
    return [
        pytest.param(script.Config, field, id=f"{script.__name__[12:]} {field.name}")
        for script in SCRIPTS
        for field in dataclasses.fields(script.Config)
        if re.search(rf"\b{kind}\b", str(field.type))
    ]


def made(config, **options):
    """Returns options, with None for those that have no default."""
    missing = {
        field.name: None
        for field in dataclasses.fields(config)
        if field.default is dataclasses.MISSING
    }
    return config(**missing | options)


def with_value(config, field, value):
    given = (value,) if "tuple" in str(field.type) else value
    return made(config, **{field.name: given})


def test_the_scripts_were_found():
    assert len(SCRIPTS) > 20
    assert len(numbers("float")) > 40


@pytest.mark.parametrize(("config", "field"), numbers("float"))
def test_an_option_that_is_not_finite_is_refused_by_name(config, field):
    flag = "--" + field.name.replace("_", "-")
    for value in (math.nan, math.inf, -math.inf):
        with pytest.raises(InputError, match=f"^{flag}={value}: give a finite number"):
            run.check_options(with_value(config, field, value))


@pytest.mark.parametrize(("config", "field"), numbers("int"))
def test_a_count_below_0_is_refused_by_name(config, field):
    flag = "--" + field.name.replace("_", "-")
    with pytest.raises(InputError, match=f"^{flag}=-1: give a whole number"):
        run.check_options(with_value(config, field, -1))


def test_the_options_as_they_are_by_default_pass():
    for script in SCRIPTS:
        run.check_options(made(script.Config))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__[12:])
def test_a_script_checks_its_options_before_it_begins(script):
    # `run.command_line` does, so that is all that a script may do by itself.
    source = pathlib.Path(script.__file__).read_text()
    _, start = source.split('\nif __name__ == "__main__":\n')
    assert start.startswith("    run.command_line(main, Config, ")
    assert len(start.splitlines()) == 1


def run_vae(monkeypatch, capsys, *words):
    """Runs `experiments.vae` with some words; returns its standard error."""
    monkeypatch.setattr("sys.argv", ["vae", *words])
    with pytest.raises(SystemExit) as stop:
        run.command_line(vae.main, vae.Config, vae.__doc__ or "")
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--learning-rate", "inf"], "--learning-rate=inf: give a finite number"),
        (["--beta", "nan"], "--beta=nan: give a finite number"),
        (["--steps", "-1"], "--steps=-1: give a whole number"),
        (["--steps", "0"], "--steps=0: give a number above 0"),
        (["--name", ""], "--name='': give the name of one folder"),
        (["--name", "../up"], "--name='../up': give the name of one folder"),
        (["--name", "a/b"], "--name='a/b': give the name of one folder"),
        (["--name", ".."], "--name='..': give the name of one folder"),
        (["--devices", "0"], "--devices=0: give a whole number of at least 1"),
        (["--batch-size", "0"], "--batch-size=0: give a number above 0"),
    ],
)
def test_the_command_refuses_before_any_folder(
    words, said, monkeypatch, capsys, tmp_path
):
    monkeypatch.chdir(tmp_path)
    assert said in run_vae(monkeypatch, capsys, *words)
    assert not list(tmp_path.iterdir())


def test_too_many_devices_are_refused_at_once(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(jax.config, "update", lambda *change: asked.append(change))
    start = time.monotonic()
    said = run_vae(monkeypatch, capsys, "--devices", "99999")
    assert time.monotonic() - start < 20
    assert f"--devices=99999: JAX sees {jax.device_count()} (cpu)" in said
    assert not any(name == "jax_num_cpu_devices" for name, _ in asked)


def test_arguments_of_a_python_call_become_options():
    said = "image_size=3: leave out resume=True, or give batch_size of 8; steps=2."
    assert run.in_options(said, vae.Config()) == (
        "--image-size=3: leave out --resume, or give --batch-size of 8; --steps=2."
    )
    said = "Give `batch_size`, not crop_size: the default of train_split."
    assert run.in_options(said, vae.Config()) == (
        "Give `--batch-size`, not --image-size: the default of --train-split."
    )


def test_a_doubtful_direction_is_an_option():
    options = pix2pix.Config()
    said = "give direction='b_to_a' to translate back, or direction='a_to_b'."
    assert run.in_options(said, options) == said.replace("direction=", "--direction=")


@pytest.mark.parametrize(
    "words",
    [
        "a.steps=1, my_steps=2 and decay_steps stay",
        "The folder image_size/train does not exist.",
        "The folder runs/image_size, the file image_size.png, the run a-batch_size-b",
        "'batch_size' is unknown, and so is \"train_split\"",
        "root=runs/vae: the run cannot be written; --batch-size=3; --name=a",
        "The data of a step have a name and a seed.",
    ],
)
def test_what_is_no_argument_stays_as_it_is(words):
    assert run.in_options(words, vae.Config()) == words


@pytest.mark.parametrize(("columns", "width"), [(None, 80), ("70", 70), ("50", 50)])
def test_a_table_is_as_wide_as_the_terminal_and_whole(
    columns, width, monkeypatch, capsys
):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    row = ["a long name of a method [mean] " * 3, "x" * 90, "1.234 [1.1, 1.3]", "0.001"]
    table = run.Table(title="T", columns=list("abcd"), words=2, rows=[row])
    run.print_tables([table])
    out = capsys.readouterr().out
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= width
    assert out.count("x") == 90
    assert out.count("[") == 4
    assert "1.234 [1.1, 1.3]" in out
    assert "0.001" in out
