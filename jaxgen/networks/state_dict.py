"""Arrays out of a state dict of PyTorch, or an error that says whose they are not."""

from collections.abc import Mapping

import numpy as np

from jaxgen.errors import InputError

__all__ = ["take"]


def take(
    state_dict: Mapping[str, np.ndarray],
    name: str,
    shape: tuple[int, ...],
    *,
    network: str,
    cure: str,
) -> np.ndarray:
    """Returns one array of a state dict as it is there.

    Args:
        state_dict: Arrays by name; see `jaxgen.networks.torch_weights`.
        name: Which.
        shape: The expected one.
        network: Whose weights they should be, for the error.
        cure: What to give instead, a sentence for the error.

    Raises:
        InputError: It is missing or has another shape.

    Examples:
        >>> weights = {"bias": np.zeros(2)}
        >>> take(weights, "bias", (2,), network="VGG-16", cure="Give another.")
        array([0., 0.])
    """
    found = state_dict.get(name)
    if found is None or found.shape != shape:
        seen = "is missing" if found is None else f"has shape {found.shape}"
        raise InputError(
            f"These are not the weights of {network}: {name} {seen}, expected {shape}. "
            f"{cure}"
        )
    return found
