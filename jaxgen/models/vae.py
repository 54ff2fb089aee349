"""The variational autoencoder as pure functions, with any latents and any estimator.

Kingma and Welling, Auto-Encoding Variational Bayes, 2014; Rezende, Mohamed and
Wierstra, Stochastic Backpropagation, 2014.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import losses, random
from jaxgen.calls import factory
from jaxgen.checks import check_count, check_network, examples_of
from jaxgen.estimators import Estimator, Pathwise, ScoreFunction
from jaxgen.losses.vae import objectives, regularizers
from jaxgen.losses.vae.bounds import ElboTerms, check_decoder_statistics
from jaxgen.losses.vae.families import Gaussian, Posterior, PriorParameters
from jaxgen.losses.vae.likelihoods import Likelihood
from jaxgen.losses.vae.objectives import Objective
from jaxgen.losses.vae.priors import Prior
from jaxgen.losses.vae.regularizers import Divergence
from jaxgen.models import vae_checks
from jaxgen.models.conditions import check_classes, one_hot_labels
from jaxgen.models.gradient_step import gradient_step
from jaxgen.models.vae_networks import (
    VAENetworks,
    bound_of_batch,
    decode,
    divergence_from_prior,
    encode,
    init_networks,
    log_joint,
    posterior_of_batch,
    prior_at,
    prior_of,
    reconstruct,
    sample,
)
from jaxgen.typing import (
    Array,
    Batch,
    Evaluate,
    Images,
    Init,
    Metrics,
    NetState,
    Network,
    Params,
    PerExample,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
    Update,
)

__all__ = ["VAE", "EstimatorSchedule", "VAEState", "vae"]

EstimatorSchedule = Callable[[Array], Estimator]


class VAEState(NamedTuple):
    """The state of a VAE: a pytree without functions inside.

    Attributes:
        step: Number of updates done, int32 scalar.
        key: The root key, which never changes.
        net: Parameters, statistics and optimizer state of encoder, decoder and prior;
            parameters by these names, and statistics by the names of those that have
            some; () if none has.
        objective: What the objective keeps (a multiplier and an average).
        estimator: What the gradient estimator keeps (a moving average).
    """

    step: Array
    key: PRNGKeyArray
    net: NetState
    objective: PyTree
    estimator: PyTree


class VAE(NamedTuple):
    """The pure functions of a variational autoencoder; see `vae`.

    `condition` is the one-hot label, shape (batch, classes), of a conditional model.

    Attributes:
        init: `(key, batch) -> VAEState`; `key` becomes the root key of the run.
        update: `(state, batch, axis_name=None) -> (VAEState, Metrics)`, one step.
        evaluate: `(state, key, batch) -> terms per example`, always with true samples.
        sample: `(state, key, n, condition=None) -> n images`, the means of p(x|z) at
            z ~ p(z); without a condition the labels of a conditional model take turns.
        encode: `(state, images, condition=None) -> q(z|x)`: (mean, log_variance), or
            logits, by their names.
        decode: `(state, latents, condition=None) -> images`, the mean of p(x|z).
        reconstruct: `(state, images, condition=None) -> images`, decoded from the point
            that stands for q(z|x): its mean, or its likeliest value.
        prior: `(state, condition=None) -> p(z)`, by its parameters.
        divergence: `(state, images, condition=None) -> parts`, the divergence of q(z|x)
            from the prior, shape (batch, parts); from the standard normal (or uniform)
            distribution of its latents where it has no closed form.
        log_joint: `(state, latents, images, condition=None) -> log p(x, z)`, nats per
            example.
        num_classes: Classes of the condition, or None.
    """

    init: Init
    update: Update
    evaluate: Evaluate
    sample: Callable[..., Images]
    encode: Callable[..., Posterior]
    decode: Callable[..., Images]
    reconstruct: Callable[..., Images]
    prior: Callable[..., PriorParameters]
    divergence: Callable[..., Array]
    log_joint: Callable[..., PerExample]
    num_classes: int | None


@factory
def vae(
    encoder: Network,
    decoder: Network,
    optimizer: optax.GradientTransformation,
    *,
    likelihood: Likelihood,
    prior: Prior,
    divergence: Divergence | None = None,
    objective: Objective | None = None,
    estimator: Estimator | EstimatorSchedule | None = None,
    num_samples: int = 1,
    importance_weighted: bool = False,
    num_classes: int | None = None,
) -> VAE:
    """Makes a VAE out of two networks, a likelihood and a prior.

    The terms of the loss are those of `losses.vae.elbo`, or the loss is that of
    `losses.vae.importance_weighted_bound`.

    Both networks may have statistics of the batch, dropout or noise. In `update` the
    encoder is called once on the batch, with one key per example; a decoder without
    statistics is called for each sample of an example with the same key, so that all of
    them share one dropout mask; one with statistics once, on one latent per example.
    All other functions use running statistics and no keys.

    Args:
        encoder: `images -> (mean, log_variance)`, or logits for discrete latents; with
            `num_classes`, `(images, condition)`.
        decoder: `latents -> parameters of the likelihood`; with `num_classes`,
            `(latents, condition)`. One with statistics of the batch needs an estimator
            that evaluates it at one differentiable sample of each example, such as
            `Pathwise()` with `num_samples=1` or `GumbelSoftmax(0.5)`.
        optimizer: Any optax transformation; it trains all networks together.
        likelihood: p(x|z), as `losses.vae.bernoulli()`.
        prior: p(z), as `losses.vae.priors.standard_normal(20)`; it says what the
            latents are.
        divergence: Of q(z|x) from p(z): `losses.vae.regularizers.kl()` by default.
        objective: How the terms become a loss: `losses.vae.objectives.beta(1.0)`, the
            negative bound, by default.
        estimator: How the gradient crosses the sampling of z: any of
            `jaxgen.estimators`, or a function of the step that returns one (a schedule
            of the temperature, which is then logged). By default `Pathwise()` for
            Gaussian latents, and `ScoreFunction("leave_one_out")` of two samples for
            discrete ones.
        num_samples: Samples of z per example (pairs, for an antithetic estimator).
        importance_weighted: Train the bound of `num_samples` samples in place of the
            mean of one-sample bounds (IWAE). `DReG()`, `VIMCO()` and
            `StickingTheLanding()` mean that anyway.
        num_classes: Makes the model conditional on `batch["label"]`.

    Returns:
        The model, safe under `jit`, `vmap` over seeds, `scan` over steps, `pmap` and
        `shard_map`.

    Raises:
        InputError: The parts do not go together; the sentence says why. From `init`:
            the decoder has statistics, and the estimator or bound does not allow it.
    """
    vae_checks.check_parts(
        likelihood=(likelihood, Likelihood),
        prior=(prior, Prior),
        divergence=(divergence, Divergence),
        objective=(objective, Objective),
    )
    check_network("encoder", encoder, "mlp_encoder")
    check_network("decoder", decoder, "mlp_decoder")
    check_count("num_samples", num_samples, 1)
    gaussian = prior.family is Gaussian
    if estimator is None:
        estimator = Pathwise() if gaussian else ScoreFunction("leave_one_out")
        num_samples = num_samples if gaussian else max(num_samples, 2)
    schedule, first = vae_checks.schedule_of(estimator)
    scheduled = not isinstance(estimator, Estimator)
    weighted = importance_weighted or losses.vae.is_bound_estimator(first)
    vae_checks.check_weighted(weighted, objective, divergence)
    check_classes(num_classes)
    divergence = regularizers.kl() if divergence is None else divergence
    objective = objectives.beta() if objective is None else objective
    networks = VAENetworks(encoder, decoder, likelihood, prior, num_classes)
    elbo = partial(losses.vae.elbo, divergence=divergence)
    weighted_bound = partial(
        losses.vae.importance_weighted_bound, num_samples=num_samples
    )

    def init(key: PRNGKeyArray, batch: Batch, /) -> VAEState:
        images = examples_of(batch)
        condition = one_hot_labels("VAE", batch, num_classes)
        params, stats = init_networks(networks, key, images, condition)
        if "decoder" in stats:
            check_decoder_statistics(first, num_samples, importance_weighted=weighted)
        q, _ = posterior_of_batch(networks, params, stats, images, condition)
        p = prior_of(networks, params, stats, condition)
        kept = ()
        if not weighted:
            stream = random.stream(key, "estimator")
            kept = losses.vae.estimator_state(
                stream, first, q, p, divergence=divergence
            )
        net = NetState(params, stats, optimizer.init(params))
        step = jnp.zeros((), jnp.int32)
        return VAEState(step, key, net, objective.init(), kept)

    def update(
        state: VAEState, batch: Batch, axis_name: str | None = None
    ) -> tuple[VAEState, Metrics]:
        keys = _training_keys(state, len(examples_of(batch)), axis_name)
        now, stats = schedule(state.step), state.net.stats

        def mean(values: Array) -> Array:
            values = jnp.mean(values, axis=0)
            return values if axis_name is None else jax.lax.pmean(values, axis_name)

        def loss(params: Params) -> tuple[Array, Any]:
            function = weighted_bound if weighted else elbo
            bound, moved = bound_of_batch(
                networks,
                function,
                params,
                stats,
                batch,
                keys,
                train=True,
                axis_name=axis_name,
            )
            new = {"encoder": moved}
            if weighted:
                value = -jnp.mean(bound(estimator=now))
                return value, ({"loss": value}, (new, ()))
            terms = bound(
                estimator=now,
                num_samples=num_samples,
                state=state.estimator,
                decoder_statistics="decoder" in stats,
            )
            new["decoder"] = terms.stats
            values = objective.loss(
                state.objective, state.step, terms.log_likelihood, terms.parts, mean
            )
            metrics = jax.tree.map(jnp.mean, _metrics(values, terms, divergence))
            return metrics["loss"], (metrics, (new, terms.state))

        net, metrics, (moved, kept) = gradient_step(
            loss, state.net, optimizer, axis_name=axis_name
        )
        multiplier = state.objective
        if not weighted:
            metrics |= objective.report(state.objective, state.step)
            multiplier = objective.update(
                state.objective, -metrics["reconstruction"], metrics[divergence.name]
            )
        temperature = getattr(now, "temperature", None)
        if scheduled and temperature is not None:
            metrics |= {"temperature": jnp.asarray(temperature, jnp.float32)}
        net = net._replace(stats={name: moved[name] for name in stats} or ())
        return VAEState(state.step + 1, state.key, net, multiplier, kept), metrics

    def evaluate(state: VAEState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        keys = random.example_keys(key, len(examples_of(batch)))

        def value_of(bound: Callable[..., Any], keys: RandomKeys) -> Any:
            params, stats, own = state.net.params, state.net.stats, {"latent": keys}
            found, _ = bound_of_batch(networks, bound, params, stats, batch, own)
            return found(estimator=ScoreFunction())

        terms = value_of(elbo, keys)
        if weighted:
            bound = value_of(weighted_bound, jax.random.clone(keys))
            return _metrics(-bound, terms, divergence)

        def mean(values: Array) -> Array:
            # Padding has the weight 0.
            return jnp.average(values, axis=0, weights=batch.get("weight"))

        loss = objective.loss(
            state.objective, state.step, terms.log_likelihood, terms.parts, mean
        )
        return _metrics(loss, terms, divergence)

    return VAE(
        init=init,
        update=update,
        evaluate=evaluate,
        sample=partial(sample, networks),
        encode=partial(encode, networks),
        decode=partial(decode, networks),
        reconstruct=partial(reconstruct, networks),
        prior=partial(prior_at, networks),
        divergence=partial(divergence_from_prior, networks, divergence),
        log_joint=partial(log_joint, networks),
        num_classes=num_classes,
    )


def _training_keys(
    state: VAEState, batch_size: int, axis_name: str | None
) -> dict[str, RandomKeys]:
    """Returns the keys of the examples in one step, by what draws from them."""
    step = random.step_key(state.key, state.step)
    return {
        name: random.example_keys(
            random.stream(step, name), batch_size, axis_name=axis_name
        )
        for name in ("latent", "encoder", "decoder")
    }


def _metrics(loss: PerExample, terms: ElboTerms, divergence: Divergence) -> Metrics:
    return {
        "loss": loss,
        "reconstruction": -terms.log_likelihood,
        divergence.name: terms.divergence,
    }
