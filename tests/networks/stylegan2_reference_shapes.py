"""Shapes, numbers of parameters and random parameters of the StyleGAN2 reference."""

from typing import NamedTuple

import numpy as np

from tests.networks.stylegan_reference_operations import FIR, resolutions


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
