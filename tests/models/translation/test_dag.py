"""Heads for transforms on both critics of a CycleGAN, which judge patches."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import data, models
from jaxgen.errors import InputError
from jaxgen.models import remedies
from tests.models.translation import tiny_translation as tiny

BATCH = tiny.batch()
KINDS = data.transforms.rotations()[:3]


def build(cures=(), *, heads=1):
    return models.cyclegan(
        tiny.pixelwise(),
        tiny.pixelwise(),
        tiny.critic(heads=heads),
        tiny.critic(heads=heads),
        optax.sgd(0.1),
        optax.sgd(0.1),
        remedies=cures,
        pool_size=0,
    )


def stepped(model, key):
    def step(key):
        state = model.init(key, BATCH)
        return state, *model.update(state, BATCH)

    return jax.jit(step)(key)


@pytest.fixture(scope="module")
def with_heads():
    model = build([remedies.dag(KINDS, critic_weight=0.5)], heads=len(KINDS))
    return model, stepped(model, jax.random.key(0))


def test_each_head_learns_of_its_own_transform(with_heads):
    """The critics' steps are those of the weighed sum over heads, done by hand."""
    _, (before, after, metrics) = with_heads
    images = {name: 2 * BATCH[name] - 1 for name in "ab"}
    network = tiny.critic(heads=len(KINDS))
    generators = before.generators.params
    # Without a pool the critics see what the generators made before their own step.
    made = {
        "b": tiny.pixelwise().apply(generators["a_to_b"], {}, images["a"])[0],
        "a": tiny.pixelwise().apply(generators["b_to_a"], {}, images["b"])[0],
    }

    def loss(params, domain):
        values = []
        for head, transform in enumerate(KINDS):
            real, fake = (
                network.apply(params, (), transform(one))[0][:, head]
                for one in (images[domain], made[domain])
            )
            values.append((jnp.mean((real - 1) ** 2) + jnp.mean(fake**2)) / 2)
        return values[0] + 0.5 / 2 * sum(values[1:]), values[0]

    gradient = jax.jit(jax.grad(loss, has_aux=True), static_argnums=1)
    for domain in "ab":
        params = before.critics[domain].params
        slopes, first = gradient(params, domain)
        expected = jax.tree.map(lambda p, g: p - 0.1 * g, params, slopes)
        jax.tree.map(
            lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6),
            after.critics[domain].params,
            expected,
        )
        # What is reported is the first head's, of images as they are.
        np.testing.assert_allclose(metrics[f"critic_{domain}_loss"], first, rtol=1e-4)


def test_cycle_and_identity_terms_know_nothing_of_heads(with_heads):
    _, (before, _, metrics) = with_heads
    images = {name: 2 * BATCH[name] - 1 for name in "ab"}
    params = before.generators.params

    def into(domain, inputs):
        own = params["b_to_a" if domain == "a" else "a_to_b"]
        return tiny.pixelwise().apply(own, {}, inputs)[0]

    for domain, other in ("ab", "ba"):
        own = images[domain]
        for name, made in (
            ("cycle", into(domain, into(other, own))),
            ("identity", into(domain, own)),
        ):
            distance = jnp.mean(jnp.abs(made - own))
            np.testing.assert_allclose(metrics[f"{name}_{domain}"], distance, rtol=1e-5)


def test_a_critique_is_that_of_the_first_head_for_each_patch(with_heads):
    model, (state, *_) = with_heads
    logits = model.critique(state, BATCH["a"], domain="a")
    params = state.critics["a"].params
    every, _ = tiny.critic(heads=3).apply(params, (), 2 * BATCH["a"] - 1)
    np.testing.assert_allclose(logits, every[:, 0], rtol=1e-5)


def test_crops_that_lose_a_part_go_with_what_draws_at_random(key):
    cures = [
        remedies.dag(data.transforms.crops()),
        remedies.augment(data.differentiable.diff_augment()),
    ]
    model = build(cures, heads=5)
    before = jax.eval_shape(lambda key: model.init(key, BATCH), key)
    after, metrics = jax.eval_shape(lambda state: model.update(state, BATCH), before)
    assert before.critics["a"].params["w"].shape == (3, 5)
    assert jax.tree.structure(after) == jax.tree.structure(before)
    assert metrics["critic_sum"].shape == ()


def test_a_critic_without_a_head_for_each_transform_is_refused(key):
    with pytest.raises(InputError, match="heads"):
        build([remedies.dag(KINDS)], heads=2).init(key, BATCH)
