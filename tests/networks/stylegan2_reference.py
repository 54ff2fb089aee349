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

from typing import NamedTuple

import jax
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


# Operations on images.


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


# Layers.


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


# Shapes and random parameters.


class Shapes(NamedTuple):
    """Shapes of a network by name: what is trained, and what is kept beside it."""

    parameters: dict[str, tuple[int, ...]]
    buffers: dict[str, tuple[int, ...]]


def count_parameters(shapes: dict[str, tuple[int, ...]]) -> int:
    """Returns the number of values in arrays of these shapes."""
    return sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes.values())


def width(resolution: int, *, channel_base: int, channel_max: int = 512) -> int:
    """Channels at this resolution."""
    return min(channel_base // resolution, channel_max)


def mapping_shapes(inputs: int, features: int, layers: int, num_classes: int) -> dict:
    shapes = {}
    if num_classes:
        shapes["mapping.embed.weight"] = (features, num_classes)
        shapes["mapping.embed.bias"] = (features,)
        inputs += features
    for i in range(layers):
        shapes[f"mapping.fc{i}.weight"] = (features, features if i else inputs)
        shapes[f"mapping.fc{i}.bias"] = (features,)
    return shapes


def generator_shapes(
    resolution: int,
    *,
    channel_base: int,
    channel_max: int = 512,
    latents: int = 512,
    w_features: int = 512,
    mapping_layers: int = 8,
    num_classes: int = 0,
    channels: int = 3,
) -> Shapes:
    parameters = mapping_shapes(latents, w_features, mapping_layers, num_classes)
    buffers = {"mapping.w_avg": (w_features,)}

    def affine(name, inputs):
        parameters[f"{name}.affine.weight"] = (inputs, w_features)
        parameters[f"{name}.affine.bias"] = (inputs,)

    def layer(name, inputs, outputs, side):
        affine(name, inputs)
        parameters[f"{name}.weight"] = (outputs, inputs, 3, 3)
        parameters[f"{name}.noise_strength"] = ()
        parameters[f"{name}.bias"] = (outputs,)
        buffers[f"{name}.noise_const"] = (side, side)
        buffers[f"{name}.resample_filter"] = (4, 4)

    inputs = 0
    for side in resolutions(resolution):
        block = f"synthesis.b{side}"
        outputs = width(side, channel_base=channel_base, channel_max=channel_max)
        if side == 4:
            parameters[f"{block}.const"] = (outputs, 4, 4)
        else:
            layer(f"{block}.conv0", inputs, outputs, side)
        layer(f"{block}.conv1", outputs, outputs, side)
        affine(f"{block}.torgb", outputs)
        parameters[f"{block}.torgb.weight"] = (channels, outputs, 1, 1)
        parameters[f"{block}.torgb.bias"] = (channels,)
        buffers[f"{block}.resample_filter"] = (4, 4)
        inputs = outputs
    return Shapes(parameters, buffers)


def critic_shapes(
    resolution: int,
    *,
    channel_base: int,
    channel_max: int = 512,
    mapping_layers: int = 8,
    num_classes: int = 0,
    channels: int = 3,
    architecture: str = "resnet",
) -> Shapes:
    parameters, buffers = {}, {}

    def convolution(name, inputs, outputs, size, bias=True):
        parameters[f"{name}.weight"] = (outputs, inputs, size, size)
        if bias:
            parameters[f"{name}.bias"] = (outputs,)
        buffers[f"{name}.resample_filter"] = (4, 4)

    def at(side):
        return width(side, channel_base=channel_base, channel_max=channel_max)

    for side in reversed(resolutions(resolution)[1:]):
        block = f"b{side}"
        buffers[f"{block}.resample_filter"] = (4, 4)
        if side == resolution:
            convolution(f"{block}.fromrgb", channels, at(side), 1)
        convolution(f"{block}.conv0", at(side), at(side), 3)
        convolution(f"{block}.conv1", at(side), at(side // 2), 3)
        if architecture == "resnet":
            convolution(f"{block}.skip", at(side), at(side // 2), 1, bias=False)
    last = at(4)
    convolution("b4.conv", last + 1, last, 3)
    parameters["b4.fc.weight"] = (last, 16 * last)
    parameters["b4.fc.bias"] = (last,)
    logits = last if num_classes else 1
    parameters["b4.out.weight"] = (logits, last)
    parameters["b4.out.bias"] = (logits,)
    if num_classes:
        parameters |= mapping_shapes(0, last, mapping_layers, num_classes)
    return Shapes(parameters, buffers)


def draw(seed: int, shapes: Shapes, *, lr: float) -> dict[str, np.ndarray]:
    """Weights as at the start of training; all that starts at 0 or 1 is moved away."""
    generator = np.random.default_rng(seed)
    values = {}
    for name, shape in (shapes.parameters | shapes.buffers).items():
        multiplier = lr if name.startswith("mapping.fc") else 1.0
        normal = generator.normal(size=shape)
        if name.endswith("resample_filter"):
            values[name] = FIR.copy()
        elif name.endswith("noise_strength"):
            values[name] = np.asarray(0.3)
        elif name.endswith("affine.bias"):
            values[name] = 1 + 0.2 * normal
        elif name.endswith(("bias", "w_avg")):
            values[name] = 0.2 * normal / multiplier
        else:
            values[name] = normal / multiplier
    return values


def random_generator(seed: int, resolution: int, *, lr: float = 0.01, **sizes) -> dict:
    """Returns float64 parameters and buffers; `sizes` are those of the shapes."""
    return draw(seed, generator_shapes(resolution, **sizes), lr=lr)


def random_critic(seed: int, resolution: int, *, lr: float = 0.01, **sizes) -> dict:
    """Returns float64 parameters and buffers; `sizes` are those of the shapes."""
    return draw(seed, critic_shapes(resolution, **sizes), lr=lr)
