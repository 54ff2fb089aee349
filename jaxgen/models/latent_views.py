"""What a model with latents makes of images and of latents, as arrays to look at."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.checks import check_key
from jaxgen.images import every_nth, in_blocks, scale, to_bytes
from jaxgen.models.density import fit_gaussian, fit_mixture
from jaxgen.models.vae import VAE
from jaxgen.typing import Array, PRNGKeyArray

__all__ = [
    "SHOWN",
    "LatentViews",
    "encode_images",
    "image_decoder",
    "latent_plane",
    "view_latents",
]

SHOWN = 50
"""Images that are reconstructed."""


class LatentViews(NamedTuple):
    """What a model makes of test images and of latents. Images are uint8.

    Attributes:
        mean: Means of q(z|x), or its logits, shape (n, latents).
        kl: Mean divergence of each latent from the prior in nats, shape (latents,), or
            None where q(z|x) has other parts, as a category has.
        inputs: Test images that were reconstructed, shape (m, height, width, channels).
        outputs: Their reconstructions.
        samples: Samples from the prior.
        samplers: Samples by the name of the sampler of their latents; empty where none
            was fitted.
        planes: By their side, images on an even grid of the two latents, row by row
            from the largest second latent down; empty for other than two.
        axes: By the same side, the latents of the columns and of the rows.
    """

    mean: np.ndarray
    kl: np.ndarray | None
    inputs: np.ndarray
    outputs: np.ndarray
    samples: np.ndarray
    samplers: dict[str, np.ndarray]
    planes: dict[int, np.ndarray]
    axes: dict[int, tuple[np.ndarray, np.ndarray]]


def view_latents(
    key: PRNGKeyArray,
    model: VAE,
    state: Any,
    images: np.ndarray,
    *,
    condition: np.ndarray | None = None,
    train: np.ndarray | None = None,
    sides: tuple[int, ...] = (8, 32),
) -> LatentViews:
    """Encodes, reconstructs, samples, and decodes planes of two latents.

    Args:
        key: Key of the samples; it is consumed.
        model: The model.
        state: Its state, on one device.
        images: Test images, uint8, shape (n, height, width, channels).
        condition: One-hot labels of a conditional model, shape (n, classes).
        train: Training images; a Gaussian and a mixture are fitted to their latents and
            sampled. Without them, or with a condition, there are no such samplers.
        sides: Latents along a side of each decoded plane.
    """
    check_key(key)
    q, parts = encode_images(model, state, images, condition)
    # A category has logits, and more of them than divergences.
    gaussian = hasattr(q, "mean")
    mean = np.asarray(q.mean if gaussian else q.logits).reshape(len(images), -1)
    plain = gaussian and condition is None
    some = every_nth(len(images), SHOWN)
    decode = image_decoder(model, state)
    draw, fit = jax.random.split(key)
    planes, axes = {}, {}
    if plain and mean.shape[1] == 2:
        for side in sides:
            plane, x, y = latent_plane(mean, side)
            planes[side], axes[side] = decode(plane), (x, y)
    samples = to_bytes(_sample(model, state, draw, 64))
    samplers = {}
    if plain and train is not None:
        samplers = _sample_fits(fit, model, state, train)
    return LatentViews(
        mean=mean,
        kl=parts.mean(axis=0) if mean.shape == parts.shape else None,
        inputs=images[some],
        outputs=decode(
            np.asarray(q.point)[some], None if condition is None else condition[some]
        ),
        samples=samples,
        samplers=samplers,
        planes=planes,
        axes=axes,
    )


def encode_images(
    model: VAE, state: Any, images: np.ndarray, condition: np.ndarray | None = None
) -> tuple[Any, np.ndarray]:
    """Encodes images in blocks.

    Args:
        model: The model.
        state: Its state, on one device.
        images: uint8, shape (n, height, width, channels).
        condition: One-hot labels of a conditional model, shape (n, classes).

    Returns:
        q(z|x), and its divergence in parts, nats, shape (n, parts).
    """
    inputs = (images,) if condition is None else (images, condition)
    blocks = in_blocks(partial(_encode, model, state), *inputs)
    q, parts = jax.tree.map(lambda *leaves: np.concatenate(leaves), *blocks)
    return jax.tree.map(jnp.asarray, q), parts


@partial(jax.jit, static_argnums=0)
def _encode(model: VAE, state: Any, images: Array, *own: Array) -> Any:
    return (
        model.encode(state, scale(images), *own),
        model.divergence(state, scale(images), *own),
    )


def image_decoder(model: VAE, state: Any) -> Callable[..., np.ndarray]:
    """Returns `decode(latents, condition=None) -> uint8 images`, of any number."""
    decode = partial(_decode, model, state)

    def decode_all(
        latents: np.ndarray | Array, condition: np.ndarray | None = None
    ) -> np.ndarray:
        inputs = (latents,) if condition is None else (latents, condition)
        return np.concatenate([to_bytes(b) for b in in_blocks(decode, *inputs)])

    return decode_all


@partial(jax.jit, static_argnums=0)
def _decode(model: VAE, state: Any, latents: Array, *own: Array) -> Array:
    return model.decode(state, latents, *own)


def latent_plane(
    mean: np.ndarray | Array, side: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns latents on an even grid over two dimensions, and its axes.

    Args:
        mean: Latents that the grid spans, shape (n, 2).
        side: Latents along a side.

    Returns:
        Latents, shape (side * side, 2), row by row from the largest second latent down;
        the first latent of each column; the second of each row, falling.
    """
    x, y = np.linspace(mean.min(axis=0), mean.max(axis=0), side).T
    plane = np.stack(np.meshgrid(x, y[::-1]), axis=-1).reshape(-1, 2)
    return plane.astype(np.float32), x, y[::-1]


def _sample_fits(
    key: PRNGKeyArray, model: VAE, state: Any, train: np.ndarray
) -> dict[str, np.ndarray]:
    """Draws from the prior and from what is fitted to the aggregate posterior."""
    q = encode_images(model, state, train)[0]
    own, one, two, three = jax.random.split(key, 4)
    points = np.asarray(_draw(own, q.mean, q.log_variance))
    decode = image_decoder(model, state)
    # 36 of them: another number would be another program to compile.
    images = {"prior": to_bytes(_sample(model, state, one, 64))[:36]}
    if len(points) > max(20, points.shape[1]):
        gaussian, mixture = fit_gaussian(points), fit_mixture(points)
        sample = jax.jit(
            lambda a, b: (gaussian.sample(a, (36,)), mixture.sample(b, (36,)))
        )
        with jax.numpy_rank_promotion("allow"):
            both = decode(np.concatenate(sample(two, three)).astype(np.float32))
        names = ("aggregate Gaussian", "mixture of 10 Gaussians")
        images |= dict(zip(names, np.split(both, 2), strict=True))
    return images


@jax.jit
def _draw(key: PRNGKeyArray, mean: Array, log_variance: Array) -> Array:
    return mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, mean.shape)


# Compiled as one program; operation by operation it would be thirty.
@partial(jax.jit, static_argnums=(0, 3))
def _sample(model: VAE, state: Any, key: PRNGKeyArray, number: int) -> Array:
    return model.sample(state, key, number)
