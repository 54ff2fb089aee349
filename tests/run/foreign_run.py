"""Trains models with networks that are not of jaxgen, in a process of its own.

`python foreign_run.py OUTPUT` leaves OUTPUT/tiny/run with the parts `vae` and `gan`,
and OUTPUT/samples.npz with samples of both.
"""

import dataclasses
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from jaxgen import losses, models, networks, run
from jaxgen.losses.vae import priors
from jaxgen.networks import pure


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, run.DataOptions):
    """Options of a tiny run."""

    data: str = "digits"
    batch_size: int = 16
    steps: int | None = 2
    devices: int | None = 1


class Decoder(nn.Module):
    """A decoder with statistics of the batch."""

    @nn.compact
    def __call__(self, latents, train=False):
        hidden = nn.BatchNorm(not train)(nn.Dense(8)(latents))
        return nn.Dense(64)(nn.relu(hidden)).reshape(-1, 8, 8, 1)


class Generator(nn.Module):
    """A generator that is told a label."""

    @nn.compact
    def __call__(self, latents, condition):
        both = jnp.concatenate([latents, condition], axis=-1)
        return nn.Dense(64)(both).reshape(-1, 8, 8, 1)


def build():
    vae = models.vae(
        networks.mlp_encoder(2, (8,)),
        pure(Decoder()),
        optax.adam(1e-3),
        likelihood=losses.vae.bernoulli(),
        prior=priors.standard_normal(2),
    )
    gan = models.gan(
        pure(Generator()),
        networks.mlp_critic((8,)),
        optax.adam(1e-3),
        optax.adam(1e-3),
        latents=3,
        num_classes=10,
        ema_decay=0.5,
    )
    return {"vae": vae, "gan": gan}


def main(output: str) -> None:
    config = Config(output=output, name="run")
    setup = run.prepare(config)
    folder = run.open_folder(config, "tiny", "run", title="", claim="none")
    key, found = jax.random.key(7), {}
    for name, model in build().items():
        state = run.train(config, setup, folder, model, part=name)
        found[name] = jax.jit(model.sample, static_argnums=2)(state, key, 12)
        if name == "vae":
            for method in ("encode", "reconstruct"):
                made = jax.jit(getattr(model, method))(state, found["vae"])
                found[method] = made if method == "reconstruct" else made.mean
            found["decode"] = jax.jit(model.decode)(state, found["encode"])
    np.savez(f"{output}/samples.npz", **found)


if __name__ == "__main__":
    main(sys.argv[1])
