"""StyleGAN2's parameters under the names and in the layouts of published files.

A published state is one flat dict, with names as `synthesis.b8.conv0.affine.weight`.
Its kernels are (outputs, inputs, height, width), its matrices (outputs, inputs), its
constant (channels, height, width); ours are (height, width, inputs, outputs), (inputs,
outputs) and (height, width, channels). Filters (`*.resample_filter`) are constants
here, and no leaves.

The generator's trees, of parameters, statistics or gradients, have the branches
"mapping" and "synthesis"; other trees are the critic's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax

from jaxgen.typing import PyTree

_LEAVES = {"kernel": "weight", "noise": "noise_const", "average": "w_avg"}
"""Names of leaves that are not published so."""


def published_state(*trees: PyTree) -> dict[str, Any]:
    """Returns the leaves of one network's trees, as its params and stats, by name."""
    return {
        name: leaf.transpose(axes)
        for tree in trees
        for name, axes, leaf in _named_leaves(tree)
    }


def published_shapes(*trees: PyTree) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of `published_state`; leaves may be `jax.eval_shape`'s."""
    return {
        name: tuple(leaf.shape[axis] for axis in axes)
        for tree in trees
        for name, axes, leaf in _named_leaves(tree)
    }


def tree_of(state: Mapping[str, Any], like: PyTree) -> PyTree:
    """Returns the arrays of a published state that are leaves of a tree `like` ours.

    Args:
        state: Arrays by name; those of other names are left out.
        like: One tree of our network; of its leaves only the shapes are used.

    Raises:
        KeyError: The state has no array of a leaf's name.
        ValueError: An array has another shape than its leaf.
    """
    arrays = []
    for name, axes, leaf in _named_leaves(like):
        array = state[name].transpose([axes.index(axis) for axis in range(len(axes))])
        if array.shape != leaf.shape:
            raise ValueError(f"{name} gives {array.shape}, not {leaf.shape}.")
        arrays.append(array)
    return jax.tree.unflatten(jax.tree.structure(like), arrays)


def _named_leaves(tree: PyTree) -> list[tuple[str, tuple[int, ...], Any]]:
    """The published name of each leaf, our axes in published order, and the leaf."""
    found = [
        (tuple(key.key for key in path), leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]
    blocks = [int(path[0][1:]) for path, _ in found if path[0][1:].isdigit()]
    return [
        (
            _name(path, max(blocks, default=4)),
            _published_axes(path[-1], len(leaf.shape)),
            leaf,
        )
        for path, leaf in found
    ]


def _name(path: Sequence[str], image_size: int) -> str:
    first, *others, leaf = path
    if first == "fromrgb":
        first = f"b{image_size}.fromrgb"
    elif first in ("conv", "fc", "out"):
        first = f"b4.{first}"
    elif first == "embed" or first.startswith("label"):
        first = "mapping." + first.replace("label", "fc")
    return ".".join([first, *others, _LEAVES.get(leaf, leaf)])


def _published_axes(leaf: str, rank: int) -> tuple[int, ...]:
    if leaf == "const":
        return (2, 0, 1)
    if leaf == "kernel":
        return (3, 2, 0, 1) if rank == 4 else (1, 0)
    return tuple(range(rank))
