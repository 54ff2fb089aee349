"""Parameters of the Inception network of 2015 from those of PyTorch's ports of it."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgen.errors import InputError
from jaxgen.networks.inception import SIZE, inception
from jaxgen.networks.state_dict import take
from jaxgen.typing import Params

__all__ = ["inception_params", "inception_shapes"]

_EPSILON = 1e-3
"""Added to the variances of the normalizations."""

_NETWORK = "the Inception network of 2015"
_CURE = (
    "Give pytorch-fid's or torch-fidelity's file; torchvision's own Inception is "
    "another network."
)


def inception_params(state_dict: Mapping[str, np.ndarray]) -> Params:
    """Makes parameters of a state dict of PyTorch's ports.

    A normalization with running mean m, variance v, scale g and shift b, on a
    convolution with kernel w, is the kernel w g / sqrt(v + 0.001) and the bias
    b - m g / sqrt(v + 0.001).

    Args:
        state_dict: Arrays by name; see `jaxgen.networks.torch_weights`.

    Returns:
        float32 arrays.

    Raises:
        InputError: The names or shapes are those of another network.
    """
    known: set[str] = set()

    def part(name: str, shape: tuple[int, ...]) -> np.ndarray:
        known.add(name)
        found = take(state_dict, name, shape, network=_NETWORK, cure=_CURE)
        return np.asarray(found, np.float64)

    params: dict[tuple[str, ...], np.ndarray] = {}
    for path, shape in inception_shapes().items():
        if path == ("fc", "kernel"):
            params[path] = part("fc.weight", shape[::-1]).T
        elif path[-1] == "kernel":
            unit = ".".join(path[:-2])
            *_, inputs, outputs = shape
            weight = part(f"{unit}.conv.weight", (outputs, inputs, *shape[:2]))
            scale, shift, mean, variance = (
                part(f"{unit}.bn.{name}", (outputs,))
                for name in ("weight", "bias", "running_mean", "running_var")
            )
            scale = scale / np.sqrt(variance + _EPSILON)
            params[path] = weight.transpose(2, 3, 1, 0) * scale
            params[*path[:-1], "bias"] = shift - mean * scale
    for name in state_dict:
        if name not in known | {"fc.bias"} and not name.endswith("num_batches_tracked"):
            raise InputError(
                f"These are not the weights of {_NETWORK}: it has no {name}. {_CURE}"
            )
    return unflatten_dict(
        {path: np.asarray(array, np.float32) for path, array in params.items()}
    )


def inception_shapes() -> dict[tuple[str, ...], tuple[int, ...]]:
    """Returns the shape of each parameter by its path."""
    images = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), jnp.float32)
    params, _ = jax.eval_shape(inception().init, jax.random.key(0), images)
    shapes: Any = flatten_dict(jax.tree.map(jnp.shape, params))
    return shapes
