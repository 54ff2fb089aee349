import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen import networks, random
from jaxgen.errors import InputError
from jaxgen.models.veegan import veegan
from jaxgen.networks import pure_functions
from tests.models import on_devices

POINTS = jnp.asarray(np.random.default_rng(0).normal(size=(16, 2)), jnp.float32)
BATCH = {"data": POINTS}


def linear(outputs):
    """Returns `inputs @ weight + bias` of all inputs joined."""

    def init(key, *inputs):
        width = sum(one.shape[-1] for one in inputs)
        return {"w": jax.random.normal(key, (width, outputs)), "b": jnp.zeros(outputs)}

    def apply(params, *inputs):
        joined = jnp.concatenate(inputs, axis=-1)
        found = joined @ params["w"] + jnp.broadcast_to(params["b"], (1, outputs))
        return found[:, 0] if outputs == 1 else found

    return pure_functions(init, apply)


def build(rate=0.1, *, reconstructor=None, latents=2, **settings):
    return veegan(
        linear(2),
        linear(latents) if reconstructor is None else reconstructor,
        linear(1),
        generator_optimizer=optax.sgd(rate),
        reconstructor_optimizer=optax.sgd(rate),
        critic_optimizer=optax.sgd(rate),
        latents=latents,
        **settings,
    )


def train(model, key, batch, length):
    def steps(key):
        return jax.lax.scan(
            lambda state, _: model.update(state, batch),
            model.init(key, batch),
            None,
            length=length,
        )

    return jax.jit(steps)(key)


