"""Translators and critics of a dozen numbers, for tests of translation models."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import networks, random
from jaxgen.typing import Network


def images(channels=2, *, seed=0, rows=4, side=4):
    """Returns images in [0, 1]; the same ones each time."""
    drawn = np.random.default_rng(seed).uniform(size=(rows, side, side, channels))
    return jnp.asarray(drawn, jnp.float32)


def batch(*, rows=4, seed=0):
    return {"a": images(seed=seed, rows=rows), "b": images(seed=seed + 1, rows=rows)}


def pixelwise(channels=2, *, dropout=False):
    """Returns `tanh(x w)`, with half of the pixels off where there are keys."""

    def init(key, images):
        shape = (images.shape[-1], channels)
        return {"w": 0.3 * jax.random.normal(key, shape)}, {}

    def apply(params, stats, images, *, keys=None, train=False, axis_name=None):
        if dropout and keys is not None:
            shape = images.shape[1:3]
            draw = jax.vmap(lambda key: jax.random.bernoulli(key, 0.5, shape))
            images = images * 2 * draw(keys)[..., None]
        return jnp.tanh(images @ params["w"]), stats

    return Network(init, apply)


def normalized(channels=2):
    """Returns `tanh((x - mean) w)`, whose mean is of the batch or a running one."""

    def init(key, images):
        width = images.shape[-1]
        params = {"w": 0.3 * jax.random.normal(key, (width, channels))}
        return params, {"mean": jnp.zeros(width)}

    def apply(params, stats, images, *, keys=None, train=False, axis_name=None):
        mean = stats["mean"]
        if train:
            mean = jnp.mean(images, axis=(0, 1, 2))
            mean = mean if axis_name is None else jax.lax.pmean(mean, axis_name)
            stats = {"mean": 0.5 * stats["mean"] + 0.5 * mean}
        centred = images - mean[None, None, None]
        return jnp.tanh(centred @ params["w"]), stats

    return Network(init, apply)


def encoding(*, width=3, dropout=False, ramp=0.0):
    """Returns `tanh(h v)`, with the feature maps x and h = `tanh(x w + column ramp)`.

    With keys and dropout, half of the numbers of h are off.
    """

    def init(key, images):
        first, second = jax.random.split(key)
        channels = images.shape[-1]
        return {
            "w": 0.5 * jax.random.normal(first, (channels, width)),
            "v": 0.5 * jax.random.normal(second, (width, channels)),
        }, {}

    def features(params, stats, images, *, keys=None, train=False, axis_name=None):
        del train, axis_name
        column = ramp * jnp.arange(images.shape[2], dtype=images.dtype)
        hidden = jnp.tanh(images @ params["w"] + column[None, None, :, None])
        if dropout and keys is not None:
            shape = hidden.shape[1:]
            kept = jax.vmap(lambda key: jax.random.bernoulli(key, 0.5, shape))(keys)
            hidden = 2.0 * hidden * kept
        return (images, hidden), stats

    def apply(params, stats, images, **mode):
        (_, hidden), _ = features(params, stats, images, **mode)
        return jnp.tanh(hidden @ params["v"]), stats

    return Network(init, apply), features


def critic(*, heads=1):
    """Returns logits of patches: one for each pixel and each head."""

    def init(key, images):
        keys = jax.random.split(key)
        width = images.shape[-1]
        return {
            "v": 0.5 * jax.random.normal(keys[0], (width, 3)),
            "w": 0.5 * jax.random.normal(keys[1], (3, heads)),
        }

    def apply(params, images):
        logits = jnp.tanh(images @ params["v"]) @ params["w"]
        return logits[..., 0] if heads == 1 else jnp.moveaxis(logits, -1, 1)

    return networks.pure_functions(init, apply)


def watching_critic():
    """Returns a critic with a statistic: how many batches it has seen in training."""
    network = critic()

    def init(key, images):
        return network.init(key, images)[0], {"seen": jnp.zeros(())}

    def apply(params, stats, images, *, keys=None, train=False, axis_name=None):
        seen = {"seen": stats["seen"] + float(train)}
        return network.apply(params, (), images)[0], seen

    return Network(init, apply)


def normalized_critic():
    """Returns a critic of images less the batch's mean image, or a running one."""
    network = critic()

    def init(key, images):
        return network.init(key, images)[0], {"mean": jnp.zeros(images.shape[1:])}

    def apply(params, stats, images, *, keys=None, train=False, axis_name=None):
        mean = stats["mean"]
        if train:
            channels = jnp.mean(images, axis=(0, 1, 2), keepdims=True)
            mean = jnp.broadcast_to(channels[0], images.shape[1:])
            stats = {"mean": 0.5 * (stats["mean"] + mean)}
        return network.apply(params, (), images - mean[None])[0], stats

    return Network(init, apply)


def keys_of(root, step, name, rows):
    """Returns the keys that a model draws with in one of its steps."""
    return random.example_keys(random.stream(random.step_key(root, step), name), rows)
