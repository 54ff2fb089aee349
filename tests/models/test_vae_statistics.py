"""VAEs whose networks have batch normalization, dropout or noise."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen import estimators, losses, models, networks, random
from jaxgen.errors import InputError
from jaxgen.losses.vae import priors
from jaxgen.networks.batch_norm import BatchNorm
from jaxgen.typing import Network
from tests.models import on_devices

SIDE = (4, 4, 1)
IMAGES = jax.random.uniform(jax.random.key(3), (8, *SIDE))
BATCH = {"image": IMAGES}
NORMAL = priors.standard_normal(2)
BITS = priors.uniform_bernoulli(2)


class MyEncoder(nn.Module):
    """An encoder as a user of Flax writes it."""

    @nn.compact
    def __call__(self, images, train=False):
        hidden = nn.Dense(5)(images.reshape(len(images), -1))
        hidden = nn.BatchNorm(use_running_average=not train, momentum=0.9)(hidden)
        return nn.Dense(2)(nn.tanh(hidden)), nn.Dense(2)(hidden)


class Encoder(nn.Module):
    """An encoder whose batch normalization covers all devices."""

    @nn.compact
    def __call__(self, images, train=False, axis_name=None):
        hidden = nn.Dense(5)(images.reshape(len(images), -1))
        norm = BatchNorm(name="norm")
        hidden = nn.tanh(norm(hidden, train=train, axis_name=axis_name))
        return nn.Dense(2)(hidden), nn.Dense(2)(hidden)


class Decoder(nn.Module):
    @nn.compact
    def __call__(self, latents, train=False, axis_name=None):
        hidden = BatchNorm(name="norm")(
            nn.Dense(5, name="dense")(latents), train=train, axis_name=axis_name
        )
        return nn.Dense(16)(nn.tanh(hidden)).reshape(-1, *SIDE)


def build(encoder=None, decoder=None, *, prior=NORMAL, **options):
    latents = 2 if prior.family is NORMAL.family else (2,)
    return models.vae(
        encoder or networks.mlp_encoder(latents, features=(5,)),
        decoder or networks.mlp_decoder(SIDE, features=(5,)),
        optax.sgd(0.1),
        likelihood=losses.vae.bernoulli(),
        prior=prior,
        **options,
    )


def started(model, key):
    return jax.jit(model.init)(key, BATCH)


def test_a_flax_module_with_its_own_batch_norm_goes_through_a_vae(key):
    model = build(networks.pure(MyEncoder()))
    state = started(model, key)
    params = state.net.params["encoder"]
    update = jax.jit(model.update)
    first, _ = update(state, BATCH)
    dense = params["Dense_0"]
    hidden = IMAGES.reshape(8, -1) @ dense["kernel"] + dense["bias"][None]
    found = first.net.stats["encoder"]["BatchNorm_0"]
    np.testing.assert_allclose(found["mean"], 0.1 * hidden.mean(0), rtol=1e-4)
    np.testing.assert_allclose(found["var"], 0.9 + 0.1 * hidden.var(0), rtol=1e-4)
    assert state.net.stats.keys() == {"encoder"}
    _, metrics = update(first, BATCH)
    assert all(np.isfinite(value) for value in metrics.values())
    # Running statistics: an example is encoded alike in any batch.
    many, one = (model.encode(first, IMAGES[:n]).mean for n in (8, 1))
    np.testing.assert_allclose(many[:1], one, rtol=1e-5)
    evaluated = jax.jit(model.evaluate)(first, jax.random.key(1), BATCH)
    assert evaluated["loss"].shape == (8,)
    assert model.reconstruct(first, IMAGES).shape == IMAGES.shape
    assert model.sample(first, jax.random.key(2), 3).shape == (3, *SIDE)


@pytest.mark.skipif(jax.device_count() < 2, reason="needs 2 devices")
@pytest.mark.parametrize(
    "parallel", ["shard_map", pytest.param("pmap", marks=pytest.mark.slow)]
)
def test_statistics_of_both_networks_are_those_of_all_devices(key, parallel):
    model = build(networks.pure(Encoder()), networks.pure(Decoder()))
    state = started(model, key)
    expected = jax.jit(model.update)(state, BATCH)
    for name in ("encoder", "decoder"):
        before, after = state.net.stats[name], expected[0].net.stats[name]
        norm = before["norm"]["BatchNorm_0"], after["norm"]["BatchNorm_0"]
        assert (abs(norm[0]["mean"] - norm[1]["mean"]) > 1e-4).any()
    found = on_devices.updated(model, state, BATCH, parallel=parallel)
    on_devices.assert_alike(found, expected)


def test_a_decoder_with_batch_norm_has_the_gradient_of_the_whole_batch(key):
    model = build(decoder=networks.pure(Decoder()))
    state = started(model, key)
    params = state.net.params
    stepped, metrics = jax.jit(model.update)(state, BATCH)
    stream = random.stream(random.step_key(state.key, 0), "latent")
    noise = random.normal(random.example_keys(stream, 8), (8, 2))

    def by_hand(params):
        mean, log_variance = networks.mlp_encoder(2, features=(5,)).apply(
            params["encoder"], (), IMAGES
        )[0]
        latents = mean + jnp.exp(0.5 * log_variance) * noise
        dense, norm, out = (
            params["decoder"][name] for name in ("dense", "norm", "Dense_0")
        )
        norm = norm["BatchNorm_0"]
        hidden = latents @ dense["kernel"] + dense["bias"][None]
        centred = (hidden - hidden.mean(0)[None]) / jnp.sqrt(hidden.var(0) + 1e-5)[None]
        hidden = jnp.tanh(centred * norm["scale"][None] + norm["bias"][None])
        logits = hidden @ out["kernel"] + out["bias"][None]
        x = IMAGES.reshape(8, 16)
        fit = (x * logits - jnp.logaddexp(0, logits)).sum(1)
        kl = 0.5 * (mean**2 + jnp.exp(log_variance) - log_variance - 1).sum(1)
        return jnp.mean(kl - fit)

    value, gradients = jax.jit(jax.value_and_grad(by_hand))(params)
    np.testing.assert_allclose(metrics["loss"], value, rtol=1e-5)
    # The step of SGD with the rate 0.1.
    jax.tree.map(
        lambda old, new, slope: np.testing.assert_allclose(
            old - new, 0.1 * slope, rtol=2e-3, atol=2e-6
        ),
        params,
        stepped.net.params,
        gradients,
    )


@pytest.mark.parametrize(
    "estimator",
    [
        estimators.GumbelSoftmax(0.5),
        estimators.GumbelSoftmax(0.5, hard=True),
        estimators.StraightThrough(),
        estimators.ReinMax(),
    ],
    ids=str,
)
def test_relaxed_samples_train_a_decoder_with_batch_norm(key, estimator):
    model = build(decoder=networks.pure(Decoder()), prior=BITS, estimator=estimator)
    state = started(model, key)
    stepped, metrics = jax.jit(model.update)(state, BATCH)
    assert np.isfinite(metrics["loss"])
    counts = [
        float(one.net.stats["decoder"]["norm"]["batches"]) for one in (state, stepped)
    ]
    assert counts == [0.0, 1.0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_samples": 2}, r"num_samples=2 calls it .*num_samples=1 with Pathwise\("),
        ({"prior": BITS}, r"ScoreFunction\(baseline='leave_one_out'\) .*GumbelSoftmax"),
        ({"prior": BITS, "estimator": estimators.Rebar()}, r"Rebar.* one latent"),
        (
            {"num_samples": 3, "importance_weighted": True},
            r"importance-weighted bound .*Pathwise\(\), or a decoder without statist",
        ),
        ({"num_samples": 3, "estimator": estimators.DReG()}, "importance-weighted"),
    ],
)
def test_statistics_of_a_decoder_without_a_batch_are_refused(key, options, words):
    model = build(decoder=networks.pure(Decoder()), **options)
    with pytest.raises(InputError, match=f"decoder keeps statistics.*{words}"):
        jax.eval_shape(model.init, key, BATCH)


def test_an_elbo_with_statistics_refuses_what_calls_the_decoder_often(key):
    q = (jnp.zeros((8, 2)), jnp.zeros((8, 2)))
    with pytest.raises(InputError, match="num_samples=2 calls it at several latents"):
        losses.vae.elbo(
            key,
            q,
            lambda latents: (jnp.tile(latents, (1, 8)).reshape(IMAGES.shape), ()),
            IMAGES,
            num_samples=2,
            decoder_statistics=True,
        )


def test_one_sample_of_each_example_gives_the_same_terms_in_one_call_or_many(key):
    keys = random.example_keys(key, 8)
    log_q = losses.vae.regularizers.kl(sampled=True)

    def terms(at_once):
        def decode(latents):
            outputs = jnp.tile(latents, (1, 8)).reshape(-1, *SIDE)
            return (outputs, {"seen": latents}) if at_once else outputs

        return losses.vae.elbo(
            jax.random.clone(keys),
            (IMAGES[:, 0, :2, 0], IMAGES[:, 1, :2, 0]),
            decode,
            IMAGES,
            divergence=log_q,
            decoder_statistics=at_once,
        )

    many, one = terms(False), terms(True)
    np.testing.assert_allclose(one.log_likelihood, many.log_likelihood, rtol=1e-6)
    np.testing.assert_allclose(one.parts, many.parts, rtol=1e-5)
    assert one.stats["seen"].shape == (8, 2)


def noisy(network: Network, rate: float) -> Network:
    """Returns a network whose inputs are dropped with the keys of their examples."""

    def apply(params, stats, inputs, *, keys=None, train=False, axis_name=None):
        del axis_name
        if train and keys is not None:
            kept = jax.vmap(
                lambda key: jax.random.bernoulli(key, 1 - rate, inputs.shape[1:])
            )(keys)
            inputs = jnp.where(kept, inputs, 0)
        return network.apply(params, stats, inputs)

    return Network(network.init, apply)


def noisy_vae(prior=NORMAL, **options):
    latents = 2 if prior is NORMAL else (2,)
    encoder = noisy(networks.mlp_encoder(latents, features=(5,)), 0.3)
    decoder = noisy(networks.mlp_decoder(SIDE, features=(5,)), 0.3)
    return build(encoder, decoder, prior=prior, **options)


def test_dropout_of_an_example_does_not_depend_on_the_rest_of_the_batch(key):
    model, plain = noisy_vae(), build()
    state = started(model, key)
    update = jax.jit(model.update)

    def loss(images):
        return float(update(state, {"image": images})[1]["loss"])

    one, other, rest = IMAGES[:4], IMAGES[:4, ::-1], IMAGES[4:]
    # Losses are means, so this is the loss of `rest`, whatever stands before it.
    alone = [
        2 * loss(jnp.concatenate([first, rest])) - loss(first) for first in (one, other)
    ]
    np.testing.assert_allclose(*alone, rtol=1e-5)
    assert abs(loss(one) - loss(other)) > 1e-3
    _, metrics = jax.jit(plain.update)(state, {"image": one})
    assert abs(loss(one) - metrics["loss"]) > 1e-3
    # Nothing is dropped in evaluation.
    clean, found = (
        jax.jit(own.evaluate)(state, jax.random.key(1), BATCH)["loss"]
        for own in (plain, model)
    )
    np.testing.assert_array_equal(found, clean)


@pytest.mark.skipif(jax.device_count() < 2, reason="needs 2 devices")
def test_dropout_is_alike_on_two_devices(key):
    model = noisy_vae()
    state = started(model, key)
    expected = jax.jit(model.update)(state, BATCH)
    on_devices.assert_alike(on_devices.updated(model, state, BATCH), expected)


@pytest.mark.parametrize(
    "options",
    [
        {"num_samples": 3},
        {"num_samples": 3, "importance_weighted": True},
        {"prior": BITS, "estimator": estimators.Rebar()},
    ],
)
def test_an_estimator_may_call_a_decoder_with_dropout_often(key, options):
    model = noisy_vae(**options)
    _, metrics = jax.jit(model.update)(started(model, key), BATCH)
    assert all(np.isfinite(value) for value in metrics.values())


def test_dropout_of_flax_goes_through_a_vae(key):
    class Dropping(nn.Module):
        @nn.compact
        def __call__(self, latents, train=False):
            latents = nn.Dropout(0.5, deterministic=not train)(latents)
            return nn.Dense(16)(latents).reshape(-1, *SIDE)

    model = build(decoder=networks.pure(Dropping()))
    _, metrics = jax.jit(model.update)(started(model, key), BATCH)
    assert np.isfinite(metrics["loss"])


def test_a_vamp_prior_encodes_its_inputs_with_running_statistics(key):
    model = build(networks.pure(Encoder()), prior=priors.vamp(2, 3))
    state, _ = jax.jit(model.update)(started(model, key), BATCH)
    inputs = jax.nn.sigmoid(state.net.params["prior"]["pseudo_inputs"])
    one_by_one = [model.encode(state, inputs[n : n + 1]).mean[0] for n in range(3)]
    found = model.prior(state).means
    np.testing.assert_allclose(found, np.stack(one_by_one), rtol=1e-5, atol=1e-6)


def test_a_prior_of_the_label_refuses_statistics(key):
    class Prior(nn.Module):
        @nn.compact
        def __call__(self, condition, train=False):
            hidden = nn.BatchNorm(use_running_average=not train)(condition)
            return nn.Dense(2)(hidden), nn.Dense(2)(hidden)

    prior = priors.conditional_normal(2, networks.pure(Prior()))
    model = build(prior=prior, num_classes=2)
    with pytest.raises(InputError, match="conditional_normal keeps statistics"):
        model.init(key, BATCH | {"label": jnp.arange(8) % 2})
