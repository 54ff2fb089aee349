from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import losses, models, training
from jaxgen.errors import InputError
from jaxgen.models import gan_checks, remedies
from jaxgen.models.ensemble import member_key
from jaxgen.typing import Network
from tests import tiny
from tests.models import tiny_gan

ROWS = 8
POINTS = jnp.asarray(np.random.default_rng(0).normal(1.0, 0.5, (ROWS, 2)), jnp.float32)
LATENTS = np.random.default_rng(1).normal(size=(ROWS, 2)).astype(np.float32)
BATCH = {"image": POINTS}
LABELLED = {"image": POINTS, "label": jnp.arange(ROWS) % 3}

fixed = partial(tiny_gan.gan, draw_latents=lambda keys, shape: jnp.asarray(LATENTS))


def after(model, key, steps=1, batch=BATCH):
    """Returns the first state, that after some steps, and what the last one logged."""
    first = model.init(key, batch)
    state, metrics = first, {}
    update, traces = tiny.count_traces(model.update)
    for _ in range(steps):
        state, metrics = update(state, batch)
    assert len(traces) == 1
    return first, state, metrics


@pytest.mark.parametrize("name", ["minimax", "non_saturating", "least_squares", "hinge",
                                  "wasserstein", "relativistic"])  # fmt: skip
def test_the_critic_parts_data_from_samples_and_the_generator_brings_them_back(
    key, name
):
    model = fixed(optax.sgd(1e-3), loss=getattr(losses.gan, name)())
    first = model.init(key, BATCH)
    # A critic that is not sure yet: past its labels, least squares pulls back.
    small = jax.tree.map(lambda leaf: 0.3 * leaf, first.critic)
    before = first._replace(critic=small)
    state, metrics = jax.jit(model.update)(before, BATCH)

    def judged(critic, generator):
        seen = state._replace(critic=critic, generator=generator)
        samples = model.generate(seen, jnp.asarray(LATENTS))
        return [jnp.mean(model.critique(seen, x)) for x in (POINTS, samples)]

    start = judged(before.critic, before.generator)
    real, fake = judged(state.critic, before.generator)
    assert real - fake > start[0] - start[1]
    assert judged(state.critic, state.generator)[1] > fake
    np.testing.assert_allclose(
        [metrics["real_logit"], metrics["fake_logit"]], start, rtol=1e-5
    )


def test_one_update_is_a_step_of_each_optimizer_on_each_loss(key):
    game = losses.gan.non_saturating()
    model = fixed(optax.sgd(0.1), loss=game)
    before, state, metrics = after(model, key)
    critic, generator = tiny_gan.two_layers(1), tiny_gan.two_layers((2,))

    def down(loss, params):
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, jax.grad(loss)(params))

    fake = generator.apply(before.generator.params, (), LATENTS)[0]

    def critic_loss(params):
        real = critic.apply(params, (), POINTS)[0]
        return jnp.mean(game.critic(real, critic.apply(params, (), fake)[0]))

    wanted = down(critic_loss, before.critic.params)

    def generator_loss(params):
        logits = critic.apply(wanted, (), generator.apply(params, (), LATENTS)[0])[0]
        return jnp.mean(game.generator(logits, logits))

    tree_close(state.critic.params, wanted)
    tree_close(state.generator.params, down(generator_loss, before.generator.params))
    loss = critic_loss(before.critic.params)
    np.testing.assert_allclose(metrics["critic_loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(metrics["estimate"], game.estimate(loss), rtol=1e-4)


def tree_close(found, wanted, rtol=1e-5):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6),
        found,
        wanted,
    )


ADAM = optax.adam(0.05, b1=0.5, eps_root=1e-12)


