"""States as trees of plain arrays, which is how they are saved, and how two differ."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.typing import PyTree

__all__ = [
    "arrays_of",
    "copy_of",
    "data_to_keys",
    "first_difference",
    "keys_to_data",
    "root_key",
]


def arrays_of(tree: PyTree) -> dict[str, tuple[tuple[int, ...], str]]:
    """Returns the shape and the type of each array of a tree under its path."""
    import orbax.checkpoint as ocp  # heavy, see `Checkpoints`

    flat = ocp.tree.to_flat_dict(tree, sep=".")
    return {path: (tuple(x.shape), str(x.dtype)) for path, x in flat.items()}


@jax.jit
def copy_of(tree: PyTree) -> PyTree:
    """Returns arrays of its own, by one program for the whole tree."""
    return jax.tree.map(jnp.copy, tree)


def first_difference(saved: dict, wanted: dict) -> str | None:
    """Says where the arrays of a checkpoint differ from those of a model."""
    for path, array in wanted.items():
        if path not in saved:
            return f"it lacks the array {path}"
        if saved[path] != array:
            was, now = (f"{shape} {dtype}" for shape, dtype in (saved[path], array))
            return f"its array {path} is {was}, the model's is {now}"
    extra = next((path for path in saved if path not in wanted), None)
    return None if extra is None else f"the model has no array {extra}, as it has"


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def keys_to_data(tree: PyTree) -> PyTree:
    """Returns a tree with the numbers of its typed keys in their place."""
    return jax.tree.map(lambda x: jax.random.key_data(x) if _is_key(x) else x, tree)


def data_to_keys(tree: PyTree, template: PyTree) -> PyTree:
    """Returns a tree with typed keys again where a template has some."""

    def restore(leaf: jax.Array, like: jax.Array) -> jax.Array:
        if not _is_key(like):
            return leaf
        return jax.random.wrap_key_data(leaf, impl=jax.random.key_impl(like))

    return jax.tree.map(restore, tree, template)


def root_key(state: PyTree) -> Any:
    """Returns the numbers of a state's root key, if it has one."""
    key = getattr(state, "key", None)
    if not isinstance(key, jax.Array) or not _is_key(key):
        return None
    return np.asarray(jax.random.key_data(key)).tolist()
