"""GANs for images with the settings of their papers."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import optax

from jaxgen import losses
from jaxgen.checks import check_choice
from jaxgen.errors import InputError
from jaxgen.losses.gan import LossName
from jaxgen.models.gan import GAN, gan
from jaxgen.models.remedies import Remedy, adam_pair, from_words
from jaxgen.models.styled_generator import StyledGenerator
from jaxgen.typing import Network

__all__ = ["PUBLISHED_GANS", "PublishedGAN", "PublishedName", "published_gan"]

PublishedName = Literal[
    "non_saturating", "least_squares", "hinge", "relativistic", "wgan", "wgan_gp"
]


class PublishedGAN(NamedTuple):
    """The settings of a paper.

    Attributes:
        label: For figures and tables.
        loss: Its name in `losses.gan`.
        remedies: See `remedies.from_words`.
        normalization: Of a convolutional critic, as `networks.dcgan_critic` takes it.
        learning_rate: Of both networks.
        b1: Decay of Adam's mean of gradients; None for RMSProp in place of Adam.
        b2: Decay of Adam's mean of squared gradients.
        critic_steps: Steps of the critic for one of the generator.
    """

    label: str
    loss: LossName
    remedies: str = "none"
    normalization: Literal["none", "batch", "spectral"] = "batch"
    learning_rate: float = 2e-4
    b1: float | None = 0.5
    b2: float = 0.999
    critic_steps: int = 1

    def optimizers(
        self, learning_rate: float | None = None, remedies: Sequence[Remedy] = ()
    ) -> tuple[optax.GradientTransformation, optax.GradientTransformation]:
        """Returns the optimizers of generator and critic.

        Args:
            learning_rate: Of both; by default that of the paper.
            remedies: Those of the model; see `remedies.adam_pair`.
        """
        rate = learning_rate or self.learning_rate
        if self.b1 is None:
            return optax.rmsprop(rate, decay=0.99), optax.rmsprop(rate, decay=0.99)
        return adam_pair(rate, rate, b1=self.b1, b2=self.b2, remedies=remedies)


PUBLISHED_GANS: Mapping[str, PublishedGAN] = {
    "non_saturating": PublishedGAN(label="non-saturating", loss="non_saturating"),
    "least_squares": PublishedGAN(label="least squares", loss="least_squares"),
    "hinge": PublishedGAN(
        label="hinge, spectral norm", loss="hinge", normalization="spectral"
    ),
    "relativistic": PublishedGAN(
        label="relativistic, R1, R2",
        loss="relativistic",
        remedies="r1=1+r2=1",
        normalization="none",
        b1=0.0,
        b2=0.99,
    ),
    "wgan": PublishedGAN(
        label="WGAN, clipping",
        loss="wasserstein",
        remedies="clip=0.01",
        learning_rate=5e-5,
        b1=None,
        critic_steps=5,
    ),
    "wgan_gp": PublishedGAN(
        label="WGAN-GP",
        loss="wasserstein",
        remedies="gp=10",
        normalization="none",
        learning_rate=1e-4,
        b1=0.0,
        b2=0.9,
        critic_steps=5,
    ),
}
"""DCGAN (Radford et al., 2016), LSGAN (Mao et al., 2017), SNGAN (Miyato et al., 2018),
R3GAN (Huang et al., 2024), WGAN (Arjovsky et al., 2017), WGAN-GP (Gulrajani et al.,
2017)."""


def published_gan(
    name: str,
    generator: Network | StyledGenerator,
    critic: Network,
    *,
    latents: int,
    remedies: str = "none",
    learning_rate: float | None = None,
    **options: Any,
) -> GAN:
    """Makes a GAN of two networks with the settings of a paper.

    Args:
        name: One of `PUBLISHED_GANS`.
        generator: See `gan`.
        critic: See `gan`. It has the `normalization` that the paper gives it.
        latents: Dimension of the latent space.
        remedies: Words of further remedies for images; see `remedies.from_words`.
        learning_rate: Of both networks; by default that of the paper.
        **options: Further ones of `gan`.

    Raises:
        InputError: The parts do not go together; the sentence says why.

    Examples:
        >>> from jaxgen import networks
        >>> model = published_gan(
        ...     "wgan_gp",
        ...     networks.mlp_generator((8, 8, 1), (32,)),
        ...     networks.mlp_critic((32,)),
        ...     latents=4,
        ... )
        >>> model.latents
        4
    """
    check_choice("name", name, tuple(PUBLISHED_GANS))
    paper = PUBLISHED_GANS[name]
    words = [word for word in (paper.remedies, remedies) if word != "none"]
    chosen = from_words("+".join(words) or "none", images=True)
    if paper.normalization == "spectral" and any(one.unroll for one in chosen):
        raise InputError(
            f"The remedy unroll does not go with {paper.label!r}: the vectors of "
            "spectral normalization count as constants, so the gradient through the "
            "critic's steps would not be the total one; leave one of them out."
        )
    return gan(
        generator,
        critic,
        *paper.optimizers(learning_rate, chosen),
        latents=latents,
        loss=losses.gan.from_name(paper.loss),
        **losses.gan.published_factors(paper.loss),
        remedies=chosen,
        critic_steps=options.pop("critic_steps", paper.critic_steps),
        **options,
    )
