"""Every part of a VAE with every other; ensembles; samplers fitted afterwards."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import estimators, losses, models, networks, training
from jaxgen.errors import InputError
from jaxgen.estimators import (
    VIMCO,
    DisARM,
    DReG,
    GumbelSoftmax,
    Pathwise,
    ScoreFunction,
)
from jaxgen.losses.vae import objectives, priors, regularizers
from jaxgen.losses.vae.families import Bernoulli, Categorical
from jaxgen.models import conditions, vae_checks
from jaxgen.models.ensemble import ensemble, member_key
from tests import tiny
from tests.training.test_loop import Recorder

SHAPE = (4, 4, 1)
LATENTS = {Bernoulli: (3,), Categorical: (2, 3)}
SAMPLED = regularizers.kl(sampled=True)
CAUCHY_SCHWARZ = regularizers.cauchy_schwarz()


def build(prior, optimizer=None, likelihood=None, **options):
    latents = LATENTS.get(prior.family, prior.shape[0])
    return models.vae(
        networks.mlp_encoder(latents, features=(5,)),
        networks.mlp_decoder(SHAPE, features=(5,)),
        optax.sgd(1e-2) if optimizer is None else optimizer,
        likelihood=losses.vae.bernoulli() if likelihood is None else likelihood,
        prior=prior,
        **options,
    )


def batch_of(**more):
    images = jax.random.uniform(jax.random.key(3), (8, *SHAPE))
    return {"image": images, **more}


def cooling(step):
    return GumbelSoftmax(optax.exponential_decay(1.0, 10, 0.5)(step))


NORMAL = priors.standard_normal(2)
BITS, CODES = priors.uniform_bernoulli(3), priors.uniform_categorical(2, 3)
OF_LABEL = priors.conditional_normal(2, networks.conditional_prior(2))
COMBINATIONS = {
    "defaults of bits": (BITS, {"likelihood": losses.vae.gaussian(variance=0.1)}),
    "geco, vamp": (
        priors.vamp(2, 3),
        {"objective": objectives.geco(9.0), "num_samples": 3},
    ),
    "score function, sampled KL, free bits, mixture": (
        priors.mixture(2, 3),
        {
            "estimator": ScoreFunction(),
            "divergence": SAMPLED,
            "objective": objectives.free_bits(0.5),
        },
    ),
    "capacity, DisARM": (
        BITS,
        {"objective": objectives.capacity(2.0, 1.0), "estimator": DisARM()},
    ),
    "VIMCO": (BITS, {"estimator": VIMCO(), "num_samples": 3}),
    "temperature schedule, warm-up, Cauchy-Schwarz": (
        CODES,
        {
            "estimator": cooling,
            "divergence": CAUCHY_SCHWARZ,
            "objective": objectives.beta(optax.linear_schedule(0.0, 1.0, 10)),
        },
    ),
    "DReG, prior of the label": (
        OF_LABEL,
        {"estimator": DReG(), "num_samples": 3, "num_classes": 2},
    ),
}


@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_kind_of_vae_trains_evaluates_and_samples(name, key):
    prior, options = COMBINATIONS[name]
    model = build(prior, **options)
    conditional = model.num_classes is not None
    label = jnp.arange(8) % 2
    batch = batch_of(label=label) if conditional else batch_of()
    own = (jax.nn.one_hot(label, 2),) if conditional else ()

    @jax.jit
    def everything(key, batch):
        start = model.init(key, batch)
        end, metrics = jax.lax.scan(
            lambda state, _: model.update(state, batch), start, length=2
        )
        images, point = batch["image"], model.encode(end, batch["image"], *own).point
        per_example = model.evaluate(end, jax.random.key(0), batch)
        per_example["log_joint"] = model.log_joint(end, point, images, *own)
        per_example["parts"] = model.divergence(end, images, *own).sum(-1)
        pictures = [
            model.reconstruct(end, images, *own),
            model.sample(end, jax.random.key(1), 8),
        ]
        found = options.get("divergence", regularizers.kl())
        exact = found.closed_form(
            model.encode(end, images, *own), model.prior(end, *own)
        )
        if exact is not None:
            per_example["difference"] = per_example["parts"] - per_example[found.name]
        return (start, end), metrics, per_example, pictures

    (start, end), metrics, per_example, pictures = everything(key, batch)
    # What goes in comes out.
    kinds = [
        jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state)
        for state in (start, end)
    ]
    assert kinds[0] == kinds[1]
    assert int(end.step) == 2
    assert all(np.isfinite(values).all() for values in metrics.values())
    assert (metrics["gradient_norm"] > 0).all()
    for values in per_example.values():
        assert values.shape == (8,)
        assert np.isfinite(values).all()
    for images in pictures:
        assert images.shape == (8, *SHAPE)
        if "likelihood" not in options:
            assert ((images >= 0) & (images <= 1)).all()
    # Its value is the closed form, where there is one.
    np.testing.assert_allclose(per_example.get("difference", 0.0), 0.0, atol=1e-5)


def test_a_bound_of_many_samples_is_evaluated_tighter_than_its_terms(key):
    model = build(NORMAL, importance_weighted=True, num_samples=50)
    state = jax.jit(model.init)(key, batch_of())
    # An encoder far from the posterior, so that samples matter.
    encoder = jax.tree.map(lambda leaf: 3 * leaf, state.net.params["encoder"])
    params = state.net.params | {"encoder": encoder}
    state = state._replace(net=state.net._replace(params=params))
    keys = jax.random.split(jax.random.key(5), 20)
    terms = jax.jit(jax.vmap(lambda one: model.evaluate(state, one, batch_of())))(keys)
    single = terms["reconstruction"] + terms["kl"]
    assert float(jnp.mean(terms["loss"])) < float(jnp.mean(single))


@pytest.fixture
def conditional():
    return build(NORMAL, num_classes=2)


def test_the_label_changes_what_a_latent_decodes_to(conditional, key):
    batch = batch_of(label=jnp.arange(8) % 2)
    state = jax.jit(conditional.init)(key, batch)
    sample = jax.jit(conditional.sample, static_argnums=2)
    images = [
        sample(state, jax.random.key(1), 4, jax.nn.one_hot(jnp.full(4, label), 2))
        for label in (0, 1, 0)
    ]
    np.testing.assert_array_equal(images[0], images[2])
    assert (abs(images[0] - images[1]).reshape(4, -1).max(axis=1) > 1e-3).all()
    turns = sample(state, jax.random.key(1), 4)
    wanted = [images[n % 2][n] for n in range(4)]
    np.testing.assert_allclose(turns, np.stack(wanted), rtol=1e-5)


def test_a_conditional_model_refuses_data_without_labels(conditional, key):
    with pytest.raises(InputError, match="conditional.*no labels.*num_classes"):
        conditional.init(key, batch_of())


@pytest.mark.parametrize(
    "options",
    [
        {"objective": objectives.beta(2.0)},
        {"objective": objectives.constrained(2.0)},
        {"divergence": CAUCHY_SCHWARZ},
        {"estimator": DReG(), "objective": objectives.free_bits(0.1)},
    ],
)
def test_an_importance_weighted_bound_takes_no_weights(options):
    with pytest.raises(InputError, match="importance-weighted bound has no"):
        build(NORMAL, **({"importance_weighted": True} | options))


def test_an_estimator_for_other_latents_is_refused(key):
    model = build(BITS, estimator=Pathwise())
    with pytest.raises(InputError, match="Bernoulli"):
        jax.eval_shape(model.update, model.init(key, batch_of()), batch_of())


def trained(model, key, devices, mode):
    recorder = Recorder()
    state = training.fit(
        model,
        tiny.batches(batch_size=8, examples=32),
        key=key,
        steps=8,
        steps_per_call=2,
        place=training.placement(devices, mode),
        writers=[recorder],
    )
    kept = jax.device_get((state.objective, state.estimator))
    terms = ("loss", "reconstruction", "kl", "gradient_norm")
    return [recorder.curve("train", term) for term in terms], kept


KEEPING = {
    "constrained": (
        lambda: build(NORMAL, objective=objectives.constrained(0.3)),
        *(2, "pmap"),
    ),
    # The target lies among the divergences of the examples: devices disagree on which
    # side of it they are.
    "capacity, moving average": (
        lambda: build(
            BITS,
            objective=objectives.capacity(2.0, 0.25),
            estimator=ScoreFunction("moving_average", decay=0.9),
        ),
        *(4, "shard_map"),
    ),
}


@pytest.mark.skipif(jax.device_count() < 8, reason="needs 8 devices")
@pytest.mark.parametrize("name", KEEPING)
def test_what_a_model_keeps_is_alike_on_every_number_of_devices(name, key):
    # SGD, not Adam, which would hide a gradient too large by the number of devices.
    make, devices, mode = KEEPING[name]
    curves, kept = trained(make(), key, 1, "jit")
    assert jax.tree.leaves(kept)
    other_curves, other_kept = trained(make(), jax.random.clone(key), devices, mode)
    np.testing.assert_allclose(other_curves, curves, rtol=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        other_kept,
        kept,
    )


def test_members_of_an_ensemble_are_what_single_runs_give(key):
    betas = jnp.array([1.0, 4.0])

    def of(beta):
        return build(NORMAL, objective=objectives.beta(beta))

    def fit(model, key):
        return training.fit(model, tiny.batches(), key=key, steps=10, steps_per_call=5)

    many = ensemble(of, betas, num_seeds=3)
    assert many.num_members == 6
    together = fit(many, key)
    setting, seed = 1, 1
    alone = fit(of(float(betas[setting])), member_key(jax.random.clone(key), seed))
    member = many.member(together, 3 * setting + seed)
    assert int(member.step) == int(alone.step) == 10
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        member.net.params,
        alone.net.params,
    )
    batch = batch_of()
    members = jax.jit(many.evaluate_members)(together, jax.random.key(9), batch)
    assert members["loss"].shape == (6, 8)


def test_the_fitted_gaussian_has_the_moments_of_the_latents():
    rng = np.random.default_rng(0)
    mixing = np.array([[1.0, 0.0, 0.0], [0.8, 0.5, 0.0], [0.0, 0.3, 2.0]])
    latents = rng.normal(size=(500, 3)) @ mixing.T + [1.0, -2.0, 0.0]
    fitted = models.fit_gaussian(latents.astype(np.float32))
    np.testing.assert_allclose(fitted.mean, latents.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        fitted.covariance_matrix, np.cov(latents.T), rtol=1e-3, atol=1e-4
    )


def test_a_latent_that_never_varies_can_be_drawn(key):
    latents = np.stack([np.linspace(-1, 1, 50), np.zeros(50)], axis=1)
    with jax.numpy_rank_promotion("allow"):  # numpyro broadcasts over ranks
        drawn = models.fit_gaussian(latents).sample(key, (100,))
    assert np.isfinite(drawn).all()
    assert abs(np.asarray(drawn)[:, 1]).max() < 0.01


def test_the_fitted_mixture_finds_clusters_far_apart():
    rng = np.random.default_rng(1)
    left, right = rng.normal(-5, 0.5, (300, 2)), rng.normal(5, 1.0, (100, 2))
    fitted = models.fit_mixture(
        np.concatenate([left, right]).astype(np.float32), num_components=2
    )
    components = fitted.component_distribution
    order = np.argsort(np.asarray(components.mean)[:, 0])
    weights = np.asarray(fitted.mixing_distribution.probs)[order]
    np.testing.assert_allclose(weights, [0.75, 0.25], rtol=1e-3)
    for row, cluster in zip(order, (left, right), strict=True):
        np.testing.assert_allclose(components.mean[row], cluster.mean(0), atol=1e-3)
        np.testing.assert_allclose(
            components.covariance_matrix[row],
            np.cov(cluster.T, ddof=0),
            rtol=1e-2,
            atol=1e-3,
        )


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (np.zeros((3, 5)), r"shape \(3, 5\).*n above"),
        (np.zeros(7), r"shape \(7,\)"),
        (np.full((9, 2), np.nan), "not finite"),
    ],
)
@pytest.mark.parametrize("fit", [models.fit_gaussian, models.fit_mixture])
def test_latents_that_cannot_be_fitted_are_refused(fit, latents, message):
    if fit is models.fit_mixture and latents.shape == (9, 2):
        latents = np.full((30, 2), np.nan)
    with pytest.raises(InputError, match=message):
        fit(latents.astype(np.float32))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: vae_checks.schedule_of(estimators.Pathwise), "parentheses"),
        (lambda: vae_checks.schedule_of("pathwise"), "jaxgen.estimators"),
        (lambda: vae_checks.schedule_of(lambda step: 0.5), "at step 0"),
        (
            lambda: vae_checks.check_parts(
                likelihood=(losses.vae.bernoulli, losses.vae.Likelihood)
            ),
            "must be a Likelihood",
        ),
        (lambda: conditions.check_classes(0), "num_classes=0"),
    ],
)
def test_parts_that_are_none_are_named(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_an_encoder_for_other_latents_and_a_surplus_condition_are_named(key):
    encoder, decoder = tiny.networks_of_vae()
    parts = {"likelihood": losses.vae.bernoulli()}
    batch = {"image": jnp.zeros((2, 4, 4, 1))}
    three = losses.vae.priors.standard_normal(3)
    model = models.vae(encoder, decoder, optax.sgd(0.1), prior=three, **parts)
    with pytest.raises(InputError, match="same latents"):
        model.init(jax.random.clone(key), batch)
    model = tiny.vae()
    state = model.init(key, batch)
    with pytest.raises(InputError, match="takes no condition"):
        model.encode(state, batch["image"], jnp.eye(2))


def test_padding_does_not_move_free_bits(key):
    images = jax.random.uniform(jax.random.fold_in(key, 0), (4, 4, 4, 1))
    images = images.at[:2].multiply(0.02)  # padding that would lift any mean
    own = jax.random.fold_in(key, 1)
    plain = tiny.vae()
    start = plain.init(jax.random.clone(own), {"image": images})
    parts = plain.divergence(start, images).mean(axis=0)
    few = plain.divergence(start, images[:2]).mean(axis=0)
    nats = float(2 * few.max())
    assert (parts > nats).any()
    model = models.vae(
        *tiny.networks_of_vae(),
        optax.sgd(0.1),
        likelihood=losses.vae.bernoulli(),
        prior=losses.vae.priors.standard_normal(2),
        objective=losses.vae.objectives.free_bits(nats),
    )
    state = model.init(own, {"image": images})
    whole = {"image": images[:2], "weight": jnp.ones(2)}
    padded = {"image": images, "weight": jnp.array([1.0, 1.0, 0.0, 0.0])}
    evaluate = [
        model.evaluate(state, jax.random.key(5), batch)["loss"][:2]
        for batch in (whole, padded)
    ]
    np.testing.assert_allclose(*evaluate, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [((jnp.ones(2), jnp.ones(3)), "one length"), (1.0, "one length"), (None, "s=0")],
)
def test_ensembles_without_members_are_refused(settings, said):
    with pytest.raises(InputError, match=said):
        models.ensemble(
            lambda _: tiny.vae(), settings, num_seeds=0 if not settings else 1
        )
