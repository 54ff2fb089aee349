from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import losses, networks, random
from jaxgen.errors import InputError
from jaxgen.models import remedies
from tests import tiny
from tests.models import on_devices, tiny_gan

ROWS = 8
POINTS = jnp.asarray(np.random.default_rng(0).normal(1.0, 0.5, (ROWS, 2)), jnp.float32)
LATENTS = np.random.default_rng(1).normal(size=(ROWS, 2)).astype(np.float32)
BATCH = {"image": POINTS}
RATE = 0.1

fixed = partial(tiny_gan.gan, draw_latents=lambda keys, shape: jnp.asarray(LATENTS))


def critic_alone(options, key, *, steps=1, rate=RATE, **settings):
    """Returns the states of a GAN whose generator stays as it is."""
    model = fixed(
        generator_optimizer=optax.sgd(0.0), critic_optimizer=optax.sgd(rate),
        remedies=options, **settings,
    )  # fmt: skip
    states, metrics = [model.init(key, BATCH)], {}
    update, traces = tiny.count_traces(model.update)
    for _ in range(steps):
        state, metrics = update(states[-1], BATCH)
        states.append(state)
    # A state that changed its types would be compiled again and again.
    assert len(traces) == 1
    return states, metrics


def samples_of(state):
    generator = tiny_gan.two_layers((2,))
    return tiny_gan.outputs_of(generator, state.generator.params)(LATENTS)


def close(found, wanted):
    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), found, wanted
    )


def test_neighbours_are_packed_along_the_last_axis():
    images = jnp.arange(4 * 3 * 2.0).reshape(4, 3, 1, 2)
    rows = remedies.pac(2).layout(images)
    assert rows.shape == (2, 3, 1, 4)
    np.testing.assert_array_equal(rows[1, ..., :2], images[2])
    np.testing.assert_array_equal(rows[1, ..., 2:], images[3])
    with pytest.raises(InputError, match="multiple of 3 on every device"):
        remedies.pac(3).layout(images)


