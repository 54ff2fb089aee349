"""What every script that trains shares: its options, its data, its run folder."""

import contextlib
import dataclasses
import errno
import importlib
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from jaxgen import files, training
from jaxgen.checks import check_key
from jaxgen.errors import InputError
from jaxgen.progress import print_line
from jaxgen.run import command, rescue, restore
from jaxgen.run.claims import Claim, Verdict
from jaxgen.run.options import FREE
from jaxgen.run.progress import display
from jaxgen.run.records import number_of
from jaxgen.run.setup import Setup, batch_shapes
from jaxgen.run.tables import Estimate, Table, print_tables
from jaxgen.typing import Model, PRNGKeyArray

__all__ = ["finish", "merge_parts", "open_folder", "timed", "train"]


def open_folder(
    config: Any,
    experiment: str,
    name: str,
    *,
    title: str,
    claim: str | Claim = "",
    fixed: Set[str] = frozenset(),
    **more: Any,
) -> training.RunFolder:
    """Makes or opens the folder of a run, and writes its `config.json`.

    Args:
        config: The options.
        experiment: The script's name.
        name: The run's name, where the options give none.
        title: The page's title.
        claim: What the script is to show.
        fixed: Options that may not change when this run is resumed, though `FREE`
            names them; `LENGTH` where a schedule is spread over the whole run.
        **more: Further entries of `config.json`, for the page.
    """
    sentence = claim.sentence if isinstance(claim, Claim) else claim
    folder = training.open_run(
        Path(config.output) / experiment,
        # A set may have the name of a path; a run has that of one folder.
        name.strip("/").replace("/", "-") if config.name is None else config.name,
        {
            "experiment": experiment,
            "title": title,
            "claim": sentence,
            "command": command.command_of(config),
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
    imports: Sequence[str] = (),
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
        imports: Modules that the script needs afterwards and that take long to import;
            they are imported while the training compiles, and so is what pages need.

    Returns:
        The trained state.
    """
    if key is not None:
        check_key(key)
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
            print_line(f"Going on from step {resume_step:,}")
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
        restore.write_description(at, model, batch_shapes(setup))
        closing.enter_context(_importing("jaxgen.report.explorer", *imports))
        try:
            state = training.fit(
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
            restore.write_description(at, model, batch_shapes(setup), state)
            return state
        except training.Failed as failure:
            lost = kept | {at.metrics: records.content()}
            if failure.saved == checkpoints.directory:
                rescue.write_lost(lost)
            if failure.saved in (None, checkpoints.directory):
                raise
            runs = rescue.complete(failure.saved, Path(config.output), at.path, lost)
            raise training.Failed(failure.step, failure.error, runs) from failure


@contextlib.contextmanager
def _importing(*names: str) -> Iterator[None]:
    """Imports modules in a thread that has ended when the context ends."""

    def import_all() -> None:
        for name in names:
            with contextlib.suppress(Exception):  # whoever needs it says what is wrong
                importlib.import_module(name)

    thread = threading.Thread(target=import_all, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def merge_parts(
    folder: training.RunFolder,
    parts: Sequence[str],
    *,
    split: str = "test",
    file: str = "metrics.jsonl",
    held_out: Mapping[str, str] | None = None,
    beside: str | None = None,
) -> None:
    """Writes the records of several models among the run's own, one split each.

    Args:
        folder: The run's folder.
        parts: Their names, as given to `train`.
        split: Which records of theirs.
        file: The file of records, of the run and of each part.
        held_out: Terms of the test split that are put into the records of the same
            step, with the names they get there.
        beside: A further file of records of each part, whose terms are put into the
            records of the same step.

    Raises:
        InputError: A file is damaged, or a held-out term is no number.
    """
    own = training.read_records(folder.path / file)
    rows = [record for record in own if record["split"] not in parts]
    for part in parts:
        home = folder.path / "parts" / part
        records = training.read_records(home / file)
        added: dict[int, dict[str, Any]] = defaultdict(dict)
        for record in records:
            if held_out and record["split"] == "test":
                added[record["step"]] |= {
                    name: number_of(record, term, home / file)
                    for term, name in held_out.items()
                }
        for record in training.read_records(home / beside) if beside else ():
            added[record["step"]] |= record
        rows += [
            record | added[record["step"]] | {"split": part}
            for record in records
            if record["split"] == split
        ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    files.write_whole(folder.path / file, text.encode())


@contextlib.contextmanager
def timed() -> Iterator[Callable[[], float]]:
    """Gives a function that tells the seconds since it was entered."""
    start = time.monotonic()
    yield lambda: time.monotonic() - start


def finish(
    folder: training.RunFolder,
    results: Mapping[str, Estimate | tuple[float, str]],
    *,
    seconds: float,
    tables: Sequence[Table] = (),
    verdict: Verdict | None = None,
    figures: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Writes the summary, draws the page, prints the results and where the page is.

    Args:
        folder: The run's folder.
        results: Numbers for the head of the page, by name: at most four, each with its
            interval.
        seconds: How long it took.
        tables: Tables of the page.
        verdict: Whether the claim held.
        figures: Figures by name, in the order of the page; see `report.write_figures`.
        **more: What else is measured.

    Returns:
        The numbers by name, and `page`.
    """
    from jaxgen import report

    numbers = {
        name: one if isinstance(one, Estimate) else Estimate(one[0], unit=one[1])
        for name, one in results.items()
    }
    summary: dict[str, Any] = {
        "results": {name: number.as_json() for name, number in numbers.items()},
        "tables": [table.as_json() for table in tables],
        "seconds": seconds,
    }
    if verdict is not None:
        summary["claim"] = verdict.as_json()
    training.write_json(folder.summary, summary | more)
    if figures is not None:
        report.write_figures(folder.path, figures)
    with display() as show:
        page = report.write_page(folder.path, progress=show)
    print_tables(tables)
    width = max(map(len, numbers), default=0) + 2
    for name, number in numbers.items():
        print(f"{name:<{width}}{number}")
    if verdict is not None:
        print(f"{verdict.sentence}\n{verdict}")
    print(f"The page of this run: {page}")
    if not folder.config.exists():
        raise FileNotFoundError(errno.ENOENT, "is gone", str(folder.path))
    training.release_run(folder)
    return {name: number.value for name, number in numbers.items()} | {
        "page": str(page)
    }
