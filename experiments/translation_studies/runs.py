"""Translators of finished runs, and of files of weights, for use without their data.

The translator of a run comes from its `model.json` and its checkpoints; the best
checkpoint of a run, where it keeps one, is that of `training.BestCheckpoint`.
"""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from jaxgen import calls, networks, run, run_files, training
from jaxgen.data import colour
from jaxgen.errors import InputError
from jaxgen.models import InferenceMode
from jaxgen.models.translation import Statistics, translate
from jaxgen.typing import Array, PRNGKeyArray

KINDS: dict[str, tuple[str, ...]] = {
    "CUT": ("a_to_b",),
    "CycleGAN": ("a_to_b", "b_to_a"),
    "Pix2Pix": ("a_to_b",),
}
"""Which way models of each kind translate."""

Direction = Literal["a_to_b", "b_to_a"]
Which = Literal["best", "last"]
Dropout = Literal["auto", "yes", "no"]


class Loaded(NamedTuple):
    """A translator that is ready to use.

    Attributes:
        translate: `(key, images) -> images`, in [0, 1], compiled for each shape once;
            with None in place of a key nothing is drawn.
        channels: Of its input and of its output.
        image_size: (height, width) of its input in training, None where nobody knows.
        multiple: The sides of images have to be multiples of it.
        least: And no shorter than this.
        source: What it was loaded from, for people.
        dropout: Whether its dropout is drawn when it translates, if it has any.
        assumed: Settings that were not given, with their source and the option that
            changes each, as one line of text.
    """

    translate: Callable[..., Array]
    channels: tuple[int, int]
    image_size: tuple[int, int] | None
    multiple: int
    least: int
    source: str
    dropout: bool = True
    assumed: tuple[str, ...] = ()


def load_translator(
    source: str | Path,
    *,
    direction: Direction = "a_to_b",
    which: Which = "best",
    statistics: Literal["image", "running"] | None = None,
    dropout: Dropout = "auto",
) -> Loaded:
    """Loads a translator of a run, or one of a file of PyTorch weights.

    The weights of a U-Net do not show whether it was trained with dropout;
    `train_opt.txt` beside the file says so. Where it is missing, no dropout is drawn:
    dropout spoils the images of a network that was trained without it, and a network
    that was trained with dropout makes likely images without it.

    Args:
        source: The folder of a run, or a file of weights (.pth) of the published code,
            which is read without running anything in it.
        direction: Which way to translate.
        which: The best checkpoint of a run, where it keeps one, or the last.
        statistics: What a batch normalization uses: those of each image, or the running
            ones of training; by default as the run says, and those of the image for
            weights, as the published code does.
        dropout: Whether dropout is drawn; "auto" as in training.

    Returns:
        The translator. Averaged parameters are used where there are such.

    Raises:
        InputError: It is neither, or it cannot be read, or it does not translate that
            way, or `train_opt.txt` beside it is damaged or of another network.
    """
    source = Path(source)
    if source.is_file():
        if direction != "a_to_b":
            raise InputError(
                f"--direction is {direction}, but {source} is one network: give the "
                "file of the other direction."
            )
        return _from_weights(source, statistics, dropout)
    if not source.exists():
        raise InputError(
            f"{source} does not exist: give the folder of a run, such as "
            "runs/pix2pix/NAME, or a file of weights (.pth)."
        )
    loaded = _from_run(source, direction, which, statistics)
    return loaded._replace(dropout=dropout != "no")


def _from_run(
    folder: Path, direction: Direction, which: Which, statistics: Statistics | None
) -> Loaded:
    description = run.read_description(folder)
    shapes = [description.batch.get(name) for name in "ab"]
    if None in shapes or description.kind not in KINDS:
        raise InputError(
            f"{folder} is a run of a model of the kind {description.kind}, which "
            "translates no images: give one of experiments.pix2pix, "
            "experiments.cyclegan or experiments.cut, or a file of weights."
        )
    directions = KINDS[description.kind]
    if direction not in directions:
        raise InputError(
            f"--direction is {direction}, but the run {folder} was trained for "
            f"{' and '.join(directions)}: give that, or train the other way."
        )
    arguments: dict[str, Any] = {}
    if description.calls is not None:
        mode = calls.build(description.calls["arguments"]["inference"])
        # Images come alone here: they are their own batch.
        wanted = statistics or ("image" if mode.statistics == "batch" else None)
        if wanted is not None:
            arguments = {"inference": mode._replace(statistics=wanted)}
    best = folder / training.BEST_FOLDER
    use_best = which == "best" and training.best_score(best) is not None
    model, state, _ = run.load_model(
        folder,
        arguments=arguments,
        checkpoints=training.BEST_FOLDER if use_best else "checkpoints",
    )

    if model.translate is None:
        raise InputError(
            f"The run {folder} has a model with parts of its own, which could not be "
            "exported for batches of any size: its training said why."
        )

    @jax.jit
    def translate(state: Any, key: PRNGKeyArray | None, images: Array) -> Array:
        more = {} if len(directions) == 1 else {"direction": direction}
        return model.translate(state, key, images, **more)

    a, b = (shape.shape[1:] for shape in shapes if shape is not None)
    one, other = (a, b) if direction == "a_to_b" else (b, a)
    multiple, least = sides(description, direction)
    loaded = Loaded(
        lambda key, images: translate(state, key, images),
        (one[2], other[2]),
        (one[0], one[1]),
        multiple,
        least,
        f"{folder}, {'best' if use_best else 'last'} checkpoint, after "
        f"{int(state.step):,} steps",
    )
    if direction == "a_to_b" and loaded.channels == (1, 2) and _is_lab(folder):
        return with_colour(loaded)
    return loaded


