"""Perceptual path length: how fast the features move along a path of latents."""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.checks import check_count, check_key, check_number
from jaxgen.errors import InputError
from jaxgen.metrics.interpolation import lerp, slerp
from jaxgen.metrics.resampling import trimmed_mean_interval
from jaxgen.random import stream
from jaxgen.typing import Array, Latents, PerExample, PRNGKeyArray

__all__ = [
    "Decode",
    "Endpoints",
    "Interpolation",
    "PathLength",
    "finite_path_length",
    "path_length",
    "squared_speed",
]

Interpolation = Literal["slerp", "lerp"]
Endpoints = Literal["full", "end"]
Decode = Callable[[Array], Array]


class PathLength(NamedTuple):
    """Path lengths of random pairs of latents.

    Attributes:
        mean: Over all paths, the paper's formula.
        trimmed_mean: Over the paths from the 1st to the 99th percentile, as published
            figures are. Where a few paths cross a sudden change, it is far below.
        values: One per path, shape (num_samples,); for an interval give them to
            `mean_interval` or `trimmed_mean_interval`.
    """

    mean: float
    trimmed_mean: float
    values: np.ndarray


def path_length(
    key: PRNGKeyArray,
    decode: Decode,
    features: Callable[[Array], Array],
    latents: int | Callable[[PRNGKeyArray], Array],
    *,
    num_samples: int = 10_000,
    interpolation: Interpolation = "slerp",
    endpoints: Endpoints = "full",
    chunk_size: int = 100,
) -> PathLength:
    """Calculates the perceptual path length exactly, without a step size.

    `E ||d/dt phi(G(path(z0, z1; t)))||^2` over z0, z1 and t, where phi are features, G
    the decoder and path leads from z0 to z1. It is the limit of the published
    `d(G(path(t)), G(path(t + epsilon))) / epsilon^2` as epsilon goes to 0, taken by the
    chain rule (`jax.jvp`), so no digits cancel; see `finite_path_length` for those
    that do there.

    A decoder that rounds its images has derivative 0 and gets the length 0.

    Args:
        key: It is consumed. Path i has a key of its own: the chunks change nothing.
        decode: `latents -> images`, shape (n, d) to (n, ...), floats; example by
            example (no batch statistics).
        features: `images -> features`, floats of shape (n, features), differentiable:
            `lambda images: net.apply(images).features`. The distance is the squared
            Euclidean one; LPIPS is of this form, too, with weighted unit features.
        latents: Number of dimensions of standard normal latents; or a function that
            draws one latent, of shape (d,), from a key, for another prior or for the
            intermediate latents of a mapping network.
        num_samples: Paths. The paper takes 100,000.
        interpolation: "slerp" for latents of a sphere or a normal prior (`slerp`),
            "lerp" for a straight line, as between intermediate latents.
        endpoints: "full" draws t from [0, 1); "end" takes t = 0.
        chunk_size: Paths at once.

    Returns:
        `PathLength(mean, trimmed_mean, values)`.

    Raises:
        InputError: Images or features are whole numbers (they have no derivative) or
            of another shape than expected; a value is not finite; or an option is
            unknown.

    Examples:
        A linear decoder stretches each straight line by a number of its own.

        >>> grow = lambda latents: 3.0 * latents
        >>> same = lambda images: images
        >>> lines = path_length(jax.random.key(0), grow, same, 2, interpolation="lerp")
        >>> print(f"{lines.mean:.0f}")  # 9 E ||z1 - z0||^2 = 36, but for chance
        37

    References:
        Karras et al., A Style-Based Generator Architecture for Generative Adversarial
        Networks, 2019, section 4.1, equations 2 and 3.
    """
    check_key(key)
    speed = partial(squared_speed, decode, features, interpolation=interpolation)
    return _over_paths(
        key, decode, features, latents, speed, num_samples, interpolation, endpoints,
        chunk_size,
    )  # fmt: skip


def finite_path_length(
    key: PRNGKeyArray,
    decode: Decode,
    features: Callable[[Array], Array],
    latents: int | Callable[[PRNGKeyArray], Array],
    *,
    num_samples: int = 10_000,
    interpolation: Interpolation = "slerp",
    endpoints: Endpoints = "full",
    chunk_size: int = 100,
    epsilon: float = 1e-4,
) -> PathLength:
    """Calculates the perceptual path length by the published finite difference.

    `E ||phi(G(path(t + epsilon))) - phi(G(path(t)))||^2 / epsilon^2`, on the paths that
    `path_length` takes with the same key; it is here for comparison.

    Rounding is divided by epsilon^2, too, and adds `(u / epsilon)^2 ||phi||^2` or so, u
    being a half of the last digit. Measured on sigmoid images of 3 x 3 with 4 features
    of size 1, whose length is 0.152: in float32 (u = 6e-8) half of the paths are more
    than 0.6 % off, but the mean is right to 1e-4; with 300 added to each feature the
    mean is 0.204 and the median path all wrong; in bfloat16 the mean is 37. The exact
    form gives 0.152 in all three.

    Args:
        key: See `path_length`, as for all that follow.
        decode: `latents -> images`.
        features: `images -> features`.
        latents: Number of dimensions, or a function that draws one.
        num_samples: Paths.
        interpolation: "slerp" or "lerp".
        endpoints: "full" or "end".
        chunk_size: Paths at once.
        epsilon: Step along the path, as a fraction of it.

    Raises:
        InputError: See `path_length`; above all, images of 8 bits.

    References:
        Karras et al., 2019, equations 2 and 3, with epsilon = 1e-4.
    """
    check_key(key)
    check_number("epsilon", epsilon, above=0.0)

    def speed(start: Latents, end: Latents, position: PerExample) -> PerExample:
        path = _PATHS[interpolation]
        here, there = (
            features(decode(path(start, end, position + step)))
            for step in (0.0, epsilon)
        )
        return jnp.sum((there - here) ** 2, axis=-1) / epsilon**2

    return _over_paths(
        key, decode, features, latents, speed, num_samples, interpolation, endpoints,
        chunk_size,
    )  # fmt: skip


