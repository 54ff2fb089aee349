"""A run's folder for every test, and one page for those that only read it."""

import pytest

from jaxgen.report import write_page
from tests.report.folder import write_run


@pytest.fixture
def run_folder(tmp_path):
    return write_run(tmp_path / "runs" / "vae" / "digits")


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "runs" / "vae" / "digits"
    return write_page(write_run(folder))
