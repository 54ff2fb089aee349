"""StyleGAN2 with all it has, on one device and on eight."""

import functools
import importlib

import jax
import numpy as np
import optax
import pytest

from jaxgen import data, models, networks, random, training
from jaxgen.data import differentiable
from jaxgen.models import remedies

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        jax.device_count() < 8, reason="needs 8 devices: JAX_NUM_CPU_DEVICES=8"
    ),
]

SIZES = networks.StyleGAN2Config(
    channel_base=64, channel_max=4, latents=4, style_features=4
)


def stylegan() -> models.GAN:
    """Returns StyleGAN2 of 16 pixels with ADA, which rises, and both lazy penalties."""
    ada = remedies.adaptive_augment(
        differentiable.ada(), target=-1.0, examples=128.0, every=2
    )
    return models.stylegan(
        models.StyledGenerator(
            networks.stylegan2_mapping(SIZES),
            networks.stylegan2_synthesis(16, SIZES),
            networks.stylegan_num_styles(16),
        ),
        networks.stylegan2_critic(SIZES),
        image_size=16,
        batch_size=32,
        latents=4,
        augment=ada,
        r1_every=2,
        path_length_every=2,
    )


@functools.cache
def trained(devices, mode):
    """Returns the terms of each step, and what the state holds after three."""
    batches = data.pipeline(
        data.load("emoji", split="test", image_size=16),
        batch_size=32,
        key=random.stream(jax.random.key(1), "data"),
        train=True,
    )
    kept = []

    class Writer:
        def write(self, record):
            names = record.keys() - {"images_per_second", "split"}
            kept.append({name: record[name] for name in names})

    module = importlib.import_module("jaxgen.models.stylegan")
    with pytest.MonkeyPatch.context() as patch:
        # SGD, not Adam, which would hide a gradient too large by the number of devices.
        patch.setattr(module, "_adam", lambda *_: optax.sgd(0.01))
        state = training.fit(
            stylegan(),
            batches,
            key=jax.random.key(0),
            steps=3,
            evaluate_every=1,
            place=training.placement(devices, mode),
            writers=[Writer()],
        )
    nets = (state.generator, state.critic, state.ema, state.remedies)
    return kept, jax.device_get(nets)


@pytest.mark.parametrize("mode", ["jit", "pmap", "shard_map"])
def test_eight_devices_train_the_stylegan_of_one(mode):
    one, eight = trained(1, "jit"), trained(8, mode)
    assert one[0][-1]["augment_probability"] == 0.5
    assert {"path_length", "generator_gradient_norm"} <= set(one[0][-1])
    close = functools.partial(np.testing.assert_allclose, rtol=2e-4, atol=2e-6)
    jax.tree.map(close, eight, one)
