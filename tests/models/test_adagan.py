from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from jax.sharding import PartitionSpec

from jaxgen import losses, models, networks, random, training
from jaxgen.errors import InputError
from jaxgen.networks import pure_functions

POINTS = jnp.asarray(np.random.default_rng(0).normal(size=(16, 1)), jnp.float32)
BATCH = {"data": POINTS}
SHARES = (1.0, 0.5, 0.25)

# Generates its one parameter, the same for every latent.
CONSTANT = pure_functions(
    lambda key, latents: jnp.zeros((1, 1)),
    lambda params, latents: 0.0 * latents[:, :1] + params,
)
LINEAR = pure_functions(
    lambda key, samples: jnp.zeros((1, 1)),
    lambda params, samples: (samples * params)[:, 0],
)


def component(rate=0.1):
    return models.gan(CONSTANT, LINEAR, optax.sgd(rate), optax.sgd(rate), latents=1)


def build(classifier=LINEAR, **settings):
    return models.adagan(
        component(),
        classifier,
        optax.sgd(0.1),
        **{
            "num_components": 3,
            "component_steps": 3,
            "classifier_steps": 2,
            "candidates": 2,
            "shares": SHARES,
        }
        | settings,
    )


def train(model, key, steps):
    def run(key):
        def one(state, _):
            state, metrics = model.update(state, BATCH)
            return state, (state._replace(key=()), metrics)

        return jax.lax.scan(one, model.init(key, BATCH), None, length=steps)

    return jax.jit(run)(key)


def means(state):
    """Returns what each component generates."""
    return np.ravel(state.components.generator.params)


def test_one_thing_trains_at_a_time_and_what_is_trained_stands_still(key):
    model = build()
    _, (states, metrics) = train(model, key, model.num_steps + 2)
    steps = np.asarray(states.components.step)
    expected = np.minimum(np.arange(1, 16)[:, None] - [0, 5, 10], [3, 3, 5]).clip(0)
    np.testing.assert_array_equal(steps, expected)
    classifier = np.ravel(states.classifier.params)
    moves = np.diff(classifier, prepend=0.0) != 0
    assert np.flatnonzero(moves).tolist() == [3, 4, 8, 9]
    assert all(np.isfinite(values).all() for values in metrics.values())


def test_samples_come_from_the_components_in_proportion(key):
    model = build()
    state = jax.jit(model.init)(key, BATCH)
    generator = state.components.generator
    places = jnp.arange(3.0).reshape(3, 1, 1)
    components = state.components._replace(generator=generator._replace(params=places))
    state = state._replace(components=components)
    count, draw = 10_000, jax.jit(model.sample, static_argnums=2)
    rows = losses.boosting.mixture_weights(SHARES)
    for number in (1, 2, 3):
        drawn = draw(state, jax.random.key(number), count, components=number)
        found = np.bincount(np.ravel(drawn).astype(int), minlength=3) / count
        error = np.sqrt(rows[number - 1] * (1 - rows[number - 1]) / count)
        assert (abs(found - rows[number - 1]) <= 5 * error).all()


def test_a_component_sees_what_the_mixture_lacks(key):
    # The classifier takes large samples for those that the mixture lacks.
    model = build(candidates=1)
    state = jax.jit(model.init)(key, BATCH)
    state = state._replace(
        step=jnp.int32(5),
        classifier=state.classifier._replace(params=jnp.full((1, 1), 5.0)),
    )
    found = jax.jit(model.weigh)(state._replace(step=jnp.int32(6)), POINTS)
    ratios = np.exp(-5.0 * np.ravel(POINTS))
    expected = losses.boosting.boosted_weights(jnp.asarray(ratios), SHARES[1])
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-4)
    # A critic of slope 0 moves by half of the difference of the means it sees.
    seen, update = [], jax.jit(model.update)
    for number in range(20):
        keyed = state._replace(key=jax.random.key(number))
        after, _ = update(keyed, BATCH)
        seen.append(float(after.components.critic.params[1, 0, 0]) / (0.1 * 0.5))
    wanted = float(jnp.sum(found.weights * POINTS[:, 0]))
    # A systematic draw is off by less than one row of each end.
    assert abs(np.mean(seen) - wanted) < 0.1 * abs(wanted)
    assert wanted > POINTS.mean() + 0.3


def test_with_even_weights_every_row_is_seen_once(key):
    # beta is 1 for the first component: it is the GAN by itself.
    model = build(candidates=1)
    state = jax.jit(model.init)(key, BATCH)
    after, metrics = jax.jit(model.update)(state, BATCH)
    moved = after.components.critic.params[0, 0, 0]
    np.testing.assert_allclose(moved, 0.1 * 0.5 * POINTS.mean(), rtol=1e-5)
    np.testing.assert_allclose(metrics["effective_share"], 1.0, rtol=1e-6)


class NormalizedClassifier(nn.Module):
    @nn.compact
    def __call__(self, samples, keys=None, train=False):
        samples = nn.BatchNorm(use_running_average=not train)(samples)
        if keys is not None:
            samples += random.normal(keys, samples.shape)
        return nn.Dense(1)(samples)[:, 0]


def test_the_classifier_may_have_statistics_and_draw_noise(key):
    model = build(classifier=networks.pure(NormalizedClassifier()))
    _, (states, metrics) = train(model, key, 6)
    means = states.classifier.stats["BatchNorm_0"]["mean"].ravel()
    # The classifier takes the steps 3 and 4.
    assert np.flatnonzero(np.diff(means, prepend=0.0)).tolist() == [3, 4]
    assert all(np.isfinite(values).all() for values in metrics.values())


def test_two_devices_take_the_steps_of_one(key):
    model = build()
    mesh = training.placement(2, "shard_map").mesh
    whole = PartitionSpec()

    def run(key, batch, axis_name=None):
        state = model.init(key, BATCH)
        return jax.lax.scan(
            lambda state, _: model.update(state, batch, axis_name),
            state,
            None,
            length=8,
        )

    split = jax.shard_map(
        partial(run, axis_name=mesh.axis_names[0]),
        mesh=mesh,
        in_specs=(whole, PartitionSpec(mesh.axis_names[0])),
        out_specs=(whole, whole),
    )
    found, again = jax.jit(split)(key, BATCH)
    expected, metrics = jax.jit(run)(key, BATCH)
    for one, other in zip(
        jax.tree.leaves((found.components[2:], found.classifier, again)),
        jax.tree.leaves((expected.components[2:], expected.classifier, metrics)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"num_components": 0}, "num_components=0"),
        ({"shares": (1.0, 0.5)}, "2 shares for 3"),
        ({"candidates": 3}, "multiple of 3"),
    ],
)
def test_numbers_that_cannot_be_used_are_refused(key, settings, named):
    with pytest.raises(InputError, match=named):
        jax.eval_shape(build(**settings).init, key, BATCH)
