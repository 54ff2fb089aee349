"""A data set, a model and a run as small as they can be, for tests of the rest."""

import jax
import numpy as np
import optax

from jaxgen import data, losses, models, networks, random
from jaxgen.typing import Data, Network


def source(examples: int = 40, *, side: int = 4) -> data.Source:
    """Returns random images with labels; the same ones each time."""
    images = np.random.default_rng(0).integers(0, 256, (examples, side, side, 1))
    labels = np.arange(examples) % 2
    return data.from_arrays(images.astype(np.uint8), labels, name="tiny")


def batches(
    *,
    train: bool = True,
    batch_size: int = 8,
    examples: int = 40,
    resident: bool = True,
) -> Data:
    """Returns batches of the tiny source."""
    return data.pipeline(
        source(examples),
        batch_size=batch_size,
        key=random.stream(jax.random.key(1), "data"),
        train=train,
        resident=resident,
    )


def networks_of_vae() -> tuple[Network, Network]:
    """Returns an encoder and a decoder of a few dozen parameters."""
    encoder = networks.mlp_encoder(2, features=(5,))
    return encoder, networks.mlp_decoder((4, 4, 1), features=(5,))


def vae(optimizer: optax.GradientTransformation | None = None) -> models.VAE:
    """Returns a VAE of a few dozen parameters."""
    return models.vae(
        *networks_of_vae(),
        optax.adam(1e-2) if optimizer is None else optimizer,
        likelihood=losses.vae.bernoulli(),
        prior=losses.vae.priors.standard_normal(2),
    )


def assert_equal_bits(first, second):
    """Asserts that two pytrees of arrays are equal to the last bit."""
    assert jax.tree.structure(first) == jax.tree.structure(second)
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        if jax.numpy.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def count_traces(update):
    """Returns a compiled update, and a list that grows whenever it is traced."""
    traces = []

    def counted(*arguments):
        traces.append(None)
        return update(*arguments)

    return jax.jit(counted), traces
