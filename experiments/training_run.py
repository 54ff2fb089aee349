"""What every script that trains shares: its options, its data, its run folder."""

import contextlib
import dataclasses
import errno
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax

from experiments import command, progress, rescue
from jaxgen import data, files, random, training
from jaxgen.errors import InputError
from jaxgen.typing import Data, Model, PRNGKeyArray


@dataclasses.dataclass(frozen=True)
class DataOptions:
    """Which images, and how they come."""

    data: str = "mnist5k"
    """`mnist5k` or `digits` (embedded), a TFDS image set by name, or a folder."""
    data_dir: str | None = None
    """Where TFDS keeps its prepared sets (its own default if not given)."""
    train_split: Literal["train", "train+test"] = "train"
    """What to train on; `train+test` is for comparing with results that did so."""
    image_size: int | None = None
    """Resize and crop the images of a folder to this many pixels a side."""
    binarize: Literal["no", "dynamic", "fixed"] = "no"
    """Draw every pixel as 0 or 1 with its grey value as the chance: `dynamic` anew at
    each visit, `fixed` once and for all."""
    resident: Literal["auto", "device", "stream"] = "auto"
    """Keep the set on the device or stream it from disk; auto: resident below 2 GiB."""


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """How long, where, and under which name."""

    epochs: int = 50
    """Passes over the training images."""
    steps: int | None = None
    """Optimizer steps in all, in place of epochs."""
    batch_size: int = 128
    """Images a step, over all devices."""
    learning_rate: float = 1e-3
    """Learning rate of Adam."""
    seed: int = 0
    """Seed of everything: the same seed gives the same run, bit for bit."""

    devices: int | None = None
    """How many devices to use (all by default); a CPU can pretend to be several."""
    parallel: Literal["jit", "pmap", "shard_map"] = "jit"
    """How a step is spread over devices."""
    steps_per_call: int | None = None
    """Steps compiled into one call (chosen by network and backend by default)."""

    output: str = "runs"
    """Folder of all runs; this one goes to OUTPUT/EXPERIMENT/NAME."""
    name: str | None = None
    """Name of the run; by default made of its options, numbered if taken."""
    resume: bool = False
    """Go on with the newest run of that name, from its last checkpoint."""
    seconds_between_checkpoints: float = 30.0
    """Least time between two checkpoints; a run that is killed loses about as much."""


LENGTH = {"epochs", "steps"}
"""Options that say how long a run is: a schedule over the whole run depends on them."""

FREE = LENGTH | {"output", "name", "resume", "data_dir", "seconds_between_checkpoints"}
"""Options that may change when a run is resumed."""

POSITIVE = ("epochs", "steps", "batch_size", "learning_rate", "steps_per_call")


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
    command.check_positive(config, *POSITIVE)
    command.check_bounds(config, "seconds_between_checkpoints", least=0)
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
    command.check_positive(config, "image_size")
    place, key = start(config)
    progress.print_line(f"Loading the images: {config.data}")
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


def open_folder(
    config: Any,
    experiment: str,
    name: str,
    *,
    title: str,
    doc: str,
    fixed: Set[str] = frozenset(),
    **more: Any,
) -> training.RunFolder:
    """Makes or opens the folder of a run, and writes its `config.json`.

    Args:
        config: The options.
        experiment: The script's name.
        name: The run's name, where the options give none.
        title: The page's title.
        doc: The script's docstring, which states its claim.
        fixed: Options that may not change when this run is resumed, though `FREE`
            names them; `LENGTH` where a schedule is spread over the whole run.
        **more: Further entries of `config.json`, for the page.
    """
    folder = training.open_run(
        Path(config.output) / experiment,
        name if config.name is None else config.name,
        {
            "experiment": experiment,
            "title": title,
            "claim": doc.split("Claim: ")[1].split("\n\n")[0],
            "command": command.command(config),
            "config": dataclasses.asdict(config),
        }
        | more,
        resume=config.resume,
        free=FREE - fixed,
        exact=config.name is not None,
    )
    command.follow_run(folder, new=not config.resume)
    return folder


