"""The training loop: generic over any model and any data that keep the contracts."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

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

__all__ = ["Callback", "Progress", "default_steps_per_call", "fit"]

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
        Interrupted: On SIGINT, SIGTERM or SIGHUP, after the state was saved.
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
        evaluate = None
        if test_data is not None:
            evaluate = compile_evaluation(model, test_data, place)
        training = _Training(
            run, evaluate, checkpoints, writers, callbacks, progress, interrupts
        )
        try:
            training.begin()
            training.go_on(seconds_between_checkpoints)
        except (OSError, guard.UnreadableData) as error:
            raise guard.Failed(training.step, error, training.rescue(error)) from error
    return training.state


def default_steps_per_call(*, convolutional: bool) -> int:
    """Returns how many steps to compile into one call, by measurement.

    More steps hide the cost of a call; a signal waits for the end of the call.
    """
    if convolutional and jax.default_backend() == "cpu":
        return 8
    return 512


@dataclasses.dataclass
class _Call:
    """A call on its way: steps first ... last - 1 and what they gave, on the device."""

    first: int
    last: int
    metrics: Metrics
    evaluation: dict[str, Array] | None = None


class _Training:
    """A run on its way: its state, and what is still to be done of its last steps."""

    def __init__(
        self,
        run: Calls,
        evaluate: Callable[[Any, PRNGKeyArray], dict[str, Array]] | None,
        checkpoints: Checkpoints | None,
        writers: Sequence[Writer],
        callbacks: Sequence[Callback],
        progress: Progress | None,
        interrupts: guard.Interrupts,
    ):
        self.run, self.evaluate, self.checkpoints = run, evaluate, checkpoints
        self.writers, self.callbacks, self.progress = writers, callbacks, progress
        self.interrupts = interrupts
        self.evaluation_key = random.stream(run.key, "evaluation")
        self.clock = Clock(run.data.batch_size)
        self.waiting: list[_Call] = []
        self.state, self.ledger, self.is_saved = self.start()
        self.step = int(self.state.step)

    def start(self) -> tuple[Any, Ledger, bool]:
        """Returns a state and its ledger, and whether a checkpoint holds them."""
        state = self.run.initial()
        if self.checkpoints is None or self.checkpoints.latest() is None:
            return state, Ledger(), False
        restored, progress = self.checkpoints.restore(state)
        key, former = (getattr(of, "key", None) for of in (state, restored))
        if key is not None and not (key == former).all():
            raise InputError(
                f"The checkpoints in {self.checkpoints.directory} were made with "
                "another key: give the same key to go on with them, or another folder "
                "for a new run."
            )
        return restored, Ledger(progress), True

    def begin(self) -> None:
        """Saves a first state, and does what a run that failed has left to do."""
        if not self.is_saved and self.run.steps > 0:
            self.save()  # so that what has records has a checkpoint
        if self.ledger.evaluation:
            self.add_test_record(self.step, self.evaluated())
        self.write_records()
        if self.ledger.callbacks:
            self.call_back()
        if self.interrupts.received is not None:
            self.stop()

    def go_on(self, seconds_between_checkpoints: float) -> None:
        """Makes the steps that are left."""
        run, saved_at = self.run, time.monotonic()
        while self.step < run.steps:
            first, last = self.step, run.end_of_call(self.step)
            self.state, metrics = run.call(self.state, first, last)
            self.step = last
            is_record = run.is_record(last)
            self.ledger.callbacks = is_record and bool(self.callbacks)
            self.ledger.evaluation = is_record and self.evaluate is not None
            self.waiting.append(_Call(first, last, metrics))
            if self.ledger.evaluation:
                self.waiting[-1].evaluation = self.evaluated()
            # One call is left on the device while the host sees to the one before it.
            if len(self.waiting) > 1:
                self.settle()
            due = time.monotonic() - saved_at >= seconds_between_checkpoints
            due = due or last == run.steps
            stopped = self.interrupts.received is not None
            if due or stopped or self.ledger.callbacks:
                self.settle_all()
            self.write_records()
            # Before the save: a run killed between the two calls them again.
            if self.ledger.callbacks:
                self.call_back()
            if stopped:
                self.stop()
            if due:
                self.save()
                saved_at = time.monotonic()
        if self.checkpoints is not None:
            self.checkpoints.wait()

    def evaluated(self) -> dict[str, Array] | None:
        """Evaluates the model as it is now, on the device."""
        evaluation = None
        if self.evaluate is not None:
            evaluation = self.evaluate(self.state, self.evaluation_key)
        self.ledger.evaluation = False
        return evaluation

    def settle(self) -> None:
        """Fetches what the first call on its way computed, and makes its records."""
        call = self.waiting[0]
        metrics = jax.device_get(call.metrics)
        bad = guard.first_bad_step(metrics)
        if bad is not None:
            found = diagnose(self.run, self.start()[0], call.first + bad[0], bad[1])
            raise guard.NonFiniteError(found + last_checkpoint(self.checkpoints))
        del self.waiting[0]
        self.ledger.add(metrics)
        means, rate = self.ledger.means(), self.clock.rate(call.last)
        if self.run.is_record(call.last):
            if call.last % self.run.period == 0:
                self.ledger.clear()
            self.clock.restart(call.last)
            speed = {"images_per_second": rate} if rate else {}
            self.add_record(call.last, "train", means | speed)
            self.add_test_record(call.last, call.evaluation)
        if self.progress is not None:
            self.progress.update(call.last, means, rate)

    def settle_all(self) -> None:
        """Settles every call that is on its way."""
        while self.waiting:
            self.settle()

    def add_test_record(self, step: int, evaluation: dict[str, Array] | None) -> None:
        """Makes the record of an evaluation, if there was one."""
        if evaluation is None:
            return
        terms = {k: float(v) for k, v in jax.device_get(evaluation).items()}
        for name, value in terms.items():
            if not np.isfinite(value):
                raise guard.NonFiniteError(
                    f"After step {step} the test term {name!r} is {value}: "
                    f"look at the test data.{last_checkpoint(self.checkpoints)}"
                )
        self.add_record(step, "test", terms)

    def add_record(self, step: int, split: str, terms: dict[str, float]) -> None:
        """Makes a record, which waits for the writers."""
        epoch = step / self.run.data.steps_per_epoch
        self.ledger.records.append(
            {"step": step, "epoch": epoch, "split": split} | terms
        )

    def write_records(self) -> None:
        """Hands the records on; one that a writer could not take stays."""
        while self.ledger.records:
            for writer in self.writers:
                writer.write(self.ledger.records[0])
            del self.ledger.records[0]

    def call_back(self) -> None:
        """Calls the callbacks, whose time is not that of training."""
        for callback in self.callbacks:
            callback(self.state, self.step)
        self.ledger.callbacks = False
        self.clock.restart(self.step)

    def save(self) -> None:
        """Starts to save the state, unless it is not finite."""
        if self.checkpoints is not None:
            self.check_state()
            self.checkpoints.save(self.step, self.state, self.ledger.progress())

    def check_state(self) -> None:
        """Refuses a state that is not finite."""
        bad = guard.first_bad_leaf(getattr(self.state, "net", self.state))
        if bad is not None:
            raise guard.NonFiniteError(
                f"After step {self.step} the state is not finite, first in {bad}; it "
                f"was not saved.{last_checkpoint(self.checkpoints)}"
            )

    def stop(self) -> None:
        """Saves, and ends the run."""
        self.save()
        if self.checkpoints is not None:
            self.checkpoints.wait()
        raise guard.Interrupted(self.step, self.interrupts.received or 0)

    def rescue(self, error: Exception) -> Path | None:
        """Saves what is in memory after a failure, and returns where."""
        if self.checkpoints is None or jax.process_count() > 1:
            return None  # a save needs every process, and others may not have failed
        self.progress = None  # what shows it may be what failed
        self.settle_all()
        with contextlib.suppress(OSError):
            self.write_records()
        self.check_state()
        # What is missing may be part of a folder that is just being removed.
        here = not isinstance(error, FileNotFoundError)
        return self.checkpoints.rescue(
            self.step, self.state, self.ledger.progress(), here=here
        )
