"""Checks of the arguments and batches of the models of translation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import jax

from jaxgen.checks import (
    check_batch,
    check_choice,
    check_count,
    check_counts,
    check_network,
    check_number,
)
from jaxgen.errors import InputError
from jaxgen.jax_internals import is_traced
from jaxgen.losses.contrastive import Negatives
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models.averaging import check_decay
from jaxgen.models.remedies import Remedy
from jaxgen.models.translation.inference import check_images, check_inference
from jaxgen.typing import Array, Batch, Params, PyTree

__all__ = [
    "check_pair_batch",
    "check_channels",
    "check_cut",
    "check_head_stats",
    "check_layers",
    "check_options",
    "check_remedies",
    "check_same_shape",
    "check_translated",
    "feature_maps",
    "is_off",
]


def check_pair_batch(kind: str, batch: Batch) -> None:
    """Raises InputError unless a batch holds as many images a as b."""
    check_batch(batch, "a", "b")
    for name in ("a", "b"):
        check_images(f"batch[{name!r}]", batch[name])
    rows = [batch[name].shape[0] for name in ("a", "b")]
    if rows[0] != rows[1]:
        raise InputError(
            f"A batch for {kind} holds {rows[0]} images a and {rows[1]} images b: give "
            "as many of both."
        )


def check_translated(
    name: str, found: Array | jax.ShapeDtypeStruct, wanted: Array
) -> None:
    """Raises InputError if a network's images have another shape than its target's."""
    if found.shape[1:] != wanted.shape[1:]:
        raise InputError(
            f"{name} makes images of shape {found.shape[1:]} (height, width, "
            f"channels), and those of its target have {wanted.shape[1:]}: make the "
            f"network with channels={wanted.shape[-1]}, for images of one size."
        )


def check_options(
    loss: Any,
    critic_factor: Any,
    inference: Any,
    ema_decay: Any,
    weights: Mapping[str, Any],
) -> None:
    """Raises InputError if an option is out of its range."""
    if not isinstance(loss, AdversarialLoss):
        raise InputError(
            f"loss is {loss!r}: give one of jaxgen.losses.gan, with its parentheses, "
            "as least_squares()."
        )
    check_number("critic_factor", critic_factor, above=0)
    check_inference(inference)
    check_decay(ema_decay)
    for name, weight in weights.items():
        check_number(name, weight, least=0)


def is_off(weight: Any) -> bool:
    """Whether a weight is known to be 0, so that its term need not be calculated."""
    return not is_traced(weight) and weight == 0


def check_remedies(remedies: Sequence[Any]) -> tuple[Remedy, ...]:
    """Raises InputError if a remedy does not go with translation."""
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
    """Raises InputError if a part of CUT is of another kind, or a number is wrong."""
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


def feature_maps(
    features: Callable[..., Any], params: Params, stats: PyTree, images: Array
) -> Sequence[jax.ShapeDtypeStruct]:
    """Returns the shapes of the feature maps.

    Raises:
        InputError: They cannot be computed from the generator's parameters.
    """
    try:
        return jax.eval_shape(features, params, stats, images)[0]
    except InputError:
        raise
    # A network library raises what it likes.
    except Exception as error:
        raise InputError(
            f"features is not of the generator ({type(error).__name__}): give the "
            "feature maps of the same network, as networks.resnet_features(...) with "
            "the options of networks.resnet_translator(...)."
        ) from error


def check_head_stats(stats: PyTree) -> None:
    """Raises InputError if the heads keep statistics."""
    if jax.tree.leaves(stats):
        raise InputError(
            "heads keeps statistics, which CUT does not train: give heads without a "
            "batch normalization, as networks.patch_heads()."
        )


def check_same_shape(a: Array, b: Array) -> None:
    """Raises InputError if images a and b differ in shape, for the identity loss."""
    if a.shape[1:] != b.shape[1:]:
        raise InputError(
            f"Images a have shape {a.shape[1:]} and images b {b.shape[1:]}, so that "
            "none can be translated to what it is: give identity_weight=0."
        )


def check_channels(a: Array, b: Array) -> None:
    """Raises InputError if one network cannot encode both domains."""
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
    """Raises InputError if a layer is missing, or has a single place."""
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
