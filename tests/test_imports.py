import importlib
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
