"""Ways to make do with few pairs, by words."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from experiments import cyclegan, pix2pix
from experiments.few_pairs_studies.members import SideBySide
from experiments.translation_studies import parts
from jaxgen import losses, run
from jaxgen.errors import InputError

System = Literal["pix2pix", "cyclegan"]

LABELS = {
    **{"plain": "no remedy", "l1": "L1 alone", "augmented": "augmented data"},
    **{"dag": "DAG", "diff_augment": "DiffAugment", "ada": "ADA", "r1": "R1"},
    **{"shared": "one head for all", "lecam": "LeCam"},
}
"""What methods are called in figures and tables; others by their own words."""

SMALL: dict[str, dict[str, int]] = {
    "pix2pix": {"width": 16, "critic_width": 16, "critic_layers": 1},
    "cyclegan": {"width": 8, "critic_width": 16, "critic_layers": 1},
}
"""The networks, half as wide as those of the small presets of both scripts."""


@dataclasses.dataclass(frozen=True)
class SystemOptions:
    """What is trained, where the methods leave it open."""

    system: System = "pix2pix"
    """`pix2pix` learns from pairs; `cyclegan` from the same images unpaired."""
    width: int | None = None
    """Channels of the generators' finest layers."""
    critic_width: int | None = None
    """Channels of the critics' finest layer."""
    critic_layers: int | None = None
    """Of the patch critic; 1 to 5 of them see 16, 34, 70, 142 and 286 pixels."""
    l1_weight: float = 100.0
    """With pix2pix: weight of the distance, whose images are in [-1, 1]."""
    dag_transforms: Literal["rotation", "fliprot", "cropping"] = "rotation"
    """What the heads of `dag` see, and the one head of `shared`."""


class Method(NamedTuple):
    """One way to train.

    Attributes:
        word: As it was given.
        label: What it is called.
        adversarial: Whether there is a critic.
        augmented: Whether data are flipped and cropped at random.
        remedies: Words of `translation_studies.parts.remedies_of`.
    """

    word: str
    label: str
    adversarial: bool
    augmented: bool
    remedies: str

    @property
    def part(self) -> str:
        """The name of its folder."""
        return self.word.replace("+", "-").replace("=", "")


def method_of(word: str) -> Method:
    """Returns what a word asks for.

    Args:
        word: `plain`, `l1` (no critic), `augmented`, remedies by name, or several of
            them joined by a plus.

    Examples:
        >>> method_of("augmented+r1=10").label, method_of("l1").adversarial
        ('augmented data + R1 (10)', False)
    """
    words = word.split("+")
    if "plain" in words and len(words) > 1:
        raise InputError(
            f"The method {word} is plain and more: leave `plain` out, or the rest."
        )
    cures = [one for one in words if one not in ("plain", "l1", "augmented")]
    if "l1" in words and cures:
        raise InputError(
            f"The method {word} has no critic that {cures[0]} could help: leave l1 out."
        )
    return Method(
        word,
        " + ".join(map(_label, words)),
        "l1" not in words,
        "augmented" in words,
        "+".join(cures) or "none",
    )


def _label(word: str) -> str:
    name, _, number = word.partition("=")
    label = LABELS.get(name, name)
    return f"{label} ({number})" if number else label


def model_of(
    config: Any, method: Method, channels: tuple[int, int], steps: int
) -> tuple[Any, Any]:
    """Returns a model that is trained in one way, and its adversarial loss.

    Args:
        config: `SystemOptions` and `run.RunOptions`.
        method: Which way.
        channels: Of images a and of images b.
        steps: Of the whole run.
    """
    given = {
        name: getattr(config, name)
        for name in ("width", "critic_width", "critic_layers")
        if getattr(config, name) is not None
    }
    shared: dict[str, Any] = SMALL[config.system] | given
    for name in ("batch_size", "learning_rate", "image_size"):
        shared[name] = getattr(config, name)
    game: dict[str, Any] = {
        "remedies": method.remedies,
        "dag_transforms": config.dag_transforms,
    }
    if config.system == "cyclegan":
        cures = parts.remedies_of(parts.GameOptions(**game), steps=steps)
        own = cyclegan.Config(**shared)
        model = cyclegan.build(own, channels, steps, cures)
        return model, losses.gan.least_squares()
    options = pix2pix.settled(
        pix2pix.Config(
            **shared,
            **game,
            l1_weight=config.l1_weight,
            objective="l1+cgan" if method.adversarial else "l1",
        )
    )
    return pix2pix.build(options, channels, steps), parts.loss_of(options.loss)


def setup_of(config: Any, method: Method, shares: Sequence[float]) -> run.Setup:
    """Returns batches of all shares side by side; `train` are the pairs of each.

    Args:
        config: `run.PairOptions` and `run.RunOptions`.
        method: For how the data are augmented.
        shares: Of the training pairs; smaller ones are parts of larger ones.
    """
    size = config.image_size
    setups = [
        run.prepare_pairs(
            dataclasses.replace(
                config,
                share=config.share * share,
                flip=config.flip or method.augmented,
            ),
            unpaired=config.system == "cyclegan",
            load_size=None if method.augmented else size,
        )
        for share in shares
    ]
    batches = SideBySide([one.batches for one in setups])
    steps = run.steps_of(config, batches)
    train = [one.train for one in setups]
    return setups[-1]._replace(train=train, batches=batches, steps=steps)