@pytest.mark.parametrize(
    ("optimizer", "steps", "penalty"),
    [
        pytest.param(optax.sgd(0.2), 5, 0.0, id="sgd-5"),
        pytest.param(ADAM, 1, 0.3, id="adam-r1"),
        pytest.param(optax.sgd(0.2), 1, 0.3, id="sgd-r1", marks=pytest.mark.slow),
        pytest.param(ADAM, 5, 0.3, id="adam-5-r1", marks=pytest.mark.slow),
    ],
)
def test_the_unrolled_gradient_is_that_of_central_differences(
    key, optimizer, steps, penalty
):
    extra = [remedies.r1(penalty)] if penalty else []
    game = losses.gan.non_saturating()
    with jax.enable_x64(True):
        points, latents = (jnp.asarray(a, jnp.float64) for a in (POINTS, LATENTS))
        model = tiny_gan.gan(
            generator_optimizer=optax.sgd(1.0),
            critic_optimizer=optimizer,
            draw_latents=lambda keys, shape: latents,
            remedies=[*extra, remedies.unroll(steps)],
            loss=game,
        )
        before, state, _ = after(model, key, batch={"image": points})
        found, _ = jax.flatten_util.ravel_pytree(
            jax.tree.map(jnp.subtract, before.generator.params, state.generator.params)
        )
        critic, generator = tiny_gan.two_layers(1), tiny_gan.two_layers((2,))
        flat, unravel = jax.flatten_util.ravel_pytree(before.generator.params)

        def value(flat, base):
            """The generator's loss at samples of `flat` and the D^k of `base`."""
            fake = generator.apply(unravel(base), (), latents)[0]

            def critic_loss(params):
                real = critic.apply(params, (), points)[0]
                value = jnp.mean(game.critic(real, critic.apply(params, (), fake)[0]))
                judge = tiny_gan.outputs_of(critic, params)
                return value + penalty * jnp.mean(losses.penalties.r1(judge, points))

            def step(carry, _):
                params, opt_state = carry
                slopes = jax.grad(critic_loss)(params)
                updates, opt_state = optimizer.update(slopes, opt_state, params)
                return (optax.apply_updates(params, updates), opt_state), None

            carry = (state.critic.params, state.critic.opt_state)
            (params, _), _ = jax.lax.scan(step, carry, None, length=steps)
            logits = critic.apply(
                params, (), generator.apply(unravel(flat), (), latents)[0]
            )[0]
            return jnp.mean(game.generator(logits, logits))

        values = jax.jit(jax.vmap(value))

        def central_differences(follows):
            moves = 1e-5 * jnp.eye(flat.size)
            ends = [
                values(flat[None] + sign * moves, flat[None] + sign * follows * moves)
                for sign in (1.0, -1.0)
            ]
            return (ends[0] - ends[1]) / 2e-5

        np.testing.assert_allclose(
            found, central_differences(1.0), rtol=1e-6, atol=1e-9
        )
        # With the critic's answer taken for a constant it is another gradient.
        apart = jnp.abs(found - central_differences(0.0)).max()
        assert apart > 1e-2 * jnp.abs(found).max()


def test_looking_ahead_changes_the_generator_alone(key):
    _, plain, _ = after(fixed(), key)
    _, unrolled, _ = after(fixed(remedies=[remedies.unroll(2)]), key)
    tree_close(unrolled.critic, plain.critic)
    change = jax.tree.map(
        lambda a, b: float(jnp.abs(a - b).max()),
        unrolled.generator.params,
        plain.generator.params,
    )
    assert max(jax.tree.leaves(change)) > 1e-4


def test_remedies_of_size_zero_or_one_leave_the_plain_model_bit_for_bit(key):
    _, plain, _ = after(tiny_gan.gan(ADAM), key, steps=2)
    options = [remedies.unroll(0), remedies.pac(1)]
    _, same, _ = after(tiny_gan.gan(ADAM, remedies=options), key, steps=2)
    tiny.assert_equal_bits(same._replace(remedies=()), plain._replace(remedies=()))


def test_the_averaged_generator_makes_the_samples(key):
    counting = counted(tiny_gan.two_layers((2,)))
    build = partial(
        models.gan, counting, tiny_gan.two_layers(1), optax.sgd(0.5), optax.sgd(0.5)
    )
    before, state, _ = after(build(latents=2, ema_decay=0.9), key)

    def mix(a, b):
        # The decay of the first step is 1 / 10, whatever it will be.
        return 0.1 * a + 0.9 * b

    wanted = jax.tree.map(
        mix,
        (before.generator.params, before.generator.stats),
        (state.generator.params, state.generator.stats),
    )
    tree_close(state.ema, wanted)
    # One pass for the critic's step does not count; that of the generator's does.
    assert state.generator.stats["passes"] == 1.0
    samples = build(latents=2, ema_decay=0.9).generate(state, jnp.asarray(LATENTS))
    np.testing.assert_allclose(
        samples, counting.apply(*state.ema, jnp.asarray(LATENTS))[0], rtol=1e-6
    )


