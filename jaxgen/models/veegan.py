"""VEEGAN: a GAN whose third network leads samples back to their latents.

Srivastava et al., VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational
Learning, 2017.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import losses, random
from jaxgen.checks import check_batch, check_count, check_floats, check_number
from jaxgen.errors import InputError
from jaxgen.models import gan_checks
from jaxgen.models.gradient_step import gradient_step
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
    Update,
)


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
        sample: `(state, key, n) -> n samples`.
        generate: `(state, latents) -> samples`.
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


class _Draws(NamedTuple):
    """What a step draws: latents and the reconstructor's noise, shape (n, latents)."""

    latents: Array
    noise: Array


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

    The critic compares pairs, (z, G(z)) with (F(x) + noise, x), and its logit D
    estimates the logarithm of their density ratio: label 1 is for *generated* pairs.

    - L_D = -E log s(D(z, G(z))) - E log(1 - s(D(F(x) + noise, x)))
    - L_F = E |z - F(G(z))|^2
    - L_G = E D(z, G(z)) + E |z - F(G(z))|^2

    All three gradients are taken at the same point, as in the paper. Where the
    generator lacks a mode, F has not learnt to send it to the prior, and the critic
    tells the pairs apart by their latents.

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
        `shard_map`. Its batches are `{"image": samples}`; samples may as well be
        points. The metrics `real_logit` and `fake_logit` have the sign of the other
        GANs, large for what looks like data: they are -D.

    Raises:
        InputError: A number cannot be used; `init` raises it for networks whose shapes
            do not go together.

    References:
        Srivastava et al., VEEGAN, 2017, equation 3 and algorithm 1.
    """
    check_number("noise", noise, least=0)
    check_number("reconstruction_weight", reconstruction_weight, least=0)
    check_count("latents", latents, 1)

    def seen(samples: Array) -> Array:
        return 2.0 * samples - 1.0 if signed else samples

    def draws_of(key: PRNGKeyArray, rows: int, axis_name: str | None) -> _Draws:
        def keys(name: str) -> RandomKeys:
            own = random.stream(key, name)
            return random.example_keys(own, rows, axis_name=axis_name)

        shape = (rows, latents)
        return _Draws(
            draw_latents(keys("latent"), shape),
            noise * random.normal(keys("reconstruction"), shape),
        )

    def init(key: PRNGKeyArray, batch: Batch, /) -> VEEGANState:
        check_batch(batch, "image")
        samples = seen(batch["image"])
        zeros = jnp.zeros((samples.shape[0], latents), samples.dtype)

        def made(
            name: str,
            network: Network,
            optimizer: optax.GradientTransformation,
            *inputs: Array,
        ) -> tuple[NetState, tuple[int, ...]]:
            params, stats = network.init(random.stream(key, name), *inputs)
            outputs, _ = jax.eval_shape(network.apply, params, stats, *inputs)
            return NetState(params, stats, optimizer.init(params)), outputs.shape

        first, found = made("generator", generator, generator_optimizer, zeros)
        gan_checks.check_generated(found, samples.shape)
        second, found = made(
            "reconstructor", reconstructor, reconstructor_optimizer, samples
        )
        _check_reconstructed(found, zeros.shape)
        third, found = made("critic", critic, critic_optimizer, samples, zeros)
        gan_checks.check_logits(found, samples.shape[0], 1)
        return VEEGANState(jnp.zeros((), jnp.int32), key, first, second, third)

    def update(
        state: VEEGANState, batch: Batch, axis_name: str | None = None
    ) -> tuple[VEEGANState, Metrics]:
        check_batch(batch, "image")
        key = random.step_key(state.key, state.step)
        real = seen(batch["image"])
        drawn = draws_of(key, real.shape[0], axis_name)

        def run(network: Network, net: NetState, *inputs: Array) -> Any:
            return network.apply(
                net.params, net.stats, *inputs, train=True, axis_name=axis_name
            )

        def distance(net: NetState, fake: Array) -> tuple[Array, PyTree]:
            found, stats = run(reconstructor, net, fake)
            return jnp.mean(_squared_distance(drawn.latents, found)), stats

        fake, _ = run(generator, state.generator, drawn.latents)
        led_back, _ = run(reconstructor, state.reconstructor, real)
        led_back = led_back.reshape(drawn.noise.shape) + drawn.noise

        def critic_loss(params: Params) -> tuple[Array, Any]:
            net = state.critic._replace(params=params)
            generated, stats = run(critic, net, fake, drawn.latents)
            net = net._replace(stats=stats)
            given, stats = run(critic, net, real, led_back)
            value = jnp.mean(_critic_loss(generated, given))
            terms = {
                "critic_loss": value,
                "real_logit": -jnp.mean(given),
                "fake_logit": -jnp.mean(generated),
            }
            return value, (terms, stats)

        def reconstructor_loss(params: Params) -> tuple[Array, Any]:
            value, stats = distance(state.reconstructor._replace(params=params), fake)
            return value, ({"reconstruction": value}, stats)

        def generator_loss(params: Params) -> tuple[Array, Any]:
            net = state.generator._replace(params=params)
            fake, stats = run(generator, net, drawn.latents)
            ratio, _ = run(critic, state.critic, fake, drawn.latents)
            apart, _ = distance(state.reconstructor, fake)
            value = jnp.mean(ratio) + reconstruction_weight * apart
            return value, ({"generator_loss": value}, stats)

        def step(
            name: str,
            loss: Callable[[Params], tuple[Array, Any]],
            optimizer: optax.GradientTransformation,
        ) -> tuple[NetState, Metrics]:
            net, found, stats = gradient_step(
                loss, getattr(state, name), optimizer, axis_name=axis_name
            )
            found[f"{name}_gradient_norm"] = found.pop("gradient_norm")
            del found["parameter_norm"], found["update_norm"]
            return net._replace(stats=stats), found

        critic_net, metrics = step("critic", critic_loss, critic_optimizer)
        reconstructor_net, found = step(
            "reconstructor", reconstructor_loss, reconstructor_optimizer
        )
        metrics |= found
        generator_net, found = step("generator", generator_loss, generator_optimizer)
        metrics |= found
        nets = (generator_net, reconstructor_net, critic_net)
        return VEEGANState(state.step + 1, state.key, *nets), metrics

    def still(network: Network, net: NetState, *inputs: Array) -> Array:
        return network.apply(net.params, net.stats, *inputs)[0]

    def generate(state: VEEGANState, latents: Array) -> Array:
        samples = still(generator, state.generator, latents)
        return 0.5 * (samples + 1.0) if signed else samples

    def sample(state: VEEGANState, key: PRNGKeyArray, n: int) -> Array:
        check_count("n", n, 0)
        return generate(state, draw_latents(key, (n, latents)))

    def reconstruct(state: VEEGANState, samples: Array) -> Array:
        check_floats(samples=samples)
        found = still(reconstructor, state.reconstructor, seen(samples))
        return found.reshape(samples.shape[0], latents)

    def ratio(state: VEEGANState, samples: Array, latents: Array) -> PerExample:
        return still(critic, state.critic, seen(samples), latents)

    def critique(state: VEEGANState, samples: Array) -> PerExample:
        return -ratio(state, samples, reconstruct(state, samples))

    def evaluate(state: VEEGANState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        check_batch(batch, "image")
        real = batch["image"]
        drawn = draws_of(key, real.shape[0], None)
        fake = generate(state, drawn.latents)
        generated = ratio(state, fake, drawn.latents)
        given = ratio(state, real, reconstruct(state, real) + drawn.noise)
        apart = _squared_distance(drawn.latents, reconstruct(state, fake))
        return {
            "critic_loss": _critic_loss(generated, given),
            "generator_loss": generated + reconstruction_weight * apart,
            "reconstruction": apart,
            "real_logit": -given,
            "fake_logit": -generated,
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


def _critic_loss(generated: PerExample, given: PerExample) -> PerExample:
    # The place of label 1 is the first one: here it is that of generated pairs.
    return losses.gan.cross_entropy_critic_loss(generated, given)


def _squared_distance(latents: Array, found: Array) -> PerExample:
    return jnp.sum((latents - found.reshape(latents.shape)) ** 2, axis=-1)


def _check_reconstructed(found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    # One head drops its axis.
    if found != wanted and (*found, 1) != wanted:
        raise InputError(
            f"The reconstructor gives latents of shape {found[1:]}, and the generator "
            f"takes {wanted[1:]}: make it with {wanted[1]} outputs, as "
            f"networks.mlp_critic(heads={wanted[1]})."
        )
