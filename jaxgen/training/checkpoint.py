"""Checkpoints on Orbax: everything a run needs to go on, bit for bit.

A checkpoint is written under a temporary name and renamed when it is whole, so a run
that is killed while saving leaves the one before it.
"""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

from jaxgen.errors import InputError
from jaxgen.typing import PyTree


class Checkpoints:
    """The checkpoints of one run, newest last.

    Args:
        directory: Where they are; made when missing.
        keep: How many of the newest are kept.
    """

    def __init__(self, directory: Path, *, keep: int = 2):
        """Opens the folder."""
        self.directory = Path(directory).absolute()
        self._manager = ocp.CheckpointManager(
            self.directory,
            options=ocp.CheckpointManagerOptions(max_to_keep=keep, create=True),
        )

    def save(self, step: int, state: PyTree, progress: dict[str, Any]) -> None:
        """Starts to save a state; writing goes on in the background.

        Args:
            step: Steps done.
            state: Any pytree of arrays and typed keys.
            progress: What else the loop needs to go on, as JSON values.
        """
        if step in self._manager.all_steps():
            return
        # The copy lives on while the loop donates the state to the next call.
        copy = jax.tree.map(jnp.copy, _keys_to_data(state))
        self._manager.save(
            step,
            args=ocp.args.Composite(
                state=ocp.args.StandardSave(copy), progress=ocp.args.JsonSave(progress)
            ),
        )

    def latest(self) -> int | None:
        """Returns the step of the newest whole checkpoint, or None."""
        self.wait()
        return self._manager.latest_step()

    def restore(self, template: PyTree) -> tuple[PyTree, dict[str, Any]]:
        """Reads the newest checkpoint.

        Args:
            template: A state of the same model; shapes, types and placement are its.

        Raises:
            InputError: If there is none, or if it cannot be read.
        """
        step = self.latest()
        if step is None:
            raise InputError(
                f"There is no checkpoint in {self.directory}: start without resuming."
            )
        try:
            restored = self._manager.restore(
                step,
                args=ocp.args.Composite(
                    state=ocp.args.StandardRestore(_keys_to_data(template)),
                    progress=ocp.args.JsonRestore(),
                ),
            )
        except (
            ValueError,
            TypeError,
            KeyError,
            OSError,
            json.JSONDecodeError,
        ) as error:
            folder = self.directory / str(step)
            raise InputError(
                f"The checkpoint {folder} is damaged or belongs to another model "
                f"({_first_line(error)}). Remove that folder to go on from the "
                "checkpoint before it, or start anew under another name."
            ) from error
        return _data_to_keys(restored["state"], template), restored["progress"]

    def wait(self) -> None:
        """Returns when everything asked for is on disk."""
        self._manager.wait_until_finished()

    def close(self) -> None:
        """Waits, and lets go of the folder."""
        self._manager.close()


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _keys_to_data(tree: PyTree) -> PyTree:
    return jax.tree.map(lambda x: jax.random.key_data(x) if _is_key(x) else x, tree)


def _data_to_keys(tree: PyTree, template: PyTree) -> PyTree:
    def restore(leaf: jax.Array, like: jax.Array) -> jax.Array:
        if not _is_key(like):
            return leaf
        return jax.random.wrap_key_data(leaf, impl=jax.random.key_impl(like))

    return jax.tree.map(restore, tree, template)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
