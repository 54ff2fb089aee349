"""The contrastive terms of CUT: features of images and of their translations."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.losses.contrastive import Negatives, multilayer_patch_nce
from jaxgen.models.translation.patches import at_places, draw_places, mirrored
from jaxgen.typing import Array, Network, Params, PerExample, PyTree, RandomKeys

__all__ = [
    "ContrastKeys",
    "choose_layers",
    "contrast_keys",
    "contrast_patches",
    "head_inputs",
]


class ContrastKeys(NamedTuple):
    """Keys of `contrast_patches`, one per image.

    Attributes:
        outputs: For dropout in the features of translations, or None.
        sources: For dropout in the features of the images translated, or None.
        places: For the places that are compared.
    """

    outputs: RandomKeys | None
    sources: RandomKeys | None
    places: RandomKeys


def contrast_keys(
    keys_of: Callable[[str], RandomKeys], *, dropout: bool = True
) -> ContrastKeys:
    """Returns the keys of `contrast_patches`, each of a stream of its own.

    Args:
        keys_of: Keys of the stream of a name, one per image.
        dropout: Whether features are computed with dropout.
    """
    return ContrastKeys(
        outputs=keys_of("output features") if dropout else None,
        sources=keys_of("source features") if dropout else None,
        places=keys_of("places"),
    )


def head_inputs(
    maps: Sequence[jax.ShapeDtypeStruct], layers: Sequence[int] | None
) -> list[Array]:
    """Returns a patch of zeros of each layer, for the `init` of the heads."""
    return [
        jnp.zeros((1, 1, one.shape[-1]), one.dtype)
        for one in choose_layers(maps, layers)
    ]


def choose_layers(maps: Sequence[Any], layers: Sequence[int] | None) -> list[Any]:
    """Returns the feature maps of some layers, of all where `layers` is None."""
    return list(maps) if layers is None else [maps[layer] for layer in layers]


def contrast_patches(
    features: Callable[..., Any],
    heads: Network,
    params: tuple[Params, Params],
    stats: PyTree,
    keys: ContrastKeys,
    sources: Array,
    outputs: Array,
    *,
    layers: Sequence[int] | None,
    patches: int,
    temperature: float | Array,
    domains: int,
    negatives: Negatives = "image",
    flips: Array | None = None,
    train: bool = True,
    axis_name: str | None = None,
) -> list[PerExample]:
    """Returns the contrastive loss between images and their translations.

    Args:
        features: Feature maps of the generator; see `models.cut`.
        heads: See `models.cut`.
        params: Of generator and heads.
        stats: Of the generator.
        keys: They are consumed.
        sources: Images, in [-1, 1].
        outputs: Their translations, in [-1, 1].
        layers: Which feature maps are compared; None for all.
        patches: Places a map.
        temperature: Of the loss.
        domains: How many domains the images are of, with as many images of each one
            after the other; negatives are of one domain.
        negatives: Of the same "image", or of the "batch".
        flips: Which of the translations are turned left to right, shape (batch,).
        train: Of the network.
        axis_name: The mapped axis, if any.

    Returns:
        Nats per image, of each domain.
    """
    generator_params, head_params = params

    def maps_of(images: Array, own: RandomKeys | None) -> list[Array]:
        maps, _ = features(
            generator_params, stats, images, keys=own, train=train, axis_name=axis_name
        )
        return choose_layers(maps, layers)

    found, wanted = maps_of(outputs, keys.outputs), maps_of(sources, keys.sources)
    if flips is not None:
        found = [mirrored(one, flips) for one in found]
    places = draw_places(keys.places, wanted, patches=patches)
    queries, positives = (
        heads.apply(head_params, (), *at_places(maps, places))[0]
        for maps in (found, wanted)
    )
    return [
        multilayer_patch_nce(
            [jnp.split(one, domains)[domain] for one in queries],
            [jnp.split(one, domains)[domain] for one in positives],
            temperature=temperature,
            negatives=negatives,
            axis_name=axis_name,
        )
        for domain in range(domains)
    ]
