"""Ways to use augmentation in a GAN, shares of a data set, and how both are judged."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgen import data, metrics, models, networks, random, run
from jaxgen.data import differentiable, transforms
from jaxgen.data.transforms import Transform
from jaxgen.errors import InputError
from jaxgen.images import in_blocks, to_bytes
from jaxgen.metrics import LeakRate, features, leak_rate
from jaxgen.models import remedies
from jaxgen.typing import Array, PRNGKeyArray

MethodName = Literal["plain", "naive", "shared", "diff_augment", "ada", "dag"]
TransformName = Literal["rotation", "fliprot", "cropping"]

LABELS: dict[MethodName, str] = {
    "plain": "no augmentation",
    "naive": "augmented data",
    "shared": "one head for all",
    "diff_augment": "DiffAugment",
    "ada": "ADA",
    "dag": "DAG",
}
"""What the methods are called in figures and tables."""

TRANSFORMS: dict[TransformName, Callable[[], tuple[Transform, ...]]] = {
    "rotation": transforms.rotations,
    "fliprot": transforms.flips_and_rotation,
    "cropping": transforms.crops,
}


@dataclasses.dataclass(frozen=True)
class MethodOptions:
    """The networks, and what the methods leave open."""

    network: Literal["mlp", "conv"] = "mlp"
    """Dense networks, or a DCGAN, whose step takes six times as long on a CPU."""
    hidden: tuple[int, ...] = (256, 256)
    """Widths of the hidden layers of both dense networks."""
    width: int = 16
    """Channels of the finest layer of the DCGAN; each coarser one has twice as many."""
    latents: int = 64
    """Dimension of the latent space."""
    transforms: TransformName = "rotation"
    """Of `naive`, `shared` and `dag`: quarter turns, flips and a quarter turn, or crops
    of the corners, which cannot be undone."""
    weight: float = 0.2
    """Weight of the further heads of DAG, in both losses."""
    ada_target: float = 0.6
    """Mean sign of the logits of data that ADA aims at."""
    ada_examples: int = 100_000
    """Examples in which ADA's probability can go from 0 to 1; 500,000 in its paper,
    whose runs are longer."""


def build(
    config: Any, method: MethodName, image_shape: tuple[int, int, int]
) -> models.GAN:
    """Returns a GAN that uses augmentation in one of the ways.

    Args:
        config: `MethodOptions`, and a learning rate.
        method: Which way.
        image_shape: Height, width and channels.
    """
    kinds = TRANSFORMS[config.transforms]()
    heads = len(kinds) if method == "dag" else 1
    cures = {
        "plain": lambda: [],
        "naive": lambda: [],
        "shared": lambda: [remedies.augment(transforms.any_of(kinds))],
        "diff_augment": lambda: [remedies.augment(differentiable.diff_augment())],
        "ada": lambda: [
            remedies.adaptive_augment(
                differentiable.ada(),
                target=config.ada_target,
                examples=config.ada_examples,
            )
        ],
        "dag": lambda: [
            remedies.dag(
                kinds, critic_weight=config.weight, generator_weight=config.weight
            )
        ],
    }[method]()
    if config.network == "conv":
        generator = networks.dcgan_generator(image_shape, width=config.width)
        critic = networks.dcgan_critic(width=config.width, heads=heads)
    else:
        generator = networks.mlp_generator(image_shape, config.hidden, output=jnp.tanh)
        critic = networks.mlp_critic(config.hidden, heads=heads)
    return models.gan(
        generator,
        critic,
        optax.adam(config.learning_rate, b1=0.5),
        optax.adam(config.learning_rate, b1=0.5),
        latents=config.latents,
        remedies=cures,
        ema_decay=0.99,
        signed=True,
    )


def only_classes(source: data.Source, classes: Sequence[int]) -> data.Source:
    """Returns the examples of some classes, numbered anew; all of them for none.

    Raises:
        InputError: The set has no labels, or a class has no examples.
    """
    if source.class_names is None:
        raise InputError(
            f"The images of {source.name!r} have no labels, by which the samples are "
            "judged: give a labelled set, such as mnist5k."
        )
    classes = tuple(classes) or tuple(range(len(source.class_names)))
    held = source.in_memory()
    missing = set(classes) - set(held["label"].tolist())
    if missing:
        raise InputError(
            f"--classes: {source.name!r} has no examples of {sorted(missing)}; its "
            f"classes are 0 to {len(source.class_names) - 1}."
        )
    kept = np.flatnonzero(np.isin(held["label"], classes))
    return data.from_arrays(
        held["image"][kept],
        np.searchsorted(np.sort(classes), held["label"][kept]),
        name=source.name,
        split=source.split,
        class_names=tuple(source.class_names[number] for number in sorted(classes)),
    )


def share_of(key: PRNGKeyArray, source: data.Source, share: float) -> data.Source:
    """Returns a share of a set, chosen at random; smaller shares are part of larger."""
    order = random.numpy_generator(key).permutation(len(source))
    number = max(round(share * len(source)), 1)
    kept = np.sort(order[:number])
    return dataclasses.replace(
        source, num_examples=number, read=lambda indices: source.read(kept[indices])
    )


def setup_of(
    config: Any, setup: run.Setup, method: MethodName, share: float
) -> run.Setup:
    """Returns the run's data with a share of the training images, in batches."""
    source = share_of(random.stream(setup.key, "share"), setup.train, share)
    batches = run.batches_of(
        config, source, setup.key, train=True, batch_size=config.batch_size
    )
    if method == "naive":
        function = transforms.any_of(TRANSFORMS[config.transforms]())
        key = random.stream(setup.key, "data")
        batches = data.AugmentedData(batches, function, key=key)
    steps = run.steps_of(config, batches)
    return setup._replace(train=source, batches=batches, steps=steps)


