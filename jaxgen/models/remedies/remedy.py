"""The type of all remedies, and what their penalties are given."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jaxgen.typing import Array, Params, PerExample, PRNGKeyArray, PyTree, RandomKeys

__all__ = ["CriticPass", "GeneratorPass", "Mean", "Remedy", "num_heads"]

Mean = Callable[[Array], Array]
"""Averages numbers over the leading axis, and over all devices."""


class CriticPass(NamedTuple):
    """What a penalty of the critic is given, in one step of the critic.

    Attributes:
        state: What the remedy keeps.
        keys: One per row; they are consumed.
        critic: `rows -> logits`.
        real: Data as the critic sees them, shape (rows, ...).
        fake: Generated samples likewise.
        real_logits: Of the rows of data, shape (rows,).
        fake_logits: Of the generated rows, shape (rows,).
        clean: Data before augmentation, noise and packing, shape (batch, ...).
        view: `samples (batch, ...) -> rows`, with the draws of this step: `real` is
            `view(clean)`.
        mean: See `Mean`.
    """

    state: PyTree
    keys: RandomKeys
    critic: Callable[[Array], PerExample]
    real: Array
    fake: Array
    real_logits: PerExample
    fake_logits: PerExample
    clean: Array
    view: Callable[[Array], Array]
    mean: Mean


class GeneratorPass(NamedTuple):
    """What a penalty of the generator is given, in one step of the generator.

    Attributes:
        state: What the remedy keeps.
        keys: One per example; they are consumed.
        params: The generator's parameters.
        latents: Shape (batch, latents).
        styles: What the synthesis takes, shape (batch, num_styles, features); of a
            generator without a mapping they are the latents.
        samples: As the networks see them, shape (batch, ...).
        synthesize: `styles -> samples`, with the noise of `samples`.
        generate_others: `() -> (latents, samples)`, drawn anew for the same conditions.
        real: Data as the networks see them, shape (batch, ...).
        critic_params: The critic's parameters.
        critic_stats: The critic's statistics.
        mean: See `Mean`.
    """

    state: PyTree
    keys: RandomKeys
    params: Params
    latents: Array
    styles: Array
    samples: Array
    synthesize: Callable[[Array], Array]
    generate_others: Callable[[], tuple[Array, Array]]
    real: Array
    critic_params: Params
    critic_stats: PyTree
    mean: Mean


class Remedy(NamedTuple):
    """One option of a GAN. Every field but the name may be left out.

    Attributes:
        name: For messages.
        inputs: `(state, step, keys, samples) -> samples` as the critic sees them, data
            and generated ones alike, in steps of critic and generator.
        layout: `samples -> rows` that the network takes, in evaluation too.
        group: Samples that become one row of the critic.
        penalty: `CriticPass -> penalty per row` of the critic, weighted.
        every: Steps from one penalty to the next. Above 1 the penalty is a step of the
            optimizer by itself, times `every`.
        project: `params -> params` of the critic, after each of its steps.
        unroll: Critic steps that the generator looks ahead.
        init: `() -> state`.
        update: `(state, real_logits, fake_logits, mean, count) -> state`, after each
            step of the critic; `count` is that of data in the step, on all devices.
        report: `state -> numbers to log`.
        transforms: What the heads of the critic see, one each; see `dag`.
        weights: Of the further heads in the losses of critic and generator.
        generator_penalty: `GeneratorPass -> (penalty, state)` of the generator,
            weighted: one value per example, or one for the batch.
        batch_share: The share of the batch that `generator_penalty` is given.
        map_styles: `(key, styles, draw) -> styles` in each pass of the generator in
            training. The key is one for the batch, on all devices; `draw() -> styles`
            maps other latents for the same conditions.
    """

    name: str
    inputs: Callable[[PyTree, Array, RandomKeys, Array], Array] | None = None
    layout: Callable[[Array], Array] | None = None
    group: int = 1
    penalty: Callable[[CriticPass], PerExample] | None = None
    every: int = 1
    project: Callable[[Params], Params] | None = None
    unroll: int = 0
    init: Callable[[], PyTree] = tuple
    update: Callable[[PyTree, PerExample, PerExample, Mean, int], PyTree] | None = None
    report: Callable[[PyTree], dict[str, Array]] | None = None
    transforms: Sequence[Callable[[Array], Array]] = ()
    weights: tuple[float, float] = (0.0, 0.0)
    generator_penalty: Callable[[GeneratorPass], tuple[Array, PyTree]] | None = None
    batch_share: float = 1.0
    map_styles: Callable[[PRNGKeyArray, Array, Callable[[], Array]], Array] | None = (
        None
    )


def num_heads(remedies: Sequence[Remedy]) -> int:
    """Returns the heads that the critic needs: one for each view of `dag`, else one.

    Args:
        remedies: Those of the model.
    """
    return max([1, *(len(remedy.transforms) for remedy in remedies)])
