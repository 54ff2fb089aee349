"""The arrays that the figures of a latent variable model are drawn from."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import data, divergences, random
from jaxgen.models import VAE
from jaxgen.typing import Array, PRNGKeyArray

MOST_POINTS = 10_000
"""Test images whose latents are kept: more would not be seen in a scatter plot."""


def write_latent_arrays(
    folder: Path, model: VAE, state: Any, test: data.Source, key: PRNGKeyArray
) -> None:
    """Writes latents, reconstructions, samples and, for two latents, decoded planes.

    Args:
        folder: Where the `.npz` files go.
        model: The model.
        state: Its state.
        test: The test split.
        key: Key of the samples; it is consumed.
    """
    # The figures come after the run: one device draws them.
    net = jax.device_put(jax.device_get(state.net), jax.devices()[0])
    state = state._replace(net=net)
    decode = _decoder(model, state)
    chosen = test.read(np.arange(min(len(test), MOST_POINTS)))
    images = chosen["image"]

    @jax.jit
    def encode(images: Array) -> tuple[Array, Array]:
        mean, log_variance = model.encode(state, _scale(images))
        return mean, divergences.gaussian_kl_per_dimension(mean, log_variance)

    blocks = zip(*_in_blocks(encode, images), strict=True)
    mean, kl = map(np.concatenate, blocks)
    latents = {"mean": mean, "kl": kl.mean(axis=0)}
    if test.class_names is not None:
        latents |= {"label": chosen["label"], "class_names": list(test.class_names)}
    _save(folder / "latents.npz", **latents)
    # Every n-th image: the examples of a set may be sorted by class.
    some = np.linspace(0, len(images) - 1, min(50, len(images))).astype(int)
    _save(
        folder / "reconstructions.npz", inputs=images[some], outputs=decode(mean[some])
    )
    num_latents = mean.shape[1]
    prior = jax.random.normal(random.stream(key, "samples"), (64, num_latents))
    _save(folder / "samples.npz", images=decode(prior))
    if num_latents == 2:
        for name, side in (("manifold", 8), ("explorer", 32)):
            x, y = np.linspace(mean.min(axis=0), mean.max(axis=0), side).T
            plane = np.stack(np.meshgrid(x, y[::-1]), axis=-1).reshape(-1, 2)
            _save(folder / f"{name}.npz", images=decode(plane), x=x, y=y[::-1])


class Snapshots:
    """A callback that decodes the same latents at a few epochs of a run.

    Args:
        path: The `.npz` file; snapshots of a run that is resumed are kept.
        model: The model.
        num_latents: Dimensions of the latents.
        key: Key of the latents; it is consumed.
        steps_per_epoch: To tell epochs from steps.
        epochs: All epochs of the run; up to five of them are chosen.
    """

    def __init__(
        self,
        path: Path,
        model: VAE,
        num_latents: int,
        key: PRNGKeyArray,
        steps_per_epoch: int,
        epochs: int,
    ):
        """Draws the latents and chooses the epochs."""
        self._path, self._model, self._per_epoch = path, model, steps_per_epoch
        self._latents = jax.random.normal(key, (12, num_latents))
        # The picture changes most at the beginning: evenly spaced in the logarithm.
        self._epochs = set(np.geomspace(1, max(epochs, 1), 5).round().astype(int))

    def __call__(self, state: Any, step: int) -> None:
        """Decodes if this is one of the epochs."""
        epoch = math.ceil(step / self._per_epoch)
        if epoch not in self._epochs:
            return
        images = _to_bytes(self._model.decode(state, self._latents))
        taken = {epoch: images}
        if self._path.exists():
            with np.load(self._path, allow_pickle=False) as former:
                old = zip(former["epoch"], former["images"], strict=True)
                taken = {e: i for e, i in old if e < epoch} | taken
        _save(self._path, epoch=list(taken), images=np.stack(list(taken.values())))


def _decoder(model: VAE, state: Any) -> Callable[[Array], np.ndarray]:
    decode = jax.jit(lambda latents: model.decode(state, latents))

    def decode_all(latents: Array) -> np.ndarray:
        blocks = _in_blocks(decode, np.asarray(latents))
        return np.concatenate([_to_bytes(block) for block in blocks])

    return decode_all


def _in_blocks(function: Callable, inputs: np.ndarray, size: int = 500) -> list:
    return [
        jax.device_get(function(inputs[first : first + size]))
        for first in range(0, len(inputs), size)
    ]


def _scale(images: Array) -> Array:
    return jnp.asarray(images, jnp.float32) / 255


def _to_bytes(images: Array) -> np.ndarray:
    return np.asarray(jnp.clip(images, 0, 1) * 255).round().astype(np.uint8)


def _save(path: Path, **arrays: Any) -> None:
    temporary = path.with_suffix(".tmp.npz")
    np.savez_compressed(temporary, **arrays)
    temporary.replace(path)
