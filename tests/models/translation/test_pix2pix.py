import functools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import data, models, random
from jaxgen.errors import InputError
from jaxgen.models import remedies
from tests.models import on_devices
from tests.models.translation import tiny_translation as tiny

BATCH = tiny.batch()


def build(generator=None, critic=None, rate=0.1, **options):
    return models.pix2pix(
        tiny.pixelwise() if generator is None else generator,
        tiny.critic() if critic is None else critic,
        optax.sgd(rate),
        optax.sgd(rate),
        **options,
    )


@functools.cache
def compiled(model):
    return jax.jit(model.init), jax.jit(model.update)


def stepped(model, key, batch=BATCH):
    init, update = compiled(model)
    state = init(key, batch)
    return state, *update(state, batch)


PLAIN = build()
NOISY = build(
    tiny.normalized(),
    tiny.watching_critic(),
    ema_decay=0.9,
    remedies=[
        remedies.augment(data.differentiable.diff_augment(("cutout",))),
        remedies.r1(1.0),
    ],
)


def test_a_step_is_that_of_the_papers_two_losses(key):
    rate, weight = 0.1, 100.0
    generator, critic = tiny.pixelwise(dropout=True), tiny.critic()
    before, after, metrics = stepped(build(generator, critic, rate), key)
    a, b = (2 * BATCH[name] - 1 for name in ("a", "b"))
    keys = tiny.keys_of(before.key, 0, "dropout", 4)

    def translate(params):
        return generator.apply(params, {}, a, keys=jax.random.clone(keys))[0]

    def log_sigmoid(logits):
        return -jnp.log1p(jnp.exp(-logits))

    def logits(params, images):
        return critic.apply(params, (), jnp.concatenate([a, images], axis=-1))[0]

    def critic_loss(params, fake):
        real, false = logits(params, b), logits(params, fake)
        return -(jnp.mean(log_sigmoid(real)) + jnp.mean(log_sigmoid(-false))) / 2

    def generator_loss(params, critic_params):
        fake = translate(params)
        adversarial = -jnp.mean(log_sigmoid(logits(critic_params, fake)))
        return adversarial + weight * jnp.mean(jnp.abs(b - fake))

    @jax.jit
    def by_hand(generator_params, critic_params):
        def descend(params, gradients):
            return jax.tree.map(lambda p, g: p - rate * g, params, gradients)

        fake = translate(generator_params)
        loss, gradients = jax.value_and_grad(critic_loss)(critic_params, fake)
        critic_params = descend(critic_params, gradients)
        value, gradients = jax.value_and_grad(generator_loss)(
            generator_params, critic_params
        )
        return loss, value, critic_params, descend(generator_params, gradients)

    loss, value, critic_params, generator_params = by_hand(
        before.generator.params, before.critic.params
    )
    np.testing.assert_allclose(metrics["critic_loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(metrics["critic_sum"], 2 * loss, rtol=1e-5)
    np.testing.assert_allclose(metrics["generator_loss"], value, rtol=1e-5)
    for found, expected in (
        (after.critic.params, critic_params),
        (after.generator.params, generator_params),
    ):
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4), found, expected)


def test_without_a_condition_the_critic_sees_outputs_alone(key):
    model = build(conditional=False)
    state = jax.eval_shape(lambda key: model.init(key, BATCH), key)
    assert state.critic.params["v"].shape == (2, 3)


def test_the_l1_ablation_trains_no_critic(key):
    before, after, metrics = stepped(build(adversarial_weight=0.0), key)
    assert after.critic.params == {}
    assert set(metrics) == {"generator_loss", "l1", "generator_gradient_norm"}
    assert not np.allclose(before.generator.params["w"], after.generator.params["w"])


@pytest.mark.skipif(jax.device_count() < 2, reason="needs 2 devices")
@pytest.mark.parametrize(
    "parallel", ["shard_map", pytest.param("pmap", marks=pytest.mark.slow)]
)
def test_two_devices_take_the_step_of_one(key, parallel):
    state, *expected = stepped(NOISY, key)
    assert expected[0].generator.stats["mean"].any()
    found = on_devices.updated(NOISY, state, BATCH, parallel=parallel)
    on_devices.assert_alike(found, expected)


@pytest.fixture(scope="module")
def trained():
    # Statistics of one step: no longer those of `init`.
    return stepped(build(tiny.normalized()), jax.random.key(7))[1]


@pytest.mark.parametrize(
    ("statistics", "alone"), [("image", True), ("running", True), ("batch", False)]
)
def test_an_image_is_normalized_by_what_the_policy_says(trained, statistics, alone):
    model = build(
        tiny.normalized(), inference=models.InferenceMode(statistics=statistics)
    )
    images, params = BATCH["a"], trained.generator.params["w"]
    found = jax.jit(model.translate)(trained, None, images)
    means = {
        "image": jnp.mean(2 * images - 1, axis=(1, 2), keepdims=True),
        "batch": jnp.mean(2 * images - 1, axis=(0, 1, 2), keepdims=True),
        "running": trained.generator.stats["mean"][None, None, None],
    }
    centred = 2 * images - 1 - jnp.broadcast_to(means[statistics], images.shape)
    np.testing.assert_allclose(2 * found - 1, jnp.tanh(centred @ params), atol=1e-5)
    # Does an image look the same, whatever it stands beside?
    part = jax.jit(model.translate)(trained, None, images[:2])
    assert np.allclose(found[:2], part, atol=1e-6) == alone


