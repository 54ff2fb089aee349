"""Losses refuse arrays whose dtype, rank, shape or values cannot be right."""

import inspect
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from jaxgen.errors import InputError
from jaxgen.losses import (
    boosting,
    contrastive,
    gan,
    penalties,
    translation,
    vae,
    veegan,
)

pytestmark = pytest.mark.usefixtures("without_types")

LIKELIHOODS = {
    name: getattr(vae, name)
    for name in vae.__all__
    if name.endswith("_log_likelihood") or name == "bernoulli_entropy"
}
GAMES = {name: loss for name, loss in vars(gan).items() if name.endswith("_loss")}
PIXELS = jnp.full((3, 4), 0.5)


def arguments(likelihood, observations):
    """Returns valid parameters before the observations."""
    names = [
        name
        for name, parameter in inspect.signature(likelihood).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    shape = (3, 4, 5) if likelihood is vae.categorical_log_likelihood else (3, 4)
    return [jnp.zeros(shape)] * (len(names) - 1) + [observations]


@pytest.mark.parametrize("dtype", ["uint8", "bool"])
@pytest.mark.parametrize("name", LIKELIHOODS)
def test_likelihoods_refuse_images_that_are_not_floating(name, dtype):
    def traced(observations):
        return LIKELIHOODS[name](*arguments(LIKELIHOODS[name], observations))

    jax.eval_shape(traced, PIXELS)
    with pytest.raises(InputError, match=f"observations has dtype {dtype}: give float"):
        jax.eval_shape(traced, jnp.ones((3, 4), dtype))


BERNOULLI = {name: LIKELIHOODS[name] for name in LIKELIHOODS if "bernoulli" in name}


@pytest.mark.parametrize("name", BERNOULLI)
def test_values_outside_0_to_1_have_no_bernoulli_likelihood(name):
    def value(observations):
        return BERNOULLI[name](*arguments(BERNOULLI[name], observations))

    for images, seen in [
        (2.0 * PIXELS.at[0].set(0.0) - 1.0, "has values from -1 to 0: scale them"),
        (255.0 * PIXELS, "has values from 127.5 to 127.5: scale them"),
        (PIXELS.at[0, 0].set(jnp.nan), "holds NaN: give numbers"),
    ]:
        words = f"observations {seen}"
        with pytest.raises(InputError, match=words):
            value(images)
        # A constant of a compiled function is known, an argument is not.
        with pytest.raises(InputError, match=words):
            jax.eval_shape(lambda images=images: value(images))
        jax.eval_shape(value, images)
    # Rounding is no other scale.
    value(PIXELS.at[0, 0].set(1.0 + 1e-6))


@pytest.mark.parametrize("likelihood", [vae.bernoulli(), vae.continuous_bernoulli()])
def test_the_likelihoods_of_the_unit_interval_say_so(likelihood):
    assert likelihood.unit_interval
    assert not vae.gaussian().unit_interval


def identity(x: Any) -> Any:
    return x


ONES = jnp.ones((2, 2)), jnp.ones((2, 2))


def test_the_elbo_refuses_bytes(key):
    with pytest.raises(InputError, match="observations has dtype uint8.*by 255"):
        vae.elbo(key, ONES, identity, jnp.ones((2, 4), jnp.uint8))


def test_an_encoder_of_one_array_is_no_encoder_of_gaussian_latents(key):
    # Of two rows: they would unpack as mean and log-variance.
    words = r"must return \(mean, log_variance\); it returned one array of shape \(2, 3"
    with pytest.raises(InputError, match=words):
        vae.elbo(key, jnp.zeros((2, 3)), identity, jnp.zeros((2, 3)))
    with pytest.raises(InputError, match=words):
        vae.families.posterior_of(vae.families.Gaussian, jnp.zeros((2, 3)))


def test_latents_of_the_elbo_have_two_axes(key):
    wide = jnp.zeros((2, 1, 3))
    with pytest.raises(InputError, match=r"latents of shape \(2, 1, 3\): give \(batch"):
        vae.elbo(key, (wide, wide), identity, jnp.zeros((2, 3)))


def test_terms_of_a_bound_do_not_broadcast():
    for log_likelihood, parts, words in (
        (LOGITS, LOGITS, r"parts has shape \(4,\): give one shape, \(batch, parts\)"),
        (COLUMN, COLUMN, r"divergence has shape \(4,\): give one shape"),
    ):
        with pytest.raises(InputError, match=words):
            vae.negative_elbo(vae.ElboTerms(log_likelihood, parts))


LOGITS, COLUMN = jnp.zeros(4), jnp.zeros((4, 1))


@pytest.mark.parametrize(
    "logits",
    [
        (COLUMN, LOGITS),
        (LOGITS, COLUMN),
        (COLUMN, COLUMN),
        (LOGITS, LOGITS[:2]),
        (jnp.zeros(()), jnp.zeros(())),
    ],
    ids=lambda pair: " ".join(str(one.shape) for one in pair),
)
@pytest.mark.parametrize("name", GAMES)
def test_games_refuse_logits_that_are_not_one_per_example(name, logits):
    with pytest.raises(InputError, match=r"give one shape, \(batch,\); take"):
        jax.eval_shape(GAMES[name], *logits)


@pytest.mark.parametrize("name", GAMES)
def test_games_refuse_labels_for_logits(name):
    with pytest.raises(InputError, match="fake_logits has dtype int32"):
        jax.eval_shape(GAMES[name], LOGITS, jnp.zeros(4, jnp.int32))


def critic(samples):
    return jnp.sum(samples, axis=-1)


PATCHES = jnp.zeros((2, 5, 3))
OTHERS = {
    "lecam_averages": (penalties.lecam, (LOGITS, LOGITS, COLUMN, COLUMN)),
    "lecam": (penalties.lecam, (COLUMN, LOGITS, jnp.zeros(()), jnp.zeros(()))),
    "gradient_penalty": (
        lambda real, fake: penalties.gradient_penalty(
            jax.random.key(0), critic, real, fake
        ),
        (PIXELS, PIXELS[:1]),
    ),
    "density_ratio": (boosting.density_ratio, (COLUMN,)),
    "effective_share": (boosting.effective_share, (COLUMN,)),
    "veegan_critic": (veegan.critic_loss, (LOGITS, COLUMN)),
    "veegan_reconstructor": (veegan.reconstructor_loss, (PIXELS, PIXELS[:1])),
    "veegan_generator": (veegan.generator_loss, (LOGITS[:3], PIXELS, PIXELS[:1])),
    "boosted_weights": (lambda h: boosting.boosted_weights(h, 0.5), (COLUMN,)),
    "mean_absolute_error": (translation.mean_absolute_error, (PIXELS, PIXELS[:1])),
    "mean_squared_error": (
        translation.mean_squared_error,
        (PIXELS, PIXELS[..., None]),
    ),
    "l1_reconstruction": (translation.l1_reconstruction, (PIXELS, PIXELS[:1])),
    "cycle_consistency": (translation.cycle_consistency, (PIXELS, PIXELS[:1])),
    "identity_mapping": (translation.identity_mapping, (PIXELS, PIXELS[:1])),
    "patch_nce": (contrastive.patch_nce, (PATCHES, PATCHES[:, :1])),
}


@pytest.mark.parametrize("name", OTHERS)
def test_losses_of_pairs_do_not_broadcast(name):
    loss, given = OTHERS[name]
    with pytest.raises(InputError, match=r"has shape .*: give one shape, \((batch|\))"):
        jax.eval_shape(loss, *given)


BYTES = jnp.zeros((2, 4), jnp.uint8)
OF_BYTES = {
    "r1": lambda: penalties.r1(critic, BYTES),
    "r2": lambda: penalties.r2(critic, BYTES),
    "dragan": lambda: penalties.dragan(jax.random.key(0), critic, BYTES),
    "gradient_penalty": lambda: penalties.gradient_penalty(
        jax.random.key(0), critic, BYTES, BYTES
    ),
    "mean_absolute_error": lambda: translation.mean_absolute_error(BYTES, BYTES),
    "mean_squared_error": lambda: translation.mean_squared_error(BYTES, BYTES),
    "l1_reconstruction": lambda: translation.l1_reconstruction(BYTES, BYTES),
    "cycle_consistency": lambda: translation.cycle_consistency(BYTES, BYTES),
    "identity_mapping": lambda: translation.identity_mapping(BYTES, BYTES),
}


@pytest.mark.parametrize("name", OF_BYTES)
def test_losses_of_samples_refuse_bytes(name):
    with pytest.raises(InputError, match="has dtype uint8: give floating numbers; div"):
        OF_BYTES[name]()
