"""StyleGAN2 by its formulas: the slow, direct form that the networks are held against.

Written from the paper (Karras et al., "Analyzing and Improving the Image Quality of
StyleGAN", 2020, and the settings of "Training Generative Adversarial Networks with
Limited Data", 2020) and from a list of shapes and formulas, without the published code
and without our networks. Nothing here is fast or clever: each sample has its own
kernel, a convolution is a sum over its taps, an upsampled image has its zeros written
out. `jax.jit` around a call pays: there are hundreds of small operations.

Images are NCHW, kernels OIHW, matrices (out, in). Parameters are one flat dict with the
names of a published state, e.g. `synthesis.b8.conv0.affine.weight` or
`b16.fromrgb.weight`; buffers (`mapping.w_avg`, `*.noise_const`, `*.resample_filter`)
are in the same dict. Stored weights are N(0, 1), or that over the learning-rate
multiplier; they are scaled when used. A learning-rate multiplier is a hyperparameter
and not in the dict. All is in float64: call it under `jax.enable_x64(True)`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from tests.networks.stylegan_reference_operations import (
    clamped,
    convolve,
    double,
    doubles,
    filtered,
    fully_connected,
    leaky_relu,
    minibatch_deviation,
    modulated_convolve,
    normalized,
    resolution_of,
    resolutions,
    upsampled,
    with_bias,
)

# The generator.


def mapped(params: dict, z: Array | None, label: Array | None, *, lr: float) -> Array:
    """Normalised z, then the normalised embedded label, then the mapping's layers."""
    inputs = [] if z is None else [normalized(double(z))]
    if "mapping.embed.weight" in params:
        weight, bias = params["mapping.embed.weight"], params["mapping.embed.bias"]
        inputs.append(normalized(fully_connected(double(label), weight, bias)))
    x = jnp.concatenate(inputs, axis=1)
    i = 0
    while f"mapping.fc{i}.weight" in params:
        weight, bias = params[f"mapping.fc{i}.weight"], params[f"mapping.fc{i}.bias"]
        x = leaky_relu(fully_connected(x, weight, bias, lr=lr))
        i += 1
    return x


def mapping(params: dict, z, label=None, *, lr: float = 0.01) -> Array:
    """Returns w of shape (N, w_features).

    Args:
      params: The generator's.
      z: Of shape (N, latents).
      label: One-hot, of shape (N, classes); None without classes.
      lr: The learning-rate multiplier of the mapping's layers, not of the embedding.
    """
    return mapped(doubles(params), z, label, lr=lr)


def num_ws(resolution: int) -> int:
    """One for each convolution with noise, one for the last ToRGB."""
    return 2 * len(resolutions(resolution))


def style(params: dict, name: str, w: Array) -> Array:
    weight, bias = params[f"{name}.affine.weight"], params[f"{name}.affine.bias"]
    return fully_connected(w, weight, bias)


def noise_of(params: dict, layer: str, noise) -> Array:
    """Noise of a layer as (1 or N, 1, H, W)."""
    constant = params[f"synthesis.{layer}.noise_const"]
    if isinstance(noise, str):
        factor = {"const": 1.0, "none": 0.0}[noise]
        return factor * constant[None, None]
    values = double(noise[layer])
    return values[None, None] if values.ndim == 2 else values


def styled_layer(params: dict, layer: str, x, w, *, up, noise, clamp) -> Array:
    """Modulated convolution, demodulation, noise, bias, leaky ReLU, clamp."""
    name = f"synthesis.{layer}"
    styles = style(params, name, w)
    weight = params[f"{name}.weight"]
    x = modulated_convolve(x, weight, styles, demodulate=True, up=up)
    x = x + params[f"{name}.noise_strength"] * noise_of(params, layer, noise)
    return leaky_relu(with_bias(x, params[f"{name}.bias"]), clamp=clamp)


