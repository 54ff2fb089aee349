"""Features of a small classifier that was trained on the very set under study.

They know what tells the images of that set apart, with no network in between that
somebody else trained on photographs. Numbers compare only where the weights are the
same: the identity tells.
"""

import functools
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from jaxgen import files
from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.metrics.features import cache as weights_cache
from jaxgen.metrics.features.base import Activations, FeatureNet
from jaxgen.metrics.features.classifier_training import Options, outputs, train
from jaxgen.metrics.features.labelled import Division, LabelledSet, divide
from jaxgen.networks.classifier import classifier
from jaxgen.random import stream
from jaxgen.typing import Array, Network

__all__ = ["classifier_features"]

_VERSION = 1
"""To be raised when the same data and options would give other weights."""

_LAYER = "last hidden layer before its activation, of mean 0 and mean variance 1"

_SCALED_BY = 10_000
"""So many training images decide the scale of the features."""


def classifier_features(
    images: np.ndarray | LabelledSet,
    labels: np.ndarray | None = None,
    *,
    test: tuple[np.ndarray, np.ndarray] | LabelledSet | None = None,
    holdout_fraction: float = 0.1,
    class_names: Sequence[str] | None = None,
    name: str | None = None,
    dimension: int = 64,
    epochs: int | None = None,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    shift: int | None = None,
    seed: int = 0,
    cache: bool | str | os.PathLike[str] = True,
    progress: Callable[[int], None] | None = None,
) -> FeatureNet:
    """Trains a small convolutional classifier, or loads it if it was trained before.

    The features are shifted and scaled by constants, such that over training images
    each has mean 0 and all together have mean variance 1. So distances are of like
    size from one training to the next, and KID's kernel sees inner products of about d.

    Args:
        images: uint8, or floats in [0, 1], which are rounded to bytes; shape (n,
            height, width, channels). Or a set with labels, as `jaxgen.data.Source`. All
            of them are held in memory.
        labels: Integers from 0, shape (n,); not with a set.
        test: Images and labels to measure the accuracy on, or a set of them.
        holdout_fraction: Without `test`, the share of the images that is not trained
            on but measured on.
        class_names: One per class; by default the set's, or the numbers.
        name: Of the images; by default the set's.
        dimension: d.
        epochs: By default so many that 300,000 images are seen, at most 20.
        batch_size: Images a step.
        learning_rate: Adam's first one; it falls to 0.
        shift: Pixels that images are moved at most while training; by default a
            fourteenth of their smaller side, at most 4. Give 0 where the labels mean
            the place of things.
        seed: The same one gives the same weights (with the same device and versions).
        cache: Whether weights are kept in `jaxgen.files.cache_folder()`, or the folder
            to keep them in.
        progress: It is called with the number of training images done since the last
            call; in the end that is epochs times training images. A network that is
            found in the cache does not call it.

    Returns:
        A network with log-probabilities; its protocol tells the accuracy.

    Raises:
        InputError: There are no labels, or they, the images or the options cannot be
            used.
    """
    name = str(name or getattr(images, "name", None) or "images")
    key = jax.random.key(seed)
    division = divide(
        stream(key, "holdout"),
        images,
        labels,
        test,
        name=name,
        class_names=class_names,
        holdout_fraction=holdout_fraction,
    )
    check_count("dimension", dimension, 1)
    check_count("seed", seed, 0)
    options = _options(division, epochs, batch_size, learning_rate, shift)
    configuration = options._asdict() | {
        "kind": f"classifier, version {_VERSION}",
        "dimension": dimension,
        "classes": len(division.class_names),
        "seed": seed,
    }
    network = _network(len(division.class_names), dimension)
    path = _path(cache, configuration, division)
    shapes = _shapes(network, division)
    weights = None if path is None else weights_cache.load(path, shapes)
    if weights is None:
        key = stream(key, "training")
        weights = _trained(key, network, division, options, progress)
        if path is not None:
            weights_cache.save(path, weights)
    return FeatureNet(
        name=f"classifier of {name}",
        dimension=dimension,
        apply=_apply(network, weights, division.train.images.shape[1:]),
        identity=weights_cache.fingerprint(
            configuration,
            {name: array for name, array in weights.items() if name != "accuracy"},
        ),
        protocol=_protocol(weights, division, options, seed),
        class_names=division.class_names,
    )


