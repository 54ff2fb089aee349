import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import models, networks, random
from jaxgen.typing import Translator
from tests.models import on_devices
from tests.models.translation import tiny_translation as tiny

ROWS, SIDE, CHANNELS, WIDTH, TEMPERATURE = 4, 4, 2, 3, 0.3
RATE, WEIGHT = 0.2, 2.0

close = functools.partial(np.testing.assert_allclose, rtol=2e-4, atol=2e-6)


BATCH = tiny.batch()
CRITIC = tiny.critic()
HEADS = networks.patch_heads(4, kernel_init=jax.nn.initializers.lecun_normal())


def judged(params, images):
    return CRITIC.apply(params, (), images)[0]


def tiny_cut(generator=None, **options):
    options = {"nce_weight": WEIGHT, "temperature": TEMPERATURE} | options
    network, features = tiny.encoding() if generator is None else generator
    return models.cut(
        network,
        options.pop("features", features),
        options.pop("heads", HEADS),
        CRITIC,
        options.pop("generator_optimizer", optax.sgd(RATE)),
        options.pop("critic_optimizer", optax.sgd(RATE)),
        **options,
    )


@functools.cache
def first_state():
    """Returns the first state of the plain model, which any other can start from."""
    return jax.jit(tiny_cut().init)(jax.random.key(3), BATCH)


@functools.cache
def updating(**options):
    """Returns a model whose `update` is compiled once for all tests."""
    model = tiny_cut(**options)
    return model._replace(update=jax.jit(model.update))


@functools.cache
def after_one(**options):
    """Returns a state, that after a step, and the metrics of the step."""
    before = first_state()
    if "ema_decay" in options:
        before = before._replace(ema=(before.generator.params.generator, {}))
    return before, *updating(**options).update(before, BATCH)


def down(params, slopes):
    return jax.tree.map(lambda p, g: p - RATE * g, params, slopes)


RAMP = tiny.encoding(ramp=0.3)
FAST = {
    "identity": False,
    "flip_equivariance": True,
    "generator": RAMP,
    "ema_decay": 0.9,
}


@pytest.mark.parametrize("options", [{}, FAST], ids=["cut", "fast"])
def test_one_update_is_a_step_of_the_critic_and_one_of_generator_and_heads(options):
    before, state, metrics = after_one(**options)
    metrics = dict(metrics)
    identity = "identity" not in options
    a, b = (2.0 * np.asarray(BATCH[name]) - 1.0 for name in ("a", "b"))
    ramp = np.zeros((ROWS, SIDE, SIDE, WIDTH), np.float32)
    places = np.tile(np.arange(SIDE), (ROWS, 1))
    if not identity:
        ramp += 0.3 * np.arange(SIDE, dtype=np.float32)[:, None]
        key = random.stream(random.step_key(before.key, 0), "flip")
        draw = jax.vmap(jax.random.bernoulli)
        flips = np.asarray(draw(random.example_keys(key, ROWS)))
        assert 0 < flips.sum() < ROWS
        places[flips] = places[flips, ::-1]

    def turned(images):
        """Those images that are flipped, turned left to right."""
        return images[np.arange(ROWS)[:, None], :, places].swapaxes(1, 2)

    def encoded(g, images):
        return jnp.tanh(images @ g["w"] + ramp)

    def made(g, images):
        return jnp.tanh(encoded(g, images) @ g["v"])

    shown = turned(a)

    def critic_sum(d, fake):
        return jnp.mean((judged(d, b) - 1.0) ** 2) + jnp.mean(judged(d, fake) ** 2)

    def described(params, layer, maps):
        first, second = (params[f"{name}_{layer}"] for name in ("hidden", "output"))
        rows = maps.reshape(ROWS, SIDE**2, -1)
        hidden = jnp.maximum(rows @ first["kernel"] + first["bias"][None, None], 0.0)
        found = hidden @ second["kernel"] + second["bias"][None, None]
        return found / jnp.sqrt(jnp.sum(found**2, axis=-1, keepdims=True))

    def nce(g, h, source, output):
        """Equations 2 and 3 with all places of both layers."""
        total = 0.0
        maps = [(source, output), (encoded(g, source), encoded(g, output))]
        for layer, (key, query) in enumerate(maps):
            keys = jax.lax.stop_gradient(described(h, layer, key))
            queries = described(h, layer, turned(query))
            scores = jnp.exp(queries @ keys.swapaxes(1, 2) / TEMPERATURE)
            shares = jnp.diagonal(scores, axis1=1, axis2=2) / scores.sum(axis=2)
            total -= jnp.mean(jnp.log(shares))
        return total / len(maps)

    @jax.jit
    def wanted(both, critic):
        fake = made(both.generator, shown)
        value, slopes = jax.value_and_grad(lambda d: 0.5 * critic_sum(d, fake))(critic)
        ahead = down(critic, slopes)

        def loss(both):
            g, h = both
            fake = made(g, shown)
            terms = {
                "adversarial": jnp.mean((judged(ahead, fake) - 1.0) ** 2),
                "nce": nce(g, h, a, fake),
            }
            content = terms["nce"]
            if identity:
                terms["nce_identity"] = nce(g, h, b, made(g, b))
                content = 0.5 * (content + terms["nce_identity"])
            total = terms["adversarial"] + WEIGHT * content
            return total, terms | {"generator_loss": total}

        (_, terms), slopes = jax.value_and_grad(loss, has_aux=True)(both)
        logits = {
            "real_logit": jnp.mean(judged(critic, b)),
            "fake_logit": jnp.mean(judged(critic, fake)),
        }
        terms |= logits | {"critic_loss": value, "critic_sum": 2.0 * value}
        return down(both, slopes), ahead, terms, slopes

    both, ahead, terms, slopes = wanted(before.generator.params, before.critic.params)
    jax.tree.map(close, state.critic.params, ahead)
    jax.tree.map(close, state.generator.params, both)
    norm = metrics.pop("generator_gradient_norm")
    close(norm, optax.tree.norm(slopes))
    assert metrics.pop("critic_gradient_norm") > 0.0
    assert metrics.keys() == terms.keys()
    jax.tree.map(close, metrics, terms)
    assert state.step == 1


