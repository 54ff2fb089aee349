"""What scripts of image translation share: networks, optimizers and remedies by name.

An option that is None where the command line leaves it out takes its value from the
preset: `settled` puts it there.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

import jax.numpy as jnp
import optax

from jaxgen import losses, models, networks, run
from jaxgen.data import differentiable, transforms
from jaxgen.errors import InputError
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models import remedies
from jaxgen.models.remedies import Remedy
from jaxgen.typing import Network

LossName = Literal[
    "cross_entropy",
    "least_squares",
    "minimax",
    "non_saturating",
    "hinge",
    "wasserstein",
    "relativistic",
]
PresetName = Literal["small", "paper"]

COMMON: dict[str, Any] = {"critic": "patch", "b1": 0.5, "decay": 0.5, "look_every": 5}
"""Options of every preset."""

PAPER: dict[str, Any] = {
    **{"epochs": 200, "batch_size": 1, "learning_rate": 2e-4, "image_size": 256},
    **{"width": 64, "critic_width": 64, "critic_layers": 3, "ema_decay": 0.0},
}
"""What the papers have in common."""

TRANSFORMS = {
    "rotation": transforms.rotations,
    "fliprot": transforms.flips_and_rotation,
    "cropping": transforms.crops,
}
"""What the heads of DAG see, by name."""

Options = TypeVar("Options")


@dataclasses.dataclass(frozen=True)
class NetworkOptions:
    """Generators and critics."""

    preset: PresetName = "small"
    """Where options that are not given come from: `small` is for 32 pixels on a CPU,
    `paper` has the settings of the paper, for 256 pixels on a GPU."""

    generator: Literal["unet", "resnet"] | None = None
    """Layout of the generators."""
    width: int | None = None
    """Channels of a generator's finest layers."""
    depth: int | None = None
    """With unet: how often it halves the image; by default until a side is odd, 8 times
    at most. 8 is the U-Net-256 of pix2pix."""
    blocks: int | None = None
    """With resnet: residual blocks; by default 9 from 256 pixels on, 6 from 128 (as in
    the papers) and 3 below."""
    norm: Literal["batch", "instance", "none"] | None = None
    """Normalization of generators and critics."""
    dropout: Literal["paper", "reference", "blocks", "none"] | None = None
    """With unet: in the decoder's first three blocks, as the paper has it, or in the
    second to fourth, as its code does. With resnet: `blocks`, in each of them. By
    default `paper` and `none`."""
    upsampling: Literal["transpose", "resize_conv"] | None = None
    """How a generator doubles the size; resize_conv leaves no checkerboard."""

    critic: Literal["patch", "pixel"] | None = None
    """What a logit of the critic sees: a patch, or a single pixel."""
    critic_layers: int | None = None
    """Of a patch critic; 1 to 5 of them see 16, 34, 70, 142 and 286 pixels."""
    critic_width: int | None = None
    """Channels of a critic's finest layer."""
    spectral: bool = False
    """Spectral normalization of the critic, in place of `--norm`."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """What the networks compute in; parameters are float32 in any case."""


@dataclasses.dataclass(frozen=True)
class GameOptions:
    """The game between the networks, and how they learn."""

    loss: LossName | None = None
    """The adversarial loss; the critic's is halved, as in the papers."""
    remedies: str = "none"
    """What helps the critic where there are few data: `dag`, `shared`, `diff_augment`,
    `ada`, or as in `r1=10+lecam`; several are joined by a plus."""
    dag_transforms: Literal["rotation", "fliprot", "cropping"] = "rotation"
    """What the heads of `dag` see, and the one head of `shared`."""
    ema_decay: float | None = None
    """Of the moving average of the generators that translates; 0 is none."""
    noise: Literal["dropout", "none"] | None = None
    """Whether dropout, where there is one, goes on when images are translated."""
    statistics: Literal["image", "batch", "running"] | None = None
    """What a batch normalization divides by when images are translated: the statistics
    of each image, those of the batch, or the running ones of the training."""

    b1: float | None = None
    """Decay of Adam's mean of gradients."""
    b2: float = 0.999
    """Decay of Adam's mean of squared gradients."""
    critic_learning_rate: float | None = None
    """Learning rate of the critics; that of the generators by default."""
    decay: float | None = None
    """Share of the training, its last one, over which the learning rates fall to 0 in a
    straight line; half of it in the papers."""


class Optimizers(NamedTuple):
    """Adam for the generators, and for the critics."""

    generator: optax.GradientTransformation
    critic: optax.GradientTransformation


