"""Checkpoints on Orbax: everything a run needs to go on, bit for bit.

Orbax writes a checkpoint in the background under a temporary name, and renames it when
all of it is there. A thread of `Checkpoints` waits for that, and then writes the digest
of every file into the folder. A checkpoint is whole only with its digest: a run that is
killed in a save leaves the checkpoint before it, and damage is found before it is read.
"""

import contextlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
from jax.experimental import multihost_utils

from jaxgen import files
from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.progress import print_line
from jaxgen.run_files import differences
from jaxgen.training.digest import (
    NAME,
    DamageError,
    UnfinishedError,
    read_digest,
    refuse_pipes,
    write_digest,
)
from jaxgen.training.quiet import quiet_orbax
from jaxgen.training.trees import (
    arrays_of,
    copy_of,
    data_to_keys,
    first_difference,
    keys_to_data,
    root_key,
)
from jaxgen.typing import PyTree
from jaxgen.version import __version__

__all__ = ["FORMAT", "Checkpoints"]

FORMAT = "format.json"
"""The file by which a folder states that each of its checkpoints has a digest."""

LAYOUT = 2  # of states; jaxgen 0.1 had another


class Checkpoints:
    """The checkpoints of one run, newest last.

    A checkpoint that is not as it was written is passed over with a line on the error
    stream, and the one before it is used; the next save renames it to `damaged-STEP`.
    One of another version of jaxgen, whose states are laid out differently, is refused.

    Args:
        directory: Where they are; made when missing.
        keep: How many of the newest are kept. The one before the newest always is.
        options: What may not change when the run is resumed, as JSON values by name;
            it is saved, and `restore` refuses a checkpoint of other options.

    Raises:
        InputError: `keep` is below 1.
        OSError: The folder cannot be made or written to.
    """

    def __init__(
        self,
        directory: Path,
        *,
        keep: int = 2,
        options: Mapping[str, Any] | None = None,
    ):
        """Opens the folder."""
        # Here and not above: it takes longer to import than the rest of jaxgen.
        import orbax.checkpoint as ocp

        check_count("keep", keep, 1)
        quiet_orbax()
        self.directory = Path(directory).absolute()
        # Through JSON, so that tuples compare as the lists they are saved as.
        self._options = json.loads(json.dumps(options))
        refuse_pipes(self.directory)
        self._ocp = ocp
        self._manager = ocp.CheckpointManager(
            self.directory,
            # The newest is not known to be whole before its digest is written.
            options=ocp.CheckpointManagerOptions(max_to_keep=max(keep, 2), create=True),
            item_handlers={
                "state": ocp.StandardCheckpointHandler(),
                "progress": ocp.JsonCheckpointHandler(),
            },
        )
        self._sealing: threading.Thread | None = None
        self._saving = 0
        self._error: BaseException | None = None
        self._passed_over: dict[int, DamageError] = {}
        self._state_format()
        self._stated = (self.directory / FORMAT).exists()

    def save(self, step: int, state: PyTree, progress: dict[str, Any]) -> None:
        """Starts to save a state; writing goes on in the background.

        Args:
            step: Steps done.
            state: Any pytree of arrays and typed keys.
            progress: What else the loop needs to go on, as JSON values.

        Raises:
            OSError: The folder is gone, this checkpoint cannot be written, or the one
                before it could not.
        """
        self.wait()
        if self._is_gone():
            raise self._unwritable(None)
        self._clean()
        if step in self._manager.all_steps():
            if step in self._passed_over:
                raise OSError(f"{self._folder(step)} cannot be replaced")
            return
        # The copy lives on while the loop donates the state to the next call.
        copy = copy_of(keys_to_data(state))
        facts = {
            "step": step,
            "key": root_key(state),
            "options": self._options,
            "layout": LAYOUT,
        }
        try:
            args = self._ocp.args.Composite(
                state=self._ocp.args.StandardSave(copy),
                progress=self._ocp.args.JsonSave(progress),
            )
            accepted = self._manager.save(step, args=args)
        # Orbax and what it stands on raise whatever they meet, bare `Exception` too.
        except Exception as error:
            self._passed_over[step] = UnfinishedError()
            raise self._unwritable(error) from error
        if not accepted:
            raise OSError(f"{self.directory} holds a checkpoint of a later step")
        self._saving = step
        self._sealing = threading.Thread(target=self._seal, args=(step, facts))
        self._sealing.start()

    def latest(self) -> int | None:
        """Returns the step of the newest whole checkpoint, or None if there is none.

        Raises:
            InputError: There are checkpoints, and each of them is damaged.
        """
        found = self.newest()
        return None if found is None else found[0]

    def newest(self) -> tuple[int, dict[str, Any]] | None:
        """Returns the step of the newest whole checkpoint and what its digest says.

        Returns:
            The step and the facts; None if there is no checkpoint.

        Raises:
            InputError: There are checkpoints, and each of them is damaged, or the
                newest whole one is of another version of jaxgen.
        """
        self.wait()
        found = None
        for step in sorted(self._manager.all_steps(), reverse=True):
            try:
                facts = read_digest(self._folder(step))
                if facts is not None and facts["step"] != step:
                    raise DamageError(f"it is that of step {facts['step']}")
                if facts is None and self._stated:
                    raise UnfinishedError
                found = step, self._checked_layout(step, facts)
                break
            except DamageError as damage:
                self._pass_over(step, damage)
        # The first state of a run is made again from its key.
        if found is None and set(self._passed_over) - {0}:
            faults = [f"{step}: {why}" for step, why in self._passed_over.items()]
            raise InputError(
                f"No checkpoint in {self.directory} is whole ({'; '.join(faults)}). "
                "Put back a copy of one, or start anew under another name."
            )
        return found

    def restore(self, template: PyTree) -> tuple[PyTree, dict[str, Any]]:
        """Reads the newest whole checkpoint.

        Args:
            template: A state of the same model; shapes, types and placement are its.

        Raises:
            InputError: If there is none, if it cannot be read, if it was made with
                other options, or if it belongs to another model, whose first array that
                differs is named, or to another version of jaxgen.
        """
        found = self.newest()
        if found is None:
            raise InputError(
                f"There is no checkpoint in {self.directory}: start without resuming."
            )
        step, facts = found
        folder = self._folder(step)
        self._check_options(folder, facts["options"])
        wanted = keys_to_data(template)
        saved = self._manager.item_metadata(step)["state"]
        difference = first_difference(arrays_of(saved.tree), arrays_of(wanted))
        if difference is not None:
            raise InputError(
                f"The checkpoint {folder} belongs to another model: {difference}. "
                "Resume with the options it was made with, or start anew under another "
                "name."
            )
        args = self._ocp.args.Composite(
            state=self._ocp.args.StandardRestore(wanted),
            progress=self._ocp.args.JsonRestore(),
        )
        restored = self._manager.restore(step, args=args)
        return data_to_keys(restored["state"], template), restored["progress"]

    def rescue(
        self, step: int, state: PyTree, progress: dict[str, Any], *, here: bool = True
    ) -> Path | None:
        """Saves a state after something failed, elsewhere if it cannot be here.

        Args:
            step: Steps done.
            state: As for `save`.
            progress: As for `save`.
            here: Whether to try this folder, which may be about to go.

        Returns:
            The folder of checkpoints that holds it, which is this one or a new one in
            the system's folder of temporary files or in the cache; None if all fail,
            or if there are several processes, of which others may not have failed.
        """
        if jax.process_count() > 1:
            return None
        with contextlib.suppress(OSError):
            self.wait()
        with contextlib.suppress(OSError, InputError):
            if here:
                self.save(step, state, progress)
                if self.latest() == step and not self._is_gone():
                    return self.directory
        for find in (tempfile.gettempdir, files.cache_folder):
            with contextlib.suppress(OSError, RuntimeError):
                place = Path(find())
                place.mkdir(parents=True, exist_ok=True)
                return self._save_in(place, step, state, progress)
        return None

    def _save_in(
        self, place: Path, step: int, state: PyTree, progress: dict[str, Any]
    ) -> Path:
        """Saves a state in a new folder, or leaves none."""
        new = Path(tempfile.mkdtemp(prefix="jaxgen-rescued-", dir=place))
        try:
            other = Checkpoints(new / "checkpoints", options=self._options)
            try:
                other.save(step, state, progress)
            finally:
                other.close()
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            raise
        return other.directory

    def wait(self) -> None:
        """Returns when everything asked for is on disk, with its digest.

        Raises:
            OSError: It could not be written.
        """
        if self._sealing is not None:
            self._sealing.join()
            self._sealing = None
            _meet("sealed")
        error, self._error = self._error, None
        if error is not None:
            self._passed_over[self._saving] = UnfinishedError()
            # Orbax tells every thread once.
            with contextlib.suppress(Exception):
                self._manager.wait_until_finished()
            raise self._unwritable(error) from error

    def close(self) -> None:
        """Waits, and lets go of the folder.

        Raises:
            OSError: What was asked for last could not be written.
        """
        try:
            self.wait()
        finally:
            self._manager.close()

    def _folder(self, step: int) -> Path:
        return self.directory / str(step)

    def _checked_layout(
        self, step: int, facts: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Returns the facts, or raises InputError if states were laid out otherwise."""
        if facts is not None and facts.get("layout") == LAYOUT:
            return facts
        versions = {} if facts is None else facts["versions"]
        version = versions.get("jaxgen", "0.1.0 or older")
        raise InputError(
            f"The checkpoint {self._folder(step)} was written by jaxgen {version}, "
            "whose states are laid out differently from those of jaxgen "
            f"{__version__}: use it with that version, or start anew "
            "under another name."
        )

    def _state_format(self) -> None:
        """States that every checkpoint here has a digest, where that is so."""
        path, steps = self.directory / FORMAT, self._manager.all_steps()
        whole = all(os.path.isfile(self._folder(step) / NAME) for step in steps)
        if jax.process_index() == 0 and whole and not path.exists():
            text = f'{{"every checkpoint": "is whole only with its {NAME}"}}\n'
            files.write_whole(path, text.encode())
        _meet("format")

    def _seal(self, step: int, facts: dict[str, Any]) -> None:
        """Waits for Orbax, and writes the digest of what it wrote."""
        try:
            self._manager.wait_until_finished()
            if jax.process_index() == 0:
                write_digest(self._folder(step), facts)
        except BaseException as error:
            self._error = error

    def _pass_over(self, step: int, damage: DamageError) -> None:
        if step not in self._passed_over:
            print_line(
                f"The checkpoint {self._folder(step)} is not whole and is passed over: "
                f"{damage}."
            )
        self._passed_over[step] = damage

    def _clean(self) -> None:
        """Removes what a killed save has left, and sets damaged checkpoints aside."""
        if jax.process_index() == 0:
            for path in self.directory.iterdir():
                if self._ocp.utils.is_tmp_checkpoint(path):
                    shutil.rmtree(path, ignore_errors=True)
            for step, why in self._passed_over.items():
                folder, aside = self._folder(step), self.directory / f"damaged-{step}"
                if isinstance(why, UnfinishedError) or not folder.is_dir():
                    files.remove(folder)
                else:
                    files.remove(aside)
                    folder.rename(aside)
                    print_line(f"{folder} is set aside as {aside.name}.")
        if not self._passed_over:
            return
        _meet("set aside")
        self._manager.reload()
        left = set(self._manager.all_steps())
        self._passed_over = {k: v for k, v in self._passed_over.items() if k in left}

    def _check_options(self, folder: Path, former: Mapping[str, Any] | None) -> None:
        if self._options is None or former is None:
            return
        differ = differences(former, self._options)
        if differ:
            raise InputError(
                f"The checkpoint {folder} was made with other options: "
                f"{differ}. Give the same options to resume it, or start anew under "
                "another name."
            )

    def _is_gone(self) -> bool:
        return not (self.directory / (FORMAT if self._stated else "")).exists()

    def _unwritable(self, error: BaseException | None) -> OSError:
        if self._is_gone():
            return FileNotFoundError(f"The folder {self.directory} is gone")
        if files.is_full(error):
            return OSError(f"The disk or the quota of {self.directory} is full")
        why = "" if error is None else f" ({_first_line(error)})"
        return OSError(f"{self.directory} cannot be written to{why}")


def _meet(where: str) -> None:
    """Waits for the other processes."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(f"jaxgen checkpoints: {where}")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
