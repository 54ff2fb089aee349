"""Which images an evaluation judges, and by which real ones."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_images
from jaxgen.metrics.features.base import Images, read_images
from jaxgen.metrics.generated import Drawn, Reconstructed, as_bytes
from jaxgen.random import numpy_generator
from jaxgen.typing import Generator, PRNGKeyArray

__all__ = [
    "MOST_IMAGES",
    "REAL",
    "RECONSTRUCTIONS",
    "Chosen",
    "chosen",
    "named_sets",
    "real_sets",
    "reconstructed",
]

MOST_IMAGES = 10_000
"""By default no more images are compared: published figures take 10,000 or 50,000."""

REAL = "real"
RECONSTRUCTIONS = "reconstructions"


@dataclasses.dataclass(frozen=True)
class Chosen:
    """Some images of a set, as bytes: what `jaxgen.metrics.features.extract` reads.

    Attributes:
        name: What to call them in an error.
        images: The set.
        indices: Which of its images.
    """

    name: str
    images: Images
    indices: np.ndarray

    def __len__(self) -> int:
        """Returns their number."""
        return len(self.indices)

    def read(self, indices: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns images by their places among the chosen ones, rounded to 8 bits."""
        found = read_images(self.images, self.indices[indices], name=self.name)
        return {"image": as_bytes(self.name, found)}

    def shown(self, number: int) -> np.ndarray:
        """Returns the places of so many images for a figure, all if there are fewer.

        They are evenly spread, since sets may be sorted by class. Samples are not, and
        the first of them cost a single draw.
        """
        number = min(number, len(self))
        if isinstance(self.images, Drawn):
            return np.arange(number)
        return np.linspace(0, len(self) - 1, number).astype(int)


def named_sets(model: Any, state: Any) -> dict[str, Any]:
    """Returns what is to be judged: images or samplers, by name."""
    if isinstance(model, Mapping):
        sets = dict(model)
    elif isinstance(model, Generator):
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
    for name, images in sets.items():
        if hasattr(images, "__array__"):
            check_images(name, images)  # before any work is done
    return sets


def real_sets(
    key: PRNGKeyArray,
    data: Images,
    train: Images | None,
    sets: Mapping[str, Any],
    num_samples: int | None,
) -> tuple[Chosen, Chosen]:
    """Chooses the reference images, and as many more real ones for the floor.

    Args:
        key: It is consumed.
        data: Reference images.
        train: Further real ones, or None: then the reference ones are halved.
        sets: What is to be judged, see `named_sets`.
        num_samples: How many, or None for as many as there are of everything.

    Raises:
        InputError: There are too few.
    """
    if num_samples is not None:
        check_count("num_samples", num_samples, 1)
    # Sets may be sorted by class, and the first images are no fair sample of one.
    rng = numpy_generator(key)
    order = rng.permutation(len(data))
    if train is None:
        halves = (data, order[::2]), (data, order[1::2])
    else:
        halves = (data, order), (train, rng.permutation(len(train)))
    sizes = [("reference", len(halves[0][1])), ("further real", len(halves[1][1]))]
    sizes += [(n, len(images)) for n, images in sets.items() if not callable(images)]
    name, least = min(sizes, key=lambda pair: pair[1])
    count = min(least, MOST_IMAGES) if num_samples is None else num_samples
    if count > least:
        halved = "" if train is not None else " (half of the real ones are the floor)"
        raise InputError(
            f"num_samples={count}, but there are {least} {name} images{halved}: give "
            f"at most {least}, or more images."
        )
    if count < 4:
        asked = (
            f"There are {least} {name} images"
            if num_samples is None
            else (f"num_samples={num_samples}")
        )
        raise InputError(f"{asked}: at least 4 images of each set are compared.")
    first, second = (np.sort(indices[:count]) for _, indices in halves)
    return (
        Chosen("reference", halves[0][0], first),
        Chosen("further real", halves[1][0], second),
    )


def chosen(key: PRNGKeyArray, name: str, images: Any, count: int) -> Chosen:
    """Chooses so many of the images of a set at random, or draws so many.

    Args:
        key: It is consumed.
        name: Of the set.
        images: The set, or a function `(key, n) -> images`.
        count: How many.
    """
    if callable(images):
        return Chosen(name, Drawn(key, images, count), np.arange(count))
    order = numpy_generator(key).permutation(len(images))
    return Chosen(name, images, np.sort(order[:count]))


def reconstructed(
    model: Any, state: Any, given: Images | None, reference: Chosen
) -> Chosen | None:
    """Returns the reconstructions of the reference images, if there are any.

    Args:
        model: What is judged; only a model reconstructs.
        state: Its state, or None.
        given: Reconstructions of all images of which the reference ones were chosen.
        reference: The reference images.

    Raises:
        InputError: Those given are not one for each image.
    """
    everything = np.arange(len(reference))
    if given is not None:
        if len(given) != len(reference.images):
            raise InputError(
                f"There are {len(given)} reconstructions of {len(reference.images)} "
                "reference images: expected one for each, in their order."
            )
        return Chosen(RECONSTRUCTIONS, given, reference.indices)
    # What a conditional model reconstructs depends on labels, which are not here.
    if (
        state is None
        or not hasattr(model, "reconstruct")
        or getattr(model, "num_classes", None) is not None
    ):
        return None
    made = Reconstructed(lambda images: model.reconstruct(state, images), reference)
    return Chosen(RECONSTRUCTIONS, made, everything)
