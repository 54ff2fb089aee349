from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import losses, models
from jaxgen.errors import InputError
from jaxgen.models import remedies
from tests.models import on_devices
from tests.models.translation import tiny_translation as tiny

BATCH = tiny.batch()


def build(rate=0.1, *, make=tiny.pixelwise, **options):
    return models.cyclegan(
        make(),
        make(),
        tiny.critic(),
        tiny.critic(),
        optax.sgd(rate),
        optax.sgd(rate),
        **options,
    )


def stepped(model, key):
    def step(key):
        state = model.init(key, BATCH)
        return state, *model.update(state, BATCH)

    return jax.jit(step)(key)


@pytest.fixture(scope="module")
def plain():
    model = build(0.1, loss=losses.gan.least_squares())
    return model, stepped(model, jax.random.key(0))


def test_a_step_is_that_of_the_papers_loss(plain):
    rate = 0.1
    _, (before, after, metrics) = plain
    a, b = (2 * BATCH[name] - 1 for name in ("a", "b"))

    def apply(params, images):
        return jnp.tanh(images @ params["w"])

    def score(params, images):
        return tiny.critic().apply(params, (), images)[0]

    def distance(one, other):
        return jnp.mean(jnp.abs(one - other))

    def generator_loss(params, critics):
        there, back = (partial(apply, params[name]) for name in ("a_to_b", "b_to_a"))
        adversarial = jnp.mean((score(critics["b"], there(a)) - 1) ** 2)
        adversarial += jnp.mean((score(critics["a"], back(b)) - 1) ** 2)
        cycle = distance(back(there(a)), a) + distance(there(back(b)), b)
        identity = distance(there(b), b) + distance(back(a), a)
        return adversarial + 10 * cycle + 5 * identity

    def critic_loss(critic, real, fake):
        return (
            jnp.mean((score(critic, real) - 1) ** 2)
            + jnp.mean(score(critic, fake) ** 2)
        ) / 2

    @jax.jit
    def by_hand(generators, critics):
        value, slopes = jax.value_and_grad(generator_loss)(generators, critics)
        fakes = {
            "b": apply(generators["a_to_b"], a),
            "a": apply(generators["b_to_a"], b),
        }
        total, moved = 0.0, {}
        for name, real in (("a", a), ("b", b)):
            loss, slope = jax.value_and_grad(critic_loss)(
                critics[name], real, fakes[name]
            )
            moved[name] = jax.tree.map(lambda p, g: p - rate * g, critics[name], slope)
            total += 2 * loss
        generators = jax.tree.map(lambda p, g: p - rate * g, generators, slopes)
        return value, total, generators, moved

    value, total, generators, critics = by_hand(
        before.generators.params,
        {name: net.params for name, net in before.critics.items()},
    )
    np.testing.assert_allclose(metrics["generator_loss"], value, rtol=1e-5)
    np.testing.assert_allclose(metrics["critic_sum"], total, rtol=1e-5)
    close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-7)
    jax.tree.map(close, after.generators.params, generators)
    jax.tree.map(
        close, {name: net.params for name, net in after.critics.items()}, critics
    )


def test_least_squares_are_the_loss_by_default(plain):
    _, (before, _, metrics) = plain
    found = jax.jit(build(0.1).update)(before, BATCH)[1]
    jax.tree.map(np.testing.assert_array_equal, found, metrics)


def test_terms_have_names_of_their_own_and_add_up(plain):
    _, (state, _, terms) = plain
    total = terms["adversarial_a_to_b"] + terms["adversarial_b_to_a"]
    total += 10 * (terms["cycle_a"] + terms["cycle_b"])
    total += 5 * (terms["identity_a"] + terms["identity_b"])
    np.testing.assert_allclose(terms["generator_loss"], total, rtol=1e-5)
    halves = terms["critic_a_loss"] + terms["critic_b_loss"]
    np.testing.assert_allclose(terms["critic_sum"], 2 * halves, rtol=1e-5)
    other = build(identity_weight=0.0)
    without = jax.eval_shape(lambda state: other.update(state, BATCH)[1], state)
    assert set(terms) - set(without) == {"identity_a", "identity_b"}


def test_critics_are_shown_images_of_the_pool(key):
    # Generators that do not move, and a pool that holds one image: then the critic of
    # a later step may see what was made of another batch.
    model = build(0.0, pool_size=1)
    other = {name: tiny.images(seed=9, rows=1) for name in ("a", "b")}
    one = {name: rows[:1] for name, rows in BATCH.items()}

    def both(key):
        state = model.init(key, one)
        state, _ = model.update(state, one)

        def step(state, _):
            state, metrics = model.update(state, other)
            return state, metrics["fake_logit_b"]

        return jax.lax.scan(step, state, None, length=20)[1]

    seen = np.asarray(jax.jit(both)(key))
    # Two images only: the old one and the new one.
    assert len(np.unique(seen.round(5))) == 2


