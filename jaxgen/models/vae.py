"""The variational autoencoder as pure functions, with any latents and any estimator.

Kingma and Welling, Auto-Encoding Variational Bayes, 2014; Rezende, Mohamed and
Wierstra, Stochastic Backpropagation, 2014.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax

from jaxgen import losses, random
from jaxgen.checks import check_batch, check_count, check_key
from jaxgen.estimators import Estimator, Pathwise, ScoreFunction
from jaxgen.losses.vae import objectives, regularizers
from jaxgen.losses.vae.families import (
    Gaussian,
    Posterior,
    PriorParameters,
    StandardNormal,
    posterior_of,
)
from jaxgen.losses.vae.latent_bounds import LatentTerms
from jaxgen.losses.vae.likelihoods import Likelihood
from jaxgen.losses.vae.objectives import Objective
from jaxgen.losses.vae.priors import Prior
from jaxgen.losses.vae.regularizers import Divergence
from jaxgen.models import vae_checks
from jaxgen.models.conditions import (
    Condition,
    check_classes,
    check_condition,
    given,
    one_hot_labels,
)
from jaxgen.models.gradient_step import gradient_step
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

EstimatorSchedule = Callable[[Array], Estimator]


class VAEState(NamedTuple):
    """The state of a VAE: a pytree without functions inside.

    Attributes:
        step: Number of updates done, int32 scalar.
        key: The root key, which never changes.
        net: Parameters and optimizer state of encoder, decoder and prior.
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

    Args:
        encoder: `images -> (mean, log_variance)`, or logits for discrete latents; with
            `num_classes`, `(images, condition)`.
        decoder: `latents -> parameters of the likelihood`; with `num_classes`,
            `(latents, condition)`.
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
        InputError: The parts do not go together; the sentence says why.
    """
    vae_checks.check_parts(
        likelihood=(likelihood, Likelihood),
        prior=(prior, Prior),
        divergence=(divergence, Divergence),
        objective=(objective, Objective),
    )
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
    checked = partial(check_condition, "VAE", num_classes=num_classes)
    divergence = regularizers.kl() if divergence is None else divergence
    objective = objectives.beta() if objective is None else objective

    def condition_of(batch: Batch) -> Condition:
        return one_hot_labels("VAE", batch, num_classes)

    def posterior(params: Params, images: Images, condition: Condition) -> Posterior:
        vae_checks.check_images(images, likelihood)
        outputs, _ = encoder.apply(params["encoder"], (), images, *given(condition))
        q = posterior_of(prior.family, outputs)
        vae_checks.check_latents(q.point.shape[1:], prior.shape)
        return q

    def prior_of(params: Params, condition: Condition) -> PriorParameters:
        def encode(images: Images) -> Posterior:
            return posterior(params, images, None)

        return prior.parameters(params["prior"], encode, condition)

    def log_likelihood(
        params: Params, latents: Array, images: Images, *condition: Array
    ) -> PerExample:
        outputs, _ = decoder.apply(params["decoder"], (), latents, *condition)
        return likelihood.log_likelihood(outputs, images)

    def problem(params: Params, batch: Batch) -> tuple[Any, ...]:
        """What both bounds are made of."""
        condition = condition_of(batch)
        return (
            partial(log_likelihood, params),
            posterior(params, batch["image"], condition),
            prior_of(params, condition),
            (batch["image"], *given(condition)),
        )

    def terms(
        params: Params,
        keys: RandomKeys,
        batch: Batch,
        estimator: Estimator,
        state: PyTree,
        samples: int,
    ) -> LatentTerms:
        return losses.vae.latent_terms(
            keys,
            *problem(params, batch),
            divergence=divergence,
            estimator=estimator,
            num_samples=samples,
            state=state,
            prior_per_example=prior.per_example,
        )

    def bound(
        params: Params, keys: RandomKeys, batch: Batch, estimator: Estimator
    ) -> PerExample:
        return losses.vae.latent_bound(
            keys,
            *problem(params, batch),
            estimator=estimator,
            num_samples=num_samples,
            prior_per_example=prior.per_example,
        )

    def init(key: PRNGKeyArray, batch: Batch, /) -> VAEState:
        check_batch(batch, "image")
        images, condition = batch["image"], condition_of(batch)
        latents = jnp.zeros((images.shape[0], *prior.shape), images.dtype)
        own = given(condition)
        params = {
            "encoder": encoder.init(random.stream(key, "encoder"), images, *own)[0],
            "decoder": decoder.init(random.stream(key, "decoder"), latents, *own)[0],
            "prior": prior.init(random.stream(key, "prior"), images, condition),
        }
        _, q, p, _ = problem(params, batch)
        kept = ()
        if not weighted:
            stream = random.stream(key, "estimator")
            kept = losses.vae.estimator_state(
                stream, first, q, p, divergence=divergence
            )
        net = NetState(params, stats=(), opt_state=optimizer.init(params))
        step = jnp.zeros((), jnp.int32)
        return VAEState(step, key, net, objective.init(), kept)

    def update(
        state: VAEState, batch: Batch, axis_name: str | None = None
    ) -> tuple[VAEState, Metrics]:
        check_batch(batch, "image")
        keys = random.example_keys(
            random.stream(random.step_key(state.key, state.step), "latent"),
            batch["image"].shape[0],
            axis_name=axis_name,
        )
        now = schedule(state.step)

        def mean(values: Array) -> Array:
            values = jnp.mean(values, axis=0)
            return values if axis_name is None else jax.lax.pmean(values, axis_name)

        def bound_loss(params: Params) -> tuple[Array, Any]:
            loss = -jnp.mean(bound(params, keys, batch, now))
            return loss, ({"loss": loss}, ())

        def terms_loss(params: Params) -> tuple[Array, Any]:
            found = terms(params, keys, batch, now, state.estimator, num_samples)
            loss = objective.loss(
                state.objective, state.step, found.log_likelihood, found.parts, mean
            )
            metrics = jax.tree.map(jnp.mean, _metrics(loss, found, divergence))
            return metrics["loss"], (metrics, found.state)

        net, metrics, kept = gradient_step(
            bound_loss if weighted else terms_loss,
            state.net,
            optimizer,
            axis_name=axis_name,
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
        return VAEState(state.step + 1, state.key, net, multiplier, kept), metrics

    def evaluate(state: VAEState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        check_batch(batch, "image")
        keys = random.example_keys(key, batch["image"].shape[0])
        params, plain = state.net.params, ScoreFunction()
        found = terms(params, keys, batch, plain, (), 1)
        if weighted:
            loss = -bound(params, jax.random.clone(keys), batch, plain)
            return _metrics(loss, found, divergence)

        def mean(values: Array) -> Array:
            # Padding has the weight 0.
            return jnp.average(values, axis=0, weights=batch.get("weight"))

        loss = objective.loss(
            state.objective, state.step, found.log_likelihood, found.parts, mean
        )
        return _metrics(loss, found, divergence)

    def encode(
        state: VAEState, images: Images, condition: Condition = None
    ) -> Posterior:
        return posterior(state.net.params, images, checked(condition, len(images)))

    def decode(state: VAEState, latents: Array, condition: Condition = None) -> Images:
        own = given(checked(condition, latents.shape[0]))
        outputs, _ = decoder.apply(state.net.params["decoder"], (), latents, *own)
        return likelihood.mean(outputs)

    def reconstruct(
        state: VAEState, images: Images, condition: Condition = None
    ) -> Images:
        return decode(state, encode(state, images, condition).point, condition)

    def prior_at(state: VAEState, condition: Condition = None) -> PriorParameters:
        return prior_of(state.net.params, condition)

    def sample(
        state: VAEState, key: PRNGKeyArray, n: int, condition: Condition = None
    ) -> Images:
        check_key(key)
        check_count("n", n, 0)
        if num_classes is not None and condition is None:
            condition = jax.nn.one_hot(jnp.arange(n) % num_classes, num_classes)
        p = prior_at(state, checked(condition, n))
        shape = () if prior.per_example else (n,)
        with jax.numpy_rank_promotion("allow"):
            latents = p.distribution.sample(key, shape).astype(jnp.float32)
        return decode(state, latents, condition)

    def divergence_of(
        state: VAEState, images: Images, condition: Condition = None
    ) -> Array:
        q, p = encode(state, images, condition), prior_at(state, condition)
        parts = divergence.closed_form(q, p)
        if parts is None:
            parts = regularizers.closed_form_kl(q, p)
        if parts is None:
            standard = StandardNormal(jnp.zeros(prior.shape))
            parts = regularizers.closed_form_kl(q, standard)
        return cast(Array, parts)

    def log_joint(
        state: VAEState, latents: Array, images: Images, condition: Condition = None
    ) -> PerExample:
        own = checked(condition, images.shape[0])
        p = prior_at(state, own)
        with jax.numpy_rank_promotion("allow"):
            log_prior = p.distribution.log_prob(latents)
        params = state.net.params
        return log_prior + log_likelihood(params, latents, images, *given(own))

    return VAE(
        init=init,
        update=update,
        evaluate=evaluate,
        sample=sample,
        encode=encode,
        decode=decode,
        reconstruct=reconstruct,
        prior=prior_at,
        divergence=divergence_of,
        log_joint=log_joint,
        num_classes=num_classes,
    )


def _metrics(loss: PerExample, terms: LatentTerms, divergence: Divergence) -> Metrics:
    return {
        "loss": loss,
        "reconstruction": -terms.log_likelihood,
        divergence.name: jnp.sum(terms.parts, axis=-1),
    }
