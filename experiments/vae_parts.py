"""Networks and likelihoods by name, and what is measured of a trained VAE."""

import dataclasses
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import data, losses, metrics, models, networks, run, training
from jaxgen.images import in_blocks, scale
from jaxgen.losses.vae.families import Gaussian, StandardNormal
from jaxgen.models import VAE
from jaxgen.training import on_one_device
from jaxgen.typing import Array, Batch, Network, PRNGKeyArray


@dataclasses.dataclass(frozen=True)
class NetworkOptions:
    """Encoder, decoder and likelihood."""

    network: Literal["mlp", "conv"] = "mlp"
    """`mlp`: hidden layers; `conv`: the net of the Keras VAE example."""
    hidden: tuple[int, ...] | None = None
    """Widths of the hidden layers of the MLP encoder, 400 by default; the decoder has
    them reversed. With conv: the features between images and latents, 16 by default."""
    initializer: Literal["glorot", "fan_in"] = "glorot"
    """How the kernels of the MLP start: uniform within Glorot's bound, or within 1 /
    sqrt(inputs), as PyTorch's layers do."""
    latents: int = 2
    """Dimensions of the latent space; two give the plane and the explorer."""
    likelihood: losses.vae.LikelihoodName = "bernoulli"
    """`bernoulli` is cross-entropy (BCE), `continuous_bernoulli` its density for grey
    pixels; `gaussian` squared error over 2 x variance, `learned_gaussian` with one
    learned variance, `pixel_gaussian` with one for every pixel; `laplace`;
    `categorical` and `discretized_logistic` for 8-bit pixels."""
    variance: float = 0.05
    """Variance of a pixel under the Gaussian likelihood, images being in [0, 1]."""


def likelihood_of(config: NetworkOptions) -> losses.vae.Likelihood:
    """Returns the likelihood that the options name."""
    return losses.vae.likelihood_from_name(config.likelihood, variance=config.variance)


def networks_of(
    config: NetworkOptions,
    image_shape: tuple[int, int, int],
    latents: int | tuple[int, ...] | None = None,
) -> tuple[Network, Network]:
    """Returns the encoder and the decoder that the options describe.

    Args:
        config: The options.
        image_shape: Height, width, channels.
        latents: What the encoder is for, if not `config.latents` Gaussian ones; see
            `networks.mlp_encoder`.
    """
    latents = config.latents if latents is None else latents
    shared = config.likelihood == "learned_gaussian"
    height, width, channels = image_shape
    if not shared:
        channels *= likelihood_of(config).outputs_per_channel
    shape = (height, width, channels)
    if config.network == "mlp":
        hidden = config.hidden or (400,)
        init = networks.fan_in_uniform if config.initializer == "fan_in" else None
        encoder = networks.mlp_encoder(latents, hidden, kernel_init=init)
        decoder = networks.mlp_decoder(shape, hidden[::-1], kernel_init=init)
    else:
        wide = config.hidden[0] if config.hidden else None
        encoder = networks.convolutional_encoder(latents, hidden=wide or 16)
        decoder = networks.convolutional_decoder(shape, hidden=wide)
    return encoder, networks.shared_scale(decoder) if shared else decoder


MNIST = ("mnist", "mnist5k")
"""The sets that what is published of MNIST may stand beside."""


def measure_likelihood(
    key: PRNGKeyArray,
    model: VAE,
    state: Any,
    setup: run.Setup,
    *,
    num_samples: int = 5000,
    num_images: int | None = None,
    chunk_size: int = 10,
) -> metrics.SetLikelihood:
    """Estimates -log p(x) of the test set; see `metrics.set_log_likelihood`."""
    with run.display() as show:
        return metrics.set_log_likelihood(
            key,
            model,
            on_one_device(state),
            training.iterate_batches(setup.test_batches),
            num_samples=num_samples,
            num_images=len(setup.test) if num_images is None else num_images,
            chunk_size=chunk_size,
            progress=show,
        )


