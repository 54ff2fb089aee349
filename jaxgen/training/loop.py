"""The training loop: generic over any model and any data that keep the contracts."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import random
from jaxgen.checks import check_count, check_key, check_number
from jaxgen.errors import InputError
from jaxgen.training import guard
from jaxgen.training.checkpoint import Checkpoints
from jaxgen.training.evaluation import compile_evaluation
from jaxgen.training.ledger import Clock, Ledger
from jaxgen.training.parallel import (
    Placement,
    compile_steps,
    placement,
    steps_that_fit,
)
from jaxgen.training.writers import Record, Writer
from jaxgen.typing import Array, Batch, Data, Metrics, Model, PRNGKeyArray

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
        seconds_between_checkpoints: Least time between two saves; the end is saved too.
        writers: They take the records. They are not closed.
        callbacks: Called after each evaluation.
        progress: Shows the state of the run.

    Returns:
        The state after `steps` steps.

    Raises:
        Interrupted: On SIGINT or SIGTERM, after the state was saved.
        NonFiniteError: As soon as a term or a norm is NaN or infinite.
        InputError: A number is out of its range, the batch cannot be split over the
            devices, or the newest checkpoint cannot be read.
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
    run = _Run(model, data, key, steps, evaluate_every, steps_per_call, place)
    state, ledger = run.start(checkpoints)
    step = int(state.step)
    evaluate = None
    if test_data is not None:
        evaluate = compile_evaluation(model, test_data, place)
    evaluation_key = random.stream(key, "evaluation")
    clock = Clock(data.batch_size)
    saved_at = time.monotonic()
    waiting: list[_Call] = []

    def settle(call: _Call) -> None:
        """Fetches what a call computed and hands it on."""
        metrics = jax.device_get(call.metrics)
        bad = guard.first_bad_step(metrics)
        if bad is not None:
            raise run.diagnose(call.first + bad[0], bad[1], checkpoints)
        ledger.add(metrics)
        means, rate = ledger.means(), clock.rate(call.last)
        if progress is not None:
            progress.update(call.last, means, rate)
        if not run.is_record(call.last):
            return
        ledger.clear()
        clock.restart(call.last)
        at = {"step": call.last, "epoch": call.last / data.steps_per_epoch}
        speed = {"images_per_second": rate} if rate else {}
        records: list[Record] = [at | {"split": "train"} | means | speed]
        if call.evaluation is not None:
            terms = {k: float(v) for k, v in jax.device_get(call.evaluation).items()}
            for name, value in terms.items():
                if not np.isfinite(value):
                    raise guard.NonFiniteError(
                        f"After step {call.last} the test term {name!r} is {value}: "
                        f"look at the test data.{_advice(checkpoints)}"
                    )
            records.append(at | {"split": "test"} | terms)
        for record in records:
            for writer in writers:
                writer.write(record)

    def save() -> None:
        bad = guard.first_bad_leaf(getattr(state, "net", state))
        if bad is not None:
            raise guard.NonFiniteError(
                f"After step {step} the state is not finite, first in {bad}; it was "
                f"not saved.{_advice(checkpoints)}"
            )
        assert checkpoints is not None
        checkpoints.save(step, state, ledger.progress())

    with guard.Interrupts() as interrupts:
        while step < steps:
            last = run.end_of_call(step)
            state, metrics = run.call(state, step, last)
            evaluation = None
            if evaluate is not None and run.is_record(last):
                evaluation = evaluate(state, evaluation_key)
            waiting.append(_Call(step, last, metrics, evaluation))
            step = last
            # One call is left on the device while the host sees to the one before it.
            if len(waiting) > 1:
                settle(waiting.pop(0))
            due = time.monotonic() - saved_at >= seconds_between_checkpoints
            stop = interrupts.received is not None
            if step == steps or due or stop or (callbacks and run.is_record(step)):
                while waiting:
                    settle(waiting.pop(0))
            if run.is_record(step):
                # Before the save: a run killed between the two calls them again.
                for callback in callbacks:
                    callback(state, step)
                if callbacks:
                    clock.restart(step)  # their time is not that of training
            if checkpoints is not None and (step == steps or due or stop):
                save()
                saved_at = time.monotonic()
            if stop:
                if checkpoints is not None:
                    checkpoints.wait()
                raise guard.Interrupted(step, interrupts.received or 0)
        if checkpoints is not None:
            checkpoints.wait()
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


class _Run:
    """The compiled steps of one run and the boundaries of its calls."""

    def __init__(
        self,
        model: Model,
        data: Data,
        key: PRNGKeyArray,
        steps: int,
        evaluate_every: int | None,
        steps_per_call: int,
        place: Placement,
    ):
        self.model, self.data, self.key, self.place = model, data, key, place
        self.steps = steps
        self.period = evaluate_every or data.steps_per_epoch
        self.rows = place.rows(data.batch_size)
        # Calls of (nearly) one length: the fewest that fill a period.
        longest = min(steps_per_call, steps_that_fit(data, self.rows))
        calls = -(-self.period // longest)
        self.length = -(-self.period // calls)
        self.resident = place.put_replicated(data.resident)
        self.compiled = compile_steps(model, data, place)

    def start(self, checkpoints: Checkpoints | None) -> tuple[Any, "Ledger"]:
        """Returns the newest saved state and ledger, or fresh ones."""
        state = self.initial()
        if checkpoints is None or checkpoints.latest() is None:
            return state, Ledger()
        state, progress = checkpoints.restore(state)
        return state, Ledger(progress)

    def initial(self) -> Any:
        """Returns the state before the first step."""

        def init(key: PRNGKeyArray, resident: Any, items: Any) -> Any:
            item = jax.tree.map(lambda leaf: leaf[0], items)
            return self.model.init(key, self.data.batch(resident, item, jnp.int32(0)))

        items = self.items(0, 1)
        if getattr(self.model, "num_classes", None) is not None:
            # Inside a compiled init the labels have no values that could be checked.
            batch = self.batch(items, 0)
            if all(leaf.is_fully_addressable for leaf in jax.tree.leaves(batch)):
                jax.eval_shape(lambda key: self.model.init(key, batch), self.key)
        init = jax.jit(init, out_shardings=self.place.replicated)
        return init(self.key, self.resident, items)

    def batch(self, items: Any, step: int) -> Batch:
        """Returns the batch of one step, given the feed of that step alone."""
        item = jax.tree.map(lambda leaf: leaf[0], items)
        return jax.jit(self.data.batch)(self.resident, item, jnp.int32(step))

    def items(self, first: int, last: int) -> Any:
        """Returns the feed of steps first ... last - 1, on the devices."""
        return self.place.put_split(self.data.feed(first, last - first, self.rows))

    def call(self, state: Any, first: int, last: int) -> tuple[Any, Metrics]:
        """Runs steps first ... last - 1."""
        return self.compiled(state, self.resident, self.items(first, last))

    def is_record(self, step: int) -> bool:
        """Whether a record is written after this many steps."""
        return step % self.period == 0 or step == self.steps

    def end_of_call(self, step: int) -> int:
        """Returns where the call that begins at a step ends.

        It depends on the step alone, so that a resumed run makes the same calls: only
        the same compiled program gives the same bits.
        """
        period, within = divmod(step, self.period)
        end = within - within % self.length + self.length
        return min(period * self.period + min(end, self.period), self.steps)

    def diagnose(
        self, step: int, term: str, checkpoints: Checkpoints | None
    ) -> guard.NonFiniteError:
        """Replays the run from its last good state and says where it went wrong."""
        state, _ = self.start(checkpoints)
        at = int(state.step)
        while at < step:
            end = self.end_of_call(at)
            state, _ = self.call(state, at, end if end <= step else at + 1)
            at = end if end <= step else at + 1
        message = f"Step {step}: the term {term!r} is not finite."
        batch = self.batch(self.items(step, step + 1), step)
        parameter = guard.first_bad_leaf(getattr(state, "net", state))
        source = guard.first_bad_leaf(batch)
        if source is not None:
            message += f" The first bad input is {source!r}: look at the data."
        elif parameter is not None:
            message += f" The parameter {parameter!r} was bad before that step."
        else:
            state, _ = self.call(state, step, step + 1)
            net = getattr(state, "net", state)
            parameter = guard.first_bad_leaf(net)
            if parameter is not None:
                message += f" The first parameter that it made bad is {parameter!r}."
            else:
                message += f" The largest number is in {guard.largest_leaf(net)!r}."
            message += " The inputs are finite: try a smaller learning rate."
        return guard.NonFiniteError(message + _advice(checkpoints))


def _advice(checkpoints: Checkpoints | None) -> str:
    if checkpoints is None or checkpoints.latest() is None:
        return ""
    return (
        f" The last good checkpoint, step {checkpoints.latest()}, is kept in "
        f"{checkpoints.directory}."
    )
