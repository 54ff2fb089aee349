"""The options of a training that the published PyTorch code writes beside its weights.

That code (pytorch-CycleGAN-and-pix2pix, and CUT's) writes `train_opt.txt` into the
folder of the checkpoints, an option a line, sorted, between two lines of dashes:

    ----------------- Options ---------------
                   no_dropout: True                          	[default: False]
    ----------------- End -------------------

The weights of a U-Net are the same whether it was trained with dropout or without: only
this file says which.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from jaxgen.errors import InputError
from jaxgen.files import open_regular
from jaxgen.networks.translation.torch_import import ImportedTranslator

__all__ = ["TRAIN_OPTIONS", "TrainOptions", "read_train_options"]

TRAIN_OPTIONS = "train_opt.txt"

_LINE = re.compile(r" *(\w+): ([^\t\n]*?) *(?:\t\[default: .*\])?")

_NETWORKS = {
    "unet_128": ("U-Net", 7),
    "unet_256": ("U-Net", 8),
    "resnet_6blocks": ("ResNet", 6),
    "resnet_9blocks": ("ResNet", 9),
}
"""The kind of network, and its depth or its number of blocks."""


class TrainOptions(NamedTuple):
    """What the file says and the weights do not.

    Attributes:
        dropout: Whether the generator was trained with dropout.
        direction: "AtoB" or "BtoA" for a model of one direction, None where it is not
            known or there are two.
        crop: Side of the square images of the training, None where it is not known.
    """

    dropout: bool
    direction: str | None
    crop: int | None


def read_train_options(
    weights: Path, network: ImportedTranslator
) -> TrainOptions | None:
    """Reads the options of the training from beside a file of weights.

    Args:
        weights: The file of weights.
        network: The network in it.

    Returns:
        The options, or None if there is no such file.

    Raises:
        InputError: The file cannot be read, is damaged, or is of another network.
    """
    path = weights.parent / TRAIN_OPTIONS
    if not os.path.lexists(path):
        return None
    try:
        with open_regular(path) as file:
            lines = file.read().decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, f"cannot be read ({error})") from error
    ends = [bool(re.fullmatch(r"-+ (Options|End) -+", line.strip())) for line in lines]
    if sum(ends) != 2 or not ends[0]:
        raise _unusable(path, "is damaged: a line of dashes is missing")
    found = {
        match[1]: match[2]
        for line in lines
        if (match := _LINE.fullmatch(line.rstrip()))
    }
    said = found.get("no_dropout", "missing")
    if said not in ("True", "False"):
        raise _unusable(
            path, f"is damaged: no_dropout is {said}, expected True or False"
        )
    dropout = said == "False"
    for name, agrees in _agreement(found, dropout, network).items():
        if not agrees:
            raise _unusable(
                path,
                f"has {name}: {found[name]}, but {weights.name} holds a "
                f"{network.description}, so the two are not of one training",
            )
    direction = found.get("direction")
    if direction not in ("AtoB", "BtoA") or found.get("model") == "cycle_gan":
        direction = None
    crop = found.get("crop_size", "")
    cropped = crop.isdecimal() and "crop" in found.get("preprocess", "")
    return TrainOptions(dropout, direction, int(crop) if cropped else None)


def _agreement(
    found: dict[str, str], dropout: bool, network: ImportedTranslator
) -> dict[str, bool]:
    """Returns whether the options are those of a network, by option."""
    agrees: dict[str, bool] = {}
    if found.get("netG") in _NETWORKS:
        agrees["netG"] = _NETWORKS[found["netG"]] == (network.kind, network.depth)
    if found.get("norm") in ("batch", "instance", "none"):
        agrees["norm"] = found["norm"] == network.norm
    if "ngf" in found:
        agrees["ngf"] = found["ngf"] == str(network.width)
    if "input_nc" in found and "output_nc" in found:
        # The second generator of CycleGAN goes back.
        channels = (found["input_nc"], found["output_nc"])
        agrees["input_nc"] = sorted(channels) == sorted(map(str, network.channels))
    if network.dropout is not None:
        agrees["no_dropout"] = dropout == network.dropout
    return agrees


def _unusable(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} {why}: move it away, and give --dropout yes or --dropout no, as the "
        "network was trained."
    )
