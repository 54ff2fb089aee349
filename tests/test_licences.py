"""The page of licences names what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGE = (ROOT / "docs" / "licences.md").read_text()


def _tables():
    """Returns the packages of each section, by the extras in its title."""
    found = {}
    for section in PAGE.split("\n## ")[1:]:
        title, text = section.split("\n", 1)
        rows = dict(re.findall(r"^\| ([\w.-]+) \| ([^|\n]+?) \|$", text, re.MULTILINE))
        rows.pop("package", None)
        rows.pop("---", None)
        for name in re.findall(r"`(\w+)`", title) or [title]:
            found[name] = rows
    return found


@pytest.mark.parametrize("extra", ["The core", *PROJECT["optional-dependencies"]])
def test_every_direct_dependency_has_its_licence(extra):
    asked = {**PROJECT["optional-dependencies"], "The core": PROJECT["dependencies"]}
    names = {re.match(r"[\w.-]+", line)[0] for line in asked[extra]} - {"jaxgen"}
    rows = _tables()[extra]
    assert names <= rows.keys()
    assert all(rows.values())


def test_no_other_package_is_listed():
    lines = [*PROJECT["dependencies"]]
    for extra in PROJECT["optional-dependencies"].values():
        lines += extra
    names = {re.match(r"[\w.-]+", line)[0] for line in lines}
    listed = {
        name
        for title, rows in _tables().items()
        if title != "Data sets"
        for name in rows
    }
    assert listed == names - {"jaxgen"}


def test_the_audit_covers_every_extra():
    workflow = (ROOT / ".github" / "workflows" / "audit.yml").read_text()
    extras = re.search(r"extras: \[(.*)\]", workflow)[1]
    assert set(PROJECT["optional-dependencies"]) == set(re.findall(r"\w+", extras))