def train(
    config: Any,
    setup: Setup,
    folder: training.RunFolder,
    model: Model,
    *,
    part: str | None = None,
    key: PRNGKeyArray | None = None,
    convolutional: bool = False,
    steps_per_call: int | None = None,
    evaluate_every: int | None = None,
    callbacks: Sequence[Callable[[Any, int], None]] = (),
    terms: Sequence[str] = ("loss", "reconstruction", "kl"),
) -> Any:
    """Trains one model of a run, going on from its checkpoint if there is one.

    Args:
        config: The options.
        setup: The data.
        folder: The run's folder.
        model: The model.
        part: Where a run trains several models, the name of this one: its records and
            checkpoints go to `parts/PART`, and `merge_parts` shows them on the page.
        key: Root key of the training, that of the run by default.
        convolutional: Whether the networks are, which decides the steps of a call.
        steps_per_call: Where that is known better; the option goes before.
        evaluate_every: Steps between records; an epoch by default.
        callbacks: See `training.fit`.
        terms: What the progress bar shows.

    Returns:
        The trained state.
    """
    at = folder if part is None else training.RunFolder(folder.path / "parts" / part)
    at.path.mkdir(parents=True, exist_ok=True)
    kept = {path: path.read_bytes() for path in [folder.config] if path.exists()}
    options = {k: v for k, v in dataclasses.asdict(config).items() if k not in FREE}
    with contextlib.ExitStack() as closing:
        checkpoints = training.Checkpoints(at.checkpoints, options=options)
        closing.enter_context(rescue.closed(checkpoints))
        resume_step = checkpoints.latest() or 0
        if resume_step and not at.metrics.exists():
            raise InputError(
                f"{at.metrics} is gone, with the records of {resume_step:,} steps: put "
                "it back, or start anew under another name."
            )
        if config.resume:
            progress.print_line(f"Going on from step {resume_step:,}")
        records = training.JsonLines(at.metrics, resume_step=resume_step)
        closing.enter_context(rescue.closed(records))
        board = training.TensorBoard(
            at.tensorboard if part is None else folder.tensorboard / part,
            resume_step=resume_step,
        )
        closing.enter_context(rescue.closed(board))
        bar = training.ProgressBar(
            setup.steps,
            setup.batches.steps_per_epoch,
            tuple(terms),
            name=part or "",
            evaluate_every=evaluate_every,
        )
        closing.enter_context(bar)
        try:
            return training.fit(
                model,
                setup.batches,
                key=setup.key if key is None else key,
                steps=setup.steps,
                test_data=setup.test_batches,
                evaluate_every=evaluate_every,
                steps_per_call=config.steps_per_call
                or steps_per_call
                or training.default_steps_per_call(convolutional=convolutional),
                place=setup.place,
                checkpoints=checkpoints,
                seconds_between_checkpoints=config.seconds_between_checkpoints,
                writers=[records, board],
                callbacks=callbacks,
                progress=bar,
            )
        except training.Failed as failure:
            lost = kept | {at.metrics: records.content()}
            if failure.saved == checkpoints.directory:
                rescue.write_lost(lost)
            if failure.saved in (None, checkpoints.directory):
                raise
            runs = rescue.complete(failure.saved, Path(config.output), at.path, lost)
            raise training.Failed(failure.step, failure.error, runs) from failure


def merge_parts(
    folder: training.RunFolder,
    parts: Sequence[str],
    *,
    split: str = "test",
    more: Callable[[str], Mapping[int, Mapping[str, Any]]] = lambda part: {},
) -> None:
    """Writes the records of several models among the run's own, one split each.

    Args:
        folder: The run's folder.
        parts: Their names, as given to `train`.
        split: Which records of theirs.
        more: `part -> further entries by step`, which are put into the records.
    """
    own = training.read_records(folder.metrics)
    rows = [record for record in own if record["split"] not in parts]
    for part in parts:
        records = training.read_records(folder.path / "parts" / part / "metrics.jsonl")
        added = more(part)
        rows += [
            record | {"split": part} | added.get(record["step"], {})
            for record in records
            if record["split"] == split
        ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    files.write_whole(folder.metrics, text.encode())


@contextlib.contextmanager
def timed() -> Iterator[Callable[[], float]]:
    """Gives a function that tells the seconds since it was entered."""
    start = time.monotonic()
    yield lambda: time.monotonic() - start


def finish(
    folder: training.RunFolder,
    results: dict[str, tuple[float, str]],
    *,
    seconds: float,
    tables: Sequence[dict[str, Any]] = (),
    **more: Any,
) -> dict[str, Any]:
    """Writes the summary, draws the page, prints the results and where the page is.

    Args:
        folder: The run's folder.
        results: Numbers for the head of the page, by name, with their unit.
        seconds: How long it took.
        tables: Tables of the page: title, note, columns, words, rows of strings.
        **more: What else is measured.

    Returns:
        The numbers by name, and `page`.
    """
    from jaxgen import report

    shown = {
        name: {"value": float(value), "unit": unit}
        for name, (value, unit) in results.items()
    }
    training.write_json(
        folder.summary,
        {"results": shown, "tables": list(tables), "seconds": seconds} | more,
    )
    with progress.display() as show:
        page = report.write_page(folder.path, progress=show)
    command.print_tables(tables)
    width = max(map(len, results), default=0) + 2
    for name, (value, unit) in results.items():
        print(f"{name:<{width}}{value:10.2f} {unit}")
    print(f"The page of this run: {page}")
    if not folder.config.exists():
        raise FileNotFoundError(errno.ENOENT, "is gone", str(folder.path))
    training.release_run(folder)
    numbers = {name: float(value) for name, (value, _) in results.items()}
    return numbers | {"page": str(page)}
