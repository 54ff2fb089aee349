import functools

import jax
import numpy as np
import optax
import pytest

from jaxgen import losses, training
from jaxgen.models import remedies
from tests import tiny
from tests.models import tiny_gan

pytestmark = pytest.mark.skipif(
    jax.device_count() < 8, reason="needs 8 devices: JAX_NUM_CPU_DEVICES=8"
)

GAMES = {
    "critic_steps": {
        "loss": losses.gan.wasserstein(),
        "critic_steps": 2,
        "remedies": [
            remedies.pac(2),
            remedies.gradient_penalty(0.5),
            remedies.dragan(0.5),
            remedies.lecam(),
        ],
    },
    "unrolled": {
        "loss": losses.gan.relativistic(),
        "remedies": [
            remedies.instance_noise(0.1),
            remedies.r1(0.5, every=2),
            remedies.unroll(1),
        ],
    },
}


@functools.cache
def trained(game, devices, mode):
    """Returns the terms of the last step, and all parameters after it."""
    model = tiny_gan.gan(optax.sgd(0.05), sample_shape=(4, 4, 1), **GAMES[game])
    kept = {}

    class Writer:
        def write(self, record):
            kept.update(record)

    state = training.fit(
        model,
        tiny.batches(batch_size=32, examples=64),
        key=jax.random.key(0),
        steps=2,
        place=training.placement(devices, mode),
        writers=[Writer()],
    )
    names = ("critic_loss", "generator_loss", "penalty", "real_logit", "fake_logit")
    nets = (state.generator.params, state.critic.params, state.remedies)
    return {name: kept[name] for name in names if name in kept}, jax.device_get(nets)


@pytest.mark.parametrize(
    ("game", "mode"),
    [
        ("critic_steps", "jit"),
        ("critic_steps", "pmap"),
        ("critic_steps", "shard_map"),
        ("unrolled", "pmap"),
        ("unrolled", "shard_map"),
    ],
)
def test_eight_devices_train_the_gan_of_one(game, mode):
    # SGD, not Adam, which would hide a gradient too large by the number of devices.
    one, eight = trained(game, 1, "jit"), trained(game, 8, mode)
    close = functools.partial(np.testing.assert_allclose, rtol=2e-4, atol=1e-6)
    jax.tree.map(close, eight, one)