class Judge(NamedTuple):
    """What samples are judged by.

    Attributes:
        transforms: The transforms, the identity first.
        classes: Features of a classifier of the classes.
        kinds: A classifier of the transforms.
        real: Features of all training images, shape (n, d).
        real_kinds: The transforms that it sees in test images as they are.
        transformed_kinds: Those that it sees in transformed ones.
    """

    transforms: tuple[Transform, ...]
    classes: features.FeatureNet
    kinds: features.FeatureNet
    real: np.ndarray
    real_kinds: np.ndarray
    transformed_kinds: np.ndarray


def judge_of(config: Any, setup: run.Setup) -> Judge:
    """Trains both classifiers on all training images, or finds them in the cache."""
    kinds = TRANSFORMS[config.transforms]()
    epochs = config.classifier_epochs
    classes = features.classifier_features(setup.train, test=setup.test, epochs=epochs)
    train, test = (
        _transformed(source.in_memory()["image"], kinds)
        for source in (setup.train, setup.test)
    )
    turned = features.classifier_features(
        *train,
        test=test,
        class_names=[transform.name for transform in kinds],
        name=f"{setup.train.name}, transformed",
        epochs=epochs,
        # What tells the corner that was cropped is the place of things.
        shift=0 if config.transforms == "cropping" else None,
    )
    [real] = features.extract([classes], setup.train)
    seen = _kinds(turned, test[0])
    return Judge(
        kinds,
        classes,
        turned,
        real.features,
        seen[test[1] == 0],
        seen[test[1] > 0],
    )


class Judged(NamedTuple):
    """What the samples of one method are worth, with one entry a seed.

    Attributes:
        leak: Of the samples of all seeds.
        leaks: Leak rates, shape (seeds,).
        distances: Frechet distances to all training images, shape (seeds,).
    """

    leak: LeakRate
    leaks: np.ndarray
    distances: np.ndarray


def judged(judge: Judge, samples: np.ndarray) -> Judged:
    """Judges samples, uint8, shape (seeds, n, height, width, channels)."""
    number = len(judge.transforms)

    def leak(seen: np.ndarray) -> LeakRate:
        return leak_rate(
            seen, judge.real_kinds, judge.transformed_kinds, num_transforms=number
        )

    seen = np.stack([_kinds(judge.kinds, images) for images in samples])
    distances = []
    for images in samples:
        [own] = features.extract([judge.classes], images)
        distances.append(metrics.frechet_distance_of_features(judge.real, own.features))
    return Judged(
        leak(seen.ravel()),
        np.array([leak(one).rate.value for one in seen]),
        np.array(distances),
    )


def draw(
    key: PRNGKeyArray, ensemble: models.Ensemble, state: Any, number: int
) -> np.ndarray:
    """Returns samples of every seed, uint8, shape (seeds, number, ...)."""
    return to_bytes(jax.jit(ensemble.sample, static_argnums=2)(state, key, number))


def _transformed(
    images: np.ndarray, kinds: Sequence[Transform]
) -> tuple[np.ndarray, np.ndarray]:
    """All images by each transform, with the number of the transform."""

    @jax.jit
    def transform_all(block: Array) -> Array:
        floats = jnp.asarray(block, jnp.float32)
        return jnp.round(jnp.stack([kind(floats) for kind in kinds])).astype(jnp.uint8)

    made = np.concatenate(in_blocks(transform_all, images), axis=1)
    return (
        made.reshape(-1, *images.shape[1:]),
        np.repeat(np.arange(len(kinds)), len(images)),
    )


def _kinds(net: features.FeatureNet, images: np.ndarray) -> np.ndarray:
    [found] = features.extract([net], images)
    return found.log_probabilities.argmax(axis=1)
