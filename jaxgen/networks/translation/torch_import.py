"""Translators and critics trained by the authors' PyTorch code of pix2pix and CycleGAN.

That code saves a state dict for each network (`latest_net_G.pth`, `latest_net_D_A.pth`
...), whose names number the layers of nested `Sequential`s; what is a normalization,
an activation or a padding there takes a number too. Architecture is read from names and
shapes alone (`torch_names.py`), and nothing is unpickled (`torch_weights.py`).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jax.typing import DTypeLike

from jaxgen.errors import InputError
from jaxgen.networks.convolution import ConvFormulation
from jaxgen.networks.state_dict import take
from jaxgen.networks.torch_weights import read_state_dict
from jaxgen.networks.translation import torch_names
from jaxgen.networks.translation.norms import Norm
from jaxgen.networks.translation.patch import patch_critic, pixel_critic
from jaxgen.networks.translation.resnet import (
    HALVINGS,
    resnet_features,
    resnet_translator,
)
from jaxgen.networks.translation.torch_names import Kind, Plan
from jaxgen.networks.translation.unet import Dropout, unet_features, unet_translator
from jaxgen.typing import Network, Params, PyTree

__all__ = ["ImportedCritic", "ImportedTranslator", "import_critic", "import_translator"]

_RUNNING = ("running_mean", "running_var", "num_batches_tracked")

_SETTLED = 1000.0
"""Batches behind running statistics whose file does not say how many there were."""

_LEAVES = {"scale": "weight", "bias": "bias", "mean": "running_mean"}


class ImportedTranslator(NamedTuple):
    """A translator with trained weights.

    Attributes:
        translator: The network.
        features: Its feature maps; see `resnet_features`.
        params: float32 arrays.
        stats: Running statistics of a batch normalization.
        description: What was found, in words.
        kind: "ResNet" or "U-Net".
        depth: Blocks of a ResNet, halvings of a U-Net.
        width: Channels of the first layer.
        norm: "batch", "instance" or "none".
        dropout: Whether a ResNet was trained with dropout; None for a U-Net, whose
            weights do not show it.
        channels: Of its input and of its output.
        side: Of the smallest images it takes.
        multiple: What the sides of images have to be multiples of.
    """

    translator: Network
    features: Callable[..., Any]
    params: Params
    stats: PyTree
    description: str
    kind: Kind
    depth: int
    width: int
    norm: Norm
    dropout: bool | None
    channels: tuple[int, int]
    side: int
    multiple: int


class ImportedCritic(NamedTuple):
    """A critic with trained weights.

    Attributes:
        critic: The network. One of pairs sees input and output as channels of one
            image, the input first.
        params: float32 arrays.
        stats: Running statistics of a batch normalization.
        description: What was found, in words.
    """

    critic: Network
    params: Params
    stats: PyTree
    description: str


def import_translator(
    path: str | Path,
    *,
    entry: str | None = None,
    dropout: Dropout = "reference",
    formulation: ConvFormulation = "auto",
    dtype: DTypeLike | None = None,
) -> ImportedTranslator:
    """Reads a generator that the authors' PyTorch code has saved.

    The ResNet with reflected borders and the U-Net are known, of any width, number of
    blocks or depth, and channels, with any normalization. Running statistics that old
    versions of PyTorch kept of instance normalizations are left out, as the authors'
    code leaves them out.

    Args:
        path: The file, as `latest_net_G.pth`.
        entry: Which state dict of a file that holds several; see `read_state_dict`.
        dropout: Where a U-Net drops numbers if keys are given, for its file does not
            say whether it was trained so; see `unet_translator`. A ResNet's file does:
            dropout takes a number in each block.
        formulation: See `jaxgen.networks.convolution`.
        dtype: What the translator computes in; see `resnet_translator`.

    Raises:
        InputError: The file cannot be read, or is of another network.
    """
    state_dict = _read(path, entry)
    plan = torch_names.plan_of_translator(state_dict, str(path))
    options = {**plan.options, "formulation": formulation, "dtype": dtype}
    if plan.kind == "U-Net":
        options["dropout"] = dropout
        translator, features = unet_translator(**options), unet_features(**options)
        multiple = plan.side
    else:
        translator, features = resnet_translator(**options), resnet_features(**options)
        multiple = 2**HALVINGS
    return ImportedTranslator(
        translator,
        features,
        *_weights(state_dict, plan, translator.init, path),
        plan.description,
        plan.kind,
        plan.options["depth" if plan.kind == "U-Net" else "blocks"],
        plan.options["width"],
        plan.options["norm"],
        plan.options.get("dropout"),
        (plan.inputs, plan.options["channels"]),
        plan.side,
        multiple,
    )


def import_critic(
    path: str | Path,
    *,
    entry: str | None = None,
    formulation: ConvFormulation = "auto",
    dtype: DTypeLike | None = None,
) -> ImportedCritic:
    """Reads a discriminator that the authors' PyTorch code has saved.

    Critics of patches, with any number of layers, and of pixels are known.

    Args:
        path: The file, as `latest_net_D.pth`.
        entry: Which state dict of a file that holds several; see `read_state_dict`.
        formulation: See `jaxgen.networks.convolution`.
        dtype: What the critic computes in; see `patch_critic`.

    Raises:
        InputError: The file cannot be read, or is of another network.
    """
    state_dict = _read(path, entry)
    plan = torch_names.plan_of_critic(state_dict, str(path))
    options = {**plan.options, "formulation": formulation, "dtype": dtype}
    make = pixel_critic if plan.kind == "pixel critic" else patch_critic
    critic = make(**options)
    params, stats = _weights(state_dict, plan, critic.init, path)
    return ImportedCritic(critic, params, stats, plan.description)


def _read(path: str | Path, entry: str | None) -> dict[str, np.ndarray]:
    found = {}
    for name, array in read_state_dict(path, entry=entry).items():
        # Put there by DataParallel and by torch.compile.
        while name.startswith(("module.", "_orig_mod.")):
            name = name.split(".", 1)[1]
        found[name] = array
    return found


def _weights(
    state_dict: Mapping[str, np.ndarray], plan: Plan, init: Any, path: str | Path
) -> tuple[Params, PyTree]:
    """Returns the parameters and statistics that `init` would, from a state dict."""
    images = jax.ShapeDtypeStruct((1, plan.side, plan.side, plan.inputs), jnp.float32)
    variables = jax.eval_shape(init, jax.random.key(0), images)
    known: set[str] = set()

    def part(name: str, shape: tuple[int, ...]) -> np.ndarray:
        known.add(name)
        array = take(
            state_dict,
            name,
            shape,
            network=f"a {plan.description}",
            cure=f"Give a file as the authors' code saves it; this is {path}.",
        )
        if not np.isfinite(array).all():
            raise InputError(
                f"The weights {path} are not finite in {name}: give those of an epoch "
                "before training failed."
            )
        return np.asarray(array, np.float32)

    def leaf(places: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
        unit, kind = plan.units[places[0]], places[-1]
        if kind == "kernel" and unit.transposed:
            # Stored as the kernel of the convolution whose transpose it is.
            array = part(f"{unit.conv}.weight", (*shape[2:], *shape[:2]))
            return array[:, :, ::-1, ::-1].transpose(2, 3, 0, 1)
        if kind == "kernel":
            array = part(f"{unit.conv}.weight", (*shape[:1:-1], *shape[:2]))
            return array.transpose(2, 3, 1, 0)
        if places[1] == "conv":
            # Without any normalization the authors' inner layers have no bias.
            absent = plan.options["norm"] == "none"
            if absent and f"{unit.conv}.bias" not in state_dict:
                return np.zeros(shape, np.float32)
            return part(f"{unit.conv}.bias", shape)
        if kind == "batches":
            name = f"{unit.norm}.num_batches_tracked"
            if name not in state_dict:
                return np.full(shape, _SETTLED, np.float32)
            return part(name, shape)
        return part(f"{unit.norm}.{_LEAVES.get(kind, 'running_var')}", shape)

    def filled(tree: PyTree) -> PyTree:
        if not tree:
            return tree
        shapes: Any = flatten_dict(jax.tree.map(jnp.shape, tree))
        return unflatten_dict(
            {places: jnp.asarray(leaf(places, shapes[places])) for places in shapes}
        )

    params, stats = map(filled, variables)
    for name in state_dict:
        ignored = (
            name.rsplit(".", 1)[-1] in _RUNNING and plan.options["norm"] != "batch"
        )
        if name not in known and not ignored and not name.endswith("batches_tracked"):
            raise InputError(
                f"These are not the weights of a {plan.description}: it has no {name}. "
                f"Give a file as the authors' code saves it; this is {path}."
            )
    return params, stats
