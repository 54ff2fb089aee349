from pathlib import Path

import pytest

from benchmarks import start_up


def test_every_candidate_is_compared_with_the_import_of_the_four(monkeypatch, capsys):
    # The plumbing alone: a step of a script takes a quarter of a minute.
    names = [start_up.BASE, "another"]
    idle = {name: lambda: None for name in names}
    recorded = []

    def record(name, results):
        recorded.append(name)
        return Path(name)

    monkeypatch.setattr(start_up, "starts", lambda bytecode: idle)
    monkeypatch.setattr(start_up, "steps", lambda bytecode, folder: idle)
    monkeypatch.setattr(start_up.timing, "record", record)
    results = start_up.main(repeats=1)
    assert recorded == ["start_up"]
    for part in ("starts", "steps"):
        assert list(results[part]) == names
        assert results[part][start_up.BASE]["ratio"] == 1.0
    assert "another" in capsys.readouterr().out


def test_a_process_that_ends_otherwise_is_an_error():
    start_up.process("-c", "raise SystemExit(2)", status=2)()
    code = "import sys; print('a reason', file=sys.stderr); sys.exit(3)"
    with pytest.raises(RuntimeError, match="ended with 3: a reason"):
        start_up.process("-c", code)()


def test_bytecode_and_cache_are_those_of_an_installation(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/somewhere")
    code = """
import os, sys
left = [name for name in os.environ if name.startswith("JAX_COMPILATION")]
sys.exit(4 if left or sys.dont_write_bytecode else 0)
"""
    start_up.process("-c", code)()
