"""What a script may import beside jaxgen; `experiments/.importlinter` has the rest."""

import ast
from pathlib import Path

import pytest

import experiments

FOLDER = Path(experiments.__path__[0])
FIGURES = "experiments.figures"


def figure_files_of(text: str) -> set[str]:
    """Returns the figure files that a module imports, by name."""
    named = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {
        name.removeprefix(f"{FIGURES}.").partition(".")[0]
        for name in named
        if name.startswith(f"{FIGURES}.")
    }


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from experiments.figures import vae as figures", {"vae"}),
        ("from experiments.figures.gan import samples, tables", {"gan"}),
        ("import experiments.figures.dag", {"dag"}),
        ("from jaxgen import report\nimport experiments", set()),
    ],
)
def test_imports_of_figure_files_are_found(line, found):
    assert figure_files_of(line) == found


def test_a_figure_file_is_imported_by_its_script_alone():
    importers = {
        (path.stem, name)
        for path in FOLDER.rglob("*.py")
        for name in figure_files_of(path.read_text())
    }
    files = {path.stem for path in (FOLDER / "figures").glob("[!_]*.py")}
    assert files
    assert importers == {(name, name) for name in files}
