from pathlib import Path

import numpy as np
import pytest

from experiments import convert_weights
from experiments.convert_weights import Config
from jaxgen.errors import InputError
from jaxgen.metrics.features import inception, perceptual
from jaxgen.metrics.features.weights import Weights, load_weights

SHAPES = {("unit", "kernel"): (2, 3)}


@pytest.fixture
def small(monkeypatch):
    params = {"unit": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}}
    monkeypatch.setattr(
        inception, "load_inception", lambda path: Weights(params, (path.name,))
    )
    monkeypatch.setattr(
        perceptual, "load_lpips", lambda one, two: Weights(params, (one.name, two.name))
    )


@pytest.mark.parametrize(
    ("network", "inputs"), [("inception", ["a.pth"]), ("lpips", ["a.pth", "b.pth"])]
)
def test_a_converted_file_says_what_it_was_made_of(small, tmp_path, network, inputs):
    output = tmp_path / "new" / "weights.safetensors"
    files = (*map(Path, inputs), output)
    found = convert_weights.main(Config(files=files, network=network))
    assert found["sources"] == tuple(inputs)
    weights = load_weights(output, architecture=found["architecture"], shapes=SHAPES)
    assert weights.sources == tuple(inputs)
    np.testing.assert_array_equal(
        weights.params["unit"]["kernel"], np.arange(6).reshape(2, 3)
    )


@pytest.mark.parametrize(
    ("files", "network", "words"),
    [
        ((), "inception", "takes 1 to read and 1 to write"),
        (("a.pth", "b.safetensors"), "lpips", "2 files: --network lpips takes 2"),
        (("a.pth", "b.pth"), "inception", "let it end in .safetensors"),
    ],
)
def test_files_that_do_not_fit_are_refused(files, network, words):
    with pytest.raises(InputError, match=words):
        convert_weights.main(Config(files=tuple(map(Path, files)), network=network))


def test_a_missing_file_says_what_to_fetch(tmp_path):
    files = (tmp_path / "a.pth", tmp_path / "b.safetensors")
    with pytest.raises(InputError, match="fetch https://"):
        convert_weights.main(Config(files=files))