def test_conditions_are_packed_with_their_samples(key):
    labels = jnp.arange(ROWS) % 3
    seen = []
    network = tiny_gan.two_layers(1)

    def apply(params, stats, samples, condition, **mode):
        seen.append((samples.shape, condition.shape))
        return network.apply(params, stats, samples, condition)

    model = fixed(
        critic=network._replace(apply=apply),
        remedies=[remedies.pac(2)],
        num_classes=3,
        loss=losses.gan.wasserstein(),
    )
    state = model.init(key, BATCH | {"label": labels})
    condition = jax.nn.one_hot(labels, 3)
    found = model.critique(state, POINTS, condition)
    wanted = network.apply(
        state.critic.params, (), POINTS.reshape(4, 4), condition.reshape(4, 6)
    )[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    jax.eval_shape(model.update, state, BATCH | {"label": labels})
    assert set(seen) == {((4, 4), (4, 6))}


def test_minibatch_deviation_is_the_mean_deviation_of_a_group_as_one_more_channel():
    images = jnp.asarray(np.random.default_rng(0).normal(size=(8, 3, 1, 2)))
    found = remedies.minibatch_deviation(4).layout(images)
    assert found.shape == (8, 3, 1, 3)
    np.testing.assert_array_equal(found[..., :2], images)
    for group in (slice(0, 4), slice(4, 8)):
        wanted = np.asarray(images[group]).std(axis=0).mean()
        np.testing.assert_allclose(found[group, ..., 2], wanted, rtol=1e-5)
    slope = jax.grad(lambda x: jnp.sum(remedies.minibatch_deviation(4).layout(x)))
    assert jnp.isfinite(slope(jnp.zeros((4, 2)))).all()


def test_instance_noise_falls_in_a_line_to_nothing(key):
    keys = random.example_keys(key, 4000)
    add = remedies.instance_noise(0.5, steps=10).inputs
    zeros = jnp.zeros((4000, 2))

    def spread(step):
        return float(jnp.std(add((), jnp.int32(step), jax.random.clone(keys), zeros)))

    # The standard error of a standard deviation is itself over sqrt(2 n).
    for step, wanted in ((0, 0.5), (5, 0.25), (10, 0.0), (99, 0.0)):
        assert abs(spread(step) - wanted) <= 5 * wanted / np.sqrt(2 * 8000)
    forever = remedies.instance_noise(0.5).inputs
    np.testing.assert_allclose(
        forever((), jnp.int32(99), jax.random.clone(keys), zeros),
        add((), jnp.int32(0), jax.random.clone(keys), zeros),
    )


def test_data_and_samples_get_noise_of_their_own(key):
    seen = []
    network = tiny_gan.two_layers(1)

    def apply(params, stats, samples, **mode):
        jax.debug.callback(lambda rows: seen.append(np.asarray(rows)), samples)
        return network.apply(params, stats, samples)

    model = tiny_gan.gan(
        critic=network._replace(apply=apply),
        remedies=[remedies.instance_noise(1.0)],
        draw_latents=lambda keys, shape: jnp.zeros(shape),
        loss=losses.gan.relativistic(),
    )
    state = model.init(key, {"image": jnp.zeros((ROWS, 2))})
    generator = state.generator._replace(
        params=jax.tree.map(jnp.zeros_like, state.generator.params)
    )
    state = state._replace(generator=generator)
    jax.block_until_ready(jax.jit(model.update)(state, {"image": jnp.zeros((ROWS, 2))}))
    jax.effects_barrier()
    # Both sides, in the step of the critic and in that of the generator.
    noise = {rows.tobytes() for rows in seen if rows.any()}
    assert len(noise) >= 4


def plain_step(params, fake, weight=1.0, penalty=0.0):
    """One step down the weighed loss and a multiple of R1, worked out here."""
    network, game = tiny_gan.two_layers(1), losses.gan.non_saturating()

    def cost(params):
        judge = tiny_gan.outputs_of(network, params)
        game_loss = jnp.mean(game.critic(judge(POINTS), judge(fake)))
        return weight * game_loss + penalty * jnp.mean(
            losses.penalties.r1(judge, POINTS)
        )

    return jax.tree.map(lambda p, g: p - RATE * g, params, jax.grad(cost)(params))


def test_a_prompt_penalty_is_part_of_the_loss_and_a_lazy_one_a_step_of_its_own(key):
    (before, prompt), metrics = critic_alone([remedies.r1(0.3, every=1)], key)
    fake, start = samples_of(before), before.critic.params
    close(prompt.critic.params, plain_step(start, fake, penalty=0.3))
    judge = tiny_gan.outputs_of(tiny_gan.two_layers(1), start)
    cost = 0.3 * jnp.mean(losses.penalties.r1(judge, POINTS))
    np.testing.assert_allclose(metrics["penalty"], cost, rtol=1e-5)

    (_, first, second), _ = critic_alone([remedies.r1(0.3, every=2)], key, steps=2)
    due = plain_step(plain_step(start, fake), fake, weight=0.0, penalty=2 * 0.3)
    close(first.critic.params, due)
    close(second.critic.params, plain_step(due, fake))


def test_lazy_adam_keeps_the_pace_of_the_penalty():
    plain, lazy = remedies.lazy_adam(0.1, every=1), optax.adam(0.1, b1=0.0, b2=0.99)
    params = jnp.ones(3)

    def walk(optimizer, steps=3):
        state = optimizer.init(params)
        found = []
        for number in range(steps):
            updates, state = optimizer.update(params * (1.0 + number), state, params)
            found.append(updates)
        return jnp.stack(found)

    np.testing.assert_array_equal(walk(plain), walk(lazy))
    share = 16 / 17
    corrected = optax.adam(0.1 * share, b1=0.5**share, b2=0.99**share)
    np.testing.assert_allclose(
        walk(remedies.lazy_adam(0.1, b1=0.5, every=16)), walk(corrected), rtol=1e-6
    )
    # 17 steps where there were 16: the same forgetting, the same way in all.
    assert (0.99**share) ** 17 == pytest.approx(0.99**16)


def test_lecam_is_weighed_against_the_averages_of_the_steps_before(key):
    (_, first, second), metrics = critic_alone(
        [remedies.lecam(0.5, decay=0.9)], key, steps=2, rate=0.0
    )
    judge = tiny_gan.outputs_of(tiny_gan.two_layers(1), first.critic.params)
    real, fake = judge(POINTS), judge(samples_of(first))
    np.testing.assert_allclose(first.remedies[0].real, 0.1 * real.mean(), rtol=1e-5)
    np.testing.assert_allclose(first.remedies[0].fake, 0.1 * fake.mean(), rtol=1e-5)
    np.testing.assert_allclose(second.remedies[0].real, 0.19 * real.mean(), rtol=1e-5)
    wanted = 0.5 * jnp.mean(losses.penalties.lecam(real, fake, *first.remedies[0]))
    np.testing.assert_allclose(metrics["penalty"], wanted, rtol=1e-5)


def test_the_probability_of_augmenting_follows_the_sign_of_the_logits_of_data():
    remedy = remedies.adaptive_augment(
        lambda keys, samples, probability: samples, target=0.6, examples=100.0
    )
    mean = partial(jnp.mean, axis=0)

    def moved(share, start):
        """With `share` of the logits of data above 0, 10 examples a step."""
        logits = jnp.where(jnp.arange(10) < 10 * share, 1.0, -1.0)
        state = remedy.init()._replace(probability=jnp.array(start))
        return remedy.update(state, logits, logits, mean, 10).probability

    # The mean sign is 2 share - 1: 0.8 above the target, 0.4 below it.
    np.testing.assert_allclose(moved(0.9, 0.5), 0.6)
    np.testing.assert_allclose(moved(0.7, 0.5), 0.4)
    assert moved(0.7, 0.0) == 0.0
    assert moved(1.0, 0.95) == 1.0


def test_the_probability_of_augmenting_moves_after_each_so_many_steps():
    remedy = remedies.adaptive_augment(
        lambda keys, samples, probability: samples + probability,
        target=0.6,
        examples=100.0,
        every=4,
    )
    state, found = remedy.init(), []
    # Mean signs of 12 steps: 0.65, 0.55 and 0.8 in the mean of four.
    for sign in (1.0, 0.2, 0.4, 1.0, 0.6, 0.6, 0.6, 0.4, 0.8, 0.8, 0.8, 0.8):
        state = remedy.update(
            state, jnp.ones(5), jnp.ones(5), lambda signs, sign=sign: sign * signs[0], 5
        )
        found.append([float(number) for number in remedy.report(state).values()])
    step = 4 * 5 / 100
    wanted = [0.0] * 3 + [step] * 4 + [0.0] * 4 + [step]
    np.testing.assert_allclose([one for one, _ in found], wanted, rtol=1e-6)
    means = [1.0, 0.6, 1.6 / 3, 0.65, 0.6, 0.6, 0.6, 0.55, 0.8, 0.8, 0.8, 0.8]
    np.testing.assert_allclose([one for _, one in found], means, rtol=1e-6)
    keys = jax.random.split(jax.random.key(0), 2)
    shown = remedy.inputs(state, jnp.int32(0), keys, jnp.ones(2))
    np.testing.assert_allclose(shown, 1.0 + step, rtol=1e-6)


@pytest.mark.parametrize("every", [1, 2])
def test_the_probability_of_augmenting_is_that_of_all_devices(key, every):
    # A critic whose logit of data is their first coordinate: data 0 to 3 are above 0.
    critic = networks.pure_functions(
        lambda key, x: jnp.ones((1, 1)), lambda params, x: (params * x)[:, 0]
    )
    remedy = remedies.adaptive_augment(
        lambda keys, samples, probability: samples + probability,
        target=-0.1, examples=100.0, every=every,
    )  # fmt: skip
    model = tiny_gan.gan(optax.sgd(0.0), critic=critic, remedies=[remedy])
    points = jnp.where(jnp.arange(ROWS)[:, None] < ROWS / 2, 1.0, -1.0)
    batch = {"data": points + jnp.zeros((ROWS, 2))}
    state = model.init(key, batch)
    for _ in range(every):
        alone = jax.jit(model.update)(state, batch)
        on_devices.assert_alike(on_devices.updated(model, state, batch), alone)
        state = alone[0]
    # Each device alone would see a mean sign of 1 or of -1, and count half the data.
    probability = remedy.report(state.remedies[0])["augment_probability"]
    np.testing.assert_allclose(probability, every * ROWS / 100, rtol=1e-6)


def test_clipped_critics_stay_within_the_bound(key):
    (_, state), _ = critic_alone([remedies.weight_clipping(0.05)], key)
    sizes = [jnp.abs(leaf).max() for leaf in jax.tree.leaves(state.critic.params)]
    assert max(sizes) <= 0.05


def test_the_gradient_penalty_of_packed_samples_is_of_the_row(key):
    options = [remedies.pac(2), remedies.gradient_penalty(0.1)]
    network = tiny_gan.two_layers(1)
    slope = jnp.arange(1.0, 5.0)

    def apply(params, stats, rows, **mode):
        return params["w"][0, 0] * 0.0 + rows @ slope, stats

    _, metrics = critic_alone(options, key, critic=network._replace(apply=apply))
    norm = float(jnp.sqrt(jnp.sum(slope**2)))
    np.testing.assert_allclose(metrics["penalty"], 0.1 * (norm - 1) ** 2, rtol=1e-5)


def test_remedies_of_every_kind_go_together(key):
    options = [
        remedies.adaptive_augment(lambda keys, samples, share: samples + share),
        remedies.instance_noise(0.1, steps=50),
        remedies.pac(2),
        remedies.minibatch_deviation(2),
        remedies.dragan(0.1),
        remedies.gradient_penalty(0.1),
        remedies.r1(0.1, every=2),
        remedies.lecam(),
        remedies.weight_clipping(1.0),
    ]
    (_, _, state), metrics = critic_alone(options, key, steps=2)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(state.critic))
    assert {"penalty", "augment_probability", "estimate"} <= set(metrics)
    assert np.isfinite(list(metrics.values())).all()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: remedies.pac(0), "size=0: give a whole number of at least 1"),
        (lambda: remedies.unroll(-1), "steps=-1"),
        (lambda: remedies.r1(1.0, every=0), "every=0"),
        (lambda: remedies.dag([jnp.copy]), "dag was given 1 transforms: give at least"),
        (lambda: remedies.weight_clipping(0.0), "bound"),
        (lambda: remedies.instance_noise(np.nan), "standard_deviation"),
        (
            lambda: remedies.minibatch_deviation(4).layout(jnp.zeros((6, 2))),
            "groups of 4",
        ),
    ],
)
def test_settings_out_of_range_are_refused(make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()


def test_penalties_go_through_the_deviation_of_the_minibatch(key):
    found = critic_alone([remedies.minibatch_deviation(4), remedies.r1(2.0)], key)
    (before, _), metrics = found
    layout = remedies.minibatch_deviation(4).layout

    def summed(points):
        critic = tiny_gan.two_layers(1)
        return jnp.sum(critic.apply(before.critic.params, (), layout(points))[0])

    squares = jnp.sum(jax.grad(summed)(POINTS) ** 2, axis=-1)
    np.testing.assert_allclose(metrics["penalty"], jnp.mean(squares), rtol=1e-5)


@pytest.mark.parametrize(("through", "factor"), [(False, 1.0), (True, 9.0)])
@pytest.mark.parametrize("every", [1, 2])
def test_r1_goes_through_an_augmentation_to_the_data_themselves(
    key, through, factor, every
):
    # D(3 x + noise) with D(x) = s x: the gradient is s, or 3 s by the data.
    slope = jnp.array([0.3, 0.4])

    def linear(params, samples):
        return samples @ params["slope"][0]

    critic = networks.pure_functions(lambda key, x: {"slope": slope[None]}, linear)
    options = [
        remedies.augment(lambda keys, x: 3.0 * x),
        remedies.instance_noise(0.1),
        remedies.r1(2.0, every=every, through_inputs=through),
    ]
    (before, state), metrics = critic_alone(
        options, key, critic=critic, loss=losses.gan.wasserstein()
    )
    if every == 1:
        np.testing.assert_allclose(metrics["penalty"], factor * 0.25, rtol=1e-5)
        return
    # The lazy step: from slope s by -RATE * every * 2 * factor * s.
    (_, plain), _ = critic_alone(
        options[:2], jax.random.clone(key), critic=critic, loss=losses.gan.wasserstein()
    )
    wanted = plain.critic.params["slope"] * (1.0 - RATE * every * 2.0 * factor)
    np.testing.assert_allclose(state.critic.params["slope"], wanted, rtol=1e-4)
