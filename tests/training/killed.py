"""A tiny run to be killed: `python -m tests.training.killed MODEL FOLDER`."""

import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from jaxgen import data, models, networks, training
from jaxgen.data import differentiable
from jaxgen.models import remedies
from tests import tiny
from tests.models import tiny_gan
from tests.models.translation import tiny_translation

STEPS = 400


def vae():
    return tiny.vae(), tiny.batches()


def gan():
    kept = [remedies.lecam()]
    options = {"sample_shape": (4, 4, 1), "remedies": kept, "ema_decay": 0.9}
    return tiny_gan.gan(optax.adam(1e-2), **options), tiny.batches()


def cyclegan():
    translators = [tiny_translation.pixelwise(3) for _ in range(2)]
    critics = [tiny_translation.critic() for _ in range(2)]
    optimizers = [optax.adam(1e-2) for _ in range(2)]
    a, b = np.random.default_rng(0).integers(0, 256, (2, 20, 4, 4, 3)).astype(np.uint8)
    pairs = data.from_pairs(a, b, aligned=False)
    batches = data.pair_pipeline(pairs, batch_size=4, key=jax.random.key(1), train=True)
    return models.cyclegan(*translators, *critics, *optimizers), batches


def stylegan():
    """StyleGAN2 of 16 pixels: its augmentation adapts, and both penalties are lazy."""
    sizes = networks.StyleGAN2Config(
        channel_base=32, channel_max=2, latents=2, style_features=2
    )
    model = models.stylegan(
        models.StyledGenerator(
            networks.stylegan2_mapping(sizes),
            networks.stylegan2_synthesis(16, sizes),
            networks.stylegan_num_styles(16),
        ),
        networks.stylegan2_critic(sizes),
        image_size=16,
        batch_size=4,
        latents=2,
        augment=remedies.adaptive_augment(
            differentiable.ada(("blit", "color")), target=-1.0, examples=800.0, every=4
        ),
    )
    source = data.load("emoji", split="test", image_size=16)
    return model, data.pipeline(source, batch_size=4, key=jax.random.key(1), train=True)


MODELS = {"vae": vae, "gan": gan, "cyclegan": cyclegan}
LONG = {"stylegan": stylegan}
"""Those that take minutes to compile."""


def train(name: str, folder: Path, *, seconds: float = 1e9) -> Any:
    """Trains as far as it gets, with a save every so many seconds."""
    model, batches = (MODELS | LONG)[name]()
    folder.mkdir(exist_ok=True)
    checkpoints = training.Checkpoints(folder / "checkpoints")
    writer = training.JsonLines(
        folder / "metrics.jsonl", resume_step=checkpoints.latest() or 0
    )
    try:
        return training.fit(
            model,
            batches,
            key=jax.random.key(3),
            steps=STEPS,
            evaluate_every=7,
            steps_per_call=2,
            checkpoints=checkpoints,
            seconds_between_checkpoints=seconds,
            writers=[writer],
        )
    finally:
        checkpoints.close()
        writer.close()


if __name__ == "__main__":
    import tests.conftest  # noqa: F401 (the settings of the test that compares)

    try:
        train(sys.argv[1], Path(sys.argv[2]), seconds=0)
    except training.Interrupted as stop:
        sys.exit(128 + stop.signal_number)
