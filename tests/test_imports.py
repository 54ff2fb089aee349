import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import jaxgen
from jaxgen.errors import InputError

ROOT = Path(jaxgen.__file__).parent
MODULES = sorted(
    ".".join(["jaxgen", *path.relative_to(ROOT).with_suffix("").parts])
    for path in ROOT.rglob("*.py")
    if path.stem not in ("__init__", "__main__")
)


def test_every_module_imports_or_names_the_extra_that_it_needs():
    assert len(MODULES) > 200
    refusals = {}
    for module in MODULES:
        try:
            importlib.import_module(module)
        except InputError as error:
            refusals[module] = str(error)
    assert all(module.startswith("jaxgen.report.") for module in refusals)
    assert all('pip install "jaxgen[' in sentence for sentence in refusals.values())


def test_every_module_names_what_it_offers():
    packages = {
        ".".join(["jaxgen", *path.parent.relative_to(ROOT).parts])
        for path in ROOT.rglob("__init__.py")
    }
    without, missing = [], []
    for name in sorted(packages.union(MODULES)):
        try:
            module = importlib.import_module(name)
        except InputError:
            continue  # it needs an extra, see above
        if not hasattr(module, "__all__"):
            without.append(name)
        missing += [
            f"{name}.{one}"
            for one in getattr(module, "__all__", ())
            if not hasattr(module, one)
        ]
    assert not without, "add __all__"
    assert not missing, "these are in __all__ and not there"


@pytest.mark.parametrize("name", jaxgen.__all__)
def test_every_package_is_reached_from_the_top(name):
    assert getattr(jaxgen, name) is importlib.import_module(f"jaxgen.{name}")


def test_the_types_of_the_package_are_for_its_users():
    assert (ROOT / "py.typed").is_file()


def printed(code):
    """Returns what code prints in a process of its own, which imports it all anew."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_base_package_by_itself_imports_no_other():
    code = """
import json, sys
before = set(sys.modules)
from jaxgen import stopping
print(json.dumps([name.split(".")[0] for name in set(sys.modules) - before]))
"""
    found = set(json.loads(printed(code)))
    assert "jaxgen" in found
    assert found <= {"jaxgen"} | sys.stdlib_module_names


WITH_FOUR = """
import contextlib, io, json, re, runpy, sys
from pathlib import Path
import jax, flax, optax, numpyro

def packages():
    depth = {"scipy": 2}  # some of its parts are slow
    parts = [name.split(".") for name in list(sys.modules)]
    return {".".join(part[: depth.get(part[0], 1)]) for part in parts}

before = packages() | sys.stdlib_module_names
"""


def test_models_and_training_import_no_other_package_of_weight():
    code = """
from jaxgen import losses, models, networks, training
print(json.dumps(sorted(packages() - before)))
print(json.dumps([name for name in sys.modules if name.startswith("jaxgen.")]))
"""
    found, ours = map(json.loads, printed(WITH_FOUR + code).splitlines())
    assert set(found) == {"jaxgen", "jaxtyping", "wadler_lindig"}
    unused = ("jaxgen.data", "jaxgen.metrics", "jaxgen.report", "jaxgen.run.")
    assert not [name for name in ours if name.startswith(unused)]


def test_help_and_a_typo_import_the_parser_and_no_other_package_of_weight():
    code = """
import experiments
before |= {"jaxgen", "jaxtyping", "wadler_lindig", "experiments"}
# The parser and what it stands on.
before |= {"tyro", "docstring_parser", "typeguard", "typing_extensions", "shtab"}
found = {}
for path in sorted(Path(experiments.__file__).parent.glob("*.py")):
    if not re.search("^if __name__ ==", path.read_text(), re.MULTILINE):
        continue
    name = f"experiments.{path.stem}"
    for word in ("--help", "--mistyped"):
        sys.argv = [path.name, word]
        sys.modules.pop(name, None)  # another script may have imported it
        with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
            with contextlib.redirect_stderr(io.StringIO()):
                runpy.run_module(name, run_name="__main__", alter_sys=True)
    found[path.stem] = sorted(packages() - before)
    before |= packages()
print(json.dumps(found))
"""
    found = json.loads(printed(WITH_FOUR + code))
    assert len(found) > 20
    assert not {name: more for name, more in found.items() if more}
