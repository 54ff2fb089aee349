"""StyleGAN1 by its formulas, at a fixed resolution: the slow, direct form.

Written from the paper (Karras et al., "A Style-Based Generator Architecture for
Generative Adversarial Networks", 2019) and a list of shapes and formulas, without the
published code and without our networks. One ToRGB and one FromRGB: nothing grows.

Images are NCHW, kernels OIHW, matrices (out, in); all in float64, under
`jax.enable_x64(True)`. Parameters are one flat dict. There is no published state with
such names, so they are ours, near those of `stylegan2_reference`:

- generator: `mapping.fc{i}.{weight,bias}`, `mapping.w_avg` (buffer),
  `synthesis.b4.const`, `synthesis.b{r}.conv{0,1}.{weight,noise_scale,bias}` and
  `.affine.{weight,bias}` and `.noise_const` (buffer), `synthesis.torgb.{weight,bias}`.
  `b4.conv0` has no weight: it starts from the constant. An affine's first C outputs are
  the scale, its last C the shift.
- critic: `fromrgb.*`, `b{r}.conv0.*`, `b{r}.conv1.*`, `b4.{conv,fc,out}.*`.

Every weight is stored as N(0, 1), or that over the learning-rate multiplier, and used
times gain / sqrt(fan-in): gain sqrt 2, but 1 in affines, ToRGB and the critic's last
layer. The leaky ReLU has no gain.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from tests.networks.stylegan_reference_operations import (
    EPSILON,
    convolve,
    double,
    doubles,
    filtered,
    leaky_relu,
    minibatch_deviation,
    normalized,
    resolution_of,
    resolutions,
    transposed_convolve,
    with_bias,
)

GAIN = np.sqrt(2)
BLUR = np.outer([1, 2, 1], [1, 2, 1]) / 16


def scaled(weight: Array, *, gain: float = GAIN, lr: float = 1.0) -> Array:
    """A stored weight as it is used: times gain lr / sqrt(fan-in)."""
    return weight * (gain * lr / np.sqrt(np.prod(weight.shape[1:])))


def lrelu(x: Array) -> Array:
    return leaky_relu(x, gain=1.0)


def dense(params: dict, name: str, x, *, gain: float = GAIN, lr: float = 1.0) -> Array:
    weight, bias = params[f"{name}.weight"], params[f"{name}.bias"]
    return with_bias(x @ scaled(weight, gain=gain, lr=lr).T, lr * bias)


def blurred(x: Array) -> Array:
    return filtered(x, 1, 1, taps=BLUR)


def nearest(x: Array) -> Array:
    """Twice the side: each pixel becomes a square of four."""
    return jnp.repeat(jnp.repeat(x, 2, axis=2), 2, axis=3)


def halved(x: Array) -> Array:
    """The mean of each square of four."""
    corners = (x[:, :, a::2, b::2] for a in range(2) for b in range(2))
    return sum(corners) / 4


def box(weight: Array) -> Array:
    """A 3x3 kernel convolved with a square of four ones: 4x4."""
    result = jnp.zeros((*weight.shape[:2], 4, 4), weight.dtype)
    for a in range(2):
        for b in range(2):
            result = result.at[:, :, a : a + 3, b : b + 3].add(weight)
    return result


def upsampled_convolve(x: Array, weight: Array) -> Array:
    """Nearest x2, then 3x3."""
    return convolve(nearest(x), weight, padding=1)


def fused_upsampled_convolve(x: Array, weight: Array) -> Array:
    """One transposed 4x4 convolution: `upsampled_convolve` with the kernel flipped."""
    return transposed_convolve(x, box(weight))[:, :, 1:-1, 1:-1]


def downsampled_convolve(x: Array, weight: Array) -> Array:
    """3x3, then the mean of each square of four."""
    return halved(convolve(x, weight, padding=1))


def fused_downsampled_convolve(x: Array, weight: Array) -> Array:
    """One strided 4x4 convolution: the same as `downsampled_convolve`."""
    return convolve(x, box(weight) / 4, padding=1, stride=2)


# The generator.


def mapping(params: dict, z, *, lr: float = 0.01) -> Array:
    """Returns w of shape (N, w_features)."""
    params, x = doubles(params), normalized(double(z))
    i = 0
    while f"mapping.fc{i}.weight" in params:
        x = lrelu(dense(params, f"mapping.fc{i}", x, lr=lr))
        i += 1
    return x


def num_ws(resolution: int) -> int:
    """One for each layer with noise; ToRGB has no style."""
    return 2 * len(resolutions(resolution))


def noise_of(params: dict, layer: str, noise) -> Array:
    constant = params[f"synthesis.{layer}.noise_const"]
    if isinstance(noise, str):
        factor = {"const": 1.0, "none": 0.0}[noise]
        return factor * constant[None, None]
    values = double(noise[layer])
    return values[None, None] if values.ndim == 2 else values


def instance_normalized(x: Array) -> Array:
    x = x - jnp.mean(x, axis=(2, 3), keepdims=True)
    return x / jnp.sqrt(jnp.mean(x**2, axis=(2, 3), keepdims=True) + EPSILON)


def after_convolution(params: dict, layer: str, x, w, noise) -> Array:
    """Noise, bias, leaky ReLU, instance norm, style (equation 1)."""
    name = f"synthesis.{layer}"
    scale = params[f"{name}.noise_scale"][None, :, None, None]
    x = x + scale * noise_of(params, layer, noise)
    x = instance_normalized(lrelu(with_bias(x, params[f"{name}.bias"])))
    styles = dense(params, f"{name}.affine", w, gain=1.0)[:, :, None, None]
    channels = x.shape[1]
    return x * (styles[:, :channels] + 1) + styles[:, channels:]


def synthesis(params: dict, ws, *, noise="const") -> Array:
    """Returns images of shape (N, channels, resolution, resolution).

    Args:
      params: Names and layouts of the module's docstring.
      ws: Of shape (N, num_ws, w_features).
      noise: "const" (the buffers), "none", or a dict from a layer ("b8.conv0") to noise
        of shape (N, 1, H, W) or (H, W).
    """
    params, ws = doubles(params), double(ws)
    sides = resolutions(resolution_of(params))
    if ws.shape[1] != 2 * len(sides):
        raise ValueError(f"{ws.shape[1]} styles, not {2 * len(sides)}.")
    constant = params["synthesis.b4.const"]
    x = jnp.broadcast_to(constant[None], (ws.shape[0], *constant.shape))
    for number, side in enumerate(sides):
        block = f"synthesis.b{side}"
        if side > 4:
            x = upsampled_convolve(x, scaled(params[f"{block}.conv0.weight"]))
            x = blurred(x)
        x = after_convolution(params, f"b{side}.conv0", x, ws[:, 2 * number], noise)
        x = convolve(x, scaled(params[f"{block}.conv1.weight"]), padding=1)
        x = after_convolution(params, f"b{side}.conv1", x, ws[:, 2 * number + 1], noise)
    weight = scaled(params["synthesis.torgb.weight"], gain=1.0)
    return with_bias(convolve(x, weight), params["synthesis.torgb.bias"])


def styles_of(params: dict, z, *, psi=0.7, cutoff=8, mixing=None, lr=0.01) -> Array:
    """Returns the ws of `generator`, of shape (N, num_ws, w_features)."""
    number = num_ws(resolution_of(params))
    ws = [mapping(params, z, lr=lr)] * number
    if mixing is not None:
        other, layer = mixing
        ws[layer:] = [mapping(params, other, lr=lr)] * (number - layer)
    average = double(params["mapping.w_avg"])[None]
    for i in range(number if cutoff is None else min(cutoff, number)):
        ws[i] = average + psi * (ws[i] - average)
    return jnp.stack(ws, axis=1)


def generator(
    params: dict,
    z,
    *,
    psi: float = 0.7,
    cutoff: int | None = 8,
    mixing=None,
    noise="const",
    lr: float = 0.01,
) -> Array:
    """Returns images of shape (N, channels, resolution, resolution).

    Args:
      params: Names and layouts of the module's docstring.
      z: Of shape (N, latents).
      psi: Truncation: w becomes w_avg + psi (w - w_avg).
      cutoff: Number of first layers truncated; all if None.
      mixing: None, or (z2, layer): layers from this one on take the w of z2.
      noise: As in `synthesis`.
      lr: The learning-rate multiplier of the mapping.
    """
    ws = styles_of(params, z, psi=psi, cutoff=cutoff, mixing=mixing, lr=lr)
    return synthesis(params, ws, noise=noise)


# The critic.


def critic(params: dict, images, *, group: int = 4) -> Array:
    """Returns logits of shape (N,).

    Args:
      params: Names and layouts of the module's docstring.
      images: Of shape (N, channels, resolution, resolution).
      group: Largest group of the minibatch standard deviation.
    """
    params, x = doubles(params), double(images)

    def layer(name, x, convolution, **options):
        weight = scaled(params[f"{name}.weight"])
        x = convolution(x, weight, **options)
        return lrelu(with_bias(x, params[f"{name}.bias"]))

    x = layer("fromrgb", x, convolve)
    for side in reversed(resolutions(resolution_of(params))[1:]):
        x = layer(f"b{side}.conv0", x, convolve, padding=1)
        x = layer(f"b{side}.conv1", blurred(x), downsampled_convolve)
    x = layer("b4.conv", minibatch_deviation(x, group), convolve, padding=1)
    x = lrelu(dense(params, "b4.fc", x.reshape((x.shape[0], -1))))
    return dense(params, "b4.out", x, gain=1.0)[:, 0]


def r1(params: dict, images, **options) -> Array:
    """Returns, per image, the squared norm of the gradient of the sum of logits."""

    def total(images):
        return jnp.sum(critic(params, images, **options))

    return jnp.sum(jax.grad(total)(double(images)) ** 2, axis=(1, 2, 3))
