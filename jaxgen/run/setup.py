"""The data of a run and its devices, and models that fit them."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen import data, random, training
from jaxgen.errors import InputError
from jaxgen.progress import print_line
from jaxgen.run import command, options
from jaxgen.typing import Batch, Data, Model, PRNGKeyArray

__all__ = [
    "IMAGE_SHAPE",
    "Setup",
    "batch_shapes",
    "batches_of",
    "check_models",
    "class_names",
    "prepare",
    "start",
    "steps_of",
    "with_batch_size",
]


class Setup(NamedTuple):
    """The data of a run and where it runs.

    Attributes:
        train: What is trained on, a source or pairs.
        test: What is evaluated on, likewise.
        batches: Training batches.
        test_batches: Test batches.
        place: Devices.
        key: The root key of the run.
        steps: Optimizer steps in all.
    """

    train: Any
    test: Any
    batches: Data
    test_batches: Data
    place: training.Placement
    key: PRNGKeyArray
    steps: int


def start(config: Any) -> tuple[training.Placement, PRNGKeyArray]:
    """Checks the options of a run, and returns its devices and its root key.

    Args:
        config: A dataclass that has the fields of `RunOptions`.

    Raises:
        InputError: An option or the devices cannot be used.
    """
    options.check_positive(config, *options.POSITIVE)
    options.check_bounds(config, "seconds_between_checkpoints", least=0)
    command.use_devices(config.devices)
    place = training.placement(config.devices, config.parallel)
    place.rows(config.batch_size)  # refuses what cannot be split, before any folder
    return place, jax.random.key(config.seed)


def prepare(config: Any) -> Setup:
    """Checks the options that all scripts share, and loads the data.

    Args:
        config: A dataclass that has the fields of `DataOptions` and `RunOptions`.

    Raises:
        InputError: An option, the data or the devices cannot be used.
    """
    options.check_positive(config, "image_size")
    place, key = start(config)
    print_line(f"Loading the images: {config.data}")
    sources = {
        split: data.load(
            config.data,
            split=split,
            data_dir=config.data_dir,
            image_size=config.image_size,
        )
        for split in (config.train_split, "test")
    }
    if config.binarize == "fixed":
        sources = {
            split: data.fixed_binarization(source) for split, source in sources.items()
        }
    train, test = sources[config.train_split], sources["test"]
    batches, test_batches = (
        batches_of(
            config, source, key, train=source is train, batch_size=config.batch_size
        )
        for source in (train, test)
    )
    steps = steps_of(config, batches)
    return Setup(train, test, batches, test_batches, place, key, steps)


def batches_of(
    config: Any,
    source: data.Source,
    key: PRNGKeyArray,
    *,
    train: bool,
    batch_size: int,
) -> Data:
    """Returns a set in batches, as the options ask for them.

    Args:
        config: `DataOptions`.
        source: The set.
        key: The root key of the run.
        train: Whether the order changes with each epoch.
        batch_size: Images a batch, over all devices.
    """
    return data.pipeline(
        source,
        batch_size=batch_size,
        key=random.stream(key, "data"),
        train=train,
        binarize=config.binarize == "dynamic",
        resident={"auto": "auto", "device": True, "stream": False}[config.resident],
    )


def steps_of(config: Any, batches: Data) -> int:
    """Returns the optimizer steps that the options ask for."""
    return config.steps or config.epochs * batches.steps_per_epoch


def with_batch_size(config: Any, setup: Setup, batch_size: int) -> Setup:
    """Returns a setup whose training batches have another size.

    An epoch then has another number of steps, and so has the run.

    Args:
        config: `DataOptions` and `RunOptions`.
        setup: The data.
        batch_size: Images a batch, over all devices.
    """
    if batch_size == setup.batches.batch_size:
        return setup
    batches = batches_of(
        config, setup.train, setup.key, train=True, batch_size=batch_size
    )
    return setup._replace(batches=batches, steps=steps_of(config, batches))


IMAGE_SHAPE = (32, 32, 1)
"""Of no set: models are built of it to refuse options before there are any images."""


def class_names(setup: Setup) -> tuple[str, ...]:
    """Returns the names of the classes of the training images.

    Raises:
        InputError: The images have no labels.
    """
    if setup.train.class_names is None:
        raise InputError(
            f"The images of {setup.train.name} have no labels: take a labelled set, or "
            "a model that is not conditional."
        )
    return setup.train.class_names


def check_models(setup: Setup, *models: Model, step: bool = False) -> None:
    """Makes the shapes of first states, so that what does not fit is said at once.

    That is before there is a folder, and before anything else takes its time.

    Args:
        setup: The data.
        models: The models.
        step: Whether those of one step are made too: there a remedy refuses a batch
            that it cannot split.

    Raises:
        InputError: Networks, images and options do not go together.
    """
    batch = batch_shapes(setup)
    for model in models:
        state = jax.eval_shape(model.init, jax.random.key(0), batch)
        if step:
            jax.eval_shape(model.update, state, batch)


def batch_shapes(setup: Setup) -> Batch:
    """Returns the shapes and types of the first training batch."""
    batches = setup.batches
    item = jax.tree.map(lambda leaf: leaf[0], batches.feed(0, 1))
    return jax.eval_shape(batches.batch, batches.resident, item, np.int32(0))
