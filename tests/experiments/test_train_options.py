"""What is assumed of a file of published weights, and from where."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments import translate
from experiments.translation_studies import train_options
from experiments.translation_studies.runs import load_translator
from jaxgen import networks
from jaxgen.errors import InputError
from tests.models.translation import tiny_translation as tiny
from tests.networks.translation import test_translation_import as weights

UNET = networks.ImportedTranslator(
    tiny.pixelwise(3, dropout=True),
    len,  # feature maps, which no one asks for
    {"w": np.eye(3, dtype=np.float32)},
    (),
    "U-Net: in words",
    kind="U-Net",
    depth=8,
    width=64,
    norm="batch",
    dropout=None,
    channels=(3, 1),
    side=4,
    multiple=4,
)
RESNET = UNET._replace(kind="ResNet", depth=9, norm="instance", dropout=True)
OPTIONS = {
    **{"batch_size": 1, "crop_size": 256, "direction": "BtoA", "input_nc": 3},
    **{"model": "pix2pix", "netG": "unet_256", "ngf": 64, "no_dropout": "True"},
    **{"norm": "batch", "output_nc": 1, "preprocess": "resize_and_crop"},
}
OF_TINY = {"netG": "my_own", "ngf": 2}


def written(folder: Path, **changed) -> Path:
    """Writes the file as the published code does; None leaves an option out."""
    rows = ["----------------- Options ---------------"]
    for name, value in sorted((OPTIONS | changed).items()):
        if value is not None:
            comment = "\t[default: ]" if name in ("direction", "no_dropout") else ""
            rows.append(f"{name:>25}: {value:<30}{comment}")
    rows.append("----------------- End -------------------")
    path = folder / train_options.NAME
    path.write_text("\n".join(rows) + "\n")
    return path


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
    (tmp_path / train_options.NAME).write_text("damaged")
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


@pytest.mark.parametrize(
    ("network", "changed", "expected"),
    [
        (UNET, {}, (False, "BtoA", 256)),
        (UNET, {"no_dropout": "False", "preprocess": "none"}, (True, "BtoA", None)),
        (UNET, {"model": "cycle_gan", "crop_size": None}, (False, None, None)),
        # The way back of a CycleGAN, and what only some versions of the code write.
        (UNET._replace(channels=(1, 3)), {"norm": None}, (False, "BtoA", 256)),
        (
            RESNET,
            {"netG": "resnet_9blocks", "norm": "instance", "no_dropout": "False"},
            (True, "BtoA", 256),
        ),
    ],
)
def test_the_options_of_the_published_code_are_read(
    tmp_path, network, changed, expected
):
    written(tmp_path, **changed)
    assert train_options.read_beside(tmp_path / "net.pth", network) == expected


@pytest.mark.parametrize(
    ("network", "changed", "words"),
    [
        (UNET, {"no_dropout": "Maybe"}, "no_dropout is Maybe, expected True or False"),
        (UNET, {"no_dropout": None}, "no_dropout is missing"),
        (UNET, {"ngf": 6}, "has ngf: 6, but net.pth holds a U-Net: in words"),
        (UNET, {"norm": "instance"}, "has norm: instance, but"),
        (UNET, {"netG": "unet_128"}, "has netG: unet_128, but"),
        (UNET, {"output_nc": 3}, "has input_nc: 3, but"),
        (RESNET, {"netG": None, "norm": None}, "has no_dropout: True, but"),
    ],
)
def test_options_of_another_network_are_a_sentence(tmp_path, network, changed, words):
    written(tmp_path, **changed)
    with pytest.raises(InputError, match=f"train_opt.txt .*{words}.*--dropout yes or"):
        train_options.read_beside(tmp_path / "net.pth", network)


def test_a_damaged_file_is_a_sentence(tmp_path):
    path = written(tmp_path)
    whole = path.read_bytes()
    cases = (b"", whole[: len(whole) // 2], b"\xff\xfe\x00", b"<html>", whole + whole)
    for content in cases:
        path.write_bytes(content)
        with pytest.raises(
            InputError, match=r"train_opt.txt (is damaged|cannot be read)"
        ):
            train_options.read_beside(tmp_path / "net.pth", UNET)
    path.unlink()
    assert train_options.read_beside(tmp_path / "net.pth", UNET) is None
    path.mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        train_options.read_beside(tmp_path / "net.pth", UNET)
