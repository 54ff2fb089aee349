import pytest

from jaxgen import data


@pytest.fixture(scope="session")
def emoji():
    return {split: data.load_pairs("emoji", split=split) for split in ("train", "test")}
