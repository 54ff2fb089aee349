"""The figures of a latent variable model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import data, report, run, training
from jaxgen.errors import InputError
from jaxgen.files import write_npz
from jaxgen.images import every_nth, in_blocks, scale, to_bytes
from jaxgen.losses.vae.families import Gaussian
from jaxgen.models import VAE, fit_gaussian, fit_mixture
from jaxgen.report import latents
from jaxgen.run_files import read_arrays
from jaxgen.training import on_one_device
from jaxgen.typing import Array, PRNGKeyArray

MOST_POINTS = 10_000
"""Test images whose latents are kept: more would not be seen in a scatter plot."""

SHOWN = 50
"""Images that are reconstructed side by side."""


def latent_figures(
    folder: training.RunFolder,
    model: VAE,
    state: Any,
    test: data.Source,
    key: PRNGKeyArray,
    *,
    train: data.Source | None = None,
) -> dict[str, report.FigureSpec]:
    """Returns the figures of a model with latents, by name, for `report.write_figures`.

    What the explorer of the page needs is written to `arrays/`; the snapshots of the
    run are read from there.

    Args:
        folder: The run's folder.
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
    some = every_nth(len(images), SHOWN)
    own = None if condition is None else condition[some]
    decode = decoder(model, state)
    points = np.asarray(q.point)[some]
    draw, fit = jax.random.split(key)
    plain = gaussian and condition is None
    figures: dict[str, report.FigureSpec] = {}
    if plain and flat.shape[1] == 2:
        run.print_line("Decoding the latent plane")
        plane, axes = latent_plane(flat, 8)
        figures["manifold"] = latents.manifold(decode(plane), **axes)
        plane, axes = latent_plane(flat, 32)
        write_npz(folder.arrays / "explorer.npz", images=decode(plane), **axes)
        write_npz(folder.arrays / "latents.npz", mean=flat, **rest)
    figures["samples"] = latents.samples(to_bytes(model.sample(state, draw, 64)))
    if plain and train is not None:
        known = encode_all(model, state, chosen(train, False)[0])[0]
        figures["samplers"] = latents.samplers(_draw(model, state, known, fit))
    # A category has more logits than divergences.
    kl = parts.mean(axis=0) if flat.shape == parts.shape else None
    if kl is not None:
        figures["latents"] = latents.latent_scatter(
            flat, kl=kl, conditional=conditional, **rest
        )
    outputs = decode(points, own)
    figures["reconstructions"] = latents.reconstructions(images[some], outputs)
    taken = folder.arrays / "epochs.npz"
    if taken.exists():
        figures["epochs"] = latents.epochs(read_snapshots(taken))
    if kl is not None:
        figures["kl"] = latents.kl_per_latent(kl)
    return figures


def read_snapshots(path: Path) -> dict[int, np.ndarray]:
    """Reads what `training.Snapshots` wrote: by epoch, images of the same latents.

    Raises:
        InputError: The file is damaged, or holds something else.
    """
    taken = read_arrays(path)
    epoch, images = taken.get("epoch"), taken.get("images")
    if epoch is None or images is None or epoch.shape != images.shape[:1]:
        raise InputError(
            f"{path} holds {sorted(taken)}; as many epochs as rows of images were "
            "expected: delete it, or run the experiment again."
        )
    return dict(zip(map(int, epoch), images, strict=True))


def _draw(model: VAE, state: Any, q: Any, key: PRNGKeyArray) -> dict[str, np.ndarray]:
    """Draws from the prior and from what is fitted to the aggregate posterior."""
    run.print_line(
        f"Fitting a mixture to the latents of {len(q.mean):,} training images"
    )
    own, one, two, three = jax.random.split(key, 4)
    noise = jax.random.normal(own, q.mean.shape)
    points = np.asarray(q.mean + jnp.exp(0.5 * q.log_variance) * noise)
    decode = decoder(model, state)
    panels = {"prior": to_bytes(model.sample(state, one, 36))}
    if len(points) > max(20, points.shape[1]):
        mixture = fit_mixture(points)
        fitted = {"aggregate Gaussian": (fit_gaussian(points), two)}
        fitted["mixture of 10 Gaussians"] = (mixture, three)
        for name, (distribution, draw) in fitted.items():
            with jax.numpy_rank_promotion("allow"):
                sampled = distribution.sample(draw, (36,))
            panels[name] = decode(np.asarray(sampled, np.float32))
    return panels


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
