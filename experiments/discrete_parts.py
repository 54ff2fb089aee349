"""Discrete latents and their gradient estimators by name, and what a page shows."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.latent_arrays import chosen
from jaxgen import data, losses, models, run
from jaxgen.errors import InputError
from jaxgen.estimators import (
    VIMCO,
    DisARM,
    Enumerate,
    Estimator,
    GumbelRao,
    GumbelSoftmax,
    Rebar,
    ReinMax,
    ScoreFunction,
    StraightThrough,
    why_not,
)
from jaxgen.files import write_npz
from jaxgen.images import every_nth
from jaxgen.losses.vae.families import Bernoulli
from jaxgen.losses.vae.priors import Prior, uniform_bernoulli, uniform_categorical
from jaxgen.models import VAE
from jaxgen.models.latent_views import SHOWN
from jaxgen.training import on_one_device
from jaxgen.typing import Array

NUM_INNER = 16
"""Draws of the noise that Gumbel-Rao averages over for each sample."""

MOST_TERMS = 4096
"""Terms of an exact sum for each image; more would take minutes a step."""

EstimatorName = Literal[
    "gumbel_softmax",
    "straight_through_gumbel",
    "gumbel_rao",
    "straight_through",
    "reinmax",
    "score",
    "rloo",
    "disarm",
    "rebar",
    "vimco",
    "enumeration",
]


class Choice(NamedTuple):
    """An estimator by its name.

    Attributes:
        make: From a temperature, which may be traced, to the estimator.
        samples: The fewest samples of each image that are of use.
        tempered: Whether it has a temperature.
    """

    make: Callable[[Any], Estimator]
    samples: int = 1
    tempered: bool = False


CHOICES: dict[EstimatorName, Choice] = {
    "gumbel_softmax": Choice(GumbelSoftmax, tempered=True),
    "straight_through_gumbel": Choice(lambda t: GumbelSoftmax(t, True), tempered=True),
    "gumbel_rao": Choice(lambda t: GumbelRao(t, NUM_INNER), tempered=True),
    "straight_through": Choice(lambda t: StraightThrough()),
    "reinmax": Choice(lambda t: ReinMax()),
    "score": Choice(lambda t: ScoreFunction()),
    "rloo": Choice(lambda t: ScoreFunction("leave_one_out"), samples=2),
    "disarm": Choice(lambda t: DisARM()),
    "rebar": Choice(Rebar, tempered=True),
    "vimco": Choice(lambda t: VIMCO(), samples=2),
    "enumeration": Choice(lambda t: Enumerate()),
}


@dataclasses.dataclass(frozen=True)
class LatentOptions:
    """What the latents are."""

    latent_kind: Literal["categorical", "bernoulli"] = "categorical"
    """Latents of each image: categories, or bits."""
    latents: int = 20
    """How many categories or bits."""
    classes: int = 10
    """Classes of a category; bits have none."""

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """The shape of the logits of one image."""
        return (self.latents, self.classes)[: 2 if self.categorical else 1]

    @property
    def categorical(self) -> bool:
        """Whether the latents are categories."""
        return self.latent_kind == "categorical"


def prior_of(config: LatentOptions) -> Prior:
    """Returns the uniform distribution over the codes."""
    make = uniform_categorical if config.categorical else uniform_bernoulli
    return make(*config.latent_shape)


def latents_name(config: LatentOptions) -> str:
    """Returns the latents in the name of a run, as `20x10` or `20bits`."""
    sizes = "x".join(map(str, config.latent_shape))
    return sizes if config.categorical else f"{sizes}bits"


def check_latents(config: LatentOptions) -> None:
    """Raises an InputError for categories of a single class."""
    if config.categorical:
        run.check_bounds(config, "classes", least=2)


def check_estimator(
    config: LatentOptions, name: EstimatorName, estimator: Estimator, samples: int
) -> None:
    """Raises an InputError for an estimator that the latents do not suit."""
    least = estimator.min_samples
    if samples < least:
        raise InputError(
            f"--samples is {samples}: --estimator {name} needs at least {least}."
        )
    if isinstance(estimator, Enumerate):
        values = config.classes if config.categorical else 2
        if values**config.latents > MOST_TERMS:
            raise InputError(
                f"--estimator enumeration would decode {values}^{config.latents} codes "
                f"for each image, more than {MOST_TERMS:,}: take fewer latents or "
                "another estimator."
            )
    if losses.vae.is_bound_estimator(estimator):
        return
    logits = jnp.zeros(config.latent_shape)
    family = losses.vae.families.Categorical if config.categorical else Bernoulli
    dist = family(logits).distribution
    reason = why_not(estimator, lambda z: jnp.sum(z**2), dist, samples)
    if reason is not None:
        raise InputError(reason)


def write_codes(folder: Path, model: VAE, state: Any, test: data.Source) -> None:
    """Writes test images, what comes back of their codes, and the posteriors.

    Args:
        folder: Where `codes.npz` goes.
        model: The model, of discrete latents.
        state: Its state.
        test: The test split.
    """
    state = on_one_device(state)
    images, _, _ = chosen(test, conditional=False)
    images = images[every_nth(len(images), SHOWN)]
    q, _ = models.encode_images(model, state, images)
    write_npz(
        folder / "codes.npz",
        inputs=images,
        outputs=models.image_decoder(model, state)(np.asarray(q.point)),
        probabilities=np.asarray(probabilities(q)),
    )


def probabilities(q: Any) -> Array:
    """Calculates the posterior over the classes, shape (images, variables, classes)."""
    if isinstance(q, Bernoulli):
        ones = jax.nn.sigmoid(jnp.asarray(q.logits))
        return jnp.stack([1 - ones, ones], axis=-1)
    return jax.nn.softmax(jnp.asarray(q.logits), axis=-1)


def code_table(q: Any) -> run.Table:
    """Says what the codes carry: entropies of the posterior and of its mean.

    Args:
        q: The posteriors of many images.
    """
    each = np.asarray(probabilities(q), np.float64)
    posterior = _entropy(each).mean(axis=0)
    aggregate = _entropy(each.mean(axis=0))
    told = aggregate - posterior
    rows = [
        [
            str(variable + 1),
            f"{told[variable]:.3f}",
            f"{posterior[variable]:.3f}",
            f"{aggregate[variable]:.3f}",
        ]
        for variable in np.argsort(-told)
    ]
    used = int(np.sum(told > 0.01))
    most = np.log(each.shape[-1])
    return run.Table(
        title="What each variable tells of an image",
        note=f"{used} of {len(rows)} variables tell more than 0.01 nats, "
        f"{told.sum():.1f} nats together if they were independent; none can tell more "
        f"than {most:.2f}. What it tells is the entropy of its mean posterior over "
        f"{len(each):,} test images less the mean entropy of its posterior.",
        columns=["variable", "tells, nats", "entropy given the image", "in all"],
        words=1,
        rows=rows,
    )


def _entropy(p: np.ndarray) -> np.ndarray:
    return -np.sum(p * np.log(np.maximum(p, 1e-300)), axis=-1)
