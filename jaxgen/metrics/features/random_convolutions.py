"""Features of untrained convolutions, for sets without labels.

Random filters respond to edges, textures and strokes, and to where they are, without
having learned of any set. One draw of them is as good as another: a metric is averaged
over several networks.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.checks import check_count, check_counts
from jaxgen.errors import InputError
from jaxgen.metrics.features.base import Activations, FeatureNet, extract
from jaxgen.metrics.features.cache import fingerprint
from jaxgen.networks.classifier import channels_of
from jaxgen.networks.convolution import convolve
from jaxgen.random import stream
from jaxgen.typing import Array, Images

__all__ = ["random_convolution_features"]

_VERSION = 1
"""To be raised when the same options would give other features."""

_LAYERS = "means and deviations of all layers on a grid, projected at random"


def random_convolution_features(
    image_shape: Sequence[int],
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    dimension: int = 64,
    grid: int = 4,
    reference: np.ndarray | None = None,
) -> tuple[FeatureNet, ...]:
    """Draws one feature network for each seed; a metric is to be averaged over them.

    Convolutions of stride 2 with He's normal weights and `relu` halve the images until
    their sides have 8 pixels or less. The mean and the standard deviation of every
    channel of every layer over each cell of a grid are projected to d sums of them with
    Gaussian weights; sums of so many terms are near to Gaussian themselves. Means see
    missing classes and thick strokes, deviations blur and noise; the grid sees where
    things are.

    The filters do not sum to 0 and `relu` is not even, so brightness and inversion are
    seen too, to which features of `abs` or of edges alone are blind.

    Args:
        image_shape: Height, width and channels.
        seeds: One for each network.
        dimension: d.
        grid: Cells along each side, or as many as a layer has pixels.
        reference: Images, uint8 or floats in [0, 1]. With them the features of each
            network are shifted and scaled by constants, such that over these images
            each has mean 0 and all together mean variance 1; so all networks weigh
            alike in an average.

    Raises:
        InputError: An option cannot be used.

    Examples:
        >>> nets = random_convolution_features((8, 8, 1), seeds=(0, 1))
        >>> nets[0].apply(jnp.zeros((3, 8, 8, 1))).features.shape
        (3, 64)
        >>> nets[0].identity == nets[1].identity
        False

    References:
        Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models,
        2020, section 3.4: embeddings of networks with random weights.
    """
    check_counts("image_shape", image_shape, 1)
    shape = tuple(int(size) for size in image_shape)
    if len(shape) != 3:
        raise InputError(
            f"image_shape={tuple(image_shape)}: expected height, width and channels."
        )
    if not len(seeds) or len(set(seeds)) < len(seeds):
        raise InputError(
            f"seeds={tuple(seeds)}: give one at least, and each only once."
        )
    check_counts("seeds", seeds, 0)
    check_count("dimension", dimension, 1)
    check_count("grid", grid, 1)
    return tuple(_net(shape, seed, dimension, grid, reference) for seed in seeds)


def _net(
    shape: tuple[int, ...],
    seed: int,
    dimension: int,
    grid: int,
    reference: np.ndarray | None,
) -> FeatureNet:
    configuration: dict[str, Any] = {
        "kind": f"random convolutions, version {_VERSION}",
        "image_shape": shape,
        "dimension": dimension,
        "grid": grid,
        "seed": seed,
    }
    raw = FeatureNet(
        name="random convolutions",
        dimension=dimension,
        apply=_apply(jax.random.key(seed), shape, dimension, grid),
        identity=fingerprint(configuration),
        protocol={"layer": _LAYERS, "grid": grid, "seed": seed},
    )
    if reference is None:
        return raw
    (found,) = extract([raw], reference, name="reference")
    features = np.asarray(found.features, np.float64)
    mean = features.mean(axis=0).astype(np.float32)
    scale = np.float32(np.sqrt(features.var(axis=0).mean()))
    if not scale > 0:
        raise InputError(
            f"All {len(features)} reference images give the same features: give images "
            "that differ, or no reference."
        )

    def apply(images: Array) -> Activations:
        features = raw.apply(images).features
        return Activations((features - jnp.broadcast_to(mean, features.shape)) / scale)

    arrays = {"mean": mean, "scale": scale}
    return raw._replace(
        apply=apply,
        identity=fingerprint(configuration, arrays),
        protocol={**raw.protocol, "mean and scale of": len(features)},
    )


def _apply(
    key: Array, shape: tuple[int, ...], dimension: int, grid: int
) -> Callable[[Array], Activations]:
    height, width, inputs = shape
    kernels, pooled = [], 0
    for layer, channels in enumerate(channels_of(height, width)):
        kernels.append(_normal(stream(key, f"layer {layer}"), (3, 3, inputs, channels)))
        height, width, inputs = -(-height // 2), -(-width // 2), channels
        pooled += 2 * min(grid, height) * min(grid, width) * channels
    # He's variance, 2 / inputs, makes up for relu; nothing follows the projection.
    projection = _normal(stream(key, "projection"), (pooled, dimension)) / math.sqrt(2)

    def apply(images: Array) -> Activations:
        if images.shape[1:] != shape:
            raise InputError(
                f"The images have shape {images.shape[1:]}, and the random "
                f"convolutions are for {shape}: give images of that shape."
            )
        hidden, found = 2 * images - 1, []
        for kernel in kernels:
            hidden = jax.nn.relu(convolve(hidden, jnp.asarray(kernel), strides=(2, 2)))
            found.extend(_pool(hidden, grid))
        return Activations(jnp.concatenate(found, axis=1) @ projection)

    return apply


def _normal(key: Array, shape: tuple[int, ...]) -> np.ndarray:
    scale = math.sqrt(2 / math.prod(shape[:-1]))
    return scale * np.asarray(jax.random.normal(key, shape))


def _pool(images: Images, grid: int) -> tuple[Array, Array]:
    """Calculates means and deviations over cells, each of shape (batch, numbers)."""
    rows, columns = (_cells(size, min(grid, size)) for size in images.shape[1:3])

    def mean(values: Array) -> Array:
        return jnp.einsum("ih,jw,nhwc->nijc", rows, columns, values)

    means = mean(images)
    variances = jnp.maximum(mean(images**2) - means**2, 0)
    # The root has no derivative at 0, where a cell is of one colour.
    deviations = jnp.sqrt(variances + 1e-6)
    return means.reshape(len(images), -1), deviations.reshape(len(images), -1)


def _cells(size: int, count: int) -> np.ndarray:
    """Returns the matrix that averages over cells; they overlap where it is uneven."""
    matrix = np.zeros((count, size), np.float32)
    for cell in range(count):
        first, last = cell * size // count, -(-(cell + 1) * size // count)
        matrix[cell, first:last] = 1 / (last - first)
    return matrix
