"""The Inception network of 2015 that the Frechet inception distance is defined by.

It is Inception v3 as TensorFlow's graph of 2015-12-05 has it, which differs from the
paper and from other copies of the weights: average pools leave the padding out of the
mean, the last block has a max pool in the place of an average pool, and there are 1008
logits. PyTorch's ports (mseitzer/pytorch-fid and toshas/torch-fidelity) share one file
of weights, and the names in it are the names here; its normalizations are folded into
the convolutions (`inception_weights`).

Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2016; Heusel
et al., GANs Trained by a Two Time-Scale Update Rule, 2017.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.networks.convolution import Conv
from jaxgen.networks.pure import pure
from jaxgen.typing import Array, Images, Network

__all__ = [
    "NUM_CLASSES",
    "PLANS",
    "SIZE",
    "Block",
    "Inception",
    "InceptionOutputs",
    "Plan",
    "Unit",
    "inception",
]

SIZE = 299
"""Height and width of the images it was trained on."""

NUM_CLASSES = 1008


class InceptionOutputs(NamedTuple):
    """What the network makes of images.

    Attributes:
        features: The last pool, shape (batch, 2048).
        logits: Of the classes, without their bias, shape (batch, 1008). The Inception
            score has been calculated of these from its first code on.
    """

    features: Array
    logits: Array


class Unit(nn.Module):
    """A convolution and `relu`; the batch normalization is in kernel and bias.

    Attributes:
        features: Channels of the output.
        kernel_size: Height and width of the kernel.
        stride: Pixels between windows.
        inside: Whether windows stay inside the image; those of stride 2 do.
    """

    features: int
    kernel_size: tuple[int, int] = (1, 1)
    stride: int = 1
    inside: bool = False

    @nn.compact
    def __call__(self, inputs: Images) -> Images:
        """Returns images of `features` channels."""
        # Plain: im2col would hold each image nine times, and there is no training.
        convolution = Conv(
            self.features,
            self.kernel_size,
            strides=(self.stride, self.stride),
            padding="VALID" if self.inside or self.stride > 1 else "SAME",
            formulation="plain",
            name="folded",
        )
        return nn.relu(convolution(inputs))


_Layer = tuple[str, int, tuple[int, int]] | tuple[str, int, tuple[int, int], int]
"""Name, channels, kernel and stride of a unit."""

_ONE, _THREE, _FIVE = (1, 1), (3, 3), (5, 5)
_WIDE_7, _HIGH_7, _WIDE_3, _HIGH_3 = (1, 7), (7, 1), (1, 3), (3, 1)


class Plan(NamedTuple):
    """What is in a block.

    Attributes:
        branches: Chains of units, side by side on the same images.
        pool: Of 3x3 pixels: "average" or "max" before the unit `branch_pool`, "halve"
            for a max pool of stride 2 without a unit.
        pool_features: Channels of `branch_pool`.
        forks: If there are any, a pair of units side by side on the end of each branch
            but the first.
    """

    branches: Sequence[Sequence[_Layer]]
    pool: str
    pool_features: int = 0
    forks: Sequence[Sequence[_Layer]] = ()


class Block(nn.Module):
    """Branches of units and a pool, put side by side.

    Attributes:
        plan: Which.
    """

    plan: Plan

    @nn.compact
    def __call__(self, inputs: Images) -> Images:
        """Returns the branches' channels, one branch after another, the pool's last."""
        outputs = []
        for number, branch in enumerate(self.plan.branches):
            hidden = inputs
            for layer in branch:
                hidden = _unit(layer)(hidden)
            if self.plan.forks and number:
                ends = self.plan.forks[number - 1]
                outputs += [_unit(layer)(hidden) for layer in ends]
            else:
                outputs.append(hidden)
        pooled = _POOLS[self.plan.pool](inputs)
        if self.plan.pool_features:
            pooled = Unit(self.plan.pool_features, name="branch_pool")(pooled)
        return jnp.concatenate([*outputs, pooled], axis=-1)


class Inception(nn.Module):
    """Images of 299x299 pixels in [-1, 1] to features and logits."""

    @nn.compact
    def __call__(self, images: Images) -> InceptionOutputs:
        """Returns `InceptionOutputs`; images have shape (batch, 299, 299, 3)."""
        hidden = Unit(32, _THREE, 2, name="Conv2d_1a_3x3")(images)
        hidden = Unit(32, _THREE, inside=True, name="Conv2d_2a_3x3")(hidden)
        hidden = Unit(64, _THREE, name="Conv2d_2b_3x3")(hidden)
        hidden = _max_pool(hidden)
        hidden = Unit(80, name="Conv2d_3b_1x1")(hidden)
        hidden = Unit(192, _THREE, inside=True, name="Conv2d_4a_3x3")(hidden)
        hidden = _max_pool(hidden)
        for name, plan in PLANS.items():
            hidden = Block(plan, name=name)(hidden)
        features = hidden.mean(axis=(1, 2))
        logits = nn.Dense(NUM_CLASSES, use_bias=False, name="fc")(features)
        return InceptionOutputs(features, logits)


def inception() -> Network:
    """Returns `Inception` as pure functions: images to `InceptionOutputs`."""
    return pure(Inception())


def _unit(layer: _Layer) -> Unit:
    name, features, kernel_size, stride = layer if len(layer) == 4 else (*layer, 1)
    return Unit(features, kernel_size, stride, name=name)


def _block_35(pool_features: int) -> Plan:
    return Plan(
        (
            (("branch1x1", 64, _ONE),),
            (("branch5x5_1", 48, _ONE), ("branch5x5_2", 64, _FIVE)),
            (
                ("branch3x3dbl_1", 64, _ONE),
                ("branch3x3dbl_2", 96, _THREE),
                ("branch3x3dbl_3", 96, _THREE),
            ),
        ),
        "average",
        pool_features,
    )


def _halve_35() -> Plan:
    return Plan(
        (
            (("branch3x3", 384, _THREE, 2),),
            (
                ("branch3x3dbl_1", 64, _ONE),
                ("branch3x3dbl_2", 96, _THREE),
                ("branch3x3dbl_3", 96, _THREE, 2),
            ),
        ),
        "halve",
    )


def _block_17(inner: int) -> Plan:
    return Plan(
        (
            (("branch1x1", 192, _ONE),),
            (
                ("branch7x7_1", inner, _ONE),
                ("branch7x7_2", inner, _WIDE_7),
                ("branch7x7_3", 192, _HIGH_7),
            ),
            (
                ("branch7x7dbl_1", inner, _ONE),
                ("branch7x7dbl_2", inner, _HIGH_7),
                ("branch7x7dbl_3", inner, _WIDE_7),
                ("branch7x7dbl_4", inner, _HIGH_7),
                ("branch7x7dbl_5", 192, _WIDE_7),
            ),
        ),
        "average",
        192,
    )


def _halve_17() -> Plan:
    return Plan(
        (
            (("branch3x3_1", 192, _ONE), ("branch3x3_2", 320, _THREE, 2)),
            (
                ("branch7x7x3_1", 192, _ONE),
                ("branch7x7x3_2", 192, _WIDE_7),
                ("branch7x7x3_3", 192, _HIGH_7),
                ("branch7x7x3_4", 192, _THREE, 2),
            ),
        ),
        "halve",
    )


def _block_8(pool: str) -> Plan:
    return Plan(
        (
            (("branch1x1", 320, _ONE),),
            (("branch3x3_1", 384, _ONE),),
            (("branch3x3dbl_1", 448, _ONE), ("branch3x3dbl_2", 384, _THREE)),
        ),
        pool,
        192,
        (
            (("branch3x3_2a", 384, _WIDE_3), ("branch3x3_2b", 384, _HIGH_3)),
            (("branch3x3dbl_3a", 384, _WIDE_3), ("branch3x3dbl_3b", 384, _HIGH_3)),
        ),
    )


def _max_pool(inputs: Images) -> Images:
    return nn.max_pool(inputs, _THREE, (2, 2), "VALID")


def _max_pool_around(inputs: Images) -> Images:
    return nn.max_pool(inputs, _THREE, (1, 1), "SAME")


def _average_pool(inputs: Images) -> Images:
    return nn.avg_pool(inputs, _THREE, (1, 1), "SAME", count_include_pad=False)


_POOLS = {"average": _average_pool, "max": _max_pool_around, "halve": _max_pool}

PLANS = {
    "Mixed_5b": _block_35(32),
    "Mixed_5c": _block_35(64),
    "Mixed_5d": _block_35(64),
    "Mixed_6a": _halve_35(),
    "Mixed_6b": _block_17(128),
    "Mixed_6c": _block_17(160),
    "Mixed_6d": _block_17(160),
    "Mixed_6e": _block_17(192),
    "Mixed_7a": _halve_17(),
    "Mixed_7b": _block_8("average"),
    "Mixed_7c": _block_8("max"),
}
"""The blocks by their names, first to last."""
