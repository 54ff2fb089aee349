"""A run whose folder is lost is saved elsewhere; the command that is told goes on."""

import dataclasses
import shutil
import subprocess
import tempfile

import jax
import pytest

from jaxgen import run, training
from tests import tiny

DOC = "A run.\n\nClaim: It goes on.\n\nMore."


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions):
    """Options of a tiny script."""

    steps: int | None = 30


@pytest.mark.parametrize("part", [None, "b"])
def test_the_command_that_is_told_goes_on(monkeypatch, tmp_path, capsys, part):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))
    states = {}

    def main(config):
        setup = run.Setup(
            train=None,
            test=None,
            batches=tiny.batches(),
            test_batches=tiny.batches(train=False),
            place=training.placement(1),
            key=jax.random.key(config.seed),
            steps=config.steps,
        )
        folder = run.open_folder(config, "test", "a", title="T", claim="A.")

        def lose(state, step):
            if step == 15 and config.name == "lost":
                shutil.rmtree(folder.path)

        states[config.name] = run.train(
            config,
            setup,
            folder,
            tiny.vae(),
            part=part,
            callbacks=[] if config.resume else [lose],
        )
        training.release_run(folder)

    def call(*words):
        monkeypatch.setattr("sys.argv", ["a", "--output", "my runs", *words])
        run.command_line(main, Config, DOC)

    with pytest.raises(SystemExit) as stop:
        call("--name", "lost")
    assert stop.value.code == 1
    what, said = capsys.readouterr().err.splitlines()[-2:]
    assert "is gone. The state of that step is saved in" in what
    copy, resume = said.split("once that is mended: ")[1].rsplit(" && ", 1)
    assert "--resume" in resume
    assert "--name lost" in resume
    subprocess.run(copy, shell=True, check=True)
    call("--name", "lost", "--resume")
    call("--name", "whole")
    tiny.assert_equal_bits(states["lost"], states["whole"])

    def records(name):
        at = tmp_path / "my runs/test" / name
        at = at if part is None else at / "parts" / part
        return [
            {k: v for k, v in row.items() if "per_second" not in k}
            for row in training.read_records(at / "metrics.jsonl")
        ]

    assert records("lost") == records("whole")
    # Without its records a run is not resumed in silence.
    home = tmp_path / "my runs/test/lost"
    (home if part is None else home / "parts" / part).joinpath("metrics.jsonl").unlink()
    with pytest.raises(SystemExit) as stop:
        call("--name", "lost", "--resume")
    assert stop.value.code == 2
    assert (
        "metrics.jsonl is gone, with the records of 30 steps" in capsys.readouterr().err
    )
