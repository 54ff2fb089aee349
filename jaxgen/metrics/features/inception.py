"""Features of the Inception network of 2015, of which alone a FID is made.

The weights are read from a file on this machine.
"""

from pathlib import Path

import jax
import jax.numpy as jnp

from jaxgen.errors import InputError
from jaxgen.metrics.features.base import INCEPTION, Activations, FeatureNet
from jaxgen.metrics.features.resizing import Resize, check_resize, resize_bilinear
from jaxgen.metrics.features.weights import (
    Release,
    Weights,
    check_file,
    file_sha256,
    identity,
    is_converted,
    load_weights,
)
from jaxgen.networks.inception import SIZE, inception
from jaxgen.networks.inception_weights import inception_params, inception_shapes
from jaxgen.networks.torch_weights import read_state_dict
from jaxgen.typing import Array, Images

__all__ = [
    "ARCHITECTURE",
    "RELEASES",
    "in_colour",
    "inception_features",
    "load_inception",
    "prepare",
]

ARCHITECTURE = "inception-2015"

_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"

RELEASES = (
    Release(
        "pt_inception-2015-12-05-6726825d.pth",
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
        "pt_inception-2015-12-05-6726825d.pth",
        _SHA256,
    ),
    Release(
        "weights-inception-2015-12-05-6726825d.pth",
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
        "weights-inception-2015-12-05-6726825d.pth",
        _SHA256,
    ),
)
"""One file (96 MB) under two names."""


def inception_features(
    path: str | Path, *, resize: Resize = "tensorflow1"
) -> FeatureNet:
    """Loads the network of the Frechet inception distance from a file.

    Images of any size are resized to 299x299 pixels, and grey ones become colours of
    three equal channels. The features are the last average pool, and the probabilities
    are of all 1008 logits without their bias, as in the first code of the Inception
    score and in torch-fidelity.

    | resize | as in | pixels x of 0 to 255 become |
    |---|---|---|
    | "tensorflow1" | the original graph, torch-fidelity | (x - 128) / 128 |
    | "pytorch" | pytorch-fid | 2 x / 255 - 1 |

    Floats are not rounded to bytes; do so first to compare with numbers made of image
    files. Products have the full precision of float32 on every device.

    With other weights than the released ones the features have another name, so that
    no distance between them can be called FID. They are told apart by the SHA-256 of
    the file; a converted file is believed when its metadata says where it comes from.
    On a CPU the network takes about 30 MB
    for each image of a batch.

    Args:
        path: One of `RELEASES`, or what `python -m experiments.convert_weights` has
            made of it.
        resize: How images are brought to its size.

    Raises:
        InputError: The file is missing, damaged, has a wrong hash, or is for another
            network; or `resize` is unknown.

    References:
        Heusel et al., GANs Trained by a Two Time-Scale Update Rule, 2017; Parmar et
        al., On Aliased Resizing and Surprising Subtleties in GAN Evaluation, 2022, on
        what the resizing does.
    """
    check_resize(resize)
    weights = load_inception(path)
    genuine = _SHA256 in weights.sources
    short = weights.sources[0][:8]
    params = jax.tree.map(jnp.asarray, weights.params)
    network = inception()

    def apply(images: Images) -> Activations:
        prepared = prepare(images, resize=resize)
        # TensorFloat32, a GPU's default, has three digits.
        with jax.default_matmul_precision("highest"):
            outputs, _ = network.apply(params, (), prepared)
        return Activations(outputs.features, jax.nn.log_softmax(outputs.logits))

    return FeatureNet(
        name=INCEPTION if genuine else f"Inception-2015 with the weights {short}",
        dimension=2048,
        apply=apply,
        identity=identity(weights.params, {"resize": resize, "net": ARCHITECTURE}),
        protocol={"resize": resize, "weights_sha256": weights.sources[0]},
    )


def load_inception(path: str | Path) -> Weights:
    """Reads the parameters of the Inception network from a file.

    Args:
        path: See `inception_features`.

    Raises:
        InputError: See `inception_features`.
    """
    path = Path(path)
    check_file(path, RELEASES)
    if is_converted(path):
        return load_weights(path, architecture=ARCHITECTURE, shapes=inception_shapes())
    sha256 = file_sha256(path)
    return Weights(inception_params(read_state_dict(path)), (sha256,))


def prepare(images: Images, *, resize: Resize) -> Array:
    """Resizes images for the Inception network and brings them to its range.

    Args:
        images: From 0 to 1, of 1 or 3 channels.
        resize: See `inception_features`.

    Returns:
        Shape (batch, 299, 299, 3).

    Raises:
        InputError: They have another number of channels.
    """
    images = in_colour(images, "the Inception network")
    images = resize_bilinear(images, SIZE, resize=resize)
    if resize == "tensorflow1":
        return (255 * images - 128) / 128
    return 2 * images - 1


def in_colour(images: Images, network: str) -> Images:
    """Returns images of 3 channels of those of 1 or 3, or raises an InputError."""
    channels = images.shape[-1]
    if channels not in (1, 3):
        raise InputError(
            f"The images have {channels} channels, and {network} takes 1 or 3: choose "
            "three of them, or another feature network."
        )
    return jnp.broadcast_to(images, (*images.shape[:-1], 3))
