"""LPIPS as a squared Euclidean distance of features.

LPIPS compares activations of VGG-16 that were scaled to unit length at each pixel: at
each layer l the squared differences, weighted by w_l >= 0 and averaged over the pixels.
So with

    phi(x) = concatenation over l of sqrt(w_l / (H_l W_l)) * unit activations at l

LPIPS(a, b) = ||phi(a) - phi(b)||^2. Whatever takes a feature network, as the perceptual
path length does with its derivative, thereby takes LPIPS. phi has 122 numbers for each
pixel: sets of it are not to be kept, and `lpips` goes through pairs in batches.

Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric,
2018, equation 1.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_images
from jaxgen.metrics.features.base import Activations, FeatureNet, as_floats
from jaxgen.metrics.features.inception import in_colour
from jaxgen.metrics.features.weights import (
    Release,
    Weights,
    check_file,
    file_sha256,
    identity,
    is_converted,
    load_weights,
)
from jaxgen.networks.state_dict import take
from jaxgen.networks.torch_weights import read_state_dict
from jaxgen.networks.vgg import WIDTHS, standardize, vgg, vgg_params
from jaxgen.typing import Array, Images

__all__ = [
    "ARCHITECTURE",
    "VGG_RELEASES",
    "WEIGHT_RELEASES",
    "linear_weights",
    "load_lpips",
    "lpips",
    "lpips_features",
    "unit_features",
]

ARCHITECTURE = "lpips-vgg-0.1"

VGG_RELEASES = (
    Release(
        "vgg16-397923af.pth",
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    ),
)
"""The network (528 MB, of which LPIPS needs 59)."""

WEIGHT_RELEASES = (
    Release(
        "vgg.pth",
        "https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/"
        "v0.1/vgg.pth",
        "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    ),
)
"""The weights of the layers (7 kB)."""

_SMALLEST = 16
"""Pixels that leave one after four halvings."""


def lpips_features(
    path: str | Path,
    linear_path: str | Path | None = None,
    *,
    size: tuple[int, int],
) -> FeatureNet:
    """Loads LPIPS (VGG-16, version 0.1) from files on this machine.

    Args:
        path: What `python -m experiments.convert_weights --network lpips` has made, or
            torchvision's `vgg16-397923af.pth`.
        linear_path: With the latter, the file `vgg.pth` of LPIPS.
        size: Height and width of the images, which are not resized.

    Returns:
        phi. Its derivative is finite where all activations of a pixel are 0: it is 0.

    Raises:
        InputError: A file is missing, damaged, has a wrong hash, or is for another
            network; or the images would be too small.
    """
    if min(size) < _SMALLEST:
        raise InputError(
            f"The images are {size[0]}x{size[1]}: LPIPS halves them four times, and "
            f"needs at least {_SMALLEST}x{_SMALLEST}; enlarge them."
        )
    weights = load_lpips(path, linear_path)
    params = jax.tree.map(jnp.asarray, weights.params)

    def apply(images: Images) -> Activations:
        if images.shape[1:3] != tuple(size):
            raise InputError(
                f"The images are {images.shape[1]}x{images.shape[2]}, and LPIPS was "
                f"made for {size[0]}x{size[1]}: give size={images.shape[1:3]}."
            )
        images = standardize(in_colour(images, "LPIPS"))
        # TensorFloat32, a GPU's default, has three digits.
        with jax.default_matmul_precision("highest"):
            layers, _ = vgg().apply(params["vgg"], (), images)
        scaled = [
            unit_features(layer, params["linear"][str(number)])
            for number, layer in enumerate(layers)
        ]
        return Activations(jnp.concatenate(scaled, axis=1))

    return FeatureNet(
        name="LPIPS (VGG-16)",
        dimension=sum(
            width * (size[0] >> number) * (size[1] >> number)
            for number, width in enumerate(WIDTHS)
        ),
        apply=apply,
        identity=identity(weights.params, {"net": ARCHITECTURE}),
        protocol={
            "size": f"{size[0]}x{size[1]}",
            "weights_sha256": " + ".join(weights.sources),
        },
    )


def lpips(
    net: FeatureNet, a: np.ndarray, b: np.ndarray, *, batch_size: int = 32
) -> np.ndarray:
    """Calculates LPIPS of each pair of images.

    Args:
        net: Of `lpips_features`.
        a: Images, uint8 or floats in [0, 1], shape (n, height, width, channels).
        b: As many others.
        batch_size: Pairs at once.

    Returns:
        One distance per pair, float32, shape (n,).

    Raises:
        InputError: The images cannot be used, or are not as many.
    """
    check_count("batch_size", batch_size, 1)
    a, b = check_images("first", a), check_images("second", b)
    if a.shape != b.shape:
        raise InputError(
            f"The images have shapes {a.shape} and {b.shape}: LPIPS takes pairs, so "
            "both sets need the same shape."
        )
    found = np.empty(len(a), np.float32)
    for first in range(0, len(a), batch_size):
        rows = np.arange(first, min(first + batch_size, len(a)))
        # A short last batch would be compiled anew.
        taken = np.resize(rows, min(batch_size, len(a)))
        distances = _distances(net.apply, as_floats(a[taken]), as_floats(b[taken]))
        found[rows] = np.asarray(distances)[: len(rows)]
    return found


@partial(jax.jit, static_argnums=0)
def _distances(apply: Callable[[Array], Activations], a: Images, b: Images) -> Array:
    difference = apply(a).features - apply(b).features
    return jnp.square(difference).sum(axis=1)


def unit_features(activations: Images, weights: Array) -> Array:
    """Calculates sqrt(w / (H W)) * unit activations of one layer, one row per image.

    Args:
        activations: Shape (batch, H, W, channels).
        weights: w, at least 0, shape (channels,).
    """
    batch, height, width, channels = activations.shape
    square = jnp.square(activations).sum(axis=-1, keepdims=True)
    # The root has no derivative at 0, where all activations are off.
    on = square > 0
    norm = jnp.where(on, jnp.sqrt(jnp.where(on, square, 1.0)), 0.0)
    units = activations / (norm + 1e-10)
    scale = jnp.sqrt(weights / (height * width)).reshape(1, 1, 1, channels)
    return (units * scale).reshape(batch, -1)


def load_lpips(path: str | Path, linear_path: str | Path | None = None) -> Weights:
    """Reads the parameters of LPIPS from one converted file, or from the two released.

    Args:
        path: See `lpips_features`.
        linear_path: See `lpips_features`.

    Raises:
        InputError: See `lpips_features`.
    """
    path = Path(path)
    check_file(path, VGG_RELEASES)
    if is_converted(path):
        return load_weights(path, architecture=ARCHITECTURE, shapes=_shapes())
    if linear_path is None:
        raise InputError(
            f"LPIPS needs the weights of its layers besides {path}: fetch "
            f"{WEIGHT_RELEASES[0].url} and give its path as the second."
        )
    linear_path = Path(linear_path)
    check_file(linear_path, WEIGHT_RELEASES)
    sources = (file_sha256(path), file_sha256(linear_path))
    params = {
        "vgg": vgg_params(read_state_dict(path)),
        "linear": linear_weights(read_state_dict(linear_path)),
    }
    return Weights(params, sources)


def linear_weights(state_dict: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the weights w_l of the layers, by number, of LPIPS's own state dict.

    Raises:
        InputError: They are of another network, or negative.
    """
    found = {}
    for number, channels in enumerate(WIDTHS):
        name = f"lin{number}.model.1.weight"
        weight = take(
            state_dict,
            name,
            (1, channels, 1, 1),
            network="LPIPS for VGG-16",
            cure=f"Fetch {WEIGHT_RELEASES[0].url}.",
        )
        if not (weight >= 0).all():
            raise InputError(
                f"{name} has negative numbers, and LPIPS is no distance with them: "
                f"fetch {WEIGHT_RELEASES[0].url} again."
            )
        found[str(number)] = np.asarray(weight.reshape(-1), np.float32)
    return found


def _shapes() -> dict[tuple[str, ...], tuple[int, ...]]:
    images = jax.ShapeDtypeStruct((1, _SMALLEST, _SMALLEST, 3), jnp.float32)
    params, _ = jax.eval_shape(vgg().init, jax.random.key(0), images)
    nested = {
        "vgg": jax.tree.map(jnp.shape, params),
        "linear": {str(number): (width,) for number, width in enumerate(WIDTHS)},
    }
    shapes: Any = flatten_dict(nested)
    return dict(shapes)