def _is_lab(folder: Path) -> bool:
    """Whether a is the lightness and b the colour of an image in CIELAB."""
    saved = run_files.read_config(folder / "config.json").get("config", {})
    names = ("data", "degrade", "direction")
    options: Any = SimpleNamespace(**{name: saved.get(name) for name in names})
    return run.predicts_colour(options)


def _from_weights(
    path: Path, statistics: Statistics | None, dropout: Dropout
) -> Loaded:
    found = networks.import_translator(path)
    options = networks.read_train_options(path, found)
    drawn, assumed = _dropout(found.dropout, options, dropout)
    if statistics is None and jax.tree.leaves(found.stats):
        assumed += (
            "batch normalization takes the statistics of each picture (the default, as "
            "in the published code; --statistics running takes those of training)",
        )
    if options is not None and options.direction is not None:
        assumed += (
            f"the pictures are of domain {options.direction[0]} (direction: "
            f"{options.direction} in {networks.TRAIN_OPTIONS})",
        )
    side = None
    if options is not None and options.crop is not None:
        side = (options.crop, options.crop)
        assumed += (
            f"it was trained on {options.crop} x {options.crop} pixels (crop_size in "
            f"{networks.TRAIN_OPTIONS}; --tile sets the tiles of large pictures)",
        )
    inference = InferenceMode(statistics=statistics or "image")

    @jax.jit
    def translated(weights: Any, key: PRNGKeyArray | None, images: Array) -> Array:
        return translate(found.translator, weights, key, images, inference)

    weights = (found.params, found.stats)
    return Loaded(
        lambda key, images: translated(weights, key, images),
        found.channels,
        side,
        found.multiple,
        found.side,
        f"{path} ({found.description})",
        drawn,
        assumed,
    )


def _dropout(
    shown: bool | None, options: networks.TrainOptions | None, asked: Dropout
) -> tuple[bool, tuple[str, ...]]:
    """Returns whether a network of a file draws dropout, and how that is known.

    Args:
        shown: Whether its weights show dropout, None where they cannot.
        options: Of its training, where they are known.
        asked: What the user asks for.
    """
    if asked != "auto":
        return asked == "yes", ()
    if shown is False:
        return False, ()
    if shown:
        drawn, source = True, "its weights"
    elif options is None:
        drawn = False
        source = (
            f"the default: {networks.TRAIN_OPTIONS} is not beside the weights, which "
            "do not tell how they were trained"
        )
    else:
        drawn = options.dropout
        source = f"no_dropout: {not drawn} in {networks.TRAIN_OPTIONS}"
    change = "--dropout no leaves it out" if drawn else "--dropout yes draws it"
    verb = "is" if drawn else "is not"
    return drawn, (f"dropout {verb} drawn ({source}; {change})",)


def with_colour(loaded: Loaded) -> Loaded:
    """Makes a translator of lightness to colour one of pictures to pictures."""

    def translate(key: PRNGKeyArray | None, images: np.ndarray) -> np.ndarray:
        lightness = lightness_of(np.asarray(images))
        return colour.join_lab(lightness, loaded.translate(key, lightness))

    return loaded._replace(translate=translate, channels=(3, 3))


def lightness_of(images: np.ndarray) -> np.ndarray:
    """Returns L* / 100 of sRGB images in [0, 1], shape (n, height, width, 1).

    CIELAB for the white D65, as the colours of `data.degradations.lab_colorization`.
    """
    linear = np.where(
        images > 0.04045, ((images + 0.055) / 1.055) ** 2.4, images / 12.92
    )
    luminance = linear @ np.array([0.212671, 0.715160, 0.072169])
    root = np.where(
        luminance > (6 / 29) ** 3,
        np.cbrt(luminance),
        luminance / (3 * (6 / 29) ** 2) + 4 / 29,
    )
    return ((116 * root - 16) / 100).astype(np.float32)[..., np.newaxis]


def sides(description: run.Description, direction: Direction) -> tuple[int, int]:
    """Returns what sides of images have to be multiples of, and the least of them."""
    if description.calls is None:
        # What was exported takes images of the size of those in training.
        side = description.batch[direction[0]].shape[1]
        return side, side
    arguments = description.calls["arguments"]
    generator = arguments.get("generator") or arguments.get(direction) or {}
    if generator.get("call") == "jaxgen.networks.unet_translator":
        depth = generator["arguments"]["depth"]
        return 2**depth, 2**depth
    # Reflections by one pixel need two at a quarter of the size.
    return 4, 8