def test_gradients_are_those_of_the_papers_three_losses(key):
    rate = 0.1
    latents = POINTS[::-1]
    model = build(rate, noise=0.0, draw_latents=lambda keys, shape: latents)
    state = jax.jit(model.init)(key, BATCH)
    after, metrics = jax.jit(model.update)(state, BATCH)

    def outputs_of(network):
        return lambda params, *inputs: network.apply(params, (), *inputs)[0]

    generator, reconstructor, critic = (outputs_of(linear(n)) for n in (2, 2, 1))

    def log_sigmoid(logits):
        return -jnp.logaddexp(0.0, -logits)

    def critic_loss(own, g, f):
        fake = critic(own, generator(g, latents), latents)
        real = critic(own, POINTS, reconstructor(f, POINTS))
        # log(1 - s(D)) is log s(-D).
        return -jnp.mean(log_sigmoid(fake)) - jnp.mean(log_sigmoid(-real))

    def distance(f, g):
        apart = latents - reconstructor(f, generator(g, latents))
        return jnp.mean(jnp.sum(apart**2, axis=-1))

    def generator_loss(g, f, own):
        ratio = critic(own, generator(g, latents), latents)
        return jnp.mean(ratio) + distance(f, g)

    nets = state.generator, state.reconstructor, state.critic
    g, f, d = (net.params for net in nets)
    expected = {
        "critic": (critic_loss, d, g, f),
        "reconstructor": (distance, f, g),
        "generator": (generator_loss, g, f, d),
    }
    values = {}
    for name, (loss, own, *others) in expected.items():
        values[name], slope = jax.jit(jax.value_and_grad(loss))(own, *others)
        moved = {leaf: own[leaf] - rate * slope[leaf] for leaf in own}
        found = getattr(after, name).params
        for leaf in own:
            np.testing.assert_allclose(found[leaf], moved[leaf], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(metrics["critic_loss"], values["critic"], rtol=1e-5)
    np.testing.assert_allclose(
        metrics["generator_loss"], values["generator"], rtol=1e-5
    )
    np.testing.assert_allclose(
        metrics["reconstruction"], values["reconstructor"], rtol=1e-5
    )


def test_a_trained_critic_gives_data_the_larger_logits(key):
    # Neither generator nor reconstructor moves: the critic alone learns.
    model = veegan(
        linear(2),
        linear(2),
        linear(1),
        generator_optimizer=optax.sgd(0.0),
        reconstructor_optimizer=optax.sgd(0.0),
        critic_optimizer=optax.sgd(0.1),
        latents=2,
    )
    state, metrics = train(model, key, {"data": POINTS + 5.0}, 50)
    assert metrics["real_logit"][-1] > metrics["fake_logit"][-1] + 1.0
    assert metrics["critic_loss"][-1] < metrics["critic_loss"][0]
    given, generated = jax.jit(
        lambda state: (
            model.critique(state, POINTS + 5.0),
            model.critique(state, model.generate(state, POINTS)),
        )
    )(state)
    assert given.mean() > generated.mean()


def test_the_reconstructor_learns_to_invert_the_generator(key):
    still = optax.sgd(0.0)
    model = veegan(
        linear(2),
        linear(2),
        linear(1),
        generator_optimizer=still,
        reconstructor_optimizer=optax.adam(0.05),
        critic_optimizer=still,
        latents=2,
    )
    state, metrics = train(model, key, BATCH, 500)
    assert metrics["reconstruction"][-1] < 1e-3 < metrics["reconstruction"][0]
    reconstructed = jax.jit(
        lambda state: model.reconstruct(state, model.generate(state, POINTS))
    )(state)
    np.testing.assert_allclose(reconstructed, POINTS, atol=0.1)


def test_two_devices_take_the_step_of_one(key):
    model = build(signed=True)
    state = jax.jit(model.init)(key, BATCH)
    expected = jax.jit(model.update)(state, BATCH)
    on_devices.assert_alike(on_devices.updated(model, state, BATCH), expected)


def test_one_latent_and_ready_made_networks_go_together(key):
    model = veegan(
        networks.mlp_generator((2,), (4,)),
        networks.mlp_critic((4,), heads=1),
        networks.mlp_critic((4,)),
        generator_optimizer=optax.adam(1e-3),
        reconstructor_optimizer=optax.adam(1e-3),
        critic_optimizer=optax.adam(1e-3),
        latents=1,
    )

    def shapes(key):
        state, _ = model.update(model.init(key, BATCH), BATCH)
        terms = model.evaluate(state, jax.random.key(1), BATCH)
        return terms, model.sample(state, jax.random.key(2), 3)

    terms, samples = jax.eval_shape(shapes, key)
    assert {value.shape for value in terms.values()} == {(16,)}
    assert samples.shape == (3, 2)


class Noisy(nn.Module):
    """Batch normalization, then noise of each example's own key."""

    outputs: int

    @nn.compact
    def __call__(self, *inputs, keys=None, train=False):
        joined = nn.Dense(4)(jnp.concatenate(inputs, axis=-1))
        hidden = nn.BatchNorm(use_running_average=not train)(joined)
        if keys is not None:
            hidden += random.normal(keys, hidden.shape)
        found = nn.Dense(self.outputs)(hidden)
        return found[:, 0] if self.outputs == 1 else found


def test_networks_may_have_statistics_and_draw_noise(key):
    players = {"generator": 2, "reconstructor": 2, "critic": 1}
    model = veegan(
        **{name: networks.pure(Noisy(outputs)) for name, outputs in players.items()},
        **{f"{name}_optimizer": optax.sgd(0.1) for name in players},
        latents=2,
    )
    state = jax.jit(model.init)(key, BATCH)
    after, metrics = jax.jit(model.update)(state, BATCH)
    assert all(np.isfinite(value).all() for value in metrics.values())
    for name in ("generator", "reconstructor", "critic"):
        before, moved = (
            jax.tree.leaves(getattr(one, name).stats) for one in (state, after)
        )
        assert all((old != new).all() for old, new in zip(before, moved, strict=True))
    sample = jax.jit(model.sample, static_argnums=2)
    first, again, other = (sample(after, jax.random.key(n), 3) for n in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    latents, keys = POINTS[:3], jax.random.split(key, 3)
    generate = jax.jit(model.generate)
    assert (generate(after, latents) != generate(after, latents, keys)).all()


def test_the_statistics_of_the_generator_are_those_of_its_own_batch(key):
    latents = POINTS[::-1]
    model = veegan(
        networks.pure(Noisy(2)),
        linear(2),
        linear(1),
        generator_optimizer=optax.sgd(0.1),
        reconstructor_optimizer=optax.sgd(0.1),
        critic_optimizer=optax.sgd(0.1),
        latents=2,
        draw_latents=lambda keys, shape: latents,
    )
    state = jax.jit(model.init)(key, BATCH)
    after, _ = jax.jit(model.update)(state, BATCH)
    dense = state.generator.params["Dense_0"]
    mean = np.mean(latents @ dense["kernel"] + dense["bias"][None], axis=0)
    found = after.generator.stats["BatchNorm_0"]["mean"]
    # Flax keeps 0.99 of the running mean, which is 0 at first.
    np.testing.assert_allclose(found, 0.01 * mean, rtol=1e-4, atol=1e-7)


def test_a_reconstructor_of_other_latents_is_refused(key):
    with pytest.raises(InputError, match=r"reconstructor.*heads=2"):
        jax.eval_shape(build(reconstructor=linear(3)).init, key, BATCH)