NOISY = {
    "generator": tiny.encoding(dropout=True, ramp=0.3),
    "patches": 5,
    "flip_equivariance": True,
    "negatives": "batch",
    "layers": (0,),
}


@pytest.mark.skipif(jax.device_count() < 2, reason="needs 2 devices")
@pytest.mark.parametrize(
    "parallel", ["shard_map", pytest.param("pmap", marks=pytest.mark.slow)]
)
def test_two_devices_take_the_step_of_one(parallel):
    # SGD, not Adam, which would hide a gradient too large by the number of devices.
    before, *expected = after_one(**NOISY)
    found = on_devices.updated(tiny_cut(**NOISY), before, BATCH, parallel=parallel)
    on_devices.assert_alike(found, expected)


def test_weights_side_by_side_train_what_each_trains_alone():
    both = models.ensemble(lambda one: tiny_cut(nce_weight=one), [0.5, WEIGHT])
    alone, expected, _ = after_one()
    members = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), alone)
    state = models.EnsembleState(jnp.zeros((), jnp.int32), alone.key, members)
    state, _ = jax.jit(both.update)(state, BATCH)
    member = both.member(state, 1)
    jax.tree.map(close, member.generator.params, expected.generator.params)
    jax.tree.map(close, member.critic.params, expected.critic.params)


def test_query_and_positive_are_of_the_same_places(key):
    # Unchanged images of different pixels are told apart, unless places do not match.
    network, features = tiny.encoding()
    still = network._replace(
        apply=lambda params, stats, images, **mode: (images, stats)
    )

    def on_a_circle(params, pixels):
        angle = 2.0 * pixels[..., :1]
        return (jnp.concatenate([jnp.cos(angle), jnp.sin(angle)], axis=-1),)

    heads = networks.pure_functions(lambda key, *rows: {}, on_a_circle)
    model = tiny_cut(
        (still, features), heads=heads, layers=(0,), patches=5, temperature=1e-6
    )
    terms = jax.jit(model.evaluate)(first_state(), key, BATCH)
    # With one patch out of its place it would be near a thousand.
    assert np.max(terms["nce"]) < 1.0
    assert np.max(terms["nce_identity"]) < 1.0


