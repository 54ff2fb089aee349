"""What the models of translation refuse, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import jax

from jaxgen.checks import (
    check_batch,
    check_choice,
    check_count,
    check_counts,
    check_number,
)
from jaxgen.errors import InputError
from jaxgen.jax_internals import is_traced
from jaxgen.losses.contrastive import Negatives
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models.averaging import check_decay
from jaxgen.models.remedies import Remedy
from jaxgen.models.translation.noise import check_images, check_noise
from jaxgen.typing import Array, Batch, Network


def check_pair_batch(kind: str, batch: Batch) -> None:
    """Refuses batches without as many images a as b."""
    check_batch(batch, "a", "b")
    for name in ("a", "b"):
        check_images(f"batch[{name!r}]", batch[name])
    rows = [batch[name].shape[0] for name in ("a", "b")]
    if rows[0] != rows[1]:
        raise InputError(
            f"A batch for {kind} holds {rows[0]} images a and {rows[1]} images b: give "
            "as many of both."
        )


def check_network(name: str, network: Any, example: str) -> None:
    """Raises InputError unless `network` is a Network, as `example` makes one."""
    if not isinstance(network, Network):
        raise InputError(
            f"{name} is a {type(network).__name__}: give a Network, as "
            f"networks.{example}() makes it."
        )


def check_translated(
    name: str, found: Array | jax.ShapeDtypeStruct, wanted: Array
) -> None:
    """Refuses a network whose images have another shape than the target's."""
    if found.shape[1:] != wanted.shape[1:]:
        raise InputError(
            f"{name} makes images of shape {found.shape[1:]} (height, width, "
            f"channels), and those of its target have {wanted.shape[1:]}: make the "
            f"network with channels={wanted.shape[-1]}, for images of one size."
        )


def check_options(
    loss: Any,
    critic_factor: Any,
    noise: Any,
    ema_decay: Any,
    weights: Mapping[str, Any],
) -> None:
    """Refuses options that are out of their range."""
    if not isinstance(loss, AdversarialLoss):
        raise InputError(
            f"loss is {loss!r}: give one of jaxgen.losses.gan, with its parentheses, "
            "as least_squares()."
        )
    check_number("critic_factor", critic_factor, above=0)
    check_noise(noise)
    check_decay(ema_decay)
    for name, weight in weights.items():
        check_number(name, weight, least=0)


def is_off(weight: Any) -> bool:
    """Whether a weight is known to be 0, so that its term need not be calculated."""
    return not is_traced(weight) and weight == 0


def check_remedies(remedies: Sequence[Any]) -> tuple[Remedy, ...]:
    """Refuses remedies that do not go with translation."""
    for remedy in remedies:
        if not isinstance(remedy, Remedy):
            raise InputError(
                f"One of the remedies is {remedy!r}: give those of "
                "jaxgen.models.remedies, with their parentheses, as r1(10.0)."
            )
        if remedy.unroll or remedy.group > 1:
            raise InputError(
                f"The remedy {remedy.name} does not go with translation, whose critic "
                "judges each image by itself after a step of its own: leave it out."
            )
        if remedy.generator_penalty is not None or remedy.map_styles is not None:
            raise InputError(
                f"The remedy {remedy.name} is one of the generator of models.gan, and "
                "translators draw no latents: leave it out."
            )
    return tuple(remedies)


def check_cut(
    generator: Any,
    features: Any,
    heads: Any,
    patches: int,
    temperature: Any,
    negatives: str,
) -> None:
    """Refuses parts that are not what their names say, and numbers out of range."""
    check_network("generator", generator, "resnet_translator")
    check_network("heads", heads, "patch_heads")
    if not callable(features):
        raise InputError(
            f"features is a {type(features).__name__}: give the function of the "
            "generator's feature maps, as networks.resnet_features() makes it."
        )
    check_count("patches", patches, 1)
    check_number("temperature", temperature, above=0.0)
    check_choice("negatives", negatives, get_args(Negatives))


def check_channels(a: Array, b: Array) -> None:
    """Refuses domains that one network cannot encode."""
    if a.shape[-1] != b.shape[-1]:
        raise InputError(
            f"Images a have {a.shape[-1]} channels and images b {b.shape[-1]}: CUT "
            "encodes both by one network, so give both the same number of channels."
        )


def check_layers(
    layers: Any,
    maps: Sequence[jax.ShapeDtypeStruct],
    negatives: Negatives,
) -> None:
    """Refuses layers that are not there, or where there is nothing to compare."""
    chosen = range(len(maps)) if layers is None else layers
    known = f"0 to {len(maps) - 1}"
    if not len(chosen):
        raise InputError(f"layers is empty: give some of {known}.")
    check_counts("layers", chosen, 0)
    for layer in chosen:
        if layer >= len(maps):
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
