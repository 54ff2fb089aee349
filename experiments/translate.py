"""Translates pictures of any size with a trained model: a folder in, a folder out.

Claim: A translator is convolutional, so it takes pictures of other sizes than it was
trained on; and what it makes of one depends on nothing but the picture, its name, the
model and the seed.

Source: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks,
2017; Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks, 2017.

Command: `python -m experiments.translate MODEL INPUT OUTPUT`, where MODEL is the folder
of a run of `experiments.pix2pix` or `experiments.cyclegan`, or a file of weights (.pth)
of the published PyTorch code, which is read without running anything in it; INPUT is a
folder of pictures, with its subfolders, or one picture; OUTPUT is a folder. Names are
kept, with the suffix .png. Nothing is overwritten without `--overwrite`. The data that
the model was trained on need not be there.

The weights of a U-Net do not tell whether it was trained with dropout. The published
code writes that into `train_opt.txt` beside them, which is read if it is there. A line
says what is assumed of a file of weights, from where, and which option changes it.

Up to a million pixels a picture is translated as a whole, which compiles once for each
size; above that, or with `--tile 256`, in tiles that overlap and blend into each other,
all of one shape. A network with instance normalization divides by the statistics of
what it sees, so a tile of plain sky comes out otherwise than the same sky in the whole
picture: where colours wander from tile to tile, take larger tiles, or `--tile 0`.

Pictures whose sides the network cannot take are reflected to the next size that it can,
and cropped back. Grey pictures of 16 bits stay so, if the model makes grey ones; arrays
(.npy, height x width x channels, bytes, uint16 or floats in [0, 1]) may have any
channels and any size, and stay arrays. Image files of more than 134 million pixels, or
of colour of 16 bits a channel, are refused: save them as arrays.

The status is 0, or 2 with a sentence where something could not be translated; what was
written before stays, and is whole.
"""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import jax
import numpy as np

from experiments.translation_studies import picture_files, runs
from experiments.translation_studies.picture_files import Picture
from experiments.translation_studies.picture_jobs import (
    SHEET,
    Job,
    check_outputs,
    jobs_of,
    write_sheet,
    written,
)
from experiments.translation_studies.runs import Loaded
from jaxgen import random, run
from jaxgen.data import tiles
from jaxgen.errors import InputError
from jaxgen.typing import PRNGKeyArray

try:
    from tyro.conf import Positional
except ImportError:  # run.command_line says what to install
    Positional = Annotated[TypeVar("T"), None]

WHOLE = 2**20
"""Pixels up to which a picture is translated as a whole by default."""

TILE = 256


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the script."""

    model: Positional[Path]  # pyright: ignore[reportInvalidTypeForm]
    """The folder of a run, or a file of PyTorch weights (.pth)."""
    input: Positional[Path]  # pyright: ignore[reportInvalidTypeForm]
    """A folder of pictures, or one picture."""
    output: Positional[Path]  # pyright: ignore[reportInvalidTypeForm]
    """The folder that the translated ones go to."""

    direction: runs.Direction = "a_to_b"
    """Which way, with a run that translates both ways."""
    which: runs.Which = "best"
    """The best checkpoint of a run, where it kept one, or the last."""
    statistics: Literal["image", "running"] | None = None
    """What a batch normalization divides by: statistics of each picture (or tile), or
    the running ones of training, which do not see the tiles; by default as the run has
    it, and those of the picture for a file of weights."""
    dropout: runs.Dropout = "auto"
    """Draw the dropout of pix2pix when it translates; `auto`: as the run has it. For a
    file of weights: as in training, where the weights or `train_opt.txt` beside them
    tell; `no` where nothing does."""
    seed: int = 0
    """Seed of what is drawn; each picture draws by its own name."""

    size: int | None = None
    """Resize pictures before, so that the short side has so many pixels."""
    tile: int | None = None
    """Side of square tiles, or 0: every picture as a whole. By default whole up to a
    million pixels, and above that tiles of 256, or of the training's size if larger."""
    overlap: int | None = None
    """Pixels over which a tile gives way to its neighbour, by default half of its side:
    near its border a network sees its padding, and with less overlap seams may show."""
    batch_size: int = 1
    """Tiles that go through the model at once; more of them pay on a GPU."""

    suffix: str = ".png"
    """Of the files that are written, which says their kind; .npy are arrays."""
    alpha: bool = False
    """Keep the transparency of a picture; otherwise it is laid over white."""
    sheet: bool = False
    """Write a contact sheet too, OUTPUT/contact.png: pairs of input and output."""
    overwrite: bool = False
    """Replace files that are there."""
    skip_existing: bool = False
    """Leave out pictures whose output is there: to go on after a stop."""
    keep_going: bool = False
    """Leave out pictures that cannot be used, and name them in the end."""


