"""Shapes and random parameters of the StyleGAN1 reference."""

import numpy as np

from tests.networks.stylegan2_reference_shapes import Shapes, width
from tests.networks.stylegan_reference_operations import resolutions

CHANNEL_BASE = 16384


def generator_shapes(
    resolution: int,
    *,
    channel_base: int = CHANNEL_BASE,
    channel_max: int = 512,
    latents: int = 512,
    w_features: int = 512,
    mapping_layers: int = 8,
    channels: int = 3,
) -> Shapes:
    """Widths are min(channel_base / r, channel_max), as 8192 / 2^(log2 r - 1) is."""
    parameters, buffers = {}, {"mapping.w_avg": (w_features,)}
    for i in range(mapping_layers):
        inputs = w_features if i else latents
        parameters[f"mapping.fc{i}.weight"] = (w_features, inputs)
        parameters[f"mapping.fc{i}.bias"] = (w_features,)
    inputs = None
    for side in resolutions(resolution):
        block = f"synthesis.b{side}"
        outputs = width(side, channel_base=channel_base, channel_max=channel_max)
        for name, layer_inputs in (("conv0", inputs), ("conv1", outputs)):
            layer = f"{block}.{name}"
            if layer_inputs is None:
                parameters[f"{block}.const"] = (outputs, 4, 4)
            else:
                parameters[f"{layer}.weight"] = (outputs, layer_inputs, 3, 3)
            parameters[f"{layer}.noise_scale"] = (outputs,)
            parameters[f"{layer}.bias"] = (outputs,)
            parameters[f"{layer}.affine.weight"] = (2 * outputs, w_features)
            parameters[f"{layer}.affine.bias"] = (2 * outputs,)
            buffers[f"{layer}.noise_const"] = (side, side)
        inputs = outputs
    parameters["synthesis.torgb.weight"] = (channels, inputs, 1, 1)
    parameters["synthesis.torgb.bias"] = (channels,)
    return Shapes(parameters, buffers)


def critic_shapes(
    resolution: int,
    *,
    channel_base: int = CHANNEL_BASE,
    channel_max: int = 512,
    channels: int = 3,
) -> Shapes:
    parameters = {}

    def layer(name, *shape):
        parameters[f"{name}.weight"] = shape
        parameters[f"{name}.bias"] = shape[:1]

    def at(side):
        return width(side, channel_base=channel_base, channel_max=channel_max)

    layer("fromrgb", at(resolution), channels, 1, 1)
    for side in reversed(resolutions(resolution)[1:]):
        layer(f"b{side}.conv0", at(side), at(side), 3, 3)
        layer(f"b{side}.conv1", at(side // 2), at(side), 3, 3)
    last = at(4)
    layer("b4.conv", last, last + 1, 3, 3)
    layer("b4.fc", last, 16 * last)
    layer("b4.out", 1, last)
    return Shapes(parameters, {})


def draw(seed: int, shapes: Shapes, *, lr: float) -> dict[str, np.ndarray]:
    """Weights as at the start of training; all that starts at 0 or 1 is moved away."""
    generator = np.random.default_rng(seed)
    values = {}
    for name, shape in (shapes.parameters | shapes.buffers).items():
        multiplier = lr if name.startswith("mapping.fc") else 1.0
        normal = generator.normal(size=shape)
        if name.endswith("const") and len(shape) == 3:
            values[name] = 1 + 0.3 * normal
        elif name.endswith("noise_scale"):
            values[name] = 0.3 + 0.1 * normal
        elif name.endswith(("bias", "w_avg")):
            values[name] = 0.2 * normal / multiplier
        else:
            values[name] = normal / multiplier
    return values


def random_generator(seed: int, resolution: int, *, lr: float = 0.01, **sizes) -> dict:
    """Returns float64 parameters and buffers; `sizes` are those of the shapes."""
    return draw(seed, generator_shapes(resolution, **sizes), lr=lr)


def random_critic(seed: int, resolution: int, **sizes) -> dict:
    """Returns float64 parameters; `sizes` are those of the shapes."""
    return draw(seed, critic_shapes(resolution, **sizes), lr=1.0)
