"""The state of a model alone, read from a checkpoint without that of its optimizers."""

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jaxgen.errors import InputError
from jaxgen.training.checkpoint import Checkpoints
from jaxgen.training.trees import (
    arrays_of,
    data_to_keys,
    first_difference,
    keys_to_data,
)
from jaxgen.typing import PyTree

__all__ = ["read_leaves", "read_model_state"]


def read_model_state(directory: Path, template: PyTree) -> Any:
    """Reads those arrays of the newest whole checkpoint that a template has.

    Args:
        directory: The folder of the checkpoints of a run.
        template: The shapes and types of a state, as of `jax.eval_shape(model.init,
            ...)` for a model whose optimizers are `optax.identity()`.

    Returns:
        The state, on the first device.

    Raises:
        InputError: There is no checkpoint, none is whole, or the newest one lacks an
            array of the template or has one of another shape.
    """
    empty = jax.tree.map(_empty, template)
    plain = keys_to_data(empty)
    found = read_leaves(directory, arrays_of(plain))
    state = jax.tree.unflatten(jax.tree.structure(plain), list(found.values()))
    return data_to_keys(state, empty)


def read_leaves(
    directory: Path, wanted: Mapping[str, tuple[tuple[int, ...], str]]
) -> dict[str, jax.Array]:
    """Reads arrays of the newest whole checkpoint by their paths.

    Args:
        directory: The folder of the checkpoints of a run.
        wanted: The shape and the type of each array under its path, as `arrays_of`
            gives them.

    Returns:
        The arrays in the same order, on the first device.

    Raises:
        InputError: As `read_model_state`.
    """
    import orbax.checkpoint as ocp  # heavy, see `Checkpoints`

    newest = None
    # Opening them would make the folder.
    if directory.is_dir():
        checkpoints = Checkpoints(directory)
        try:
            newest = checkpoints.newest()
        finally:
            checkpoints.close()
    if newest is None:
        raise InputError(
            f"There is no checkpoint in {directory}: train the run to its end; its "
            "command stands in its config.json, add --resume to it."
        )
    folder: Any = Path(directory).absolute() / str(newest[0])
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
        saved = ocp.PyTreeCheckpointHandler().metadata(folder / "state").tree
        shapes = {path: s for path, s in arrays_of(saved).items() if path in wanted}
        difference = first_difference(shapes, dict(wanted))
        if difference is not None:
            raise InputError(
                f"The checkpoint {folder} belongs to another model than the model.json "
                f"of its run: {difference}. Put back the file that the run wrote."
            )
        item = _with_placeholders(saved, wanted.keys())
        found = reader.restore(
            folder / "state",
            args=ocp.args.PyTreeRestore(
                item=item,
                restore_args=jax.tree.map(_restore_args, item),
            ),
        )
    arrays = ocp.tree.to_flat_dict(found, sep=".")
    return {path: arrays[path] for path in wanted}


def _empty(leaf: jax.ShapeDtypeStruct) -> jax.Array:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jnp.broadcast_to(jax.random.key(0), leaf.shape)
    return _zeros(leaf)


def _with_placeholders(saved: PyTree, wanted: Set[str]) -> PyTree:
    """Returns zeros for wanted arrays, and what Orbax passes over for the others."""
    import orbax.checkpoint as ocp

    paths = iter(ocp.tree.to_flat_dict(saved, sep="."))
    return jax.tree.map(
        lambda leaf: _zeros(leaf) if next(paths) in wanted else ocp.PLACEHOLDER, saved
    )


def _restore_args(leaf: Any) -> Any:
    import orbax.checkpoint as ocp

    if leaf is ocp.PLACEHOLDER:
        return ocp.RestoreArgs()
    return ocp.checkpoint_utils.construct_restore_args(leaf)


def _zeros(like: Any) -> jax.Array:
    return jnp.zeros(like.shape, like.dtype)