def to_rgb(params: dict, block: str, x, w, *, clamp) -> Array:
    """1x1, its style over the root of its inputs, not demodulated, no activation."""
    name = f"synthesis.{block}.torgb"
    weight = params[f"{name}.weight"]
    styles = style(params, name, w) / np.sqrt(weight.shape[1])
    x = modulated_convolve(x, weight, styles, demodulate=False)
    return clamped(with_bias(x, params[f"{name}.bias"]), clamp)


def synthesis(
    params: dict,
    ws,
    *,
    resolution: int | None = None,
    noise="const",
    clamp: float | None = 256.0,
) -> Array:
    """Returns images of shape (N, channels, resolution, resolution).

    Args:
      params: The generator's.
      ws: Of shape (N, num_ws, w_features). Layers take them in order; the ToRGB of a
        block takes the one after the block's own, as does the next block's first layer.
      resolution: That of params if None.
      noise: "const" (the buffers), "none", or a dict from a layer ("b8.conv0") to noise
        of shape (N, 1, H, W) or (H, W).
      clamp: The bound of layers and of each ToRGB, not of their sum.
    """
    params, ws = doubles(params), double(ws)
    sides = resolutions(resolution or resolution_of(params))
    if ws.shape[1] != 2 * len(sides):
        raise ValueError(f"{ws.shape[1]} styles, not {2 * len(sides)}.")
    constant = params["synthesis.b4.const"]
    x = jnp.broadcast_to(constant[None], (ws.shape[0], *constant.shape))
    at, image = 0, None
    for side in sides:
        for layer in ["conv1"] if side == 4 else ["conv0", "conv1"]:
            up = layer == "conv0"
            name = f"b{side}.{layer}"
            w = ws[:, at]
            x = styled_layer(params, name, x, w, up=up, noise=noise, clamp=clamp)
            at += 1
        rgb = to_rgb(params, f"b{side}", x, ws[:, at], clamp=clamp)
        image = rgb if image is None else upsampled(image) + rgb
    return image


def styles_of(
    params: dict, z, label=None, *, psi=1.0, cutoff=None, mixing=None, lr=0.01
) -> Array:
    """Returns the ws of `generator`, of shape (N, num_ws, w_features)."""
    number = num_ws(resolution_of(params))
    w = mapping(params, z, label, lr=lr)
    ws = [w] * number
    if mixing is not None:
        other, layer = mixing
        ws[layer:] = [mapping(params, other, label, lr=lr)] * (number - layer)
    average = double(params["mapping.w_avg"])[None]
    truncated = number if cutoff is None else cutoff
    for i in range(truncated):
        ws[i] = average + psi * (ws[i] - average)
    return jnp.stack(ws, axis=1)


def generator(
    params: dict,
    z,
    label=None,
    *,
    psi: float = 1.0,
    cutoff: int | None = None,
    mixing=None,
    noise="const",
    clamp: float | None = 256.0,
    lr: float = 0.01,
) -> Array:
    """Returns images of shape (N, channels, resolution, resolution).

    Args:
      params: Names and layouts of the module's docstring.
      z: Of shape (N, latents).
      label: One-hot, of shape (N, classes); None without classes.
      psi: Truncation: w becomes w_avg + psi (w - w_avg).
      cutoff: Number of first layers truncated; all if None.
      mixing: None, or (z2, layer): layers from this one on take the w of z2.
      noise: As in `synthesis`.
      clamp: As in `synthesis`.
      lr: As in `mapping`.
    """
    ws = styles_of(params, z, label, psi=psi, cutoff=cutoff, mixing=mixing, lr=lr)
    return synthesis(params, ws, noise=noise, clamp=clamp)


def path_length_gradient(params: dict, ws, direction, **options) -> Array:
    """The gradient of sum(image * direction) with respect to ws.

    Args:
      params: The generator's.
      ws: Of shape (N, num_ws, w_features).
      direction: Of the images' shape: N(0, 1) over the root of the number of pixels.
      **options: Those of `synthesis`.

    Returns:
      Of the shape of ws.
    """

    def projection(ws):
        return jnp.sum(synthesis(params, ws, **options) * double(direction))

    return jax.grad(projection)(double(ws))