def squared_speed(
    decode: Decode,
    features: Callable[[Array], Array],
    start: Latents,
    end: Latents,
    position: PerExample,
    *,
    interpolation: Interpolation = "slerp",
) -> PerExample:
    """Calculates `||d/dt phi(G(path(t)))||^2`, one value per path.

    It is pure: safe under `jit`, and differentiable with respect to all that `decode`
    holds.

    Args:
        decode: `latents -> images`.
        features: `images -> features`.
        start: z0, shape (n, d).
        end: z1, shape (n, d).
        position: t, shape (n,).
        interpolation: "slerp" or "lerp".
    """

    def along(position: PerExample) -> Array:
        return features(decode(_PATHS[interpolation](start, end, position)))

    # Example by example, so one direction for all gives each its own derivative.
    _, speed = jax.jvp(along, (position,), (jnp.ones_like(position),))
    return jnp.sum(speed**2, axis=-1)


_PATHS = {"slerp": slerp, "lerp": lerp}


def _over_paths(
    key: PRNGKeyArray,
    decode: Decode,
    features: Callable[[Array], Array],
    latents: int | Callable[[PRNGKeyArray], Array],
    speed: Callable[[Latents, Latents, PerExample], PerExample],
    num_samples: int,
    interpolation: str,
    endpoints: str,
    chunk_size: int,
) -> PathLength:
    if interpolation not in _PATHS or endpoints not in ("full", "end"):
        raise InputError(
            f"interpolation={interpolation!r}, endpoints={endpoints!r}: give 'slerp' "
            "or 'lerp', and 'full' or 'end'."
        )
    check_count("num_samples", num_samples, 2)
    check_count("chunk_size", chunk_size, 1)
    draw = latents if callable(latents) else _draw_normal(latents)
    _check(decode, features, draw, interpolation)

    @jax.jit
    def chunk(indices: Array) -> PerExample:
        keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, indices)
        start, end = (
            jax.vmap(lambda one, name=name: draw(stream(one, name)))(keys)
            for name in ("start", "end")
        )
        position = jnp.zeros(len(indices), start.dtype)
        if endpoints == "full":
            position = jax.vmap(
                lambda one: jax.random.uniform(stream(one, "position"), (), start.dtype)
            )(keys)
        return speed(start, end, position)

    size = min(chunk_size, num_samples)
    # A loop on the host: XLA runs convolutions inside a scan slowly on CPU. Paths past
    # num_samples fill up the last chunk, so that it is not compiled anew.
    parts = [
        jax.device_get(chunk(jnp.arange(first, first + size, dtype=jnp.uint32)))
        for first in range(0, num_samples, size)
    ]
    values = np.concatenate(parts)[:num_samples].astype(np.float64)
    if not np.isfinite(values).all():
        bad = ~np.isfinite(values)
        raise InputError(
            f"{int(bad.sum())} of {num_samples} path lengths are not finite, the first "
            f"is number {int(bad.argmax())}: look at the images of the decoder and at "
            "the derivative of the feature network (a norm or a square root at 0?)."
        )
    return PathLength(float(values.mean()), trimmed_mean_interval(values).value, values)


def _draw_normal(dimension: int) -> Callable[[PRNGKeyArray], Array]:
    check_count("latents", dimension, 1)
    return lambda key: jax.random.normal(key, (dimension,))


def _check(
    decode: Decode,
    features: Callable[[Array], Array],
    draw: Callable[[PRNGKeyArray], Array],
    interpolation: str,
) -> None:
    # Shapes and types alone: nothing is computed.
    latent = jax.eval_shape(draw, jax.random.key(0))
    if latent.ndim != 1 or not jnp.issubdtype(latent.dtype, jnp.floating):
        raise InputError(
            f"A latent drawn is {latent.dtype} of shape {latent.shape}: expected "
            "floats of shape (d,), one latent from one key."
        )
    if interpolation == "slerp" and latent.shape[0] < 2:
        raise InputError(
            "One latent dimension has no sphere to walk on: give interpolation='lerp'."
        )
    images = jax.eval_shape(
        decode, jax.ShapeDtypeStruct((2, *latent.shape), latent.dtype)
    )
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise InputError(
            f"The decoder gives {images.dtype} images: a path length needs floats, "
            "since whole numbers jump along a path; leave the rounding out of decode."
        )
    found = jax.eval_shape(features, images)
    if found.ndim != 2 or len(images.shape) < 2 or found.shape[0] != 2:
        raise InputError(
            f"2 latents gave images of shape {images.shape} and features of shape "
            f"{found.shape}: expected (2, ...) and (2, features)."
        )
    if not jnp.issubdtype(found.dtype, jnp.floating):
        raise InputError(
            f"The features are {found.dtype}: a path length needs floats; does the "
            "feature function round the images to 8 bits?"
        )
