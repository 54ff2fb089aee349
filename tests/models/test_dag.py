"""DAG, against its formula written out: one head of the critic for each transform."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import models
from jaxgen.data import transforms
from jaxgen.errors import InputError
from jaxgen.models import remedies
from jaxgen.networks import pure_functions

TURNS = transforms.rotations()
RATE, CRITIC_WEIGHT, GENERATOR_WEIGHT = 0.1, 0.3, 0.7
RANDOM = np.random.default_rng(0)
LATENTS = jnp.asarray(RANDOM.normal(size=(6, 3)), jnp.float32)
IMAGES = jnp.asarray(RANDOM.normal(size=(6, 2, 2, 1)), jnp.float32)


def generate(params, latents):
    return jnp.tanh(latents @ params).reshape(-1, 2, 2, 1)


def critique(params, images):
    hidden, last = params
    return jnp.tanh(images.reshape(-1, 4) @ hidden) @ last


def init_critic(key, images, heads=4):
    first, second = jax.random.split(key)
    return jax.random.normal(first, (4, 5)), jax.random.normal(second, (5, heads))


def gan(critic, **weights):
    return models.gan(
        pure_functions(lambda key, latents: jax.random.normal(key, (3, 4)), generate),
        critic,
        optax.sgd(RATE),
        optax.sgd(RATE),
        latents=3,
        remedies=[remedies.dag(TURNS, **weights)],
        draw_latents=lambda keys, shape: LATENTS,
    )


def weighted(values, weight):
    """The first, and weight / (K - 1) times the sum of the others."""
    return values[0] + weight / (len(values) - 1) * sum(values[1:])


def critic_loss(params, real, fake, weight):
    values = [
        jnp.mean(
            jax.nn.softplus(-critique(params, turn(real))[:, head])
            + jax.nn.softplus(critique(params, turn(fake))[:, head])
        )
        for head, turn in enumerate(TURNS)
    ]
    return weighted(values, weight)


def generator_loss(params, critic, weight):
    fake = generate(params, LATENTS)
    values = [
        jnp.mean(jax.nn.softplus(-critique(critic, turn(fake))[:, head]))
        for head, turn in enumerate(TURNS)
    ]
    return weighted(values, weight)


def test_both_networks_take_the_step_of_the_formula(key):
    critic = pure_functions(init_critic, critique)
    model = gan(critic, critic_weight=CRITIC_WEIGHT, generator_weight=GENERATOR_WEIGHT)
    start = model.init(key, {"image": IMAGES})
    after, _ = jax.jit(model.update)(start, {"image": IMAGES})

    def descended(loss, params, *given):
        gradient = jax.grad(loss)(params, *given)
        return jax.tree.map(lambda p, g: p - RATE * g, params, gradient)

    fake = generate(start.generator.params, LATENTS)
    judged = descended(critic_loss, start.critic.params, IMAGES, fake, CRITIC_WEIGHT)
    for found, wanted in zip(after.critic.params, judged, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    generator = descended(
        generator_loss, start.generator.params, judged, GENERATOR_WEIGHT
    )
    np.testing.assert_allclose(after.generator.params, generator, atol=1e-6)


def test_a_critic_of_too_few_heads_is_refused(key):
    critic = pure_functions(
        lambda key, images: init_critic(key, images, heads=3), critique
    )
    with pytest.raises(InputError, match="heads"):
        gan(critic).init(key, {"image": IMAGES})