def counted(network):
    """A network whose statistics count the passes in training."""

    def init(key, *inputs):
        return network.init(key, *inputs)[0], {"passes": jnp.zeros(())}

    def apply(params, stats, *inputs, keys=None, train=False, axis_name=None):
        passes = stats["passes"] + train
        return network.apply(params, (), *inputs)[0], {"passes": passes}

    return Network(init, apply)


def test_each_critic_step_sees_its_own_minibatch(key):
    seen = []
    network = tiny_gan.two_layers(1)

    def apply(params, stats, samples, **mode):
        jax.debug.callback(lambda rows: seen.append(np.asarray(rows)), samples)
        return network.apply(params, stats, samples)

    model = fixed(
        critic=network._replace(apply=apply),
        critic_steps=2,
        draw_latents=lambda keys, shape: jnp.full(shape, 50.0),
    )
    after(model, key)
    jax.effects_barrier()
    for first in (0, 1):
        assert any(np.array_equal(rows, POINTS[first::2]) for rows in seen)


def test_signed_networks_see_images_around_zero_and_samples_come_back(key):
    model = tiny_gan.gan(signed=True)
    state = model.init(key, {"image": jnp.full((ROWS, 2), 0.25)})
    net = tiny_gan.two_layers(1)
    wanted = net.apply(state.critic.params, (), jnp.full((1, 2), -0.5))[0]
    np.testing.assert_allclose(model.critique(state, jnp.full((1, 2), 0.25)), wanted)
    drawn = tiny_gan.two_layers((2,)).apply(state.generator.params, (), LATENTS)[0]
    found = model.generate(state, jnp.asarray(LATENTS))
    np.testing.assert_allclose(found, 0.5 * drawn + 0.5, rtol=1e-6)


def test_labels_reach_both_networks(key):
    model = tiny_gan.gan(num_classes=3)
    _, state, metrics = after(model, key, batch=LABELLED)
    assert state.generator.params["w"].shape == (2 + 3, 3)
    assert state.critic.params["w"].shape == (2 + 3, 3)
    samples = model.sample(state, key, 6)
    again = model.sample(
        state, jax.random.clone(key), 6, jax.nn.one_hot(jnp.arange(6) % 3, 3)
    )
    np.testing.assert_array_equal(samples, again)
    assert np.isfinite(jax.tree.leaves(metrics)).all()


def test_an_auxiliary_classifier_adds_the_cross_entropy_of_both_sides(key):
    model = fixed(
        optax.sgd(1.0), heads=4, num_classes=3, auxiliary_weight=0.5,
        loss=losses.gan.wasserstein(),
    )  # fmt: skip
    before, state, _ = after(model, key, batch=LABELLED)
    # Told the label by nobody, the critic takes samples alone.
    assert before.critic.params["w"].shape == (2, 3)
    critic, generator = tiny_gan.two_layers(4), tiny_gan.two_layers((2,))
    condition = jax.nn.one_hot(LABELLED["label"], 3)
    fake = generator.apply(before.generator.params, (), LATENTS, condition)[0]

    def entropy(outputs):
        chosen = jnp.sum(condition * jax.nn.log_softmax(outputs[:, 1:]), axis=-1)
        return -0.5 * jnp.mean(chosen)

    def cost(params):
        real, false = (
            critic.apply(params, (), POINTS)[0],
            critic.apply(params, (), fake)[0],
        )
        game = jnp.mean(false[:, 0] - real[:, 0])
        return game + entropy(real) + entropy(false)

    slopes = jax.grad(cost)(before.critic.params)
    tree_close(
        jax.tree.map(jnp.subtract, before.critic.params, state.critic.params), slopes
    )


def test_evaluation_gives_one_value_per_example_whatever_the_rows(key):
    model = tiny_gan.gan(remedies=[remedies.pac(2), remedies.instance_noise(1.0)])
    state = model.init(key, BATCH)
    terms = jax.jit(model.evaluate)(state, key, BATCH)
    assert {value.shape for value in terms.values()} == {(ROWS,)}
    real = model.critique(state, POINTS)
    np.testing.assert_allclose(terms["real_logit"], np.repeat(real, 2), rtol=1e-5)


