"""One step of a model on two devices, and on one."""

from functools import partial

import jax
import numpy as np
from jax.sharding import PartitionSpec

from jaxgen import training


def updated(model, state, batch, *, parallel="shard_map"):
    """Returns what `model.update` gives, the batch in halves on two devices."""
    mesh = training.placement(2, parallel).mesh
    name = mesh.axis_names[0]
    update = partial(model.update, axis_name=name)
    if parallel == "pmap":
        halves = jax.tree.map(lambda x: x.reshape(2, -1, *x.shape[1:]), batch)
        mapped = jax.pmap(update, axis_name=name, in_axes=(None, 0))
        return jax.tree.map(lambda x: x[0], mapped(state, halves))
    whole = PartitionSpec()
    mapped = jax.shard_map(
        update,
        mesh=mesh,
        in_specs=(whole, PartitionSpec(name)),
        out_specs=(whole, whole),
    )
    return jax.jit(mapped)(state, batch)


def assert_alike(found, expected):
    """Compares states, but for their steps and keys, and metrics."""
    for one, other in zip(
        jax.tree.leaves((found[0][2:], found[1])),
        jax.tree.leaves((expected[0][2:], expected[1])),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6)
