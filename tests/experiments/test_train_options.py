"""What is assumed of a file of published weights, and from where."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments import translate
from experiments.translation_studies.runs import load_translator
from jaxgen import networks
from jaxgen.errors import InputError
from tests.networks.translation import test_translation_import as weights
from tests.networks.translation.train_options_file import UNET, written

OF_TINY = {"netG": "my_own", "ngf": 2}


def unet(folder: Path) -> Path:
    arrays = weights.filled(weights.unet_shapes())
    for name in arrays:
        if name.endswith("running_var"):
            arrays[name] = arrays[name] ** 2
    return weights.write(folder / "latest_net_G.pth", arrays)


@pytest.mark.parametrize(
    ("said", "drawn", "words"),
    [
        ("True", False, "dropout is not drawn (no_dropout: True in train_opt.txt; "),
        ("False", True, "dropout is drawn (no_dropout: False in train_opt.txt; "),
        (None, False, "dropout is not drawn (the default: train_opt.txt is not besi"),
    ],
)
def test_a_unet_draws_dropout_only_if_its_training_is_known_to(
    tmp_path, said, drawn, words
):
    path = unet(tmp_path)
    if said is not None:
        written(tmp_path, no_dropout=said, **OF_TINY)
    loaded = load_translator(path)
    assert loaded.dropout is drawn
    assert loaded.assumed[0].startswith(words)
    change = "--dropout no leaves it out" if drawn else "--dropout yes draws it"
    assert loaded.assumed[0].endswith(f"; {change})")
    assert "--statistics running" in loaded.assumed[1]
    asked = load_translator(path, dropout="yes", statistics="running")
    assert asked.dropout is True
    assert not any("dropout" in one or "batch norm" in one for one in asked.assumed)
    assert load_translator(path, dropout="no").dropout is False


def test_the_command_draws_nothing_for_such_a_unet_and_says_what_it_assumes(
    tmp_path, capsys, monkeypatch
):
    path = tmp_path / "latest_net_G.pth"
    path.touch()
    found = UNET._replace(channels=(3, 3))
    monkeypatch.setattr(networks, "import_translator", lambda path: found)
    written(tmp_path, output_nc=3)
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")

    def made(name, **options):
        config = translate.Config(path, tmp_path / "a.png", tmp_path / name, **options)
        translate.main(config)
        with Image.open(tmp_path / name / "a.png") as image:
            return np.asarray(image).astype(int)

    expected = 127.5 * (np.tanh(pixels / 127.5 - 1) + 1)
    np.testing.assert_allclose(made("first"), expected, atol=1)
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("Assumed of latest_net_G.pth: dropout is not drawn (no_drop")
    assert "the pictures are of domain B (direction: BtoA in train_opt.txt)" in line
    assert "it was trained on 256 x 256 pixels" in line
    assert np.abs(made("second", dropout="yes") - expected).max() > 50
    (tmp_path / networks.TRAIN_OPTIONS).write_text("damaged")
    with pytest.raises(InputError, match="train_opt.txt is damaged"):
        made("third")
    assert not (tmp_path / "third").exists()


def test_the_weights_of_a_resnet_tell_of_its_dropout(tmp_path):
    for dropout in (False, True):
        arrays = weights.filled(weights.resnet_shapes(dropout))
        path = weights.write(tmp_path / f"{dropout}.pth", arrays)
        loaded = load_translator(path)
        assert loaded.dropout is dropout
        assert len(loaded.assumed) == dropout  # nothing is assumed without dropout
