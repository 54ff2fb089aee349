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
import tensorstore

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.typing import PyTree


class Checkpoints:
    """The checkpoints of one run, newest last.

    Args:
        directory: Where they are; made when missing.
        keep: How many of the newest are kept, at least 1.
    """

    def __init__(self, directory: Path, *, keep: int = 2):
        """Opens the folder."""
        check_count("keep", keep, 1)
        self.directory = Path(directory).absolute()
        self._manager = ocp.CheckpointManager(
            self.directory,
            options=ocp.CheckpointManagerOptions(max_to_keep=keep, create=True),
            item_handlers={
                "state": ocp.StandardCheckpointHandler(),
                "progress": ocp.JsonCheckpointHandler(),
            },
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
            InputError: If there is none, if it cannot be read, or if it belongs to
                another model; the first array that differs is named.
        """
        step = self.latest()
        if step is None:
            raise InputError(
                f"There is no checkpoint in {self.directory}: start without resuming."
            )
        folder = self.directory / str(step)
        wanted = _keys_to_data(template)
        try:
            # Orbax gives up at the first array that it cannot read, while reads of
            # the others go on and find nobody left to report to. So both ways to fail
            # are looked for before it starts.
            _read_through(folder / "state")
            saved = self._manager.item_metadata(step)["state"]
            difference = _first_difference(_arrays(saved.tree), _arrays(wanted))
            if difference is None:
                restored = self._manager.restore(
                    step,
                    args=ocp.args.Composite(
                        state=ocp.args.StandardRestore(wanted),
                        progress=ocp.args.JsonRestore(),
                    ),
                )
                state = _data_to_keys(restored["state"], template)
                return state, restored["progress"]
        # Orbax and what it stands on raise whatever they meet, bare `Exception` too.
        except Exception as error:
            raise InputError(
                f"The checkpoint {folder} is damaged or belongs to another model "
                f"({_first_line(error)}). Remove that folder to go on from the "
                "checkpoint before it, or start anew under another name."
            ) from error
        raise InputError(
            f"The checkpoint {folder} belongs to another model: {difference}. Resume "
            "with the options it was made with, or start anew under another name."
        )

    def wait(self) -> None:
        """Returns when everything asked for is on disk."""
        self._manager.wait_until_finished()

    def close(self) -> None:
        """Waits, and lets go of the folder."""
        self._manager.close()


def _read_through(folder: Path) -> None:
    """Reads every description and every array in a folder once, one by one."""
    for path in (*folder.glob("_*"), *folder.glob("array_metadatas/*")):
        json.loads(path.read_bytes())
    store = tensorstore.KvStore.open(
        {"driver": "ocdbt", "base": {"driver": "file", "path": f"{folder}/"}}
    ).result()
    names = store.list().result()
    if not names:
        raise OSError(f"{folder} holds no arrays")
    for name in names:
        store.read(name).result()


def _arrays(tree: PyTree) -> dict[str, tuple[tuple[int, ...], str]]:
    """Returns the shape and the type of each array of a tree under its path."""
    flat = ocp.tree.to_flat_dict(tree, sep=".")
    return {path: (tuple(x.shape), str(x.dtype)) for path, x in flat.items()}


def _first_difference(saved: dict, wanted: dict) -> str | None:
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