def test_terms(
    key: PRNGKeyArray, model: VAE, state: Any, setup: run.Setup
) -> dict[str, np.ndarray]:
    """Calculates the terms of every test image, to compare models image by image.

    Args:
        key: It is consumed; models that are given the same draw alike.
        model: The model.
        state: Its state.
        setup: The data.

    Returns:
        The terms of `model.evaluate` by name; `at_mean`, which is -log p(x|z) at the
        point that stands for q(z|x); `sampled_kl`, which is log q(z|x) - log p(z) at
        one draw. Nats, shape (images,).
    """
    state = on_one_device(state)

    @jax.jit
    def measure(key: PRNGKeyArray, batch: Batch) -> dict[str, Array]:
        images = batch["image"]
        own: tuple[Array, ...] = ()
        if model.num_classes is not None:
            own = (jax.nn.one_hot(batch["label"], model.num_classes),)
        q, p = model.encode(state, images, *own), model.prior(state, *own)
        of_terms, of_kl = jax.random.split(key)
        with jax.numpy_rank_promotion("allow"):
            # log p(x, z) is what a model tells; log p(x|z) is what is left of it.
            log_prior = p.distribution.log_prob(q.point)
            z = q.distribution.sample(of_kl)
            kl = q.distribution.log_prob(z) - p.distribution.log_prob(z)
        at_mean = log_prior - model.log_joint(state, q.point, images, *own)
        terms = model.evaluate(state, of_terms, batch)
        return terms | {"at_mean": at_mean, "sampled_kl": kl}

    blocks = []
    for number, batch in enumerate(training.iterate_batches(setup.test_batches)):
        found = jax.device_get(measure(jax.random.fold_in(key, number), batch))
        kept = np.asarray(batch["weight"]) > 0
        blocks.append({name: values[kept] for name, values in found.items()})
    return {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]}


test_terms.__test__ = False  # a name that pytest would collect


def mean_kl(model: VAE, state: Any, source: data.Source) -> float:
    """Returns the divergence of q(z|x) from the prior, nats, a mean over all images."""
    state, total = on_one_device(state), 0.0

    @jax.jit
    def divergence(images: Array) -> Array:
        return model.divergence(state, scale(images))

    for first in range(0, len(source), 10_000):
        some = np.arange(first, min(first + 10_000, len(source)))
        blocks = in_blocks(divergence, source.read(some)["image"])
        total += sum(float(block.sum()) for block in blocks)
    return total / len(source)


def posterior_tables(
    key: PRNGKeyArray, model: VAE, state: Any, setup: run.Setup
) -> list[run.Table]:
    """Says what a Gaussian posterior carries: the doctor, and where the KL goes.

    The doctor needs the KL of each latent to its prior, and is left out where that has
    none: for a mixture.

    Args:
        key: It is consumed.
        model: The model, with Gaussian latents.
        state: Its state.
        setup: The data.
    """
    images = setup.test.read(np.arange(min(len(setup.test), 5000)))
    count = len(images["image"])
    run.print_line(f"Measuring what the latents carry, on {count:,} test images")
    condition = None
    if model.num_classes is not None:
        condition = np.eye(model.num_classes, dtype=np.float32)[images["label"]]
    q, parts = models.encode_images(model, state, images["image"], condition)
    tables = []
    p = model.prior(state, None if condition is None else jnp.asarray(condition))
    if isinstance(p, StandardNormal | Gaussian):
        prior_mean = np.asarray(p.mean) if isinstance(p, Gaussian) else np.zeros(1)
        # What differs from label to label in the prior too tells nothing of an image.
        mean = jnp.asarray(np.asarray(q.mean) - prior_mean)
        activity = metrics.active_units(mean).activity
        tables.append(
            run.collapse_table(metrics.collapse_report(parts.mean(axis=0), activity))
        )
        if prior_mean.ndim > 1:
            note = tables[0].note + " Means are counted from those of the prior."
            tables[0] = dataclasses.replace(tables[0], note=note)
    split = metrics.kl_decomposition(key, q.mean, q.log_variance)
    return [*tables, run.kl_table(split, len(q.mean))]
