"""Where records of a run go: a file of JSON lines, TensorBoard."""

import json
from pathlib import Path
from typing import Protocol, runtime_checkable

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.files import write_whole
from jaxgen.run_files import Record, read_records


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
        """Opens the file."""
        check_count("resume_step", resume_step, 0)
        kept = [r for r in read_records(path) if r["step"] <= resume_step]
        write_whole(path, "".join(map(_line, kept)).encode())
        self._file = path.open("a")

    def write(self, record: Record) -> None:
        """Appends one line and flushes it."""
        self._file.write(_line(record))
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
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
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise InputError(
                "TensorBoard events need the package tensorboardX: "
                'pip install "jaxgen[experiments]".'
            ) from error
        self._writer = SummaryWriter(str(directory), purge_step=resume_step + 1)

    def write(self, record: Record) -> None:
        """Adds the record's terms."""
        for name, value in record.items():
            if name not in ("step", "epoch", "split"):
                self._writer.add_scalar(
                    f"{record['split']}/{name}", value, record["step"]
                )
        self._writer.flush()

    def close(self) -> None:
        """Flushes and closes the event file."""
        self._writer.close()


def _line(record: Record) -> str:
    return json.dumps(record) + "\n"