def path_lengths(gradient: Array) -> Array:
    """Returns, per image, the root of the mean over layers of the squared norm."""
    return jnp.sqrt(jnp.mean(jnp.sum(gradient**2, axis=2), axis=1))


# The critic.


def critic_convolve(x: Array, weight: Array, **options) -> Array:
    """Convolution with the weight over the root of its fan-in."""
    fan_in = np.prod(weight.shape[1:])
    return convolve(x, weight / np.sqrt(fan_in), **options)


def critic_block(params, block: str, x, *, clamp, residual: bool) -> Array:
    """Two convolutions, the second to half the side, and the skip of `resnet`."""
    gain = np.sqrt(0.5) if residual else 1.0
    y = critic_convolve(x, params[f"{block}.conv0.weight"], padding=1)
    y = leaky_relu(with_bias(y, params[f"{block}.conv0.bias"]), clamp=clamp)
    y = filtered(y, 2, 2)
    y = critic_convolve(y, params[f"{block}.conv1.weight"], stride=2)
    y = leaky_relu(
        with_bias(y, params[f"{block}.conv1.bias"]),
        gain=gain * np.sqrt(2),
        clamp=None if clamp is None else gain * clamp,
    )
    if not residual:
        return y
    skip = filtered(x, 1, 1)[:, :, ::2, ::2]
    return y + gain * critic_convolve(skip, params[f"{block}.skip.weight"])


def critic(
    params: dict,
    images,
    label=None,
    *,
    group: int = 4,
    clamp: float | None = 256.0,
    architecture: str = "resnet",
    lr: float = 0.01,
) -> Array:
    """Returns logits of shape (N,).

    Args:
      params: Names and layouts of the module's docstring.
      images: Of shape (N, channels, resolution, resolution).
      label: One-hot, of shape (N, classes); None without classes.
      group: Largest group of the minibatch standard deviation.
      clamp: The bound after each convolution with an activation.
      architecture: "resnet", or "orig" (no skips, so nothing is scaled by sqrt .5).
      lr: The learning-rate multiplier of the label's mapping.
    """
    if architecture not in ("resnet", "orig"):
        raise ValueError(f"architecture is {architecture!r}, not resnet or orig.")
    params, x = doubles(params), double(images)
    sides = resolutions(resolution_of(params))
    first = f"b{sides[-1]}.fromrgb"
    x = critic_convolve(x, params[f"{first}.weight"])
    x = leaky_relu(with_bias(x, params[f"{first}.bias"]), clamp=clamp)
    for side in reversed(sides[1:]):
        residual = architecture == "resnet"
        x = critic_block(params, f"b{side}", x, clamp=clamp, residual=residual)
    x = minibatch_deviation(x, group)
    x = critic_convolve(x, params["b4.conv.weight"], padding=1)
    x = leaky_relu(with_bias(x, params["b4.conv.bias"]), clamp=clamp)
    x = x.reshape((x.shape[0], -1))
    x = leaky_relu(fully_connected(x, params["b4.fc.weight"], params["b4.fc.bias"]))
    x = fully_connected(x, params["b4.out.weight"], params["b4.out.bias"])
    if "mapping.embed.weight" in params:
        embedded = mapped(params, None, label, lr=lr)
        return jnp.sum(x * embedded, axis=1) / np.sqrt(x.shape[1])
    return x[:, 0]


def r1(params: dict, images, label=None, **options) -> Array:
    """Returns, per image, the squared norm of the gradient of the sum of logits.

    The penalty is gamma / 2 times this. Images of a group share a statistic, so this
    is not the gradient of the image's own logit alone.
    """

    def total(images):
        return jnp.sum(critic(params, images, label, **options))

    return jnp.sum(jax.grad(total)(double(images)) ** 2, axis=(1, 2, 3))