def test_training_resumes_bit_for_bit_with_what_the_remedies_keep(key, tmp_path):
    options = [
        remedies.lecam(),
        remedies.adaptive_augment(lambda keys, samples, share: samples * (1.0 + share)),
    ]
    model = tiny_gan.gan(
        optax.adam(1e-2), sample_shape=(4, 4, 1), remedies=options, ema_decay=0.9
    )
    train = partial(training.fit, model, tiny.batches(), key=key)
    whole = train(steps=3)
    for steps in (1, 3):
        checkpoints = training.Checkpoints(tmp_path)
        resumed = train(steps=steps, checkpoints=checkpoints)
        checkpoints.close()
    tiny.assert_equal_bits(resumed, whole)
    assert resumed.remedies[1].probability > 0.0


def test_a_member_of_an_ensemble_is_the_model_trained_alone(key):
    def build(_):
        return tiny_gan.gan(sample_shape=(4, 4, 1))

    together = models.ensemble(build, num_seeds=2)
    data = tiny.batches()
    state = training.fit(together, data, key=key, steps=3)
    alone = training.fit(build(None), data, key=member_key(key, 1), steps=3)
    member = together.member(state, 1)
    for name in ("generator", "critic"):
        tree_close(getattr(member, name), getattr(alone, name))


REFUSALS = {
    "critic_steps=0: give a whole number of at least 1": {"critic_steps": 0},
    "num_classes=0: give a whole number of at least 1": {"num_classes": 0},
    "ema_decay=1: give a number of at least 0 and below 1": {"ema_decay": 1.0},
    "two dag": {"remedies": 2 * [remedies.dag([jnp.copy, jnp.flip])]},
    "auxiliary_weight=1 needs labels": {"auxiliary_weight": 1.0},
    "auxiliary_weight=-1: give a number of": {
        "auxiliary_weight": -1.0,
        "num_classes": 3,
    },
    "lecam keeps averages of one head": {
        "remedies": [remedies.lecam(), remedies.dag([jnp.copy, jnp.flip])]
    },
    r"does not go with pac\(2\)": {
        "auxiliary_weight": 1.0, "num_classes": 3, "remedies": [remedies.pac(2)]
    },
    "eps_root": {
        "remedies": [remedies.unroll(2)], "critic_optimizer": optax.adam(1e-3)
    },
}  # fmt: skip


@pytest.mark.parametrize("sentence", REFUSALS)
def test_parts_that_do_not_go_together_are_refused_with_the_cure(key, sentence):
    with pytest.raises(InputError, match=sentence):
        tiny_gan.gan(**REFUSALS[sentence]).init(key, BATCH)


def test_a_loss_or_a_remedy_without_its_parentheses_is_refused():
    def check(loss, options):
        gan_checks.check_parts(loss, options, 1, None, 0.0, None)

    with pytest.raises(InputError, match="loss must be .* hinge.*its parentheses"):
        check(losses.gan.hinge, [])
    with pytest.raises(InputError, match="remedies must be .* pac.*its parentheses"):
        check(losses.gan.hinge(), [remedies.pac])


def test_batches_and_networks_that_do_not_fit_are_refused_with_the_cure(key):
    def init(batch=BATCH, **options):
        return tiny_gan.gan(**options).init(key, batch)

    with pytest.raises(InputError, match="multiple of 6"):
        init(critic_steps=3, remedies=[remedies.pac(2)])
    with pytest.raises(InputError, match=r"makes samples of shape \(3,\)"):
        init(sample_shape=(3,))
    with pytest.raises(InputError, match="Make it with heads=1"):
        init(heads=2)
    with pytest.raises(InputError, match="the data have no labels"):
        init(num_classes=3)
    model = tiny_gan.gan(num_classes=3)
    state = model.init(key, LABELLED)
    with pytest.raises(InputError, match="The condition is missing"):
        model.generate(state, jnp.asarray(LATENTS))
    plain = tiny_gan.gan()
    with pytest.raises(InputError, match="takes no condition"):
        plain.critique(plain.init(key, BATCH), POINTS, jnp.zeros((ROWS, 3)))
