"""StyleGANs: `models.gan` with the losses, remedies and settings of their papers."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import losses
from jaxgen.calls import factory
from jaxgen.checks import check_choice, check_count, check_number, examples_of
from jaxgen.errors import InputError
from jaxgen.models import remedies, schedules
from jaxgen.models.gan import GAN, GANState, gan
from jaxgen.models.styled_generator import StyledGenerator
from jaxgen.typing import Batch, Network, PRNGKeyArray, PyTree

__all__ = ["STYLEGAN_PRESETS", "StyleGANName", "StyleGANPreset", "stylegan"]

StyleGANName = Literal[
    "auto", "config_f", "paper256", "paper512", "paper1024", "cifar", "stylegan1"
]

_LARGEST_GRADIENT = 1e5


class StyleGANPreset(NamedTuple):
    """Published settings of a training; see `stylegan`.

    Attributes:
        learning_rates: Of both networks, by the image size from which on they hold.
        batch_size: Over all devices; None where it depends on them.
        r1_weight: gamma; None for 0.0002 image_size^2 / batch_size.
        r1_every: Steps from one R1 penalty to the next.
        path_length_weight: Of the path length penalty; 0 for none.
        path_length_every: Steps from one to the next.
        mixing: Probability that the styles of a batch are mixed; 0 for never.
        ema_examples: Half-life of the moving average; None for 312.5 batch_size.
        ema_ramp: Its ramp; None for none.
    """

    learning_rates: Mapping[int, float]
    batch_size: int | None = None
    r1_weight: float | None = None
    r1_every: int = 16
    path_length_weight: float = 2.0
    path_length_every: int = 4
    mixing: float = 0.9
    ema_examples: float | None = None
    ema_ramp: float | None = None


STYLEGAN_PRESETS: Mapping[str, StyleGANPreset] = {
    "auto": StyleGANPreset({1: 0.0025, 1024: 0.002}, ema_ramp=0.05),
    "config_f": StyleGANPreset(
        {1: 0.002}, batch_size=32, r1_weight=10.0, ema_examples=10_000.0
    ),
    "paper256": StyleGANPreset(
        {1: 0.0025}, batch_size=64, r1_weight=1.0, ema_examples=20_000.0
    ),
    "paper512": StyleGANPreset(
        {1: 0.0025}, batch_size=64, r1_weight=0.5, ema_examples=20_000.0
    ),
    "paper1024": StyleGANPreset(
        {1: 0.002}, batch_size=32, r1_weight=2.0, ema_examples=10_000.0
    ),
    "cifar": StyleGANPreset(
        {1: 0.0025},
        batch_size=64,
        r1_weight=0.01,
        path_length_weight=0.0,
        mixing=0.0,
        ema_examples=500_000.0,
        ema_ramp=0.05,
    ),
    "stylegan1": StyleGANPreset(
        {1: 0.001, 128: 0.0015, 256: 0.002, 512: 0.003},
        batch_size=32,
        r1_weight=10.0,
        r1_every=1,
        path_length_weight=0.0,
        path_length_every=1,
        ema_examples=10_000.0,
    ),
}
"""StyleGAN (Karras et al., 2019, without growing), config F of StyleGAN2 (Karras et
al., 2020), and StyleGAN2-ADA (Karras et al., 2020): its choice by resolution, and its
settings for FFHQ, BreCaHAD and AFHQ, MetFaces, and CIFAR-10."""


@factory
def stylegan(
    generator: Network | StyledGenerator,
    critic: Network,
    *,
    image_size: int,
    batch_size: int,
    latents: int = 512,
    num_classes: int | None = None,
    preset: StyleGANName = "auto",
    augment: remedies.Remedy | None = None,
    learning_rate: float | None = None,
    r1_weight: float | None = None,
    r1_every: int | None = None,
    path_length_weight: float | None = None,
    path_length_every: int | None = None,
    mixing: float | None = None,
    ema_examples: float | None = None,
    ema_ramp: float | None = None,
) -> GAN:
    """Makes the GAN of StyleGAN and StyleGAN2 of a generator and a critic.

    The loss is the non-saturating one, with R1 through the augmentation to the data and
    path length regularization, both lazy, and style mixing. The average of the styles
    moves in the passes of both players, and the moving average copies statistics.
    NaN in a gradient counts as 0, and infinity as 1e5 with its sign. Norms of gradients
    are reported as they are, so `training.fit` stops at them all the same: the rule is
    for lazy penalties, whose norms are not reported, and for loops of your own.

    Unlike in the published code, the critic takes its step before the generator, and
    generated samples have the labels of the data beside them.

    Args:
        generator: A `StyledGenerator`, whose mapping keeps the average of its styles;
            a network alone without style mixing and path length.
        critic: See `gan`. `dag` needs several heads.
        image_size: Pixels of a side.
        batch_size: Examples of a step, over all devices, on which R1 and the moving
            average depend; a multiple of 2 on each of
            them where there is a path length penalty.
        latents: Dimension of the latent space.
        num_classes: Makes the model conditional on `batch["label"]`.
        preset: Name of the `STYLEGAN_PRESETS` that has what is left out; "stylegan1"
            for the networks of StyleGAN, which take no labels.
        augment: What the critic sees instead of images: one of
            `remedies.adaptive_augment(data.differentiable.ada(), every=4)`, the
            published one, `remedies.augment` and `remedies.dag`. By default nothing
            else.
        learning_rate: Of both networks, before `remedies.lazy_adam` adapts it.
        r1_weight: gamma of `remedies.r1`; 0 leaves it out.
        r1_every: Steps from one R1 penalty to the next; 1 adds it to each loss. The
            critic's Adam is made for it with or without the penalty, as in the
            published code.
        path_length_weight: Of `remedies.path_length`; 0 leaves it out.
        path_length_every: Likewise of the path length penalty, and of the generator.
        mixing: Probability of `remedies.style_mixing`; 0 leaves it out.
        ema_examples: Half-life of the moving average of the generator that samples are
            drawn from; see `schedules.half_life`.
        ema_ramp: Its ramp; 0 for none, as where a trained model is trained on.

    Raises:
        InputError: The parts do not go together; the sentence says why.

    References:
        Karras et al., A Style-Based Generator Architecture for Generative Adversarial
        Networks, 2019. Karras et al., Analyzing and Improving the Image Quality of
        StyleGAN, 2020. Karras et al., Training Generative Adversarial Networks with
        Limited Data, 2020.
    """
    check_count("image_size", image_size, 1)
    check_count("batch_size", batch_size, 1)
    check_choice("preset", preset, tuple(STYLEGAN_PRESETS))
    given = {
        "learning_rates": None if learning_rate is None else {1: learning_rate},
        "r1_weight": r1_weight,
        "r1_every": r1_every,
        "path_length_weight": path_length_weight,
        "path_length_every": path_length_every,
        "mixing": mixing,
        "ema_examples": ema_examples,
        "ema_ramp": ema_ramp,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if learning_rate is not None:
        check_number("learning_rate", learning_rate, above=0)
    for name in given.keys() & {"r1_every", "path_length_every"}:
        check_count(name, given[name], 1)
    for name in given.keys() & {"r1_weight", "path_length_weight", "ema_ramp"}:
        check_number(name, given[name], least=0)
    if mixing is not None:
        check_number("mixing", mixing, least=0, most=1)
    if ema_examples is not None:
        check_number("ema_examples", ema_examples, above=0)
    settings = STYLEGAN_PRESETS[preset]._replace(**given)
    if isinstance(generator, Network) and (
        settings.mixing or settings.path_length_weight
    ):
        raise InputError(
            "models.stylegan mixes styles and measures path lengths in them, and one "
            "network has none: give models.StyledGenerator(networks.stylegan2_mapping("
            "config), networks.stylegan2_synthesis(image_size, config), "
            "networks.stylegan_num_styles(image_size)), or mixing=0 and "
            "path_length_weight=0."
        )
    if not (augment is None or isinstance(augment, remedies.Remedy)):
        raise InputError(
            f"augment is a {type(augment).__name__}: give a remedy, such as "
            "remedies.adaptive_augment(data.differentiable.ada(), every=4)."
        )
    examples = settings.ema_examples
    model = gan(
        generator,
        critic,
        _adam(settings, image_size, settings.path_length_every),
        _adam(settings, image_size, settings.r1_every),
        latents=latents,
        loss=losses.gan.non_saturating(),
        # Augmentation is the first: it is given samples.
        remedies=[
            *([] if augment is None else [augment]),
            *_remedies(settings, 0.0002 * image_size**2 / batch_size),
        ],
        ema_decay=schedules.half_life(
            312.5 * batch_size if examples is None else examples,
            batch_size=batch_size,
            ramp=settings.ema_ramp or None,
        ),
        average_statistics=False,
        statistics_from="all_steps",
        num_classes=num_classes,
        signed=True,
    )

    def init(key: PRNGKeyArray, batch: Batch, /) -> GANState:
        side = examples_of(batch).shape[1]
        if side != image_size:
            raise InputError(
                f"models.stylegan was given image_size={image_size} and images of "
                f"{side} pixels: give image_size={side}, on which R1 depends."
            )
        return model.init(key, batch)

    return model._replace(init=init)


def _adam(
    settings: StyleGANPreset, image_size: int, every: int
) -> optax.GradientTransformation:
    """Adam for finite gradients, of a network with a penalty each `every` steps."""
    rates = settings.learning_rates
    rate = rates[max(size for size in rates if size <= image_size)]
    return optax.chain(_finite_gradients(), remedies.lazy_adam(rate, every=every))


def _remedies(settings: StyleGANPreset, r1_weight: float) -> list[remedies.Remedy]:
    """The remedies of a training whose R1 weight is `r1_weight` by default."""
    if settings.r1_weight is not None:
        r1_weight = settings.r1_weight
    weight, every = settings.path_length_weight, settings.path_length_every
    found = []
    if settings.mixing:
        found.append(remedies.style_mixing(settings.mixing))
    if weight:
        found.append(remedies.path_length(weight, every=every))
    if r1_weight:
        found.append(
            remedies.r1(r1_weight, every=settings.r1_every, through_inputs=True)
        )
    return found


def _finite_gradients() -> optax.GradientTransformation:
    """Replaces NaN by 0 and infinities by large numbers of the same sign."""

    def finite(updates: PyTree, params: PyTree | None = None) -> PyTree:
        del params
        bound = _LARGEST_GRADIENT
        return jax.tree.map(
            lambda leaf: jnp.nan_to_num(leaf, nan=0.0, posinf=bound, neginf=-bound),
            updates,
        )

    return optax.stateless(finite)
