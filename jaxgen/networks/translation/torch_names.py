"""Which network a state dict of the authors' PyTorch code is of, by names and shapes.

The layers of a `Sequential` are numbered, those without parameters too: so a ResNet's
stem is `model.1`, behind its reflecting `model.0`.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from jaxgen.errors import InputError
from jaxgen.networks.translation.norms import Norm

__all__ = ["Kind", "Plan", "TorchUnit", "plan_of_critic", "plan_of_translator"]

Kind = Literal["ResNet", "U-Net", "patch critic", "pixel critic"]

_UNET = "model.model"
_TRANSLATORS = ("ResNet", "U-Net")


class TorchUnit(NamedTuple):
    """What a `Unit` is called there.

    Attributes:
        conv: The name of its convolution.
        norm: The name of its normalization.
        transposed: Whether the convolution is a transposed one.
    """

    conv: str
    norm: str = ""
    transposed: bool = False


class Plan(NamedTuple):
    """What a file holds.

    Attributes:
        kind: Of network.
        options: Those of the function that makes it.
        inputs: Channels of its input.
        side: Of the smallest images it takes.
        units: Their names there, by the names here.
        description: In words.
    """

    kind: Kind
    options: dict[str, Any]
    inputs: int
    side: int
    units: dict[str, TorchUnit]
    description: str


_Weights = Mapping[str, np.ndarray]


def plan_of_translator(weights: _Weights, path: str) -> Plan:
    """Returns the plan of a generator's state dict.

    Raises:
        InputError: It is that of another network; the path is named.
    """
    kind = _kind(weights, path)
    if kind not in _TRANSLATORS:
        raise InputError(f"{path} holds a {kind}: read it by import_critic.")
    return _resnet(weights, path) if kind == "ResNet" else _unet(weights)


def plan_of_critic(weights: _Weights, path: str) -> Plan:
    """Returns the plan of a discriminator's state dict.

    Raises:
        InputError: It is that of another network; the path is named.
    """
    kind = _kind(weights, path)
    if kind in _TRANSLATORS:
        raise InputError(f"{path} holds a {kind}: read it by import_translator.")
    return _pixel(weights) if kind == "pixel critic" else _patch(weights)


def _kind(weights: _Weights, path: str) -> Kind:
    if any(name.endswith(".filt") for name in weights):
        raise InputError(
            f"{path} is of an anti-aliased network, the default of CUT's code: "
            "give one trained with --no_antialias and --no_antialias_up."
        )
    if any("weight_orig" in name or "parametrizations" in name for name in weights):
        raise InputError(
            f"{path} has kernels with a spectral or weight norm: remove the norm in "
            "PyTorch (torch.nn.utils.remove_spectral_norm, say) and save it anew."
        )
    shapes = {name: array.shape for name, array in weights.items()}

    def side(name: str) -> int:
        shape = shapes.get(name, ())
        return shape[-1] if len(shape) == 4 else 0

    if side("net.0.weight") == 1:
        return "pixel critic"
    if side(f"{_UNET}.0.weight") == 4:
        return "U-Net"
    if side("model.1.weight") == 7:
        return "ResNet"
    if side("model.0.weight") == 4:
        return "patch critic"
    names = ", ".join(list(weights)[:3])
    raise InputError(
        f"{path} is of no network that is known here (its names begin with {names}): "
        "give a generator or discriminator that the authors' PyTorch code of pix2pix "
        "and CycleGAN has saved, as latest_net_G.pth."
    )


def _norm(weights: _Weights, unit: TorchUnit) -> Norm:
    """Returns the normalization of a network, seen at one of its units."""
    if f"{unit.norm}.weight" in weights:
        return "batch"
    return "instance" if f"{unit.conv}.bias" in weights else "none"


def _resnet(weights: _Weights, path: str) -> Plan:
    found = {
        (int(match[1]), int(match[2]))
        for name in weights
        if (match := re.fullmatch(r"model\.(\d+)\.conv_block\.(\d+)\.weight", name))
        and weights[name].ndim == 4
    }
    blocks = len({block for block, _ in found})
    dropout = (10, 6) in found
    second = 6 if dropout else 5
    if found != {(10 + block, at) for block in range(blocks) for at in (1, second)}:
        places = sorted({at for _, at in found})
        raise InputError(
            f"{path} is of a ResNet whose blocks have convolutions at {places}: "
            "expected 1 and 5, or 1 and 6 with dropout, and blocks from model.10 on; "
            "give one with reflected borders (padding_type='reflect')."
        )
    units = {"stem": TorchUnit("model.1", "model.2")}
    for stage in range(2):
        at = 4 + 3 * stage
        units[f"down_{stage}"] = TorchUnit(f"model.{at}", f"model.{at + 1}")
        at = 10 + blocks + 3 * (1 - stage)
        units[f"up_{stage}"] = TorchUnit(f"model.{at}", f"model.{at + 1}", True)
    for block in range(blocks):
        for unit, at in enumerate((1, second)):
            name = f"model.{10 + block}.conv_block"
            units[f"block_{block}_{unit}"] = TorchUnit(
                f"{name}.{at}", f"{name}.{at + 1}"
            )
    units["head"] = TorchUnit(f"model.{17 + blocks}")
    width, inputs = weights["model.1.weight"].shape[:2]
    channels = _length(weights, f"{units['head'].conv}.weight", 0)
    options = {
        "channels": channels,
        "width": width,
        "blocks": blocks,
        "norm": _norm(weights, units["stem"]),
        "dropout": dropout,
    }
    words = f"{blocks} blocks, " + ("dropout, " if dropout else "")
    return _plan("ResNet", weights, options, inputs, 8, units, words, channels)


def _unet(weights: _Weights) -> Plan:
    units = {
        "down_0": TorchUnit(f"{_UNET}.0"),
        "up_0": TorchUnit(f"{_UNET}.3", "", True),
    }
    prefix, depth = f"{_UNET}.1.model", 1
    while f"{prefix}.1.weight" in weights:
        units[f"down_{depth}"] = TorchUnit(f"{prefix}.1", f"{prefix}.2")
        deepest = f"{prefix}.3.model.1.weight" not in weights
        up = 3 if deepest else 5
        units[f"up_{depth}"] = TorchUnit(f"{prefix}.{up}", f"{prefix}.{up + 1}", True)
        prefix, depth = f"{prefix}.3.model", depth + 1
    width, inputs = weights[f"{_UNET}.0.weight"].shape[:2]
    channels = _length(weights, f"{_UNET}.3.weight", 1)
    # The outermost convolution has a bias where the inner ones have.
    norm = _norm(weights, TorchUnit(f"{_UNET}.0", units[f"up_{depth - 1}"].norm))
    options = {"channels": channels, "width": width, "depth": depth, "norm": norm}
    words = f"depth {depth}, "
    return _plan("U-Net", weights, options, inputs, 2**depth, units, words, channels)


def _patch(weights: _Weights) -> Plan:
    numbers = [
        int(match[1])
        for name, array in weights.items()
        if (match := re.fullmatch(r"model\.(\d+)\.weight", name)) and array.ndim == 4
    ]
    layers = len(numbers) - 2
    units = {
        "layer_0": TorchUnit("model.0"),
        "head": TorchUnit(f"model.{max(numbers)}"),
    }
    for layer in range(1, layers + 1):
        units[f"layer_{layer}"] = TorchUnit(
            f"model.{3 * layer - 1}", f"model.{3 * layer}"
        )
    width, inputs = weights["model.0.weight"].shape[:2]
    heads = weights[f"model.{max(numbers)}.weight"].shape[0]
    norm = _norm(weights, TorchUnit("model.2", "model.3"))
    options = {"width": width, "layers": layers, "norm": norm, "heads": heads}
    side = 3 * 2 ** max(layers, 1)
    words = f"{layers} layers, "
    return _plan("patch critic", weights, options, inputs, side, units, words, heads)


def _pixel(weights: _Weights) -> Plan:
    units = {
        "layer_0": TorchUnit("net.0"),
        "layer_1": TorchUnit("net.2", "net.3"),
        "head": TorchUnit("net.5"),
    }
    width, inputs = weights["net.0.weight"].shape[:2]
    heads = _length(weights, "net.5.weight", 0)
    norm = _norm(weights, units["layer_1"])
    options = {"width": width, "norm": norm, "heads": heads}
    return _plan("pixel critic", weights, options, inputs, 1, units, "", heads)


def _length(weights: _Weights, name: str, axis: int) -> int:
    """Returns an axis of an array, or 1 of one that is missing, to be missed later."""
    return weights[name].shape[axis] if name in weights else 1


def _plan(
    kind: Kind,
    weights: _Weights,
    options: dict[str, Any],
    inputs: int,
    side: int,
    units: dict[str, TorchUnit],
    words: str,
    outputs: int,
) -> Plan:
    norm = options["norm"]
    description = (
        f"{kind}: {words}width {options['width']}, {inputs} to {outputs} channels, "
        + ("no norm" if norm == "none" else f"{norm} norm")
    )
    if norm == "instance" and any(name.endswith("running_mean") for name in weights):
        description += " (its old running statistics left out)"
    return Plan(kind, options, inputs, side, units, description)
