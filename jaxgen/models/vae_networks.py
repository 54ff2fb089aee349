"""What a VAE does with its networks: encode, decode, sample, and the densities.

Functions of a state use running statistics and draw no dropout; `jaxgen.models.vae`
trains on batches.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp

from jaxgen import random
from jaxgen.checks import check_count, check_key, examples_of
from jaxgen.losses.vae import regularizers
from jaxgen.losses.vae.families import (
    Posterior,
    PriorParameters,
    posterior_of,
    standard_prior,
)
from jaxgen.losses.vae.likelihoods import Likelihood
from jaxgen.losses.vae.priors import Prior
from jaxgen.losses.vae.regularizers import Divergence
from jaxgen.models import vae_checks
from jaxgen.models.conditions import Condition, check_condition, given, one_hot_labels
from jaxgen.typing import (
    Array,
    Batch,
    Images,
    NetState,
    Network,
    Params,
    PerExample,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
    Size,
)

__all__ = [
    "VAENetworks",
    "bound_of_batch",
    "decode",
    "divergence_from_prior",
    "encode",
    "init_networks",
    "log_joint",
    "posterior_of_batch",
    "prior_at",
    "prior_of",
    "reconstruct",
    "sample",
]


class VAENetworks(NamedTuple):
    """The networks of a VAE, and the distributions whose parameters they return."""

    encoder: Network
    decoder: Network
    likelihood: Likelihood
    prior: Prior
    num_classes: int | None


def init_networks(
    networks: VAENetworks, key: PRNGKeyArray, images: Images, condition: Condition
) -> tuple[Params, PyTree]:
    """Returns the parameters and the statistics of a new VAE, by network.

    Statistics are those of the networks that have some, or () if none has.

    Args:
        networks: The networks.
        key: The root key; each network draws from a stream of its own.
        images: Any batch.
        condition: Of these images, or None.
    """
    encoder, decoder, _, prior, _ = networks
    latents = jnp.zeros((images.shape[0], *prior.shape), images.dtype)
    own = given(condition)
    params, stats = {}, {}
    for name, network, inputs in (
        ("encoder", encoder, images),
        ("decoder", decoder, latents),
    ):
        stream = random.stream(key, name)
        params[name], found = network.init(stream, inputs, *own)
        if jax.tree.leaves(found):
            stats[name] = found
    stream = random.stream(key, "prior")
    params["prior"] = prior.init(stream, images, condition)
    return params, stats or ()


def posterior_of_batch(
    networks: VAENetworks,
    params: Params,
    stats: PyTree,
    images: Images,
    condition: Condition,
    **mode: Any,
) -> tuple[Posterior, PyTree]:
    """Returns q(z|x) of a batch, and the encoder's next statistics.

    Args:
        networks: The networks.
        params: Parameters by network.
        stats: Statistics by network.
        images: The batch.
        condition: Its condition, or None.
        **mode: `keys`, `train` and `axis_name` of `jaxgen.typing.Network`.
    """
    vae_checks.check_images(images, networks.likelihood)
    own = _stats_of(stats, "encoder")
    outputs, new = networks.encoder.apply(
        params["encoder"], own, images, *given(condition), **mode
    )
    q = posterior_of(networks.prior.family, outputs)
    vae_checks.check_latents(q.point.shape[1:], networks.prior.shape)
    return q, new


def prior_of(
    networks: VAENetworks, params: Params, stats: PyTree, condition: Condition
) -> PriorParameters:
    """Returns p(z); arguments as in `posterior_of_batch`."""

    def encode(images: Images) -> Posterior:
        return posterior_of_batch(networks, params, stats, images, None)[0]

    return networks.prior.parameters(params["prior"], encode, condition)


def bound_of_batch(
    networks: VAENetworks,
    bound: Callable[..., Any],
    params: Params,
    stats: PyTree,
    batch: Batch,
    keys: dict[str, RandomKeys],
    *,
    train: bool = False,
    axis_name: str | None = None,
) -> tuple[Callable[..., Any], PyTree]:
    """Returns a bound with the arguments of a batch, and the encoder's next statistics.

    Args:
        networks: The networks.
        bound: `losses.vae.elbo` or `losses.vae.importance_weighted_bound`.
        params: Parameters by network.
        stats: Statistics by network.
        batch: The images, and labels where the model is conditional.
        keys: One per example for "latent"; in training for "encoder" and "decoder" too.
        train: Whether statistics are those of the batch, and keys are used.
        axis_name: The mapped axis whose devices share one batch.
    """
    images = examples_of(batch)
    condition = one_hot_labels("VAE", batch, networks.num_classes)
    decoder = params["decoder"], _stats_of(stats, "decoder")

    def decode(latents: Array, *condition: Array) -> Any:
        return networks.decoder.apply(*decoder, latents, *condition)[0]

    def decode_in_training(latents: Array, *inputs: Array) -> Any:
        *condition, own_keys = inputs
        outputs, new = networks.decoder.apply(
            *decoder,
            latents,
            *condition,
            # An estimator may call it several times, each time with the same mask.
            keys=jax.random.clone(own_keys),
            train=True,
            axis_name=axis_name,
        )
        return (outputs, new) if "decoder" in stats else outputs

    mode, inputs = {}, given(condition)
    if train:
        mode = {"keys": keys["encoder"], "train": True, "axis_name": axis_name}
        inputs = (*inputs, keys["decoder"])
    q, moved = posterior_of_batch(networks, params, stats, images, condition, **mode)
    return partial(
        bound,
        keys["latent"],
        q,
        decode_in_training if train else decode,
        images,
        *inputs,
        log_likelihood=networks.likelihood.log_likelihood,
        prior=prior_of(networks, params, stats, condition),
    ), moved


def encode(
    networks: VAENetworks, state: Any, images: Images, condition: Condition = None
) -> Posterior:
    """Returns q(z|x); `state` is a `VAEState`, here and below."""
    condition = _checked(networks, condition, images.shape[0])
    net: NetState = state.net
    return posterior_of_batch(networks, net.params, net.stats, images, condition)[0]


def decode(
    networks: VAENetworks, state: Any, latents: Array, condition: Condition = None
) -> Images:
    """Returns the mean of p(x|z)."""
    own = given(_checked(networks, condition, latents.shape[0]))
    return networks.likelihood.mean(_outputs(networks, state.net, latents, *own))


def reconstruct(
    networks: VAENetworks, state: Any, images: Images, condition: Condition = None
) -> Images:
    """Returns the mean of p(x|z) at the point that stands for q(z|x)."""
    latents = encode(networks, state, images, condition).point
    return decode(networks, state, latents, condition)


def prior_at(
    networks: VAENetworks, state: Any, condition: Condition = None
) -> PriorParameters:
    """Returns p(z)."""
    return prior_of(networks, state.net.params, state.net.stats, condition)


def sample(
    networks: VAENetworks,
    state: Any,
    key: PRNGKeyArray,
    n: Size,
    condition: Condition = None,
) -> Images:
    """Returns the means of p(x|z) at n draws of p(z)."""
    check_key(key)
    check_count("n", n, 0)
    classes = networks.num_classes
    if classes is not None and condition is None:
        condition = jax.nn.one_hot(jnp.arange(n) % classes, classes)
    p = prior_at(networks, state, _checked(networks, condition, n))
    shape = () if networks.prior.per_example else (n,)
    with jax.numpy_rank_promotion("allow"):
        latents = p.distribution.sample(key, shape).astype(jnp.float32)
    return decode(networks, state, latents, condition)


def divergence_from_prior(
    networks: VAENetworks,
    divergence: Divergence,
    state: Any,
    images: Images,
    condition: Condition = None,
) -> Array:
    """Returns the divergence of q(z|x) from p(z) in parts, in closed form.

    Where it has none it is the KL, and where that has none the KL from the standard
    prior of such latents.
    """
    q = encode(networks, state, images, condition)
    p = prior_at(networks, state, condition)
    parts = divergence.closed_form(q, p)
    if parts is None:
        parts = regularizers.closed_form_kl(q, p)
    if parts is None:
        parts = regularizers.closed_form_kl(q, standard_prior(q))
    return cast(Array, parts)


def log_joint(
    networks: VAENetworks,
    state: Any,
    latents: Array,
    images: Images,
    condition: Condition = None,
) -> PerExample:
    """Returns log p(x, z), nats per example."""
    condition = _checked(networks, condition, images.shape[0])
    p = prior_at(networks, state, condition)
    with jax.numpy_rank_promotion("allow"):
        log_prior = p.distribution.log_prob(latents)
    outputs = _outputs(networks, state.net, latents, *given(condition))
    return log_prior + networks.likelihood.log_likelihood(outputs, images)


def _outputs(
    networks: VAENetworks, net: NetState, latents: Array, *condition: Array
) -> Any:
    """Returns the parameters of the likelihood, by running statistics."""
    params, stats = net.params["decoder"], _stats_of(net.stats, "decoder")
    return networks.decoder.apply(params, stats, latents, *condition)[0]


def _stats_of(stats: PyTree, name: str) -> PyTree:
    return stats[name] if name in stats else ()


def _checked(networks: VAENetworks, condition: Condition, rows: Size) -> Condition:
    return check_condition("VAE", condition, rows, networks.num_classes)