def test_evaluation_gives_terms_per_image_that_do_not_depend_on_the_batch(key):
    model = tiny_cut(negatives="batch")
    state, _, metrics = after_one()
    evaluate = jax.jit(model.evaluate)
    terms = evaluate(state, random.stream(key, "evaluate"), BATCH)
    assert terms.keys() == {
        "nce", "nce_identity", "adversarial", "real_logit", "fake_logit", "l1",
    }  # fmt: skip
    assert all(term.shape == (ROWS,) for term in terms.values())
    new = tiny.batch(seed=5)
    other = {name: new[name].at[2:].set(rows[2:]) for name, rows in BATCH.items()}
    again = evaluate(state, random.stream(key, "evaluate"), other)
    jax.tree.map(lambda one, two: close(one[2:], two[2:]), terms, again)
    assert np.abs(terms["nce"][:2] - again["nce"][:2]).min() > 1e-4
    # As the update, before its step, has them.
    for name in ("nce", "nce_identity", "real_logit", "fake_logit"):
        close(np.mean(terms[name]), metrics[name])
    fake = model.translate(state, None, BATCH["a"])
    close(terms["l1"], 2.0 * np.abs(fake - BATCH["b"]).mean(axis=(1, 2, 3)))
    close(terms["adversarial"], ((model.critique(state, fake) - 1) ** 2).mean((1, 2)))


def test_translations_are_between_0_and_1_and_draw_with_a_key_alone(key):
    model = tiny_cut(tiny.encoding(dropout=True))
    assert isinstance(model, Translator)
    state, _, _ = after_one()
    plain = model.translate(state, None, BATCH["a"])
    g, images = state.generator.params.generator, 2.0 * BATCH["a"] - 1.0
    close(plain, 0.5 + 0.5 * jnp.tanh(jnp.tanh(images @ g["w"]) @ g["v"]))
    drawn = model.translate(state, key, BATCH["a"])
    again = model.translate(state, jax.random.clone(key), BATCH["a"])
    np.testing.assert_array_equal(drawn, again)
    assert np.abs(drawn - plain).max() > 1e-3


def test_the_averaged_generator_translates():
    before, state, _ = after_one(**FAST)
    # The decay of the first step is 1 / 10, whatever it will be.
    mix = jax.tree.map(
        lambda old, new: 0.1 * old + 0.9 * new,
        before.generator.params.generator,
        state.generator.params.generator,
    )
    jax.tree.map(close, state.ema, (mix, {}))
    model = tiny_cut(**FAST)
    net = state.generator
    same = net._replace(params=net.params._replace(generator=mix))
    close(
        model.translate(state, None, BATCH["a"]),
        model.translate(state._replace(ema=(), generator=same), None, BATCH["a"]),
    )


def squares(seed, images=64, side=6):
    """Red squares, and in b blue ones elsewhere; `truth` is a with b's colours."""
    draw = np.random.default_rng(seed)

    def kind(channel):
        made = np.full((images, side, side, CHANNELS), 0.1, np.float32)
        for image in made:
            row, column = draw.integers(0, side - 2, 2)
            image[row : row + 3, column : column + 3, channel] = 0.9
        return made

    a, b = kind(0), kind(1)
    return {"a": jnp.asarray(a), "b": jnp.asarray(b)}, a[..., ::-1]


@pytest.mark.slow
def test_colours_change_and_places_stay_without_pairs():
    images, truth = squares(0)
    adam = optax.adam(3e-2, b1=0.5)
    model = tiny_cut(
        generator_optimizer=adam, critic_optimizer=adam, nce_weight=1.0, ema_decay=0.95
    )
    seen = jax.tree.map(lambda leaf: leaf[:16], images)

    @jax.jit
    def train(key):
        def step(state, _):
            return model.update(state, seen)

        return jax.lax.scan(step, model.init(key, seen), None, length=150)[0]

    state = train(jax.random.key(0))
    inputs = images["a"][16:]
    found = model.translate(state, None, inputs)
    distance, identity = (np.abs(one - truth[16:]).mean() for one in (found, inputs))
    assert distance < 0.5 * identity