@functools.cache
def _network(num_classes: int, dimension: int) -> Network:
    # The same functions each time: what was compiled for them is found again.
    return classifier(num_classes, dimension=dimension)


def _options(
    division: Division,
    epochs: int | None,
    batch_size: int,
    learning_rate: float,
    shift: int | None,
) -> Options:
    total, height, width, _ = division.train.images.shape
    if epochs is None:
        epochs = int(min(math.ceil(300_000 / total), 20))
    if shift is None:
        shift = int(min(height // 14, width // 14, 4))
    check_count("epochs", epochs, 1)
    check_count("batch_size", batch_size, 1)
    check_count("shift", shift, 0)
    check_number("learning_rate", learning_rate, above=0)
    return Options(epochs, min(batch_size, total), learning_rate, shift)


def _path(
    cache: bool | str | os.PathLike[str],
    configuration: dict[str, Any],
    division: Division,
) -> Path | None:
    if cache is False:
        return None
    try:
        folder = files.cache_folder() if cache is True else Path(cache)
    except RuntimeError:
        # A user without a home.
        return None
    # What is held out matters too: the accuracy is kept with the weights.
    arrays = {
        f"{share} {field}": array
        for share in ("train", "held_out")
        for field, array in getattr(division, share)._asdict().items()
    }
    digest = weights_cache.fingerprint(configuration, arrays)
    return folder / f"classifier-{digest[:32]}.npz"


def _trained(
    key: Array,
    network: Network,
    division: Division,
    options: Options,
    progress: Callable[[int], None] | None,
) -> dict[str, np.ndarray]:
    params = train(key, network, division.train, options=options, progress=progress)
    weights = {
        f"params/{name}": np.asarray(array)
        for name, array in traverse_util.flatten_dict(params, sep="/").items()
    }
    features, _ = outputs(network, params, division.train.images[:_SCALED_BY])
    features = features.astype(np.float64)
    _, logits = outputs(network, params, division.held_out.images)
    right = logits.argmax(axis=1) == division.held_out.labels
    return weights | {
        "mean": features.mean(axis=0).astype(np.float32),
        "scale": np.float32(np.sqrt(features.var(axis=0).mean())),
        "accuracy": np.float64(right.mean()),
    }


def _shapes(network: Network, division: Division) -> dict[str, tuple[int, ...]]:
    image = jax.ShapeDtypeStruct((1, *division.train.images.shape[1:]), jnp.float32)
    params, _ = jax.eval_shape(network.init, jax.random.key(0), image)
    (features, _), _ = jax.eval_shape(network.apply, params, (), image)
    flat: dict[str, Any] = traverse_util.flatten_dict(params, sep="/")
    shapes = {f"params/{name}": leaf.shape for name, leaf in flat.items()}
    return shapes | {"mean": features.shape[1:], "scale": (), "accuracy": ()}


def _apply(
    network: Network, weights: dict[str, np.ndarray], image_shape: tuple[int, ...]
) -> Callable[[Array], Activations]:
    params = traverse_util.unflatten_dict(
        {
            name.removeprefix("params/"): array
            for name, array in weights.items()
            if name.startswith("params/")
        },
        sep="/",
    )

    def apply(images: Array) -> Activations:
        if images.shape[1:] != image_shape:
            raise InputError(
                f"The images have shape {images.shape[1:]}, and the classifier was "
                f"trained on {image_shape}: give images of that shape."
            )
        (features, logits), _ = network.apply(params, (), images)
        mean = jnp.broadcast_to(weights["mean"], features.shape)
        scaled = (features - mean) / weights["scale"]
        return Activations(scaled, jax.nn.log_softmax(logits))

    return apply


def _protocol(
    weights: dict[str, np.ndarray], division: Division, options: Options, seed: int
) -> dict[str, Any]:
    counts = np.bincount(division.held_out.labels)
    return {
        "layer": _LAYER,
        "accuracy": float(weights["accuracy"]),
        # What a classifier reaches that knows nothing of the images.
        "accuracy of the commonest class": float(counts.max() / counts.sum()),
        "held out": len(division.held_out.labels),
        "trained on": len(division.train.labels),
        "epochs": options.epochs,
        "seed": seed,
    }
