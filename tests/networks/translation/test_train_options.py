"""What the published code wrote about a training beside its weights."""

import pytest

from jaxgen.errors import InputError
from jaxgen.networks import read_train_options
from tests.networks.translation.train_options_file import RESNET, UNET, written


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
    assert read_train_options(tmp_path / "net.pth", network) == expected


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
        read_train_options(tmp_path / "net.pth", network)


def test_a_damaged_file_is_a_sentence(tmp_path):
    path = written(tmp_path)
    whole = path.read_bytes()
    cases = (b"", whole[: len(whole) // 2], b"\xff\xfe\x00", b"<html>", whole + whole)
    for content in cases:
        path.write_bytes(content)
        with pytest.raises(
            InputError, match=r"train_opt.txt (is damaged|cannot be read)"
        ):
            read_train_options(tmp_path / "net.pth", UNET)
    path.unlink()
    assert read_train_options(tmp_path / "net.pth", UNET) is None
    path.mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        read_train_options(tmp_path / "net.pth", UNET)