@pytest.mark.skipif(jax.device_count() < 2, reason="needs 2 devices")
@pytest.mark.parametrize(
    "parallel", ["shard_map", pytest.param("pmap", marks=pytest.mark.slow)]
)
def test_two_devices_take_the_step_of_one(key, parallel):
    # A pool of three images is exchanged with from the first step on.
    model = build(make=tiny.normalized, pool_size=3, ema_decay=0.9)
    state, *expected = stepped(model, key)
    assert expected[0].pools["a"].images.any()
    found = on_devices.updated(model, state, BATCH, parallel=parallel)
    on_devices.assert_alike(found, expected)


def test_each_direction_uses_its_own_generator(plain):
    model, (state, *_) = plain

    def all_of(state):
        there = model.translate(state, None, BATCH["a"])
        back = model.translate(state, None, there, direction="b_to_a")
        cycle = model.cycle(state, None, BATCH["a"])
        terms = model.evaluate(state, jax.random.key(3), BATCH)
        return there, back, cycle, terms

    there, back, cycle, terms = jax.jit(all_of)(state)
    params = state.generators.params
    expected = jnp.tanh((2 * BATCH["a"] - 1) @ params["a_to_b"]["w"])
    np.testing.assert_allclose(2 * there - 1, expected, rtol=1e-4, atol=1e-6)
    expected = jnp.tanh(expected @ params["b_to_a"]["w"])
    np.testing.assert_allclose(2 * back - 1, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(cycle.translated, there, rtol=1e-5)
    np.testing.assert_allclose(cycle.reconstructed, back, rtol=1e-5)
    np.testing.assert_allclose(
        terms["cycle_a"],
        2 * losses.translation.mean_absolute_error(back, BATCH["a"]),
        rtol=1e-4,
    )
    np.testing.assert_allclose(
        terms["l1_a_to_b"],
        2 * losses.translation.mean_absolute_error(there, BATCH["b"]),
        rtol=1e-4,
    )


@pytest.mark.slow
def test_a_turned_domain_is_learnt_without_pairs(key):
    # b holds other images than a, with the channels' signs and places changed: only
    # what looks like b and leads back to a is right, which these maps can be.
    side = {"rows": 32, "side": 2}
    a = tiny.images(seed=0, **side) * jnp.array([0.6, 0.2])[None, None, None]
    truth = jnp.stack([1 - a[..., 1], a[..., 0]], axis=-1)
    other = tiny.images(seed=5, **side) * jnp.array([0.6, 0.2])[None, None, None]
    b = jnp.stack([1 - other[..., 1], other[..., 0]], axis=-1)
    model = models.cyclegan(
        tiny.pixelwise(),
        tiny.pixelwise(),
        tiny.critic(),
        tiny.critic(),
        optax.adam(1e-2),
        optax.adam(1e-2),
        identity_weight=0.0,
    )

    def learn(key):
        state = model.init(key, {"a": a, "b": b})

        def step(state, _):
            return model.update(state, {"a": a, "b": b})[0], None

        state, _ = jax.lax.scan(step, state, None, length=600)
        return model.translate(state, None, a)

    found = jax.jit(learn)(key)
    error, nothing = (jnp.mean(jnp.abs(one - truth)) for one in (found, a))
    assert error < 0.5 * nothing


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pool_size": -1}, "pool_size=-1"),
        ({"cycle_weight": float("nan")}, "cycle_weight=nan"),
        ({"remedies": [remedies.unroll(2)]}, "unroll"),
    ],
)
def test_options_out_of_range_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        build(**options)


def test_identity_of_unlike_images_is_refused(key):
    batch = {"a": tiny.images(2), "b": tiny.images(3)}
    model = build()
    with pytest.raises(InputError, match="identity_weight=0"):
        model.init(key, batch)


@pytest.mark.usefixtures("without_types")
def test_unknown_directions_and_domains_are_refused():
    model = build()
    for function in (model.translate, model.cycle):
        with pytest.raises(InputError, match="direction='b' .*one of 'a_to_b', 'b_to"):
            function(None, None, BATCH["a"], direction="b")
    with pytest.raises(InputError, match="domain='b_to_a' .*one of 'a', 'b'"):
        model.critique(None, BATCH["a"], domain="b_to_a")


@pytest.mark.usefixtures("without_types")
def test_half_a_pool_is_refused():
    with pytest.raises(InputError, match="pool_size=2.5"):
        build(pool_size=2.5)