def main(config: Config) -> dict[str, Any]:
    """Translates; returns the paths that were written."""
    _check(config)
    jobs, faults = jobs_of(config.input, config.output, config.suffix)
    _stop_unless(config.keep_going, faults)
    jobs = check_outputs(
        config.output,
        jobs,
        overwrite=config.overwrite,
        skip=config.skip_existing,
        sheet=config.sheet,
    )
    run.print_line(f"Loading {config.model}")
    loaded = runs.load_translator(
        config.model,
        direction=config.direction,
        which=config.which,
        statistics=config.statistics,
        dropout=config.dropout,
    )
    if loaded.assumed:
        print(f"Assumed of {config.model.name}: {'; '.join(loaded.assumed)}.")
    _check_model(config, loaded)
    jobs = _fitting(jobs, loaded, faults)
    _stop_unless(config.keep_going, faults)
    done = _translate_all(config, loaded, jobs, faults)
    kept = config.skip_existing and (config.output / SHEET).exists()
    if config.sheet and done and not kept:
        write_sheet(config.output, done)
    print(f"{len(done):,} translated by {loaded.source}: {config.output}")
    if faults:
        raise InputError(
            f"{len(faults):,} of {len(faults) + len(done):,} pictures were left out: "
            + " ".join(faults)
        )
    return {"written": [str(job.target) for job in done]}


def translated(
    config: Config,
    loaded: Loaded,
    picture: Picture,
    key: PRNGKeyArray | None,
    show: Callable[[int, int], None] = lambda done, total: None,
) -> Picture:
    """Translates a picture, whole or in tiles.

    Args:
        config: The options.
        loaded: The model.
        picture: The picture.
        key: Of the picture; None where nothing is drawn.
        show: Called with the number of tiles done and of all tiles.
    """
    values = picture.values
    height, width, channels = values.shape
    wanted, _ = loaded.channels
    if channels == 1 and wanted == 3:
        values = values.repeat(3, axis=-1)
    side = tile_of(config, loaded, height, width)
    if side:
        made = _by_tiles(config, loaded, values, side, key, show)
    else:
        rows, columns = (
            max(math.ceil(length / loaded.multiple) * loaded.multiple, loaded.least)
            for length in (height, width)
        )
        whole = tiles.reflect(values, rows, columns)[np.newaxis]
        made = _run(loaded, whole, _part(key, 0))[0][:height, :width]
    if not np.isfinite(made).all():
        raise InputError(
            "The model made numbers that are not finite: take another checkpoint."
        )
    return Picture(made, picture.alpha, picture.bits)


def _fitting(jobs: list[Job], loaded: Loaded, faults: list[str]) -> list[Job]:
    """Returns the jobs that the model can do; others add a sentence to the faults."""
    fitting = []
    for job in jobs:
        try:
            check_channels(job.source, job.channels, loaded)
        except InputError as error:
            faults.append(str(error))
        else:
            fitting.append(job)
    return fitting


