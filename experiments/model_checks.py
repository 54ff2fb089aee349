"""Models that are built to be refused, if they are, before there is a run folder."""

import jax
import jax.numpy as jnp

from experiments.training_run import Setup
from jaxgen.typing import Batch, Model

IMAGE_SHAPE = (32, 32, 1)
"""Of no set: models are built of it to refuse options before there are any images."""


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
    return jax.eval_shape(batches.batch, batches.resident, item, jnp.int32(0))
