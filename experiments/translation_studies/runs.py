"""Translators of finished runs, and of files of weights, for use without their data.

A script that trains translators calls `write_facts` once it knows its images, so that a
run can be used where its data are not. And it has a function

    trained_translators(config, facts, restore) -> {name: (model, state)}

in which it builds what it trained, and asks `restore(model, part=None)` for each state:
`part` is the name it gave to `run.train`. The best checkpoint of a run, where
it keeps one, is that of `training.BestCheckpoint`.
"""

import dataclasses
import os
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments import restored_runs
from jaxgen import networks, training
from jaxgen.data import colour
from jaxgen.errors import InputError
from jaxgen.models import InferenceMode
from jaxgen.models.translation import Statistics, translate
from jaxgen.run.saved_options import as_tuple, matches_type, type_in_words
from jaxgen.run_files import read_object, shown
from jaxgen.typing import Array, Batch, Model, PRNGKeyArray

FACTS = "translator.json"
HOOK = "trained_translators"

Direction = Literal["a_to_b", "b_to_a"]
Which = Literal["best", "last"]
Dropout = Literal["auto", "yes", "no"]


class Facts(NamedTuple):
    """What a run tells of the images it was trained on.

    Attributes:
        a: (height, width, channels) of the domain a.
        b: Likewise.
        directions: Which way it translates: "a_to_b", "b_to_a".
        steps: Optimizer steps of the whole run.
        lab: Whether a is the lightness and b the colour of one image in CIELAB, as
            `data.degradations.lab_colorization` has them.
    """

    a: tuple[int, int, int]
    b: tuple[int, int, int]
    directions: tuple[str, ...]
    steps: int
    lab: bool = False


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


def write_facts(
    folder: training.RunFolder,
    *,
    a: Sequence[int],
    b: Sequence[int],
    directions: Sequence[Direction],
    steps: int,
    lab: bool = False,
) -> Facts:
    """Writes what a run has to tell of its images, before it is trained.

    Args:
        folder: The run's folder.
        a: (height, width, channels) of the images of a, as they come in a batch.
        b: Likewise.
        directions: Which way its models translate.
        steps: Optimizer steps of the whole run.
        lab: Whether a is the lightness and b the colour of one image in CIELAB.

    Returns:
        The same, as `read_facts` gives it back.
    """
    shapes = [tuple(int(number) for number in shape) for shape in (a, b)]
    for name, shape in zip("ab", shapes, strict=True):
        if len(shape) != 3:
            raise ValueError(f"{name}={shape}: give (height, width, channels).")
    facts = Facts(shapes[0], shapes[1], tuple(directions), steps, lab)  # pyright: ignore[reportArgumentType]
    training.write_json(folder.path / FACTS, facts._asdict())
    return facts


def read_facts(run: Path) -> Facts:
    """Reads what a run tells of its images.

    Raises:
        InputError: It tells nothing, or the file is damaged.
    """
    path = run / FACTS
    if not os.path.lexists(path):
        raise InputError(
            f"{run} holds no {FACTS}, so it is no run of a translator: give one of "
            "experiments.pix2pix or experiments.cyclegan, or a file of weights."
        )
    told = read_object(path)
    kinds = typing.get_type_hints(Facts)
    found = {name: as_tuple(told.get(name)) for name in kinds}
    for name, value in found.items():
        good = matches_type(value, kinds[name])
        if good and name in ("a", "b"):
            good = min(value) > 0
        if not good:
            raise InputError(
                f"{path} is damaged: {name!r} is {shown(told.get(name))}, and "
                f"{type_in_words(kinds[name])} was expected; restore the file, or "
                "start the run anew."
            )
    return Facts(**found)


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
    run: Path, direction: Direction, which: Which, statistics: str | None
) -> Loaded:
    facts = read_facts(run)
    if direction not in facts.directions:
        raise InputError(
            f"--direction is {direction}, but the run {run} was trained for "
            f"{' and '.join(facts.directions)}: give that, or train the other way."
        )
    _, script, config, _ = restored_runs.script_and_options(run, hook=HOOK)
    # Images come alone here: they are their own batch.
    wanted = statistics or (
        "image" if config.statistics == "batch" else config.statistics
    )
    config = dataclasses.replace(config, statistics=wanted)
    batch = {
        name: jnp.zeros((1, *shape)) for name, shape in (("a", facts.a), ("b", facts.b))
    }
    found: list[str] = []

    def restore(model: Model, part: str | None = None) -> Any:
        template = empty_state(model, batch)
        home = run if part is None else run / "parts" / part
        best = home / training.BEST_FOLDER
        use_best = which == "best" and training.best_score(best) is not None
        found.append("best" if use_best else "last")
        folder = best if use_best else training.RunFolder(home).checkpoints
        return restored_runs.newest(run, folder, template)

    models: Mapping[str, Any] = script.trained_translators(config, facts, restore)
    model, state = next(iter(models.values()))

    @jax.jit
    def translate(state: Any, key: PRNGKeyArray | None, images: Array) -> Array:
        more = {} if len(facts.directions) == 1 else {"direction": direction}
        return model.translate(state, key, images, **more)

    one, other = (facts.a, facts.b) if direction == "a_to_b" else (facts.b, facts.a)
    multiple, least = sides(config)
    loaded = Loaded(
        lambda key, images: translate(state, key, images),
        (one[2], other[2]),
        one[:2],
        multiple,
        least,
        f"{run}, {found[0]} checkpoint, after {int(state.step):,} steps",
    )
    if facts.lab and direction == "a_to_b" and loaded.channels == (1, 2):
        return with_colour(loaded)
    return loaded


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


def empty_state(model: Model, batch: Batch) -> Any:
    """Returns a state of a model without its first numbers, which take long to draw."""

    def empty(leaf: jax.ShapeDtypeStruct) -> Array:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.key(0)
        return jnp.zeros(leaf.shape, leaf.dtype)

    return jax.tree.map(empty, jax.eval_shape(model.init, jax.random.key(0), batch))


def sides(config: Any) -> tuple[int, int]:
    """Returns what sides of images have to be multiples of, and the least of them.

    Args:
        config: The options of a generator, with `generator` and `depth`.
    """
    if config.generator == "unet":
        return 2**config.depth, 2**config.depth
    # Reflections by one pixel need two at a quarter of the size.
    return 4, 8