def _translate_all(
    config: Config, loaded: Loaded, jobs: list[Job], faults: list[str]
) -> list[Job]:
    """Returns the jobs that were done; the others add a sentence to the faults."""
    done: list[Job] = []
    root = jax.random.key(config.seed)
    with run.display() as show:
        for number, job in enumerate(jobs):
            show("translating pictures", number, len(jobs))
            try:
                picture = picture_files.read(
                    job.source, alpha=config.alpha, size=config.size
                )
            except InputError as error:
                if not config.keep_going:
                    raise InputError(
                        f"{error} {len(done):,} pictures are written and stay; to "
                        "leave such out and go on, add --keep-going --skip-existing."
                    ) from error
                faults.append(str(error))
                continue
            key = random.stream(root, job.name) if loaded.dropout else None
            made = translated(config, loaded, picture, key, partial(show, "tiles"))
            written(job, made, done=len(done))
            done.append(job)
    return done


def tile_of(config: Config, loaded: Loaded, height: int, width: int) -> int:
    """Returns the side of the tiles of a picture, 0 for none."""
    if config.tile is not None:
        return config.tile
    if height * width <= WHOLE:
        return 0
    side = max(TILE, *(loaded.image_size or ()), (config.overlap or 0) + 1)
    return math.ceil(side / loaded.multiple) * loaded.multiple


def check_channels(source: Path, channels: int, loaded: Loaded) -> None:
    """Raises an InputError unless the model takes pictures of so many channels."""
    wanted, _ = loaded.channels
    if channels == wanted or (channels, wanted) == (1, 3):
        return
    cure = "convert it, or take it out"
    if (channels, wanted) == (3, 1):
        cure = "make it grey, or take it out"
    raise InputError(
        f"The picture {source} has {channels} channels, and the model was trained on "
        f"{wanted}: {cure}."
    )


def _by_tiles(
    config: Config,
    loaded: Loaded,
    values: np.ndarray,
    side: int,
    key: PRNGKeyArray | None,
    show: Callable[[int, int], None],
) -> np.ndarray:
    overlap = side // 2 if config.overlap is None else config.overlap
    # Starts on the grid of the network's strides, if two tiles can overlap so.
    align = loaded.multiple if loaded.multiple <= side - overlap else 1
    plan = tiles.tiling(*values.shape[:2], tile=side, overlap=overlap, align=align)

    def batches():
        cut = tiles.cut(values, plan, batch_size=config.batch_size)
        for number, batch in enumerate(cut):
            show(number * config.batch_size, len(plan))
            yield _run(loaded, batch, _part(key, number))

    return tiles.blend(batches(), plan)


def _part(key: PRNGKeyArray | None, number: int) -> PRNGKeyArray | None:
    return None if key is None else jax.random.fold_in(key, number)


def _run(loaded: Loaded, images: np.ndarray, key: PRNGKeyArray | None) -> np.ndarray:
    try:
        return np.asarray(loaded.translate(key, images), np.float32)
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        count, height, width, _ = images.shape
        raise InputError(
            f"There is too little memory for {count} x {width}x{height} pixels at "
            "once: give a smaller --tile, such as 256, or a smaller --batch-size."
        ) from error


def _stop_unless(keep_going: bool, faults: list[str]) -> None:
    """Raises an InputError if something cannot be used and that may not be."""
    if faults and not keep_going:
        more = len(faults) - 1
        also = f" And {more:,} others cannot be used either." if more else ""
        raise InputError(
            f"{faults[0]}{also} Nothing was written; --keep-going leaves such out."
        )


def _check(config: Config) -> None:
    run.check_positive(config, "size", "batch_size")
    if config.tile and (config.overlap or 0) >= config.tile:
        raise InputError(
            f"--overlap is {config.overlap}, but tiles have {config.tile} pixels: "
            "give less."
        )
    if config.overwrite and config.skip_existing:
        raise InputError(
            "--overwrite and --skip-existing are both given: choose one of them."
        )
    picture_files.check_kind(config.suffix, 3, alpha=config.alpha)


def _check_model(config: Config, loaded: Loaded) -> None:
    picture_files.check_kind(config.suffix, loaded.channels[1], alpha=config.alpha)
    if config.tile and (config.tile % loaded.multiple or config.tile < loaded.least):
        raise InputError(
            f"--tile is {config.tile}: this network takes images whose sides are "
            f"multiples of {loaded.multiple} and at least {loaded.least}; give such a "
            "tile."
        )


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")
