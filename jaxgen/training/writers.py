"""Where records of a run go: a file of JSON lines, TensorBoard."""

import errno
import io
import json
import os
import time
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.files import write_whole
from jaxgen.run_files import Record, read_records

__all__ = ["JsonLines", "TensorBoard", "Writer"]


@runtime_checkable
class Writer(Protocol):
    """Takes the records of a run, in order of steps."""

    def write(self, record: Record) -> None:
        """Takes one record."""
        ...

    def close(self) -> None:
        """Puts on disk what is not there yet."""
        ...


class JsonLines:
    """Appends records to a file, one JSON object a line.

    Args:
        path: The file.
        resume_step: Records after this step are dropped first: the run they came from
            was stopped after its last checkpoint, and these steps come again.
    """

    def __init__(self, path: Path, *, resume_step: int = 0):
        """Makes the file where there is none; the first record opens it."""
        check_count("resume_step", resume_step, 0)
        self._path, self._resume_step = path, resume_step
        self._file: io.FileIO | None = None
        self._has: set[tuple[str, int]] = set()
        path.touch()

    def write(self, record: Record) -> None:
        """Appends one line, or nothing; a step and split that is there stays.

        Raises:
            OSError: The disk is full, or the file is gone.
        """
        if not self._path.exists():
            folder = self._path.parent
            gone = f"file {self._path}" if folder.exists() else f"folder {folder}"
            raise FileNotFoundError(f"The {gone} is gone")
        if self._file is None:
            # Only now: a run that is refused after all has lost nothing.
            kept = [
                one
                for one in read_records(self._path)
                if one["step"] <= self._resume_step
            ]
            write_whole(self._path, "".join(map(_line, kept)).encode())
            self._file = self._path.open("a+b", buffering=0)
            self._has = {(one["split"], one["step"]) for one in kept}
        place = record["split"], record["step"]
        if place in self._has:
            return  # another writer failed, and it is handed to all of them again
        line, size = _line(record).encode(), self._file.seek(0, os.SEEK_END)
        if self._file.write(line) < len(line):
            self._file.truncate(size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        self._has.add(place)

    def content(self) -> bytes:
        """Returns what was written so far, also where the file is gone by now."""
        if self._file is None:
            return self._path.read_bytes() if self._path.exists() else b""
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()


class TensorBoard:
    """Writes every term as a scalar `split/term` for TensorBoard.

    Args:
        directory: The folder of the events.
        resume_step: Events after this step are purged.
    """

    def __init__(self, directory: Path, *, resume_step: int = 0):
        """Opens an event file."""
        check_count("resume_step", resume_step, 0)
        try:
            from tensorboardX import event_file_writer, summary
            from tensorboardX.proto import event_pb2
        except ImportError as error:
            raise InputError(
                "TensorBoard events need the package tensorboardX: "
                'pip install "jaxgen[experiments]".'
            ) from error
        directory.mkdir(parents=True, exist_ok=True)
        # Its SummaryWriter has a thread, which dies of a full disk and then blocks.
        self._writer = event_file_writer.EventsWriter(
            str(directory / "events"), f".{time.time_ns()}"
        )
        proto: Any = event_pb2  # made at run time, so without types
        self._event, self._scalar = proto.Event, summary.scalar
        start = proto.SessionLog(status=proto.SessionLog.START)
        self._add(resume_step + 1, session_log=start)

    def write(self, record: Record) -> None:
        """Adds the record's terms.

        Raises:
            OSError: The disk is full.
        """
        for name, value in record.items():
            if name not in ("step", "epoch", "split"):
                term = self._scalar(f"{record['split']}/{name}", value)
                self._add(record["step"], summary=term)
        self._writer.flush()

    def _add(self, step: int, **what: Any) -> None:
        self._writer.write_event(self._event(wall_time=time.time(), step=step, **what))

    def close(self) -> None:
        """Flushes and closes the event file."""
        self._writer.close()


def _line(record: Record) -> str:
    return json.dumps(record) + "\n"
