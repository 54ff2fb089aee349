"""Modules that a script needs after its training are imported beside it."""

import contextlib
import dataclasses
import sys

import jax
import pytest

from jaxgen import run, training
from tests import tiny


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions):
    """Options of a tiny script."""


MODULE = """
import pathlib
import time

start = time.monotonic()
while not pathlib.Path({go!r}).exists() and time.monotonic() < start + 60.0:
    time.sleep(0.01)
time.sleep(0.3)
DONE = True
"""
"""Takes longer to import than the training takes."""


@pytest.mark.parametrize("fails", [False, True])
def test_modules_are_imported_when_a_training_ends_even_by_an_error(
    monkeypatch, tmp_path, fails
):
    go = tmp_path / "go"
    (tmp_path / "needed_afterwards.py").write_text(MODULE.format(go=str(go)))
    monkeypatch.syspath_prepend(tmp_path)

    def last_step(state, step):
        go.touch()
        if fails:
            raise KeyError

    config = Config(output=str(tmp_path / "runs"), name="a")
    setup = run.Setup(
        train=None,
        test=None,
        batches=tiny.batches(),
        test_batches=tiny.batches(train=False),
        place=training.placement(1),
        key=jax.random.key(0),
        steps=1,
    )
    folder = run.open_folder(config, "test", "a", title="T", claim="A.")
    try:
        with pytest.raises(KeyError) if fails else contextlib.nullcontext():
            run.train(
                config,
                setup,
                folder,
                tiny.vae(),
                callbacks=[last_step],
                imports=("no_such_module", "needed_afterwards"),
            )
        assert sys.modules["needed_afterwards"].DONE
    finally:
        training.release_run(folder)
        sys.modules.pop("needed_afterwards", None)
