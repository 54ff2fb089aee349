"""Operations of the StyleGAN references: sums over taps, zeros written out, float64."""

import jax.numpy as jnp
import numpy as np
from jax import Array

FIR = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
SLOPE = 0.2
EPSILON = 1e-8


def resolutions(resolution: int) -> list[int]:
    """Returns 4, 8, ..., resolution."""
    sides = [4]
    while sides[-1] < resolution:
        sides.append(2 * sides[-1])
    if sides[-1] != resolution:
        raise ValueError(f"resolution is {resolution}, not a power of two from 4 on.")
    return sides


def resolution_of(params: dict) -> int:
    """Returns the largest r of the names `b{r}`."""
    parts = [part for name in params for part in name.split(".")]
    return max(int(p[1:]) for p in parts if p[:1] == "b" and p[1:].isdigit())


def double(values) -> Array:
    if jnp.result_type(float) != jnp.float64:
        raise TypeError("The reference needs jax.enable_x64(True).")
    return jnp.asarray(values, jnp.float64)


def doubles(params: dict) -> dict[str, Array]:
    return {name: double(value) for name, value in params.items()}


def padded(x: Array, before: int, after: int) -> Array:
    """Zeros above and left (`before`), below and right (`after`)."""
    return jnp.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))


def convolve(x: Array, weight: Array, *, padding: int = 0, stride: int = 1) -> Array:
    """y[o, p, q] = sum over i, a, b of weight[o, i, a, b] x[i, s p + a, s q + b].

    A correlation, which is what the field calls a convolution: no kernel is flipped.
    """
    x = padded(x, padding, padding)
    size = weight.shape[-1]
    rows, columns = ((side - size) // stride + 1 for side in x.shape[2:])
    result = jnp.zeros((x.shape[0], weight.shape[0], rows, columns), x.dtype)
    for a in range(size):
        for b in range(size):
            seen = x[
                :,
                :,
                a : a + stride * (rows - 1) + 1 : stride,
                b : b + stride * (columns - 1) + 1 : stride,
            ]
            result = result + jnp.einsum("nipq,oi->nopq", seen, weight[:, :, a, b])
    return result


def transposed_convolve(x: Array, weight: Array, *, stride: int = 2) -> Array:
    """Each pixel adds its kernel to the result.

    y[o, s p + a, s q + b] += weight[o, i, a, b] x[i, p, q] for all i, p, q, a, b.
    Equal to zeros between the pixels and a true convolution, i.e. a correlation with
    the flipped kernel. No padding is taken off: the side is s (side - 1) + kernel side.
    """
    size = weight.shape[-1]
    number, _, height, width = x.shape
    rows, columns = (stride * (side - 1) + size for side in (height, width))
    result = jnp.zeros((number, weight.shape[0], rows, columns), x.dtype)
    for a in range(size):
        for b in range(size):
            added = jnp.einsum("nipq,oi->nopq", x, weight[:, :, a, b])
            result = result.at[
                :,
                :,
                a : a + stride * (height - 1) + 1 : stride,
                b : b + stride * (width - 1) + 1 : stride,
            ].add(added)
    return result


def zeros_inserted(x: Array) -> Array:
    """Twice the side: a pixel, then a zero, in both directions."""
    number, channels, height, width = x.shape
    result = jnp.zeros((number, channels, 2 * height, 2 * width), x.dtype)
    return result.at[:, :, ::2, ::2].set(x)


def filtered(x: Array, before: int, after: int, *, gain=1.0, taps=FIR) -> Array:
    """Each channel convolved with the (symmetric) FIR filter, after zero padding."""
    x = padded(x, before, after)
    size = len(taps)
    rows, columns = (side - size + 1 for side in x.shape[2:])
    result = jnp.zeros((*x.shape[:2], rows, columns), x.dtype)
    for a in range(size):
        for b in range(size):
            tap = gain * taps[size - 1 - a, size - 1 - b]
            result = result + tap * x[:, :, a : a + rows, b : b + columns]
    return result


def upsampled(x: Array) -> Array:
    """Zero insertion and FIR; gain 4 because three of four pixels were zeros."""
    return filtered(zeros_inserted(x), 2, 1, gain=4.0)


def clamped(x: Array, clamp: float | None) -> Array:
    return x if clamp is None else jnp.clip(x, -clamp, clamp)


def leaky_relu(x: Array, *, gain: float = np.sqrt(2), clamp=None) -> Array:
    return clamped(jnp.where(x < 0, SLOPE * x, x) * gain, clamp)


def with_bias(x: Array, bias: Array) -> Array:
    return x + bias.reshape((1, -1) + (1,) * (x.ndim - 2))


def fully_connected(x: Array, weight: Array, bias: Array, *, lr: float = 1.0) -> Array:
    """x W^T lr / sqrt(in) + lr bias."""
    weight = weight * (lr / np.sqrt(weight.shape[1]))
    return with_bias(x @ weight.T, lr * bias)


def normalized(x: Array) -> Array:
    """Each row over the root of its mean square."""
    return x / jnp.sqrt(jnp.mean(x**2, axis=1, keepdims=True) + EPSILON)


def modulated_convolve(
    x: Array, weight: Array, styles: Array, *, demodulate: bool, up: bool = False
) -> Array:
    """A kernel of its own for each sample (equations 1 and 3), then the convolution.

    Args:
      x: Of shape (N, in, H, W).
      weight: Of shape (out, in, k, k), as stored.
      styles: Of shape (N, in).
      demodulate: Whether each output channel's kernel gets norm 1.
      up: Whether the side doubles: transposed convolution, then FIR, gain 4.
    """
    results = []
    for sample, style in zip(x, styles, strict=True):
        kernel = weight * style[None, :, None, None]
        if demodulate:
            squares = jnp.sum(kernel**2, axis=(1, 2, 3), keepdims=True)
            kernel = kernel / jnp.sqrt(squares + EPSILON)
        if up:
            result = transposed_convolve(sample[None], kernel)
            result = filtered(result, 1, 1, gain=4.0)
        else:
            result = convolve(sample[None], kernel, padding=weight.shape[-1] // 2)
        results.append(result)
    return jnp.concatenate(results)


def minibatch_deviation(x: Array, group: int) -> Array:
    """Adds one channel: the mean standard deviation over the image's group.

    With M = N / G groups and G = min(group, N), group i has the images i, i + M, ...
    """
    number, _, height, width = x.shape
    group = min(group, number)
    groups = number // group
    if groups * group != number:
        raise ValueError(f"A batch of {number} has no groups of {group}.")
    means = []
    for i in range(groups):
        members = x[i::groups]
        deviations = members - jnp.mean(members, axis=0, keepdims=True)
        deviation = jnp.sqrt(jnp.mean(deviations**2, axis=0) + EPSILON)
        means.append(jnp.mean(deviation))
    channel = jnp.stack([means[n % groups] for n in range(number)])
    channel = jnp.broadcast_to(channel[:, None, None, None], (number, 1, height, width))
    return jnp.concatenate([x, channel], axis=1)
