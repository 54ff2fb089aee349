import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import networks
from jaxgen.errors import InputError
from jaxgen.models.veegan import veegan
from jaxgen.networks import pure_functions
from tests.models import on_devices

POINTS = jnp.asarray(np.random.default_rng(0).normal(size=(16, 2)), jnp.float32)
BATCH = {"image": POINTS}


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
        *(optax.sgd(rate) for _ in range(3)),
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
    generator, reconstructor, critic = (linear(n).apply for n in (2, 2, 1))

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
        *(linear(n) for n in (2, 2, 1)),
        *(optax.sgd(0.0), optax.sgd(0.0), optax.sgd(0.1)),
        latents=2,
    )
    state, metrics = train(model, key, {"image": POINTS + 5.0}, 50)
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
        *(linear(n) for n in (2, 2, 1)), still, optax.adam(0.05), still, latents=2
    )
    state, metrics = train(model, key, BATCH, 500)
    assert metrics["reconstruction"][-1] < 1e-3 < metrics["reconstruction"][0]
    led_back = jax.jit(
        lambda state: model.reconstruct(state, model.generate(state, POINTS))
    )(state)
    np.testing.assert_allclose(led_back, POINTS, atol=0.1)


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
        *(optax.adam(1e-3) for _ in range(3)),
        latents=1,
    )

    def shapes(key):
        state, _ = model.update(model.init(key, BATCH), BATCH)
        terms = model.evaluate(state, jax.random.key(1), BATCH)
        return terms, model.sample(state, jax.random.key(2), 3)

    terms, samples = jax.eval_shape(shapes, key)
    assert {value.shape for value in terms.values()} == {(16,)}
    assert samples.shape == (3, 2)


def test_a_reconstructor_of_other_latents_is_refused(key):
    with pytest.raises(InputError, match=r"reconstructor.*heads=2"):
        jax.eval_shape(build(reconstructor=linear(3)).init, key, BATCH)
