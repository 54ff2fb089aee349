"""What a remedy is: the one thing that it changes about a critic."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jaxgen.typing import Array, Params, PerExample, PyTree, RandomKeys

Mean = Callable[[Array], Array]
"""Averages numbers over the leading axis, and over all devices."""


class Judged(NamedTuple):
    """What a penalty looks at, in one step of the critic.

    Attributes:
        state: What the remedy keeps.
        keys: One per row; they are consumed.
        critic: `rows -> logits`.
        real: Data as the critic sees them, shape (rows, ...).
        fake: Generated samples likewise.
        real_logits: Of the rows of data, shape (rows,).
        fake_logits: Of the generated rows, shape (rows,).
        mean: See `Mean`.
    """

    state: PyTree
    keys: RandomKeys
    critic: Callable[[Array], PerExample]
    real: Array
    fake: Array
    real_logits: PerExample
    fake_logits: PerExample
    mean: Mean


class Remedy(NamedTuple):
    """One option of a GAN. Every field but the name may be left out.

    Attributes:
        name: For messages.
        inputs: `(state, step, keys, samples) -> samples` as the critic sees them, data
            and generated ones alike, in steps of critic and generator.
        layout: `samples -> rows` that the network takes, in evaluation too.
        group: Samples that become one row of the critic.
        penalty: `Judged -> penalty per row`, weighed already.
        every: Critic steps from one penalty to the next, which is then a step of the
            optimizer by itself, times `every`.
        project: `params -> params` of the critic, after each of its steps.
        unroll: Critic steps that the generator looks ahead.
        init: `() -> state`.
        update: `(state, real_logits, fake_logits, mean, count) -> state`, after each
            step of the critic; `count` is that of data in the step, on all devices.
        report: `state -> numbers to log`.
        transforms: What the heads of the critic see, one each; see `dag`.
        weights: Of the further heads in the losses of critic and generator.
    """

    name: str
    inputs: Callable[[PyTree, Array, RandomKeys, Array], Array] | None = None
    layout: Callable[[Array], Array] | None = None
    group: int = 1
    penalty: Callable[[Judged], PerExample] | None = None
    every: int = 1
    project: Callable[[Params], Params] | None = None
    unroll: int = 0
    init: Callable[[], PyTree] = tuple
    update: Callable[[PyTree, PerExample, PerExample, Mean, int], PyTree] | None = None
    report: Callable[[PyTree], dict[str, Array]] | None = None
    transforms: Sequence[Callable[[Array], Array]] = ()
    weights: tuple[float, float] = (0.0, 0.0)