def presets_told(presets: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns what options are by preset, for the end of a script's description.

    Examples:
        >>> print(presets_told({"small": {"image_size": 32, "width": 16}}))
        <BLANKLINE>
        Options that are not given:
        <BLANKLINE>
        --preset small: --image-size 32 --width 16
    """
    lines = ["", "Options that are not given:"]
    for preset, values in presets.items():
        words = [f"--{k.replace('_', '-')} {v}" for k, v in sorted(values.items())]
        lines += ["", f"--preset {preset}: {' '.join(words)}"]
    return "\n".join(lines)


def settled(options: Options, presets: Mapping[str, Mapping[str, Any]]) -> Options:
    """Returns the options with those of the preset where they say nothing.

    What depends on the size of the images comes last: a U-Net halves them until a side
    is odd, 8 times at most; and a ResNet has 9 blocks from 256 pixels on, 6 from 128
    and 3 below.

    Args:
        options: A dataclass with `NetworkOptions` and `PairOptions`.
        presets: Values by preset and name.
    """
    given: Any = options
    values = dict(presets[given.preset])
    values |= {k: getattr(given, k) for k in values if getattr(given, k) is not None}
    size = max(values["image_size"], 1)
    unet = values["generator"] == "unet"
    later = {
        "depth": min(max((size & -size).bit_length() - 1, 2), 8),
        "blocks": networks.published_blocks(size),
        "dropout": "paper" if unet else "none",
    }
    values |= {k: v for k, v in later.items() if getattr(given, k) is None}
    return dataclasses.replace(given, **values)


def check(options: Any) -> None:
    """Raises an InputError where an option has a value that it cannot have."""
    run.check_positive(
        options,
        "width",
        "depth",
        "blocks",
        "critic_layers",
        "critic_width",
        "critic_learning_rate",
    )
    run.check_bounds(options, "ema_decay", "b1", "b2", least=0, below=1)
    run.check_bounds(options, "decay", least=0, most=1)
    usual = {"unet": ("paper", "reference", "none"), "resnet": ("blocks", "none")}
    known = usual[options.generator]
    if options.dropout not in known:
        raise InputError(
            f"--dropout is {options.dropout}, which a {options.generator} has not: "
            f"give {', '.join(known[:-1])} or none."
        )


def run_name(options: Any, data: str, *words: str) -> str:
    """Returns the name of a run, of its data and its options.

    Args:
        options: `NetworkOptions`, `GameOptions` and `PairOptions`, settled.
        data: The name of the set.
        words: What else is told.
    """
    told = [re.sub(r"[^\w.-]+", "-", run.set_name(data)).strip("-"), *words]
    told += [options.generator, f"{options.image_size}"]
    if options.remedies != "none":
        told.append(options.remedies)
    if options.share < 1:
        told.append(f"{100 * options.share:g}percent")
    if options.direction == "b_to_a":
        told.append("reverse")
    return re.sub("[+/]", "-", "-".join(told).replace("=", ""))


def translator_of(options: NetworkOptions, channels: int) -> Network:
    """Returns a generator that the options describe.

    Args:
        options: The options, settled.
        channels: Of its output; those of its input follow from the first image.
    """
    make = {"resnet": networks.resnet_translator, "unet": networks.unet_translator}
    return make[_given(options.generator)](channels, **_translator_options(options))


def _translator_options(options: NetworkOptions) -> dict[str, Any]:
    shared: dict[str, Any] = {
        "width": options.width,
        "norm": options.norm,
        "upsampling": options.upsampling,
        "dtype": _dtype(options),
    }
    if options.generator == "resnet":
        own = {"blocks": _given(options.blocks), "dropout": options.dropout == "blocks"}
        return shared | own
    dropout = None if options.dropout in (None, "none") else options.dropout
    return shared | {"depth": _given(options.depth), "dropout": dropout}


def critic_of(options: NetworkOptions, cures: Sequence[Remedy]) -> Network:
    """Returns a critic that the options describe, with a head per view of a remedy."""
    shared: dict[str, Any] = {
        "width": options.critic_width,
        "norm": "none" if options.spectral else options.norm,
        "spectral": options.spectral,
        "heads": remedies.num_heads(cures),
        "dtype": _dtype(options),
    }
    if options.critic == "pixel":
        return networks.pixel_critic(**shared)
    return networks.patch_critic(layers=_given(options.critic_layers), **shared)


def optimizers_of(options: Any, steps: int) -> Optimizers:
    """Returns Adam for either side, at rates that are constant and then fall to 0.

    Args:
        options: `GameOptions`, settled, and `learning_rate`.
        steps: Of the whole run.
    """

    def adam(rate: float) -> optax.GradientTransformation:
        return models.schedules.decaying_adam(
            rate, steps=steps, decay=options.decay, b1=options.b1, b2=options.b2
        )

    return Optimizers(
        adam(options.learning_rate),
        adam(options.critic_learning_rate or options.learning_rate),
    )


def loss_of(name: LossName | None) -> AdversarialLoss:
    """Returns the adversarial loss of that name, which the preset has set."""
    known: str = _given(name)
    return losses.gan.from_name("non_saturating" if known == "cross_entropy" else known)


def inference_of(options: GameOptions) -> models.InferenceMode:
    """Returns dropout and statistics of generators that translate."""
    return models.InferenceMode(
        dropout=options.noise == "dropout", statistics=_given(options.statistics)
    )


def remedies_of(
    options: GameOptions, *, steps: int, channels: Sequence[int] = ()
) -> tuple[Remedy, ...]:
    """Returns the remedies that the options name.

    Args:
        options: The options.
        steps: Of the critic, over which `noise` falls to 0.
        channels: Of the images that the critic sees, where they lie one behind the
            other; not needed where it sees one, of whatever channels.

    Raises:
        InputError: There is no such remedy.
    """
    kinds = TRANSFORMS[options.dag_transforms]()
    alike = differentiable.diff_augment()
    if len(channels) > 1:
        alike = differentiable.jointly(alike, channels)
    more: dict[str, Callable[..., Remedy]] = {
        "dag": lambda weight=0.2: remedies.dag(
            kinds, critic_weight=weight, generator_weight=weight
        ),
        "shared": lambda: remedies.augment(transforms.any_of(kinds)),
        "diff_augment": lambda: remedies.augment(alike),
        "ada": lambda: remedies.adaptive_augment(
            differentiable.ada(("blit", "geometry"))
        ),
    }
    return remedies.from_words(options.remedies, images=True, steps=steps, more=more)


def _dtype(options: NetworkOptions) -> Any:
    return None if options.dtype == "float32" else jnp.bfloat16


def _given(value: Any) -> Any:
    """Of an option that its preset has set."""
    assert value is not None
    return value
