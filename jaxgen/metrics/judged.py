"""Which images an evaluation judges, and by which real ones."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen.errors import InputError
from jaxgen.metrics.features.base import Images, read_images
from jaxgen.metrics.generated import Reconstructed
from jaxgen.random import stream
from jaxgen.typing import Model, PRNGKeyArray

MOST_IMAGES = 10_000
"""By default no more images are compared: published figures take 10,000 or 50,000."""

REAL = "real"
RECONSTRUCTIONS = "reconstructions"


class Chosen(NamedTuple):
    """Some images of a set."""

    images: Images
    indices: np.ndarray


def named_sets(model: Any, state: Any) -> dict[str, Any]:
    """Returns what is to be judged: images or samplers, by name."""
    if isinstance(model, Mapping):
        sets = dict(model)
    elif isinstance(model, Model):
        if state is None:
            raise InputError(
                "A model was given without its state: expected evaluate(model, data, "
                "state=state, key=key)."
            )
        draw = jax.jit(model.sample, static_argnums=2)
        sets = {"samples": lambda key, n: draw(state, key, n)}
    else:
        sets = {"generated": model}
    if not sets or {REAL, RECONSTRUCTIONS} & set(sets):
        raise InputError(
            f"The sets of images are named {sorted(sets)}: give at least one, none of "
            f"them named {REAL!r} or {RECONSTRUCTIONS!r} (that is an argument)."
        )
    return sets


def real_sets(
    key: PRNGKeyArray,
    data: Images,
    train: Images | None,
    sets: Mapping[str, Any],
    num_samples: int | None,
) -> tuple[Chosen, Chosen, int]:
    """Chooses reference images and as many more real ones, and says how many."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(stream(key, "order"))))
    # Sets may be sorted by class, and the first images are no fair sample of one.
    order = rng.permutation(len(data))
    if train is None:
        first, second = Chosen(data, order[::2]), Chosen(data, order[1::2])
    else:
        first = Chosen(data, order)
        second = Chosen(train, rng.permutation(len(train)))
    there = {"reference": len(first.indices), "further real": len(second.indices)}
    there |= {n: len(images) for n, images in sets.items() if not callable(images)}
    count = min(*there.values(), MOST_IMAGES) if num_samples is None else num_samples
    short = {name: size for name, size in there.items() if size < count}
    if short:
        name, size = min(short.items(), key=lambda item: item[1])
        halved = "" if train is not None else " (half of the real ones are the floor)"
        raise InputError(
            f"num_samples={count}, but there are {size} {name} images{halved}: give "
            f"at most {size}, or more images."
        )
    if count < 4:
        raise InputError(f"There are {count} images of each set: give at least 4.")
    first, second = (
        chosen._replace(indices=np.sort(chosen.indices[:count]))
        for chosen in (first, second)
    )
    return first, second, count


def chosen(key: PRNGKeyArray, images: Images, count: int) -> Chosen:
    """Chooses so many images at random: sets are often sorted by class."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    return Chosen(images, np.sort(rng.permutation(len(images))[:count]))


def reconstructed(model: Any, state: Any, reference: Chosen) -> Images | None:
    """Returns a model's reconstructions of the reference images, if it makes any."""
    if not hasattr(model, "reconstruct"):
        return None
    if getattr(model, "num_classes", None) is not None:
        # What a conditional model reconstructs depends on labels, which are not here.
        return None
    return Reconstructed(
        lambda images: model.reconstruct(state, images),
        reference.images,
        reference.indices,
    )


def aligned(given: Images, data: Images, indices: np.ndarray) -> Images:
    """Returns the reconstructions of the images of `data` with these indices."""
    if len(given) != len(data):
        raise InputError(
            f"There are {len(given)} reconstructions of {len(data)} reference images: "
            "expected one for each, in their order."
        )
    return read_images(given, indices, name=RECONSTRUCTIONS)
