"""The arrays that the figures of a latent variable model are drawn from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import data, run
from jaxgen.files import write_npz
from jaxgen.images import every_nth, in_blocks, scale, to_bytes
from jaxgen.losses.vae.families import Gaussian
from jaxgen.models import VAE, fit_gaussian, fit_mixture
from jaxgen.training import on_one_device
from jaxgen.typing import Array, PRNGKeyArray

MOST_POINTS = 10_000
"""Test images whose latents are kept: more would not be seen in a scatter plot."""

SHOWN = 50
"""Images that are reconstructed side by side."""


def write_latent_arrays(
    folder: Path,
    model: VAE,
    state: Any,
    test: data.Source,
    key: PRNGKeyArray,
    *,
    train: data.Source | None = None,
) -> None:
    """Writes latents, reconstructions, samples and, for two latents, decoded planes.

    Args:
        folder: Where the `.npz` files go.
        model: The model; where it is conditional the test set's labels are given to it.
        state: Its state.
        test: The test split.
        key: Key of the samples; it is consumed.
        train: The training split, whose latents the samplers are fitted to; without it
            there are none.
    """
    run.print_line("Encoding images and decoding latents for the figures")
    state = on_one_device(state)
    conditional = takes_labels(model, test)
    images, condition, rest = chosen(test, conditional)
    q, parts = encode_all(model, state, images, condition)
    gaussian = isinstance(q, Gaussian)
    flat = np.asarray(q.mean if gaussian else q.logits).reshape(len(images), -1)
    if flat.shape == parts.shape:  # a category has more logits than divergences
        write_npz(folder / "latents.npz", mean=flat, kl=parts.mean(axis=0), **rest)
    some = every_nth(len(images), SHOWN)
    own = None if condition is None else condition[some]
    decode = decoder(model, state)
    points = np.asarray(q.point)[some]
    write_npz(
        folder / "reconstructions.npz",
        inputs=images[some],
        outputs=decode(points, own),
    )
    draw, fit = jax.random.split(key)
    write_npz(folder / "samples.npz", images=to_bytes(model.sample(state, draw, 64)))
    if gaussian and condition is None:
        if train is not None:
            known = encode_all(model, state, chosen(train, False)[0])[0]
            _write_samplers(folder, model, state, known, fit)
        if flat.shape[1] == 2:
            run.print_line("Decoding the latent plane")
            for name, side in (("manifold", 8), ("explorer", 32)):
                plane, axes = latent_plane(flat, side)
                write_npz(folder / f"{name}.npz", images=decode(plane), **axes)


def _write_samplers(
    folder: Path, model: VAE, state: Any, q: Any, key: PRNGKeyArray
) -> None:
    """Draws from the prior and from what is fitted to the aggregate posterior."""
    run.print_line(
        f"Fitting a mixture to the latents of {len(q.mean):,} training images"
    )
    own, one, two, three = jax.random.split(key, 4)
    noise = jax.random.normal(own, q.mean.shape)
    latents = np.asarray(q.mean + jnp.exp(0.5 * q.log_variance) * noise)
    decode = decoder(model, state)
    panels = {"prior": to_bytes(model.sample(state, one, 36))}
    if len(latents) > max(20, latents.shape[1]):
        mixture = fit_mixture(latents)
        fitted = {"aggregate Gaussian": (fit_gaussian(latents), two)}
        fitted["mixture of 10 Gaussians"] = (mixture, three)
        for name, (distribution, draw) in fitted.items():
            with jax.numpy_rank_promotion("allow"):
                drawn = distribution.sample(draw, (36,))
            panels[name] = decode(np.asarray(drawn, np.float32))
    write_npz(
        folder / "samplers.npz",
        images=np.stack(list(panels.values())),
        names=list(panels),
    )


def write_traversals(
    folder: Path,
    model: VAE,
    state: Any,
    test: data.Source,
    *,
    index: int | None = None,
    steps: int = 9,
) -> None:
    """Writes what the decoder makes of each latent as it moves and the others stay.

    Args:
        folder: Where `traversals.npz` goes.
        model: The model, unconditional, with Gaussian latents.
        state: Its state.
        test: The test split.
        index: The test image at whose latent means the others stay; by default the one
            that is encoded closest to 0, in the middle of what was trained.
        steps: Values of each latent, from -2.5 to 2.5.
    """
    state = on_one_device(state)
    images = test.read(np.arange(min(len(test), MOST_POINTS)))["image"]
    q, parts = encode_all(model, state, images)
    mean = np.asarray(q.mean)
    if index is None:
        index = int(np.argmin(np.sum(mean**2, axis=1)))
    values = np.linspace(-2.5, 2.5, steps)
    number = mean.shape[1]
    latents = np.tile(mean[index], (number, steps, 1))
    latents[np.arange(number), :, np.arange(number)] = values[None]
    moved = decoder(model, state)(latents.reshape(-1, number).astype(np.float32))
    write_npz(
        folder / "traversals.npz",
        images=moved.reshape(number, steps, *moved.shape[1:]),
        values=values,
        kl=parts.mean(axis=0),
        dimension=np.arange(number),
    )


def takes_labels(model: VAE, test: data.Source) -> bool:
    """Tells whether the model was made with labels, and the set has them."""
    return test.class_names is not None and model.num_classes is not None


def chosen(
    test: data.Source, conditional: bool
) -> tuple[np.ndarray, np.ndarray | None, dict[str, Any]]:
    """Reads the test images that figures show.

    Returns:
        The images, uint8; their one-hot labels for a conditional model; and what is
        known of their classes, for the files.
    """
    examples = test.read(np.arange(min(len(test), MOST_POINTS)))
    if test.class_names is None:
        return examples["image"], None, {}
    rest = {"label": examples["label"], "class_names": list(test.class_names)}
    one_hot = np.eye(len(test.class_names), dtype=np.float32)[examples["label"]]
    return examples["image"], one_hot if conditional else None, rest


def encode_all(
    model: VAE, state: Any, images: np.ndarray, condition: np.ndarray | None = None
) -> tuple[Any, np.ndarray]:
    """Encodes images in blocks.

    Returns:
        q(z|x), and its divergence in parts, shape (n, parts).
    """

    @jax.jit
    def encode(images: Array, *own: Array) -> Any:
        return (
            model.encode(state, scale(images), *own),
            model.divergence(state, scale(images), *own),
        )

    inputs = (images,) if condition is None else (images, condition)
    blocks = in_blocks(encode, *inputs)
    q, parts = jax.tree.map(lambda *leaves: np.concatenate(leaves), *blocks)
    return jax.tree.map(jnp.asarray, q), parts


def latent_plane(mean: np.ndarray, side: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Returns latents on an even grid over two dimensions, and its axes, y from top."""
    x, y = np.linspace(mean.min(axis=0), mean.max(axis=0), side).T
    plane = np.stack(np.meshgrid(x, y[::-1]), axis=-1).reshape(-1, 2)
    return plane.astype(np.float32), {"x": x, "y": y[::-1]}


def decoder(model: VAE, state: Any) -> Callable[..., np.ndarray]:
    """Returns a function that decodes any number of latents to bytes."""
    decode = jax.jit(lambda latents, *own: model.decode(state, latents, *own))

    def decode_all(
        latents: np.ndarray, condition: np.ndarray | None = None
    ) -> np.ndarray:
        inputs = (latents,) if condition is None else (latents, condition)
        return np.concatenate([to_bytes(b) for b in in_blocks(decode, *inputs)])

    return decode_all
