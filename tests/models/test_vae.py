import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgen import losses, models
from tests import tiny


def start(model, key):
    data = tiny.batches()
    item = jax.tree.map(lambda leaf: leaf[0], data.feed(0, 1))
    batch = jax.jit(data.batch)(data.resident, item, jnp.int32(0))
    return jax.jit(model.init)(key, batch), batch


def test_beta_weighs_the_kl_in_the_loss_of_an_update(key):
    model = models.vae(
        *tiny.networks_of_vae(),
        optax.sgd(0.0),
        likelihood=losses.vae.bernoulli(),
        prior=losses.vae.priors.standard_normal(2),
        objective=losses.vae.objectives.beta(3.0),
    )
    _, metrics = jax.jit(model.update)(*start(model, key))
    expected = metrics["reconstruction"] + 3 * metrics["kl"]
    np.testing.assert_allclose(metrics["loss"], expected, rtol=1e-6)


def test_the_noise_of_two_steps_differs(key):
    # A learning rate of 0 leaves everything alike but the draw.
    model = tiny.vae(optax.sgd(0.0))
    state, batch = start(model, key)
    state, first = jax.jit(model.update)(state, batch)
    _, second = jax.jit(model.update)(state, batch)
    assert first["kl"] == second["kl"]
    assert first["reconstruction"] != second["reconstruction"]


def test_images_are_means_of_the_likelihood_at_the_mean_latent(key):
    model = tiny.vae()
    state, batch = start(model, key)
    mean, _ = model.encode(state, batch["image"])
    reconstructed = model.reconstruct(state, batch["image"])
    np.testing.assert_allclose(reconstructed, model.decode(state, mean), rtol=1e-6)
    assert (reconstructed > 0).all()
    assert (reconstructed < 1).all()


def test_samples_are_the_decoded_standard_normal(key):
    model = tiny.vae()
    state, _ = start(model, key)
    images = np.asarray(model.sample(state, jax.random.key(8), 2_000))
    latents = jax.random.normal(jax.random.key(9), (2_000, 2))
    expected = np.asarray(model.decode(state, latents))
    # Two samples of one distribution: their pixels agree in mean and in spread.
    error = np.sqrt((images.var(0) + expected.var(0)) / 2_000)
    assert (abs(images.mean(0) - expected.mean(0)) < 5 * error).all()
    np.testing.assert_allclose(images.std(), expected.std(), rtol=0.1)
