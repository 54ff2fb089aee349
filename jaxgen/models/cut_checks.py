"""What `cut` refuses, in sentences."""

from collections.abc import Sequence
from typing import Any

import jax

from jaxgen.errors import InputError, check_number
from jaxgen.losses.contrastive import Negatives, check_negatives
from jaxgen.models.remedies.remedy import check_count
from jaxgen.models.translating import check_translator
from jaxgen.typing import Array, Network


def check_parts(
    generator: Any,
    heads: Any,
    patches: int,
    temperature: Any,
    negatives: str,
) -> None:
    """Refuses parts that are not what their names say, and numbers out of range."""
    check_translator("generator", generator)
    if generator.features is None:
        raise InputError(
            "The generator gives no feature maps, whose patches CUT compares: take one "
            "that does, as networks.resnet_translator()."
        )
    if not isinstance(heads, Network):
        raise InputError(
            f"heads is a {type(heads).__name__}: give a Network, as "
            "networks.patch_heads() makes it."
        )
    check_count("patches", patches, 1)
    check_number("temperature", temperature, above=0.0)
    check_negatives(negatives)


def check_channels(a: Array, b: Array) -> None:
    """Refuses domains that one network cannot encode."""
    if a.shape[-1] != b.shape[-1]:
        raise InputError(
            f"Images a have {a.shape[-1]} channels and images b {b.shape[-1]}: CUT "
            "encodes both by one network, so give both the same number of channels."
        )


def check_layers(
    layers: Sequence[int] | None,
    maps: Sequence[jax.ShapeDtypeStruct],
    negatives: Negatives,
) -> None:
    """Refuses layers that are not there, or where there is nothing to compare."""
    chosen = range(len(maps)) if layers is None else layers
    known = f"0 to {len(maps) - 1}"
    if not len(chosen):
        raise InputError(f"layers is empty: give some of {known}.")
    for layer in chosen:
        if not 0 <= layer < len(maps):
            raise InputError(
                f"layers={list(chosen)}: there is no layer {layer} among the "
                f"generator's {len(maps)} feature maps; give some of {known}."
            )
        height, width = maps[layer].shape[1:3]
        if height * width == 1 and negatives == "image":
            raise InputError(
                f"Layer {layer} of the generator is a single place, with nothing to "
                "compare it with: leave it out of layers, or give larger images."
            )
