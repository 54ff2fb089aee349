"""Which pictures of a folder go where, and how they get there."""

import dataclasses
import errno
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.translation_studies import picture_files
from experiments.translation_studies.picture_files import READ, Picture
from jaxgen.errors import InputError
from jaxgen.files import is_full, write_whole
from jaxgen.images import every_nth

SHEET = "contact.png"

_PAIRS = 24
_SIDE = 192  # pixels of a picture on the sheet


@dataclasses.dataclass(frozen=True)
class Job:
    """A picture to be read, and where its translation goes.

    Attributes:
        name: Its path in the folder, with slashes, or the name of the only file.
        source: Its file.
        target: The file to write.
        channels: Of the picture: 1 or 3, or those of an array.
    """

    name: str
    source: Path
    target: Path
    channels: int


def jobs_of(source: Path, output: Path, suffix: str) -> tuple[list[Job], list[str]]:
    """Finds the pictures of a folder, or the one that is meant, in order of names.

    Hidden files and folders, files without the suffix of a picture, and named pipes,
    sockets, devices and links to nothing are passed over, and so is the folder of the
    output, where it is inside.

    Args:
        source: A folder or a file.
        output: The folder that the translations go to.
        suffix: Theirs. Arrays stay arrays.

    Returns:
        The jobs, and a sentence for each picture that cannot be read.

    Raises:
        InputError: There is no picture, or two of them have one target.
    """
    if source.is_dir():
        found = _listed(source, output)
        if not found:
            raise InputError(
                f"The folder {source} holds no pictures: expected files ending in "
                f"{', '.join(sorted(READ))}."
            )
        names = [path.relative_to(source) for path in found]
    elif not source.exists():
        raise InputError(f"{source} does not exist: give a folder, or a picture.")
    elif source.suffix.lower() not in READ:
        raise InputError(
            f"{source} is no picture by its suffix: expected one of "
            f"{', '.join(sorted(READ))}."
        )
    else:
        found, names = [source], [Path(source.name)]
    targets: dict[Path, Path] = {}
    jobs, faults = [], []
    for path, name in zip(found, names, strict=True):
        own = ".npy" if name.suffix.lower() == ".npy" else suffix
        target = output / name.with_suffix(own)
        if target in targets:
            raise InputError(
                f"{targets[target]} and {path} would both become {target}: rename one "
                "of them."
            )
        targets[target] = path
        try:
            channels = picture_files.read_channels(path)
        except InputError as error:
            faults.append(str(error))
            continue
        jobs.append(Job(name.as_posix(), path, target, channels))
    return jobs, faults


def check_outputs(
    output: Path, jobs: Sequence[Job], *, overwrite: bool, skip: bool, sheet: bool
) -> list[Job]:
    """Sees that the outputs can be written and what is there may be replaced.

    Args:
        output: Their folder; it is made with the first of them.
        jobs: The jobs.
        overwrite: Whether what is there is replaced.
        skip: Whether jobs are left out whose target is there.
        sheet: Whether a contact sheet is written too.

    Returns:
        The jobs that remain.

    Raises:
        InputError: Something is there, or an input would be replaced, or the folder
            cannot be written to.
    """
    inputs = {job.source.resolve() for job in jobs}
    targets = [job.target for job in jobs]
    if sheet:
        if output / SHEET in targets:
            raise InputError(
                f"A translation would be named {SHEET}, as the contact sheet: rename "
                "the picture, or leave --sheet out."
            )
        targets.append(output / SHEET)
    for target in targets:
        if target.resolve() in inputs:
            raise InputError(
                f"The output {target} is one of the pictures to be translated: give "
                "another folder."
            )
    there = [target for target in targets if target.exists()]
    if skip:
        jobs = [job for job in jobs if not job.target.exists()]
    elif there and not overwrite:
        what = f"{there[0]} is there"
        if len(there) > 1:
            what = f"{there[0]} and {len(there) - 1:,} more are there"
        raise InputError(
            f"{what}: give another folder, --skip-existing to keep "
            "what is there, or --overwrite to replace it."
        )
    parents = (output, *output.absolute().parents)
    nearest = next(one for one in parents if os.path.exists(one))
    why = None
    if not nearest.is_dir():
        why = errno.ENOTDIR
    elif not os.access(nearest, os.W_OK | os.X_OK):
        why = errno.EACCES
    if why is not None:
        raise InputError(
            f"The folder {output} cannot be written to ({os.strerror(why)}): give "
            "another one, or mend its permissions."
        )
    return list(jobs)


def written(job: Job, picture: Picture, *, done: int) -> None:
    """Writes a translation.

    Args:
        job: The job.
        picture: Its translation.
        done: How many were written before.

    Raises:
        InputError: It cannot be written.
    """
    try:
        picture_files.write(job.target, picture)
    except OSError as error:
        raise _not_written(job.target, error, done) from error


def write_sheet(output: Path, jobs: Sequence[Job]) -> None:
    """Writes a sheet of inputs and outputs, side by side.

    Args:
        output: The folder.
        jobs: What was translated; where there are many, some of them, evenly spread.
    """
    import io

    from PIL import Image

    from jaxgen.report.pictures import montage

    chosen = [jobs[number] for number in every_nth(len(jobs), _PAIRS)]
    pairs = [_thumb(path) for job in chosen for path in (job.source, job.target)]
    buffer = io.BytesIO()
    columns = 2 * min(4, len(chosen))
    Image.fromarray(montage(np.stack(pairs), columns, gap=4)).save(buffer, "PNG")
    try:
        write_whole(output / SHEET, buffer.getvalue())
    except OSError as error:
        raise _not_written(output / SHEET, error, len(jobs)) from error


def _thumb(path: Path) -> np.ndarray:
    """Returns a picture as bytes in a square, shape (side, side, 3), white around."""
    values = picture_files.read(path).values
    height, width = values.shape[:2]
    short = max(round(_SIDE * min(height, width) / max(height, width)), 1)
    values = picture_files.resize(values, short)[:_SIDE, :_SIDE]
    if values.shape[-1] != 3:
        values = values[..., :1].repeat(3, axis=-1)
    square = np.ones((_SIDE, _SIDE, 3), np.float32)
    top, left = ((_SIDE - length) // 2 for length in values.shape[:2])
    square[top : top + values.shape[0], left : left + values.shape[1]] = values
    return np.rint(255 * square).astype(np.uint8)


def _listed(folder: Path, output: Path) -> list[Path]:
    """Lists the pictures below a folder, but not those below the output."""
    found = []
    aside = output.resolve()

    def refuse(error: OSError) -> None:
        raise InputError(
            f"The folder {error.filename} cannot be read ({error.strerror}): check its "
            "permissions."
        ) from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and (Path(parent) / name).resolve() != aside
        )
        found += [
            Path(parent) / name
            for name in names
            if not name.startswith(".")
            and Path(name).suffix.lower() in READ
            and os.path.isfile(os.path.join(parent, name))
        ]
    return sorted(found)


def _not_written(path: Path, error: OSError, done: int) -> InputError:
    what = "the disk is full" if is_full(error) else error.strerror or str(error)
    return InputError(
        f"{path} cannot be written ({what}). {done:,} pictures are written and whole: "
        "make room, or mend it, and add --skip-existing to go on."
    )
