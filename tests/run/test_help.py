import dataclasses
import re

import pytest

from experiments import cvae, gan, iwae, vae
from jaxgen import run
from jaxgen.run.help import LINES, documents, short_help


@pytest.mark.parametrize("script", [vae, gan, cvae, iwae])
def test_the_help_has_thirty_lines_of_a_terminals_width(script):
    text = short_help(
        script.Config, "python -m experiments.a", "It is. " * 30, {"--data FOLDER": "x"}
    )
    lines = text.splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= 80
    assert "  --data " in text
    assert "--help-all" in lines[-1]
    # Each option is explained, or named at least.
    for field in dataclasses.fields(script.Config):
        assert re.search(rf"--{field.name.replace('_', '-')}[ ,.\n]", text)


def test_documents_are_those_under_the_fields_of_a_class_and_its_bases():
    found = documents(vae.Config)
    assert found["seed"].startswith("Seed of everything")
    assert found["beta"] == ("Weight of the KL term; 1 gives the evidence lower bound.")
    assert found.keys() == {field.name for field in dataclasses.fields(vae.Config)}


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_says_little_and_exits(word, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["vae", "--steps", "3", word])
    with pytest.raises(SystemExit) as stop:
        run.command_line(vae.main, vae.Config, vae.CLAIM.sentence, vae.EXAMPLES)
    assert stop.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) <= LINES
