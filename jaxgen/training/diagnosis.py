"""Where a run went wrong: the step is made again, and looked at from all sides."""

from typing import Any

from jaxgen.training import guard
from jaxgen.training.calls import Calls
from jaxgen.training.checkpoint import Checkpoints

__all__ = ["diagnose", "last_checkpoint"]


def diagnose(run: Calls, state: Any, step: int, term: str) -> str:
    """Replays a run up to a step with a term that is not finite, and says why it is.

    Args:
        run: The compiled steps.
        state: The last good state.
        step: The step.
        term: The name of the term.
    """
    at = int(state.step)
    while at < step:
        end = run.end_of_call(at)
        end = end if end <= step else at + 1
        state, _ = run.call(state, at, end)
        at = end
    message = f"Step {step}: the term {term!r} is not finite."
    batch = run.batch(run.items(step, step + 1), step)
    parameter = guard.first_bad_leaf(getattr(state, "net", state))
    source = guard.first_bad_leaf(batch)
    if source is not None:
        return message + f" The first bad input is {source!r}: look at the data."
    if parameter is not None:
        return message + f" The parameter {parameter!r} was bad before that step."
    state, _ = run.call(state, step, step + 1)
    net = getattr(state, "net", state)
    parameter = guard.first_bad_leaf(net)
    if parameter is not None:
        message += f" The first parameter that it made bad is {parameter!r}."
    else:
        message += f" The largest number is in {guard.largest_leaf(net)!r}."
    return message + " The inputs are finite: try a smaller learning rate."


def last_checkpoint(checkpoints: Checkpoints | None) -> str:
    """Says where the last good checkpoint is, with a space before it, if there is one.

    Good is one that agrees with its digest.
    """
    if checkpoints is None:
        return ""
    found = checkpoints.newest()
    if found is None or found[0] == 0:  # none, or the first state
        return ""
    directory = checkpoints.directory
    return f" The last good checkpoint, step {found[0]}, is kept in {directory}."