def test_dropout_at_inference_is_what_the_policy_says(trained):
    def outputs(key, **policy):
        model = build(
            tiny.pixelwise(dropout=True), inference=models.InferenceMode(**policy)
        )
        return np.asarray(jax.jit(model.translate)(trained, key, BATCH["a"]))

    calm = outputs(None)
    assert (outputs(jax.random.key(5)) != calm).any()
    off = outputs(jax.random.key(5), dropout=False)
    np.testing.assert_array_equal(off, calm)


def test_heads_of_a_patch_critic_see_one_transform_each(key):
    kinds = data.transforms.flips_and_rotation()
    model = build(critic=tiny.critic(heads=len(kinds)), remedies=[remedies.dag(kinds)])
    state, _, metrics = stepped(model, key)
    logits = jax.jit(model.critique)(state, BATCH["a"], BATCH["b"])
    assert logits.shape == (4, 4, 4)
    # The first head sees images as they are: its loss is that of the plain critic.
    first = state.critic.params | {"w": state.critic.params["w"][:, :1]}
    pair = jnp.concatenate([2 * BATCH[name] - 1 for name in ("a", "b")], axis=-1)
    expected = tiny.critic().apply(first, (), pair)[0]
    np.testing.assert_allclose(logits, expected, rtol=1e-5)
    np.testing.assert_allclose(metrics["real_logit"], jnp.mean(expected), rtol=1e-4)


def test_penalties_see_the_mean_logit_of_an_image(key):
    critic = tiny.critic()
    state, _, metrics = stepped(build(critic=critic, remedies=[remedies.r1(2.0)]), key)
    pair = jnp.concatenate([2 * BATCH[name] - 1 for name in ("a", "b")], axis=-1)

    def mean_logit(image):
        return jnp.mean(critic.apply(state.critic.params, (), image[None])[0])

    slopes = jax.vmap(jax.grad(mean_logit))(pair)
    expected = 2.0 / 2 * jnp.mean(jnp.sum(slopes**2, axis=(1, 2, 3)))
    np.testing.assert_allclose(metrics["penalty"], expected, rtol=1e-4)


def test_a_critic_is_asked_as_it_was_trained(key):
    one = {name: images[:1] for name, images in BATCH.items()}
    model = build(critic=tiny.normalized_critic())
    _, first, _ = stepped(model, key, one)
    _, metrics = compiled(model)[1](first, one)
    logits = jax.jit(model.critique)(first, BATCH["a"], BATCH["b"])
    np.testing.assert_allclose(jnp.mean(logits[0]), metrics["real_logit"], rtol=1e-4)
    running = build(
        critic=tiny.normalized_critic(),
        inference=models.InferenceMode(statistics="running"),
    )
    other = jax.jit(running.critique)(first, BATCH["a"], BATCH["b"])
    assert not np.allclose(logits, other)


@pytest.mark.parametrize(("heads", "kinds"), [(1, 4), (4, 0)])
def test_patches_are_not_taken_for_heads(key, heads, kinds):
    cures = [remedies.dag(data.transforms.rotations())] if kinds else []
    model = build(critic=tiny.critic(heads=heads), remedies=cures)
    with pytest.raises(InputError, match="Make it with heads"):
        jax.eval_shape(lambda key: model.init(key, BATCH), key)


def test_seeds_and_weights_train_at_once(key):
    weights = jnp.array([100.0, 1.0])
    seeds = models.ensemble(lambda one: build(l1_weight=one), settings=weights)
    _, state, _ = stepped(seeds, key)
    _, alone, _ = stepped(PLAIN, models.member_key(key, 0))
    member = seeds.member(state, 0)
    np.testing.assert_allclose(
        member.generator.params["w"], alone.generator.params["w"], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: build(remedies=[remedies.pac(2)]), "pac\\(2\\) does not go with"),
        (lambda: build(l1_weight=-1.0), "l1_weight=-1"),
        (lambda: build(ema_decay=1.0), "ema_decay=1"),
    ],
)
def test_what_does_not_go_together_is_refused(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_batches_and_sizes_that_do_not_fit_are_refused(key):
    with pytest.raises(InputError, match="holds 'image'"):
        PLAIN.init(key, {"image": BATCH["a"]})
    with pytest.raises(InputError, match="channels=2"):
        build(tiny.pixelwise(3)).init(key, BATCH)


@pytest.mark.usefixtures("without_types")
def test_without_a_critic_none_is_asked_or_mended():
    model = build(adversarial_weight=0.0)
    with pytest.raises(InputError, match="no critic to ask: adversarial_weight=0"):
        model.critique(None, BATCH["a"], BATCH["b"])
    with pytest.raises(InputError, match="r1.* is for a critic, and adversarial_weig"):
        build(adversarial_weight=0.0, remedies=[remedies.r1(1.0)])


def test_the_decay_of_an_average_may_be_a_setting_of_an_ensemble(key):
    decays = jnp.array([0.5, 0.9])
    many = models.ensemble(lambda one: build(ema_decay=one), settings=decays)
    state = jax.eval_shape(lambda key: many.init(key, BATCH), key)
    after, _ = jax.eval_shape(lambda state: many.update(state, BATCH), state)
    assert after.net.ema[0]["w"].shape == (2, 2, 2)
    made = jax.eval_shape(lambda state: many.translate(state, key, BATCH["a"]), after)
    assert made.shape == (2, *BATCH["a"].shape)


def test_evaluation_judges_by_the_same_units_as_training(key):
    state, _, metrics = stepped(PLAIN, key)
    terms = jax.jit(PLAIN.evaluate)(state, random.stream(key, "evaluation"), BATCH)
    np.testing.assert_allclose(jnp.mean(terms["l1"]), metrics["l1"], rtol=1e-5)
    np.testing.assert_allclose(
        jnp.mean(terms["real_logit"]), metrics["real_logit"], rtol=1e-4
    )
