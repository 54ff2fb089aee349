"""Remedies of the generator, against numbers worked out by hand."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import losses, models, networks
from jaxgen.errors import InputError
from jaxgen.models import remedies
from jaxgen.models.translation import checks
from jaxgen.random import normal
from tests import tiny
from tests.models import on_devices, tiny_gan

ROWS = 8
POINTS = jnp.asarray(np.random.default_rng(0).normal(1.0, 0.5, (ROWS, 2)), jnp.float32)
BATCH = {"data": POINTS}
# One feature of the styles for each entry; the sample is one number.
SLOPES = jnp.array([[3.0, 0.0, 0.0], [0.0, 0.0, 4.0]])


def scale(start):
    """Returns the network `inputs -> start * inputs`, of one parameter."""
    return networks.pure_functions(
        lambda key, inputs: jnp.full((1, 1), start), lambda params, x: params * x
    )


def linear_styles():
    """Returns a linear mapping, and a synthesis with the gradient SLOPES."""
    return models.StyledGenerator(
        mapping=networks.pure_functions(
            lambda key, latents: jnp.ones((2, 3)), lambda params, x: x @ params
        ),
        synthesis=networks.pure_functions(
            lambda key, styles: SLOPES[None],
            lambda params, x: jnp.sum(params * x, axis=(1, 2))[:, None],
        ),
        num_styles=2,
    )


def silent_critic():
    """Returns a critic that gives 0 and stays as it is."""
    return networks.pure_functions(
        lambda key, samples: jnp.zeros((1, samples.shape[-1])),
        lambda params, x: jnp.sum(params * x, axis=-1),
    )


def build(generator, remedy, *, rate=0.1, **options):
    """Returns a GAN whose generator is moved by its remedy alone."""
    return models.gan(
        generator, silent_critic(), optax.sgd(rate), optax.sgd(0.0),
        latents=options.pop("latents", 2), loss=losses.gan.wasserstein(),
        remedies=[remedy], **options,
    )  # fmt: skip


def test_path_lengths_of_a_linear_generator_are_those_of_its_jacobian(key):
    # |J^T y| is |y| sqrt((9 + 16) / 2), of which the mean is sqrt(2 / pi) of the root.
    rows = 1024
    remedy = remedies.path_length(decay=1.0, every=1, batch_share=0.5)
    model = build(linear_styles(), remedy, rate=0.0)
    batch = {"data": jnp.zeros((rows, 1))}
    state, metrics = jax.jit(model.update)(model.init(key, batch), batch)
    root, mean = np.sqrt(12.5), np.sqrt(2 / np.pi)
    error = root * np.sqrt((1 - mean**2) / (rows / 2))
    assert abs(float(state.remedies[0]) - root * mean) < 5 * error
    assert metrics["path_length"] == state.remedies[0]
    # With the mean of the batch as average, the penalty is 2 times the variance.
    variance = float(metrics["generator_penalty"]) / 2.0
    np.testing.assert_allclose(variance, root**2 * (1 - mean**2), rtol=0.2)


def test_the_average_length_moves_by_its_share_and_only_where_it_is_due(key):
    remedy = remedies.path_length(decay=0.25, every=2)
    model = build(linear_styles(), remedy, rate=0.0)
    batch = {"data": jnp.zeros((ROWS, 1))}
    states = [model.init(key, batch)]
    for _ in range(2):
        states.append(jax.jit(model.update)(states[-1], batch)[0])
    first, second = (float(state.remedies[0]) for state in states[1:])
    assert 0 < first == second
    whole = build(linear_styles(), remedies.path_length(decay=1.0, every=2), rate=0.0)
    after, _ = whole.update(whole.init(jax.random.clone(key), batch), batch)
    np.testing.assert_allclose(first, 0.25 * float(after.remedies[0]), rtol=1e-6)


@pytest.mark.parametrize("every", [1, 2])
def test_feature_matching_steps_down_the_distance_of_mean_features(key, every):
    latents = jnp.array([[1.0], [3.0]])
    batch = {"data": jnp.array([[5.0], [9.0]])}
    remedy = remedies.feature_matching(
        0.5, lambda params, stats, samples: 2.0 * samples, every=every
    )
    model = build(
        scale(1.5), remedy, rate=0.01, latents=1,
        draw_latents=lambda keys, shape: latents,
    )  # fmt: skip
    first = model.init(key, batch)
    second, metrics = jax.jit(model.update)(first, batch)
    third, _ = jax.jit(model.update)(second, batch)
    # Means of the features: 14 of data, 2 * 1.5 * 2 = 6 of samples, with slope 4.
    slope = 0.5 * 2 * (6.0 - 14.0) * 4.0
    moved = float(second.generator.params[0, 0])
    np.testing.assert_allclose(moved, 1.5 - 0.01 * every * slope, rtol=1e-5)
    if every == 1:
        np.testing.assert_allclose(metrics["generator_penalty"], 32.0, rtol=1e-5)
    stands = bool(third.generator.params[0, 0] == moved)
    assert stands == (every == 2)


def test_mode_seeking_compares_samples_with_others_of_the_same_condition(key):
    network = networks.pure_functions(
        lambda key, latents, condition: jnp.full((1, 1), 4.0),
        lambda params, x, condition: params * x + 100.0 * condition[:, :1],
    )
    critic = networks.pure_functions(
        lambda key, samples, condition: jnp.zeros((1, 2)),
        lambda params, x, condition: jnp.sum(params * x, axis=-1),
    )
    model = models.gan(
        network, critic, optax.sgd(0.0), optax.sgd(0.0), latents=2, num_classes=2,
        loss=losses.gan.wasserstein(), remedies=[remedies.mode_seeking(3.0)],
    )  # fmt: skip
    batch = BATCH | {"label": jnp.arange(ROWS) % 2}
    _, metrics = model.update(model.init(key, batch), batch)
    # All distances are 4 times those of latents: other classes would be 100 apart.
    np.testing.assert_allclose(metrics["generator_penalty"], 3.0 / 4.0, rtol=1e-4)


def mixed(remedy, key, layers=4):
    """Returns which layers of a batch have the styles of other latents."""
    own = jnp.zeros((3, layers, 2))
    found = remedy.map_styles(key, own, lambda: jnp.ones_like(own))
    np.testing.assert_array_equal(found, jnp.broadcast_to(found[:1, :, :1], own.shape))
    return found[0, :, 0]


def test_styles_are_mixed_from_one_cutoff_on_for_the_whole_batch(key):
    keys = jax.random.split(key, 400)
    found = np.array([mixed(remedies.style_mixing(0.75), one) for one in keys[:40]])
    assert (found[:, 0] == 0).all()
    assert (np.diff(found, axis=1) >= 0).all()
    own = jnp.zeros((1, 4, 1))

    def others(remedy):
        mix = partial(remedy.map_styles, styles=own, draw=lambda: jnp.ones_like(own))
        return np.asarray(jax.vmap(mix)(jax.random.clone(keys)))[:, 0, :, 0].sum(axis=1)

    assert (others(remedies.style_mixing(0.0)) == 0).all()
    counts = np.bincount(others(remedies.style_mixing(0.75)).astype(int), minlength=4)
    wanted = np.array([0.25, 0.25, 0.25, 0.25])  # Of 0, 1, 2 and 3 layers of others.
    errors = np.sqrt(wanted * (1 - wanted) * len(keys))
    assert (np.abs(counts - wanted * len(keys)) < 5 * errors).all()


def test_style_mixing_shows_the_critic_mixed_samples_and_sampling_none(key):
    batch = {"data": jnp.zeros((ROWS, 1))}
    seen = []
    critic = silent_critic()

    def apply(params, stats, samples, **mode):
        jax.debug.callback(lambda rows: seen.append(np.asarray(rows)), samples)
        return critic.apply(params, stats, samples)

    model = models.gan(
        linear_styles(), critic._replace(apply=apply), optax.sgd(0.0), optax.sgd(0.0),
        latents=2, remedies=[remedies.style_mixing(1.0)],
        draw_latents=lambda keys, shape: jnp.sign(normal(keys, shape)),
    )  # fmt: skip
    state = model.init(key, batch)
    jax.block_until_ready(model.update(state, batch))
    jax.effects_barrier()
    # Unmixed: (3 + 4) (z_1 + z_2) with z = -1 or 1, which is -14, 0 or 14.
    found = {float(x) for rows in seen for x in rows.ravel()}
    assert found - {-14.0, 0.0, 14.0}
    drawn = model.sample(state, jax.random.key(1), 50)
    assert set(np.unique(drawn)) <= {-14.0, 0.0, 14.0}


def styled_with_everything():
    """Returns a GAN with noise, all remedies of the generator, and statistics."""
    plain = tiny_gan.two_layers((2,))

    def noisy(params, styles, *, keys=None):
        samples = plain.apply(params, (), styles)[0]
        return samples if keys is None else samples + 0.1 * normal(keys, samples.shape)

    return models.gan(
        models.StyledGenerator(
            tiny_gan.averaging_mapping(3),
            networks.pure_functions(lambda key, x: plain.init(key, x)[0], noisy),
            num_styles=2,
        ),
        tiny_gan.two_layers(1),
        optax.sgd(0.05),
        optax.sgd(0.05),
        latents=2,
        ema_decay=0.9,
        average_statistics=False,
        statistics_from="all_steps",
        remedies=[
            remedies.path_length(every=2),
            remedies.style_mixing(),
            remedies.feature_matching(0.3, features, every=1),
            remedies.mode_seeking(0.01),
        ],
    )


def features(params, stats, samples):
    return jnp.tanh(samples @ params["w"] + params["b"])


@pytest.mark.parametrize(
    "parallel", ["shard_map", pytest.param("pmap", marks=pytest.mark.slow)]
)
def test_two_devices_take_the_step_of_one(key, parallel):
    model = styled_with_everything()
    state = model.init(key, BATCH)
    expected = jax.jit(model.update)(state, BATCH)
    found = on_devices.updated(model, state, BATCH, parallel=parallel)
    on_devices.assert_alike(found, expected)


def test_seeds_under_vmap_and_steps_under_scan_are_those_taken_alone(key):
    model = styled_with_everything()
    keys = jax.random.split(key, 2)

    def run(own):
        def step(state, _):
            return model.update(state, BATCH)

        return jax.lax.scan(step, model.init(own, BATCH), None, length=2)

    together, _ = jax.jit(jax.vmap(run))(keys)
    alone = model.init(jax.random.clone(keys[1]), BATCH)
    update, traces = tiny.count_traces(model.update)
    for _ in range(2):
        alone, _ = update(alone, BATCH)
    assert len(traces) == 1
    for one, other in zip(
        jax.tree.leaves(together[2:]), jax.tree.leaves(alone[2:]), strict=True
    ):
        np.testing.assert_allclose(one[1], other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: remedies.path_length(batch_share=0.3), "1 over a whole number"),
        (lambda: remedies.path_length(every=0), "every=0"),
        (lambda: remedies.style_mixing(1.5), "probability=1.5"),
        (lambda: remedies.feature_matching(1.0, 3), "features=3: give a function"),
        (lambda: remedies.mode_seeking(epsilon=0.0), "epsilon=0"),
    ],
)
def test_settings_out_of_range_are_refused(without_types, make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()


def test_remedies_that_do_not_fit_the_generator_or_the_batch_are_refused(key):
    def update(remedy, rows=ROWS):
        model = build(tiny_gan.two_layers((2,)), remedy)
        batch = {"data": jnp.zeros((rows, 2))}
        return jax.eval_shape(model.update, model.init(key, batch), batch)

    with pytest.raises(InputError, match="at least two layers of styles"):
        update(remedies.style_mixing())
    with pytest.raises(InputError, match="1 of 2 samples, and a step has 3"):
        update(remedies.path_length(), rows=3)


def test_translators_refuse_the_remedies_of_a_generator():
    for remedy in (remedies.path_length(), remedies.style_mixing()):
        with pytest.raises(InputError, match=f"{remedy.name} is one of the generator"):
            checks.check_remedies([remedy])
