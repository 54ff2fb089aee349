import sys

import pytest

from jaxgen import training
from jaxgen.errors import InputError
from jaxgen.training import progress


@pytest.fixture
def clock(monkeypatch):
    """Time stands still unless it is moved on."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def lines(capsys) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_pipe_gets_a_line_a_record(capsys, clock):
    """An epoch of 5 steps comes in calls of 2, 2 and 1."""
    terms = {"kl": 2.5, "loss": 1.0, "norm": 3.0}
    with training.ProgressBar(15, 5, ("loss", "kl"), name="tiny") as bar:
        for step in (2, 4, 5, 7, 9, 10, 12, 14, 15):
            bar.update(step, terms, 0.0 if step < 6 else 1234.0)
    assert lines(capsys) == [
        "Compiling the training step: tiny",
        "tiny  epoch 1/3  step 5/15  loss 1.00  kl 2.50",
        "tiny  epoch 2/3  step 10/15  loss 1.00  kl 2.50  1,234 images/s",
        "tiny  epoch 3/3  step 15/15  loss 1.00  kl 2.50  1,234 images/s",
    ]


def test_a_record_that_is_no_epoch_gets_a_line_too(capsys, clock):
    with training.ProgressBar(100, 7, (), evaluate_every=25) as bar:
        for step in range(5, 101, 5):
            bar.update(step, {}, 0.0)
    places = [line.split("  ")[1] for line in lines(capsys)[1:]]
    assert places == [f"step {step}/100" for step in (25, 50, 75, 100)]


def test_a_run_of_thousands_of_records_gets_a_line_for_each_hundredth(capsys, clock):
    with training.ProgressBar(5000, 1, ("loss",)) as bar:
        for step in range(1, 5001):
            bar.update(step, {"loss": 1.0}, 10.0)
    shown = lines(capsys)
    assert len(shown) == 1 + 101  # the first and the last record always have one
    assert shown[1].startswith("epoch 1/5000")
    assert shown[-1].startswith("epoch 5000/5000")


def test_a_long_epoch_gets_a_line_after_some_seconds(capsys, clock):
    with training.ProgressBar(1000, 1000, ("loss",)) as bar:
        for step in range(1, 9):
            clock[0] += 2.0
            bar.update(step, {"loss": 1.0}, 10.0)
    assert lines(capsys)[1:] == [
        f"epoch 1/1  step {step}/1,000  loss 1.00  10 images/s" for step in (3, 6)
    ]


def test_a_log_of_a_day_stays_short(clock):
    timer, written = progress.LineTimer(), 0
    for clock[0] in range(0, 86_400, 5):
        if timer.is_due():
            written += 1
            timer.restart()
    assert 100 < written < 500


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with training.ProgressBar(10, 5, ("loss",), name="tiny") as bar:
        bar.update(10, {"loss": 1.0}, 10.0)
    assert "Compiling" not in capsys.readouterr().err


def test_only_a_terminal_needs_rich(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    bar = training.ProgressBar(10, 5, ())
    with bar:
        assert lines(capsys) == ["Compiling the training step"]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with (
        pytest.raises(InputError, match="The progress bar needs rich: pip install"),
        bar,
    ):
        pass
