"""What the translation models share: units, noise at inference, refusals."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
from jax.core import Tracer

from jaxgen import random
from jaxgen.errors import InputError, check_number
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models.remedies import Remedy
from jaxgen.typing import (
    Array,
    Batch,
    NetState,
    Params,
    PerExample,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
    Translator,
)

Statistics = Literal["image", "batch", "running"]


class Noise(NamedTuple):
    """What a translator does when it is used, not trained.

    Attributes:
        dropout: Whether its dropout stays on, which needs a key: the noise z of
            pix2pix. A network without dropout takes no notice.
        statistics: What a batch normalization uses, of the critic too when it is asked:
            the statistics of the "image" alone, as the published code does with its
            batches of one; those of the "batch"; or the "running" ones of training.

    References:
        Isola et al., Image-to-Image Translation with Conditional Adversarial Networks,
        2017, section 3.4.
    """

    dropout: bool = True
    statistics: Statistics = "image"


PUBLISHED_NOISE = Noise()
"""That of pix2pix's code: dropout is on, and each image has statistics of its own."""


def signed(images: Array) -> Array:
    """From [0, 1], where data are, to [-1, 1], where networks are."""
    return 2.0 * images - 1.0


def shown(images: Array) -> Array:
    """From [-1, 1] to [0, 1]."""
    return 0.5 * (images + 1.0)


def translated(
    network: Translator,
    params: Params,
    batch_stats: PyTree,
    images: Array,
    keys: RandomKeys | None,
    noise: Noise,
) -> Array:
    """Returns what a network makes of signed images when it is used.

    Args:
        network: The network.
        params: Of it.
        batch_stats: Of it.
        images: In [-1, 1], shape (batch, height, width, channels).
        keys: One per image, or None where nothing is drawn.
        noise: What it does.
    """
    keys = keys if noise.dropout else None
    if noise.statistics != "image":
        train = noise.statistics == "batch"
        return network.apply(params, batch_stats, images, keys=keys, train=train)[0]
    if not jax.tree.leaves(batch_stats):
        return network.apply(params, batch_stats, images, keys=keys)[0]

    def one(item: tuple[Array, PRNGKeyArray | None]) -> Array:
        image, key = item
        own = None if key is None else key[None]
        net = network.apply(params, batch_stats, image[None], keys=own, train=True)
        return net[0][0]

    # One after the other, as a batch of one has no other statistics than its own.
    return jax.lax.map(one, (images, keys))


def image_keys(key: RandomKeys | None, noise: Noise, rows: int) -> RandomKeys | None:
    """Returns one key per image from the caller's one, None where nothing is drawn."""
    if key is None or not noise.dropout:
        return None
    return random.example_keys(key, rows) if key.ndim == 0 else key


def check_batch(kind: str, batch: Batch) -> None:
    """Refuses batches that are none of pairs."""
    missing = [name for name in ("a", "b") if name not in batch]
    if missing:
        raise InputError(
            f"A batch for {kind} holds {', '.join(sorted(batch)) or 'nothing'}: "
            "expected images 'a', which are translated, and 'b', as "
            "data.pair_pipeline makes them."
        )


def check_translator(name: str, network: Any) -> None:
    """Refuses a network of another kind."""
    if not isinstance(network, Translator):
        raise InputError(
            f"{name} is a {type(network).__name__}: give a Translator, as "
            "networks.unet_translator() and networks.resnet_translator() make them."
        )


def check_translated(name: str, found: Array | jax.ShapeDtypeStruct, wanted: Array):
    """Refuses a network whose images have another shape than the target's."""
    if found.shape != wanted.shape:
        raise InputError(
            f"{name} makes images of shape {found.shape[1:]} (height, width, "
            f"channels), and those of its target have {wanted.shape[1:]}: make the "
            f"network with channels={wanted.shape[-1]}, for images of one size."
        )


def check_options(
    loss: Any,
    noise: Noise,
    ema_decay: float | None,
    **weights: Any,
) -> None:
    """Refuses options that are out of their range."""
    if not isinstance(loss, AdversarialLoss):
        raise InputError(
            f"loss is {loss!r}: give one of jaxgen.losses.translation or "
            "jaxgen.losses.gan, with its parentheses, as least_squares()."
        )
    if noise.statistics not in get_args(Statistics):
        raise InputError(
            f"Noise(statistics={noise.statistics!r}) is unknown: give one of "
            f"{', '.join(map(repr, get_args(Statistics)))}."
        )
    if ema_decay is not None and not 0.0 <= ema_decay < 1.0:
        raise InputError(f"ema_decay={ema_decay}: give a number from 0 to below 1.")
    for name, weight in weights.items():
        # Settings of an ensemble are traced, and tell nothing.
        if isinstance(weight, Tracer):
            continue
        check_number(name, weight)
        if weight < 0:
            raise InputError(f"{name}={weight:g}: give 0 or a number above it.")


def is_off(weight: Any) -> bool:
    """Whether a weight is known to be 0, so that its term need not be calculated."""
    return not isinstance(weight, Tracer) and weight == 0


def halved(loss: AdversarialLoss) -> AdversarialLoss:
    """Returns a loss whose critic minimises half of it, as in both papers."""
    return loss._replace(
        critic=lambda real, fake: 0.5 * loss.critic(real, fake),
        estimate=None
        if loss.estimate is None
        else lambda value: loss.estimate(2.0 * value),  # pyright: ignore[reportOptionalCall]
    )


def critic_logits(
    logits: Callable[..., Array], net: NetState, images: Array, noise: Noise
) -> Array:
    """Returns a critic's logits, normalized as those of the training are.

    Data and generated images meet the critic apart from each other then, so that its
    running statistics are those of neither.

    Args:
        logits: Those of `critic_of`.
        net: Of the critic.
        images: As it sees them.
        noise: Whose statistics.
    """
    if noise.statistics == "running" or not jax.tree.leaves(net.batch_stats):
        return logits(net, images, None)
    if noise.statistics == "batch":
        return logits(net, images, None, train=True)
    return jax.lax.map(
        lambda image: logits(net, image[None], None, train=True)[0], images
    )


def first_head(logits: Array, remedies: Sequence[Remedy]) -> Array:
    """Returns the logits of the head that judges images as they are."""
    return logits[:, 0] if any(one.transforms for one in remedies) else logits


def per_image(
    function: Callable[[PerExample, PerExample], PerExample],
    real_logits: Array,
    fake_logits: Array,
) -> PerExample:
    """Returns a function of logits, as its mean over the patches of each image.

    Args:
        function: Of one real and one generated logit, for many of them.
        real_logits: Shape (batch, ...), of the first head where there are several.
        fake_logits: Likewise.
    """
    values = function(real_logits.ravel(), fake_logits.ravel())
    return jnp.mean(values.reshape(real_logits.shape[0], -1), axis=1)


def check_remedies(remedies: Sequence[Any]) -> tuple[Remedy, ...]:
    """Refuses remedies that do not go with translation."""
    for remedy in remedies:
        if not isinstance(remedy, Remedy):
            raise InputError(
                f"One of the remedies is {remedy!r}: give those of "
                "jaxgen.models.remedies, with their parentheses, as r1(10.0)."
            )
        if remedy.unroll or remedy.group > 1:
            raise InputError(
                f"The remedy {remedy.name} does not go with translation, whose critic "
                "judges each image by itself after a step of its own: leave it out."
            )
    return tuple(remedies)
