"""The training loop: generic over any model and any data that keep the contracts."""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np

from jaxgen import random
from jaxgen.checks import check_count, check_key, check_number
from jaxgen.errors import InputError
from jaxgen.training import guard
from jaxgen.training.calls import Calls
from jaxgen.training.checkpoint import Checkpoints
from jaxgen.training.diagnosis import diagnose, last_checkpoint
from jaxgen.training.evaluation import compile_evaluation
from jaxgen.training.ledger import Clock, Ledger
from jaxgen.training.parallel import Placement, placement
from jaxgen.training.writers import Writer
from jaxgen.typing import Array, Data, Metrics, Model, PRNGKeyArray

Callback = Callable[[Any, int], None]
"""`callback(state, step)`, called whenever the model has been evaluated."""


@runtime_checkable
class Progress(Protocol):
    """Shows how far a run is."""

    def update(self, step: int, terms: dict[str, float], rate: float) -> None:
        """Takes the steps done, the newest means of the terms and examples a second."""
        ...


def fit(
    model: Model,
    data: Data,
    *,
    key: PRNGKeyArray,
    steps: int,
    test_data: Data | None = None,
    evaluate_every: int | None = None,
    steps_per_call: int = 1,
    place: Placement | None = None,
    checkpoints: Checkpoints | None = None,
    seconds_between_checkpoints: float = 30.0,
    writers: Sequence[Writer] = (),
    callbacks: Sequence[Callback] = (),
    progress: Progress | None = None,
) -> Any:
    """Trains a model, going on from its newest checkpoint if there is one.

    The same key gives the same run, whether in one go or stopped and resumed: step N
    sees the same batch and draws the same random numbers, and calls of several steps
    begin and end at the same steps. For each period of `evaluate_every` steps a record
    of the means of the training terms and one of the test terms goes to the writers.

    Args:
        model: The model.
        data: Training batches.
        key: The root key of the run.
        steps: Steps in all, those before a resume counted in; 0 gives the first state.
        test_data: What to evaluate on; None for nothing.
        evaluate_every: Steps between records; an epoch by default.
        steps_per_call: Steps compiled into one call. More of them hide the cost of a
            call and give longer waits between two looks at a signal.
        place: Devices; the first one by default.
        checkpoints: Where to save and to resume from; None for nowhere.
        seconds_between_checkpoints: Least time between two saves; the start and the
            end are saved too.
        writers: They take the records. They are not closed.
        callbacks: Called after each evaluation.
        progress: Shows the state of the run.

    Returns:
        The state after `steps` steps.

    Raises:
        Interrupted: On SIGINT or SIGTERM, after the state was saved.
        Failed: The data cannot be read any more, a folder is gone, or the disk is
            full; the state was saved, elsewhere if need be.
        NonFiniteError: As soon as a term or a norm is NaN or infinite.
        InputError: A number is out of its range, the batch cannot be split over the
            devices, no checkpoint can be read, or it was made with another key.
    """
    check_key(key)
    check_count("steps", steps, 0)
    if evaluate_every is not None:
        check_count("evaluate_every", evaluate_every, 1)
    check_count("steps_per_call", steps_per_call, 1)
    check_number("seconds_between_checkpoints", seconds_between_checkpoints, least=0)
    for name, one in {"data": data, "test_data": test_data}.items():
        if one is not None and not isinstance(one, Data):
            raise InputError(
                f"{name} is a {type(one).__name__}: give batches, as "
                "data.pipeline(source, batch_size=..., key=..., train=...) makes them."
            )
    place = placement(1) if place is None else place
    with guard.Interrupts() as interrupts:
        run = Calls(model, data, key, steps, evaluate_every, steps_per_call, place)
        state, ledger, saved = _start(run, checkpoints)
        step = int(state.step)
        evaluate = None
        if test_data is not None:
            evaluate = compile_evaluation(model, test_data, place)
        evaluation_key = random.stream(key, "evaluation")
        clock = Clock(data.batch_size)
        saved_at = time.monotonic()
        waiting: list[_Call] = []

        def settle(call: _Call) -> None:
            """Fetches what a call computed and makes its records."""
            metrics = jax.device_get(call.metrics)
            bad = guard.first_bad_step(metrics)
            if bad is not None:
                good, _, _ = _start(run, checkpoints)
                found = diagnose(run, good, call.first + bad[0], bad[1])
                raise guard.NonFiniteError(found + last_checkpoint(checkpoints))
            ledger.add(metrics)
            means, rate = ledger.means(), clock.rate(call.last)
            if progress is not None:
                progress.update(call.last, means, rate)
            if not run.is_record(call.last):
                return
            if call.last % run.period == 0:
                ledger.clear()
            clock.restart(call.last)
            at = {"step": call.last, "epoch": call.last / data.steps_per_epoch}
            speed = {"images_per_second": rate} if rate else {}
            ledger.records.append(at | {"split": "train"} | means | speed)
            if call.evaluation is None:
                return
            terms = {k: float(v) for k, v in jax.device_get(call.evaluation).items()}
            for name, value in terms.items():
                if not np.isfinite(value):
                    raise guard.NonFiniteError(
                        f"After step {call.last} the test term {name!r} is {value}: "
                        f"look at the test data.{last_checkpoint(checkpoints)}"
                    )
            ledger.records.append(at | {"split": "test"} | terms)

        def write_records() -> None:
            while ledger.records:
                for writer in writers:
                    writer.write(ledger.records[0])
                del ledger.records[0]

        def settle_all() -> None:
            while waiting:
                settle(waiting.pop(0))

        def call_back() -> None:
            for callback in callbacks:
                callback(state, step)
            ledger.callbacks = False

        def check_state() -> None:
            bad = guard.first_bad_leaf(getattr(state, "net", state))
            if bad is not None:
                raise guard.NonFiniteError(
                    f"After step {step} the state is not finite, first in {bad}; it "
                    f"was not saved.{last_checkpoint(checkpoints)}"
                )

        def save() -> None:
            check_state()
            assert checkpoints is not None
            checkpoints.save(step, state, ledger.progress())

        def stop() -> None:
            if checkpoints is not None:
                save()
                checkpoints.wait()
            raise guard.Interrupted(step, interrupts.received or 0)

        def rescue() -> Path | None:
            settle_all()
            with contextlib.suppress(OSError):
                write_records()
            check_state()
            if checkpoints is None:
                return None
            return checkpoints.rescue(step, state, ledger.progress())

        try:
            if checkpoints is not None and not saved and steps > 0:
                save()  # so that what has records has a checkpoint
            if ledger.callbacks:
                call_back()
            write_records()
            if interrupts.received is not None:
                stop()
            while step < steps:
                first, last = step, run.end_of_call(step)
                state, metrics = run.call(state, first, last)
                step = last
                ledger.callbacks = bool(callbacks) and run.is_record(step)
                evaluation = None
                if evaluate is not None and run.is_record(step):
                    evaluation = evaluate(state, evaluation_key)
                waiting.append(_Call(first, step, metrics, evaluation))
                # One call is left on the device while the host sees to the one before.
                if len(waiting) > 1:
                    settle(waiting.pop(0))
                due = time.monotonic() - saved_at >= seconds_between_checkpoints
                stopped = interrupts.received is not None
                if step == steps or due or stopped or ledger.callbacks:
                    settle_all()
                write_records()
                # Before the save: a run killed between the two calls them again.
                if ledger.callbacks:
                    call_back()
                    clock.restart(step)  # their time is not that of training
                if stopped:
                    stop()
                if checkpoints is not None and (step == steps or due):
                    save()
                    saved_at = time.monotonic()
            if checkpoints is not None:
                checkpoints.wait()
        except (OSError, guard.UnreadableData) as error:
            raise guard.Failed(step, error, rescue()) from error
    return state


def default_steps_per_call(*, convolutional: bool) -> int:
    """Returns how many steps to compile into one call, by measurement.

    More steps hide the cost of a call; a signal waits for the end of the call.
    """
    if convolutional and jax.default_backend() == "cpu":
        return 8
    return 512


class _Call(NamedTuple):
    """A call on its way: steps first ... last - 1 and what they gave, on the device."""

    first: int
    last: int
    metrics: Metrics
    evaluation: dict[str, Array] | None


def _start(run: Calls, checkpoints: Checkpoints | None) -> tuple[Any, Ledger, bool]:
    """Returns a state and its ledger, and whether a checkpoint holds them."""
    state = run.initial()
    if checkpoints is None or checkpoints.latest() is None:
        return state, Ledger(), False
    restored, progress = checkpoints.restore(state)
    key, former = (getattr(of, "key", None) for of in (state, restored))
    if key is not None and not (key == former).all():
        raise InputError(
            f"The checkpoints in {checkpoints.directory} were made with another key: "
            "give the same key to go on with them, or another folder for a new run."
        )
    return restored, Ledger(progress), True
