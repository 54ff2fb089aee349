"""VEEGAN: a GAN with a reconstructor, a third network from samples to latents.

Srivastava et al., VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational
Learning, 2017.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import losses, random
from jaxgen.calls import factory
from jaxgen.checks import check_count, check_floats, check_number, examples_of
from jaxgen.errors import InputError
from jaxgen.models import gan_checks
from jaxgen.models.gradient_step import gradient_step, with_gradient_norm
from jaxgen.typing import (
    Array,
    Batch,
    Evaluate,
    Init,
    Metrics,
    NetState,
    Network,
    Params,
    PerExample,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
    Size,
    Update,
)

__all__ = ["VEEGAN", "VEEGANState", "veegan"]


class VEEGANState(NamedTuple):
    """The state of a VEEGAN: a pytree without functions inside.

    Attributes:
        step: Number of updates done, int32 scalar.
        key: The root key, which never changes.
        generator: Parameters, statistics and optimizer state.
        reconstructor: Likewise.
        critic: Likewise.
    """

    step: Array
    key: PRNGKeyArray
    generator: NetState
    reconstructor: NetState
    critic: NetState


class VEEGAN(NamedTuple):
    """The pure functions of a VEEGAN; see `veegan`.

    Attributes:
        init: `(key, batch) -> VEEGANState`; `key` becomes the root key of the run.
        update: `(state, batch, axis_name=None) -> (VEEGANState, Metrics)`, one step of
            each network.
        evaluate: `(state, key, batch) -> terms per example`.
        sample: `(state, key, n) -> n samples`, the generator's noise among what is
            drawn.
        generate: `(state, latents, keys=None) -> samples`; `keys`, one per row, are
            those of the generator's noise.
        reconstruct: `(state, samples) -> latents`, shape (n, latents): the mean of the
            reconstructor's Gaussian.
        critique: `(state, samples) -> logits`, each sample beside the latents that are
            reconstructed from it; large for what looks like data.
        draw_latents: `(key, shape) -> latents`.
        latents: Dimension of the latent space.
    """

    init: Init
    update: Update
    evaluate: Evaluate
    sample: Callable[..., Array]
    generate: Callable[..., Array]
    reconstruct: Callable[..., Array]
    critique: Callable[..., Array]
    draw_latents: Callable[..., Array]
    latents: int


_Loss = tuple[Array, tuple[Metrics, PyTree]]


class _Networks(NamedTuple):
    generator: Network
    reconstructor: Network
    critic: Network


class _Step(NamedTuple):
    """Inputs of the three losses of one step; `noise` is that of the reconstructor."""

    networks: _Networks
    state: VEEGANState
    key: PRNGKeyArray
    real: Array
    latents: Array
    noise: Array
    reconstruction_weight: float
    axis_name: str | None


@factory
def veegan(
    generator: Network,
    reconstructor: Network,
    critic: Network,
    generator_optimizer: optax.GradientTransformation,
    reconstructor_optimizer: optax.GradientTransformation,
    critic_optimizer: optax.GradientTransformation,
    *,
    latents: int,
    noise: float = 1.0,
    reconstruction_weight: float = 1.0,
    signed: bool = False,
    draw_latents: Callable[[RandomKeys, tuple[int, ...]], Array] = random.normal,
) -> VEEGAN:
    """Makes a VEEGAN of three networks.

    The critic compares pairs, (z, G(z)) with (F(x) + noise, x). The losses are those of
    `losses.veegan`: label 1 is for *generated* pairs. All three gradients are taken at
    the same point, as in the paper. Where the generator lacks a mode, F has not learnt
    to map it to the prior, and the critic can tell the pairs apart by their latents.

    Networks may have statistics and take keys. Statistics of a network move in its own
    step, and the other two steps use those of their batch: the reconstructor's are of
    generated samples, the critic's of both kinds.

    Of what `gan` offers it lacks the losses, the remedies, several critic steps, the
    averaged generator and the condition.

    Args:
        generator: `latents -> samples`.
        reconstructor: `samples -> latents`, shape (batch, latents), such as
            `networks.mlp_critic(heads=latents)`.
        critic: `(samples, latents) -> logits`, shape (batch,). A network that takes a
            condition, such as `networks.mlp_critic()`, takes latents in its place.
        generator_optimizer: Any optax transformation.
        reconstructor_optimizer: Likewise.
        critic_optimizer: Likewise.
        latents: Dimension of the latent space.
        noise: Standard deviation of the reconstructor's Gaussian around F(x).
        reconstruction_weight: Of the squared distance in L_G.
        signed: For images: the networks see [-1, 1] where data are in [0, 1].
        draw_latents: `(keys, shape) -> latents`, standard normal by default.

    Returns:
        The model, safe under `jit`, `vmap` over seeds, `scan` over steps, `pmap` and
        `shard_map`. Its batches are `{"data": samples}` or `{"image": images}`. The
        metrics `real_logit` and `fake_logit` have the sign of the other GANs, large for
        what looks like data: they are -D.

    Raises:
        InputError: A number cannot be used; `init` raises it for networks whose shapes
            do not go together.

    References:
        Srivastava et al., VEEGAN, 2017, equation 3 and algorithm 1.
    """
    check_number("noise", noise, least=0)
    check_number("reconstruction_weight", reconstruction_weight, least=0)
    check_count("latents", latents, 1)
    players = _Networks(generator, reconstructor, critic)

    def draw(
        key: PRNGKeyArray, rows: int, axis_name: str | None = None
    ) -> tuple[Array, Array]:
        latent_keys, noise_keys = (
            random.example_keys(random.stream(key, name), rows, axis_name=axis_name)
            for name in ("latent", "reconstruction")
        )
        shape = (rows, latents)
        drawn = draw_latents(latent_keys, shape)
        return drawn, noise * random.normal(noise_keys, shape)

    def init(key: PRNGKeyArray, batch: Batch, /) -> VEEGANState:
        samples = _to_networks(examples_of(batch), signed)
        rows = samples.shape[0]
        zeros = jnp.zeros((rows, latents), samples.dtype)
        first, generated = _first_state(
            random.stream(key, "generator"), generator, generator_optimizer, zeros
        )
        gan_checks.check_generated(generated, samples.shape)
        second, reconstructed = _first_state(
            random.stream(key, "reconstructor"),
            reconstructor,
            reconstructor_optimizer,
            samples,
        )
        _check_reconstructed(reconstructed, zeros.shape)
        third, logits = _first_state(
            random.stream(key, "critic"), critic, critic_optimizer, samples, zeros
        )
        gan_checks.check_logits(logits, rows, 1)
        return VEEGANState(jnp.zeros((), jnp.int32), key, first, second, third)

    def update(
        state: VEEGANState, batch: Batch, axis_name: str | None = None
    ) -> tuple[VEEGANState, Metrics]:
        key = random.step_key(state.key, state.step)
        real = _to_networks(examples_of(batch), signed)
        drawn, drawn_noise = draw(key, real.shape[0], axis_name)
        step = _Step(
            networks=players,
            state=state,
            key=key,
            real=real,
            latents=drawn,
            noise=drawn_noise,
            reconstruction_weight=reconstruction_weight,
            axis_name=axis_name,
        )
        nets, metrics = {}, {}
        for name, loss, optimizer in (
            ("critic", _critic_loss, critic_optimizer),
            ("reconstructor", _reconstructor_loss, reconstructor_optimizer),
            ("generator", _generator_loss, generator_optimizer),
        ):
            net, found, stats = gradient_step(
                partial(loss, step=step),
                getattr(state, name),
                optimizer,
                axis_name=axis_name,
            )
            nets[name] = net._replace(stats=stats)
            metrics |= with_gradient_norm(found, name)
        return VEEGANState(state.step + 1, state.key, **nets), metrics

    def generate(
        state: VEEGANState, latents: Array, keys: RandomKeys | None = None
    ) -> Array:
        samples = _evaluated(generator, state.generator, latents, keys=keys)
        return 0.5 * (samples + 1.0) if signed else samples

    def sample(state: VEEGANState, key: PRNGKeyArray, n: Size) -> Array:
        check_count("n", n, 0)
        keys = random.example_keys(random.stream(key, "generator noise"), n)
        return generate(state, draw_latents(key, (n, latents)), keys)

    def reconstruct(state: VEEGANState, samples: Array) -> Array:
        check_floats(samples=samples)
        inputs = _to_networks(samples, signed)
        found = _evaluated(reconstructor, state.reconstructor, inputs)
        return found.reshape(samples.shape[0], latents)

    def critique(state: VEEGANState, samples: Array) -> PerExample:
        pair = _to_networks(samples, signed), reconstruct(state, samples)
        return -_evaluated(critic, state.critic, *pair)

    def evaluate(state: VEEGANState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        real = examples_of(batch)
        rows = real.shape[0]
        drawn, drawn_noise = draw(key, rows)
        keys = random.example_keys(random.stream(key, "generator noise"), rows)
        fake = generate(state, drawn, keys)
        found = reconstruct(state, fake)
        pairs = (real, reconstruct(state, real) + drawn_noise), (fake, drawn)
        real_logits, fake_logits = (
            _evaluated(critic, state.critic, _to_networks(samples, signed), beside)
            for samples, beside in pairs
        )
        generator_loss = losses.veegan.generator_loss(
            fake_logits, drawn, found, reconstruction_weight=reconstruction_weight
        )
        return {
            "critic_loss": losses.veegan.critic_loss(real_logits, fake_logits),
            "generator_loss": generator_loss,
            "reconstruction": losses.veegan.reconstructor_loss(drawn, found),
            "real_logit": -real_logits,
            "fake_logit": -fake_logits,
        }

    return VEEGAN(
        init=init,
        update=update,
        evaluate=evaluate,
        sample=sample,
        generate=generate,
        reconstruct=reconstruct,
        critique=critique,
        draw_latents=draw_latents,
        latents=latents,
    )


def _to_networks(samples: Array, signed: bool) -> Array:
    return 2.0 * samples - 1.0 if signed else samples


def _first_state(
    key: PRNGKeyArray,
    network: Network,
    optimizer: optax.GradientTransformation,
    *inputs: Array,
) -> tuple[NetState, tuple[int, ...]]:
    """Returns the first state of a network, and the shape of its outputs."""
    params, stats = network.init(key, *inputs)
    outputs, _ = jax.eval_shape(network.apply, params, stats, *inputs)
    return NetState(params, stats, optimizer.init(params)), outputs.shape


def _evaluated(
    network: Network, net: NetState, *inputs: Array, keys: RandomKeys | None = None
) -> Array:
    mode = {} if keys is None else {"keys": keys}
    return network.apply(net.params, net.stats, *inputs, **mode)[0]


def _trained(
    step: _Step, network: Network, net: NetState, *inputs: Array, stream: str
) -> tuple[Array, PyTree]:
    """Runs a network in training, with keys of a stream of its own."""
    rows, axis_name = inputs[0].shape[0], step.axis_name
    keys = random.example_keys(
        random.stream(step.key, stream), rows, axis_name=axis_name
    )
    return network.apply(
        net.params, net.stats, *inputs, keys=keys, train=True, axis_name=axis_name
    )


def _logits(
    step: _Step, net: NetState, samples: Array, latents: Array, *, of: str
) -> tuple[Array, PyTree]:
    critic = step.networks.critic
    return _trained(step, critic, net, samples, latents, stream=f"critic {of}")


def _generated(step: _Step, net: NetState) -> tuple[Array, PyTree]:
    """Generates from the latents of a step: the same samples in all three losses."""
    generator = step.networks.generator
    return _trained(step, generator, net, step.latents, stream="generator noise")


def _reconstructed(
    step: _Step, net: NetState, samples: Array, *, of: str
) -> tuple[Array, PyTree]:
    network = step.networks.reconstructor
    found, stats = _trained(step, network, net, samples, stream=f"reconstructor {of}")
    return found.reshape(step.latents.shape), stats


def _critic_loss(params: Params, step: _Step) -> _Loss:
    fake, _ = _generated(step, step.state.generator)
    found, _ = _reconstructed(step, step.state.reconstructor, step.real, of="real")
    net = step.state.critic._replace(params=params)
    fake_logits, stats = _logits(step, net, fake, step.latents, of="fake")
    net, found = net._replace(stats=stats), found + step.noise
    real_logits, stats = _logits(step, net, step.real, found, of="real")
    value = jnp.mean(losses.veegan.critic_loss(real_logits, fake_logits))
    terms = {
        "critic_loss": value,
        "real_logit": -jnp.mean(real_logits),
        "fake_logit": -jnp.mean(fake_logits),
    }
    return value, (terms, stats)


def _reconstructor_loss(params: Params, step: _Step) -> _Loss:
    fake, _ = _generated(step, step.state.generator)
    net = step.state.reconstructor._replace(params=params)
    found, stats = _reconstructed(step, net, fake, of="fake")
    value = jnp.mean(losses.veegan.reconstructor_loss(step.latents, found))
    return value, ({"reconstruction": value}, stats)


def _generator_loss(params: Params, step: _Step) -> _Loss:
    fake, stats = _generated(step, step.state.generator._replace(params=params))
    logits, _ = _logits(step, step.state.critic, fake, step.latents, of="fake")
    found, _ = _reconstructed(step, step.state.reconstructor, fake, of="fake")
    weight = step.reconstruction_weight
    values = losses.veegan.generator_loss(
        logits, step.latents, found, reconstruction_weight=weight
    )
    value = jnp.mean(values)
    return value, ({"generator_loss": value}, stats)


def _check_reconstructed(found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    # One head drops its axis.
    if found != wanted and (*found, 1) != wanted:
        raise InputError(
            f"The reconstructor gives latents of shape {found[1:]}, and the generator "
            f"takes {wanted[1:]}: make it with {wanted[1]} outputs, as "
            f"networks.mlp_critic(heads={wanted[1]})."
        )
