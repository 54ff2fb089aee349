"""The images that both generators of a CycleGAN make in one step, and their losses."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen import random
from jaxgen.losses import translation
from jaxgen.models.translation.adversarial import stream_keys
from jaxgen.models.translation.checks import check_translated
from jaxgen.models.translation.directions import SOURCE, TARGET, Domain
from jaxgen.typing import (
    BACK,
    Array,
    Direction,
    Metrics,
    Network,
    Params,
    PerExample,
    PRNGKeyArray,
    PyTree,
)

__all__ = ["CycleImages", "cycle_images", "cycle_terms", "init_generators"]


class CycleImages(NamedTuple):
    """Images that the generators make in one step, in [-1, 1].

    Attributes:
        translated: Images of each domain, made of the other domain's.
        reconstructed: Images of each domain, translated to the other one and back.
        unchanged: Images of each domain, translated to the domain they are of; empty
            without the identity loss.
    """

    translated: dict[Domain, Array]
    reconstructed: dict[Domain, Array]
    unchanged: dict[Domain, Array]


def init_generators(
    generators: Mapping[Direction, Network],
    key: PRNGKeyArray,
    images: Mapping[Domain, Array],
) -> tuple[dict[Direction, Params], dict[Direction, PyTree]]:
    """Returns first parameters and statistics of both generators, by direction.

    Raises:
        InputError: A generator makes images of another shape than the target's.
    """
    params, stats = {}, {}
    for direction, network in generators.items():
        own = random.stream(key, f"generator {direction}")
        source, target = images[SOURCE[direction]], images[TARGET[direction]]
        params[direction], stats[direction] = network.init(own, source)
        made, _ = jax.eval_shape(
            network.apply, params[direction], stats[direction], source
        )
        check_translated(f"The translator {direction}", made, target)
    return params, stats


def cycle_images(
    generators: Mapping[Direction, Network],
    params: Params,
    stats: PyTree,
    key: PRNGKeyArray,
    images: Mapping[Domain, Array],
    *,
    with_identity: bool,
    axis_name: str | None,
) -> tuple[CycleImages, PyTree]:
    """Makes all images of a step; statistics go from one pass to the next.

    Args:
        generators: By direction.
        params: Likewise.
        stats: Likewise.
        key: Of the step.
        images: By domain, in [-1, 1].
        with_identity: Whether images are translated to their own domain too.
        axis_name: The mapped axis, if any.
    """
    stats = dict(stats)

    def apply(direction: Direction, inputs: Array, name: str) -> Array:
        own, rows = f"{name} {direction}", inputs.shape[0]
        outputs, stats[direction] = generators[direction].apply(
            params[direction],
            stats[direction],
            inputs,
            keys=stream_keys(key, own, rows, axis_name=axis_name),
            train=True,
            axis_name=axis_name,
        )
        return outputs

    made = CycleImages({}, {}, {})
    for direction, domain in TARGET.items():
        source = SOURCE[direction]
        fake = apply(direction, images[source], "dropout")
        made.translated[domain] = fake
        made.reconstructed[source] = apply(BACK[direction], fake, "cycle dropout")
        if with_identity:
            same = apply(direction, images[domain], "identity dropout")
            made.unchanged[domain] = same
    return made, stats


def cycle_terms(
    images: Mapping[Domain, Array],
    made: CycleImages,
    distance: Callable[[Array, Array], PerExample],
) -> Metrics:
    """Returns the mean cycle-consistency and identity losses of both domains.

    Args:
        images: By domain, in [-1, 1].
        made: What the generators make of them.
        distance: Of the cycle-consistency loss.
    """
    terms: Metrics = {}
    for domain, back in made.reconstructed.items():
        values = translation.cycle_consistency(back, images[domain], distance=distance)
        terms[f"cycle_{domain}"] = jnp.mean(values)
    for domain, same in made.unchanged.items():
        values = translation.identity_mapping(same, images[domain])
        terms[f"identity_{domain}"] = jnp.mean(values)
    return terms
