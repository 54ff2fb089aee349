"""The variational autoencoder as pure functions.

Kingma and Welling, Auto-Encoding Variational Bayes, 2014; Rezende, Mohamed and
Wierstra, Stochastic Backpropagation, 2014.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import losses, random
from jaxgen.losses.vae import ElboTerms, Likelihood
from jaxgen.models.gradient_step import gradient_step
from jaxgen.typing import (
    Array,
    Batch,
    Images,
    Latents,
    Metrics,
    NetState,
    Network,
    Params,
    PerExample,
    PRNGKeyArray,
    RandomKeys,
    State,
)


class VAE(NamedTuple):
    """The pure functions of a variational autoencoder; see `vae`.

    Attributes:
        init: `(key, batch) -> State`; `key` becomes the root key of the run.
        update: `(state, batch, axis_name=None) -> (State, Metrics)`, one step.
        evaluate: `(state, key, batch) -> terms per example`.
        sample: `(state, key, n) -> n images`, the means of p(x|z) at z ~ N(0, I).
        encode: `(state, images) -> (mean, log_variance)` of q(z|x).
        decode: `(state, latents) -> images`, the mean of p(x|z).
        reconstruct: `(state, images) -> images`, decoded from the mean of q(z|x).
    """

    init: Callable[[PRNGKeyArray, Batch], State]
    update: Callable[..., tuple[State, Metrics]]
    evaluate: Callable[[State, PRNGKeyArray, Batch], Metrics]
    sample: Callable[[State, PRNGKeyArray, int], Images]
    encode: Callable[[State, Images], tuple[Latents, Latents]]
    decode: Callable[[State, Latents], Images]
    reconstruct: Callable[[State, Images], Images]


def vae(
    encoder: Network,
    decoder: Network,
    optimizer: optax.GradientTransformation,
    *,
    likelihood: Likelihood,
    num_latents: int,
    beta: float = 1.0,
) -> VAE:
    """Makes a VAE with a standard normal prior out of two networks.

    Args:
        encoder: `images -> (mean, log_variance)`, each of shape (batch, num_latents).
        decoder: `latents -> parameters of the likelihood`, in the shape of the images.
        optimizer: Any optax transformation; it trains both networks together.
        likelihood: p(x|z), as `losses.vae.bernoulli()`.
        num_latents: Dimensions of z.
        beta: Weight of the KL term.

    Returns:
        The model, safe under `jit`, `vmap` over seeds, `scan` over steps, `pmap` and
        `shard_map`.
    """

    def init(key: PRNGKeyArray, batch: Batch) -> State:
        images = batch["image"]
        latents = jnp.zeros((images.shape[0], num_latents), images.dtype)
        params = {
            "encoder": encoder.init(random.stream(key, "encoder"), images),
            "decoder": decoder.init(random.stream(key, "decoder"), latents),
        }
        net = NetState(params, batch_stats={}, opt_state=optimizer.init(params))
        return State(step=jnp.zeros((), jnp.int32), key=key, net=net)

    def loss(
        params: Params, keys: RandomKeys, images: Images
    ) -> tuple[PerExample, ElboTerms]:
        terms = losses.vae.elbo(
            keys,
            partial(encoder.apply, params["encoder"]),
            partial(decoder.apply, params["decoder"]),
            images,
            log_likelihood=likelihood.log_likelihood,
        )
        return losses.vae.negative_elbo(terms, beta=beta), terms

    def update(
        state: State, batch: Batch, axis_name: str | None = None
    ) -> tuple[State, Metrics]:
        images = batch["image"]
        keys = random.example_keys(
            random.stream(random.step_key(state.key, state.step), "latent"),
            images.shape[0],
            axis_name=axis_name,
        )

        def mean_loss(params: Params) -> tuple[Array, Metrics]:
            metrics = jax.tree.map(jnp.mean, _metrics(*loss(params, keys, images)))
            return metrics["loss"], metrics

        net, metrics = gradient_step(
            mean_loss, state.net, optimizer, axis_name=axis_name
        )
        return State(state.step + 1, state.key, net), metrics

    def evaluate(state: State, key: PRNGKeyArray, batch: Batch) -> Metrics:
        images = batch["image"]
        keys = random.example_keys(key, images.shape[0])
        return _metrics(*loss(state.net.params, keys, images))

    def encode(state: State, images: Images) -> tuple[Latents, Latents]:
        return encoder.apply(state.net.params["encoder"], images)

    def decode(state: State, latents: Latents) -> Images:
        return likelihood.mean(decoder.apply(state.net.params["decoder"], latents))

    def reconstruct(state: State, images: Images) -> Images:
        return decode(state, encode(state, images)[0])

    def sample(state: State, key: PRNGKeyArray, n: int) -> Images:
        return decode(state, jax.random.normal(key, (n, num_latents)))

    return VAE(init, update, evaluate, sample, encode, decode, reconstruct)


def _metrics(loss: PerExample, terms: ElboTerms) -> Metrics:
    return {"loss": loss, "reconstruction": -terms.log_likelihood, "kl": terms.kl}
