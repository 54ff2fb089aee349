import inspect
import sys

import jax
import pytest

from experiments import vae
from experiments.mode_watch import ModeWatch
from jaxgen import run
from jaxgen.metrics import CollapseMonitor, TranslationMonitor
from jaxgen.training import progress as training_progress


def test_a_pipe_gets_a_line_for_each_stage_and_then_one_now_and_then(
    capsys, monkeypatch
):
    now = [0.0]
    monkeypatch.setattr(training_progress.time, "monotonic", lambda: now[0])
    with run.display() as show:
        for done in range(4):
            show("features", 1000 * done, 4000)
            now[0] += 3.0
        show("metrics", 0, None)
        show("features", 4000, 4000)
        show("images read", 7, None)
    assert capsys.readouterr().err.splitlines() == [
        "Features: 0 of 4,000",
        "Features: 2,000 of 4,000",
        "Metrics",
        "Images read: 7",
    ]


def test_a_stage_within_another_uses_the_same_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with run.display() as show, run.display() as inner:
        assert inner is show
        inner("features", 1, 5)
        show("metrics", 0, None)
    with run.display() as again:
        assert again is not show


@pytest.mark.parametrize("monitor", [CollapseMonitor, ModeWatch, TranslationMonitor])
def test_a_warning_of_a_monitor_is_a_plain_line(monitor, capsys):
    warn = inspect.signature(monitor).parameters["warn"].default
    warn("The critic wins for 3 looks: try 50 % of its rate.")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "The critic wins for 3 looks: try 50 % of its rate.\n")


@pytest.mark.parametrize("error", [AssertionError(), RuntimeError("no backend")])
def test_a_platform_that_does_not_start_is_a_sentence(monkeypatch, capsys, error):
    def main(config):
        jax.devices()

    def devices():
        raise error

    monkeypatch.setattr("sys.argv", ["vae"])
    with monkeypatch.context() as patch:
        patch.setattr(jax, "devices", devices)
        with pytest.raises(SystemExit) as stop:
            run.command_line(main, vae.Config, "")
    assert stop.value.code == 2
    assert (
        "JAX cannot start the platform that JAX_PLATFORMS=" in capsys.readouterr().err
    )

    def broken(config):
        raise error

    # Where devices start, such an error is one of the script.
    with pytest.raises(type(error)):
        run.command_line(broken, vae.Config, "")
