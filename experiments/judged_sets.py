"""What a model is judged by: images it reconstructs, and images it makes up."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import data, models, random
from jaxgen.errors import InputError
from jaxgen.images import every_nth, in_blocks, scale, to_bytes
from jaxgen.losses.vae.families import Gaussian, StandardNormal
from jaxgen.models import GAN, VAE, fit_mixture
from jaxgen.run.exports import ExportedModel, ExportedState
from jaxgen.training import on_one_device
from jaxgen.typing import Array, PRNGKeyArray

COMPONENTS = 10
"""Of the mixture that is fitted to the latents of the training images."""

PRIOR = "prior samples"
MIXTURE = "mixture samples"

MOST_LATENTS = 20_000
"""Latents it is fitted to: with more it would be the same mixture, later."""

Sampler = Callable[[PRNGKeyArray, int], Array | np.ndarray]


class Pictures(NamedTuple):
    """The images of a run, as they are judged and as its encoder sees them.

    Attributes:
        train: Training images, grey where the run drew its pixels as bits.
        test: Test images, likewise.
        seen_train: Training images as the encoder sees them.
        seen_test: Test images as the encoder sees them.
        binarized: Whether these are bits.
    """

    train: data.Source
    test: data.Source
    seen_train: data.Source
    seen_test: data.Source
    binarized: bool


class Judged(NamedTuple):
    """The sets of images of one model.

    Attributes:
        reconstructions: Image i is that of test image i, decoded when it is read; None
            of a model that cannot encode.
        samplers: `(key, n) -> images` by the name of the set.
        path: Decodes latents of a standard normal prior, and how many there are; None
            for any other prior or a conditional model.
        note: What the samplers are.
    """

    reconstructions: data.Source | None
    samplers: Mapping[str, Sampler]
    path: tuple[Callable[[Array], Array], int] | None
    note: str


def pictures_of(config: Any) -> Pictures:
    """Loads the images of a run.

    A model of bits gives each pixel's chance of a one, which is grey. So it is judged
    by the grey images, while its encoder is given bits drawn of them, as in training.

    Args:
        config: The options of the run.
    """
    train, test = (
        data.load(
            config.data,
            split=split,
            data_dir=config.data_dir,
            image_size=config.image_size,
        )
        for split in ("train", "test")
    )
    if config.binarize == "no":
        return Pictures(train, test, train, test, binarized=False)
    bits = map(data.fixed_binarization, (train, test))
    return Pictures(train, test, *bits, binarized=True)


def judged_sets(
    key: PRNGKeyArray,
    model: VAE | GAN | ExportedModel,
    state: Any,
    pictures: Pictures,
) -> Judged:
    """Returns what a model is judged by.

    A GAN has samples alone. Of a VAE, reconstructions are decoded from the point that
    stands for q(z|x); samples from the prior, and, of an unconditional model with
    Gaussian latents, from a mixture of Gaussians fitted to draws of q(z|x) of the
    training images. A conditional model is given the label of a test image, and labels
    in turn for its samples. Of a model that was exported there is no mixture.

    Args:
        key: It is consumed.
        model: The model.
        state: Its state.
        pictures: The images.
    """
    if isinstance(model, ExportedModel):
        return _of_exported(model, state, pictures)
    state = on_one_device(state)
    samplers: dict[str, Sampler] = {PRIOR: _prior(model, state)}
    if isinstance(model, GAN):
        return Judged(None, samplers, _generated_path(model, state), _note(model))
    note = _note(model)
    if (
        model.num_classes is None
        and (latents := _latents(key, model, state, pictures.seen_train)) is not None
    ):
        samplers[MIXTURE] = _mixture(model, state, latents)
        note += (
            f"; mixture of {COMPONENTS} Gaussians fitted to latents drawn for "
            f"{len(latents):,} training images"
        )
    return Judged(
        _reconstructions(model, state, pictures.seen_test),
        samplers,
        _path(model, state),
        note,
    )


def _of_exported(
    model: ExportedModel, state: ExportedState, pictures: Pictures
) -> Judged:
    if model.sample is None:
        raise InputError(
            "The run has a model with parts of its own, whose samples were not "
            "exported: its training said why."
        )
    reconstructions = None
    if model.reconstruct is not None:
        reconstruct, seen = model.reconstruct, pictures.seen_test

        def read(indices: np.ndarray) -> dict[str, np.ndarray]:
            examples = seen.read(indices)
            own = []
            if model.num_classes is not None:
                own = [np.eye(model.num_classes, dtype=np.float32)[examples["label"]]]
            made = in_blocks(
                lambda images, *own: reconstruct(state, scale(images), *own),
                examples["image"],
                *own,
            )
            return {"image": np.concatenate([to_bytes(block) for block in made])}

        reconstructions = dataclasses.replace(
            seen, class_names=None, read=read, cache_name=None
        )
    return Judged(reconstructions, {PRIOR: _prior(model, state)}, None, _note(model))


def _note(model: VAE | GAN | ExportedModel) -> str:
    return "prior" if model.num_classes is None else "prior, labels in turn"


def _generated_path(
    model: GAN, state: Any
) -> tuple[Callable[[Array], Array], int] | None:
    normal = model.draw_latents is random.normal
    if model.num_classes is not None or not normal or model.latents < 2:
        return None
    return lambda latents: model.generate(state, latents), model.latents


def _path(model: VAE, state: Any) -> tuple[Callable[[Array], Array], int] | None:
    if model.num_classes is not None:
        return None
    prior = model.prior(state)
    # On a line there is no way around the middle for a path to take.
    if not isinstance(prior, StandardNormal) or len(prior.zeros) < 2:
        return None
    return lambda latents: model.decode(state, latents), len(prior.zeros)


def _prior(model: VAE | GAN | ExportedModel, state: Any) -> Sampler:
    assert model.sample is not None
    draw = jax.jit(model.sample, static_argnums=2)
    return lambda key, n: draw(state, key, n)


def _mixture(model: VAE, state: Any, latents: np.ndarray) -> Sampler:
    fitted, decode = (
        fit_mixture(latents, num_components=COMPONENTS),
        jax.jit(model.decode),
    )

    def draw(key: PRNGKeyArray, n: int) -> Array:
        with jax.numpy_rank_promotion("allow"):
            drawn = fitted.sample(key, (n,))
        return decode(state, jnp.asarray(drawn, jnp.float32))

    return draw


def _latents(
    key: PRNGKeyArray, model: VAE, state: Any, seen: data.Source
) -> np.ndarray | None:
    """Draws z ~ q(z|x) for training images, or gives None for latents of no use."""
    rows = every_nth(len(seen), MOST_LATENTS)
    first, _ = models.encode_images(model, state, seen.read(rows[:1])["image"])
    if not isinstance(first, Gaussian):
        return None
    if len(rows) <= max(2 * COMPONENTS, first.mean.shape[1]):
        return None
    q, _ = models.encode_images(model, state, seen.read(rows)["image"])
    noise = jax.random.normal(key, q.mean.shape)
    return np.asarray(q.mean + jnp.exp(0.5 * q.log_variance) * noise)


def _reconstructions(model: VAE, state: Any, seen: data.Source) -> data.Source:
    decode = models.image_decoder(model, state)
    encode = jax.jit(
        lambda images, *own: model.encode(state, scale(images), *own).point
    )

    def read(indices: np.ndarray) -> dict[str, np.ndarray]:
        examples = seen.read(indices)
        own = None
        if model.num_classes is not None:
            own = np.eye(model.num_classes, dtype=np.float32)[examples["label"]]
        point = encode(examples["image"], *(() if own is None else (own,)))
        return {"image": decode(np.asarray(point), own)}

    return dataclasses.replace(seen, class_names=None, read=read, cache_name=None)
