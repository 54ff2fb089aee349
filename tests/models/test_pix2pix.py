from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec

from jaxgen import data, losses, models, networks, random, training
from jaxgen.errors import InputError
from jaxgen.models import remedies, translating
from tests.models import tiny_translation as tiny

BATCH = tiny.batch()


def build(generator=None, critic=None, rate=0.1, **options):
    return models.pix2pix(
        tiny.pixelwise() if generator is None else generator,
        tiny.critic() if critic is None else critic,
        optax.sgd(rate),
        optax.sgd(rate),
        **options,
    )


def stepped(model, key, batch=BATCH):
    def step(key):
        state = model.init(key, batch)
        return state, *model.update(state, batch)

    return jax.jit(step)(key)


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
        return critic.apply(params, jnp.concatenate([a, images], axis=-1))

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


@pytest.mark.parametrize("parallel", ["pmap", "shard_map"])
def test_two_devices_take_the_step_of_one(key, parallel):
    model = build(
        tiny.normalized(),
        tiny.watching_critic(),
        ema_decay=0.9,
        remedies=[
            remedies.augment(data.differentiable.diff_augment(("cutout",))),
            remedies.r1(1.0),
        ],
    )
    state, expected, metrics = stepped(model, key)
    place = training.placement(2, parallel)
    update = partial(model.update, axis_name=place.mesh.axis_names[0])
    if parallel == "pmap":
        halves = jax.tree.map(lambda x: x.reshape(2, 2, *x.shape[1:]), BATCH)
        mapped = jax.pmap(update, axis_name=place.mesh.axis_names[0], in_axes=(None, 0))
        found, again = jax.tree.map(lambda x: x[0], mapped(state, halves))
    else:
        whole = PartitionSpec()
        found, again = jax.jit(
            jax.shard_map(
                update,
                mesh=place.mesh,
                in_specs=(whole, PartitionSpec(place.mesh.axis_names[0])),
                out_specs=(whole, whole),
            )
        )(state, BATCH)
    assert expected.generator.batch_stats["mean"].any()
    for one, other in zip(
        jax.tree.leaves((found[2:], again)),
        jax.tree.leaves((expected[2:], metrics)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_noise_at_inference_is_what_the_policy_says(key):
    def outputs(generator, images, keyed, **policy):
        model = build(generator, noise=models.Noise(**policy))
        own = jax.random.key(5) if keyed else None
        return np.asarray(model.translate(trained, images, own))

    # Statistics of one step: no longer those of `init`. Both nets have one weight.
    _, trained, _ = stepped(build(tiny.normalized()), key)
    some, half = BATCH["a"], BATCH["a"][:2]
    noisy = outputs(tiny.pixelwise(dropout=True), some, True)
    calm = outputs(tiny.pixelwise(dropout=True), some, False)
    assert (noisy != calm).any()
    off = outputs(tiny.pixelwise(dropout=True), some, True, dropout=False)
    np.testing.assert_array_equal(off, calm)
    for statistics, alone in (("image", True), ("running", True), ("batch", False)):
        # Does an image look the same, whatever it stands beside?
        whole = outputs(tiny.normalized(), some, False, statistics=statistics)
        part = outputs(tiny.normalized(), half, False, statistics=statistics)
        assert np.allclose(whole[:2], part, atol=1e-6) == alone
    image = outputs(tiny.normalized(), some, False, statistics="image")
    running = outputs(tiny.normalized(), some, False, statistics="running")
    assert not np.allclose(image, running)


def test_heads_of_a_patch_critic_see_one_transform_each(key):
    kinds = data.transforms.flips_and_rotation()
    model = build(critic=tiny.critic(heads=len(kinds)), remedies=[remedies.dag(kinds)])
    state, _, metrics = stepped(model, key)
    logits = jax.jit(model.critique)(state, BATCH["a"], BATCH["b"])
    assert logits.shape == (4, 4, 4)
    # The first head sees images as they are: its loss is that of the plain critic.
    first = state.critic.params | {"w": state.critic.params["w"][:, :1]}
    pair = jnp.concatenate([2 * BATCH[name] - 1 for name in ("a", "b")], axis=-1)
    expected = tiny.critic().apply(first, pair)
    np.testing.assert_allclose(logits, expected, rtol=1e-5)
    np.testing.assert_allclose(metrics["real_logit"], jnp.mean(expected), rtol=1e-4)


def test_penalties_see_the_mean_logit_of_an_image(key):
    critic = tiny.critic()
    _, _, metrics = stepped(build(critic=critic, remedies=[remedies.r1(2.0)]), key)
    state = jax.jit(build(critic=critic).init)(key, BATCH)
    pair = jnp.concatenate([2 * BATCH[name] - 1 for name in ("a", "b")], axis=-1)

    def mean_logit(image):
        return jnp.mean(critic.apply(state.critic.params, image[None]))

    slopes = jax.vmap(jax.grad(mean_logit))(pair)
    expected = 2.0 / 2 * jnp.mean(jnp.sum(slopes**2, axis=(1, 2, 3)))
    np.testing.assert_allclose(metrics["penalty"], expected, rtol=1e-4)


def test_a_critic_is_asked_as_it_was_trained(key):
    one = {name: images[:1] for name, images in BATCH.items()}
    model = build(critic=tiny.normalized_critic())
    _, first, _ = stepped(model, key, one)
    _, metrics = jax.jit(model.update)(first, one)
    logits = jax.jit(model.critique)(first, BATCH["a"], BATCH["b"])
    np.testing.assert_allclose(jnp.mean(logits[0]), metrics["real_logit"], rtol=1e-4)
    running = build(
        critic=tiny.normalized_critic(), noise=models.Noise(statistics="running")
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
    first = models.member_key(key, 0)
    _, alone, _ = stepped(build(), first)
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
        (lambda: build(noise=models.Noise(statistics="none")), "statistics='none'"),
    ],
)
def test_what_does_not_go_together_is_refused(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_what_has_another_type_is_refused():
    with pytest.raises(InputError, match="generator is a Network"):
        translating.check_translator("generator", networks.mlp_critic((2,)))
    with pytest.raises(InputError, match="with their parentheses"):
        translating.check_remedies([remedies.r1])
    with pytest.raises(InputError, match="with its parentheses"):
        translating.check_options(losses.gan.hinge, models.Noise(), None)


def test_batches_and_sizes_that_do_not_fit_are_refused(key):
    with pytest.raises(InputError, match="holds image"):
        build().init(key, {"image": BATCH["a"]})
    with pytest.raises(InputError, match="channels=2"):
        build(tiny.pixelwise(3)).init(key, BATCH)


def test_evaluation_judges_by_the_same_units_as_training(key):
    model = build()

    def both(key):
        state = model.init(key, BATCH)
        terms = model.evaluate(state, random.stream(key, "evaluation"), BATCH)
        return terms, model.update(state, BATCH)[1]

    terms, metrics = jax.jit(both)(key)
    np.testing.assert_allclose(jnp.mean(terms["l1"]), metrics["l1"], rtol=1e-5)
    np.testing.assert_allclose(
        jnp.mean(terms["real_logit"]), metrics["real_logit"], rtol=1e-4
    )
