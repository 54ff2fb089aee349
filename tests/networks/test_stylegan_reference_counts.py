"""Tests of the shapes of the StyleGAN references: published numbers of parameters."""

import pytest

from tests.networks import stylegan1_reference_shapes as shapes1
from tests.networks import stylegan2_reference as two
from tests.networks import stylegan2_reference_shapes as shapes2
from tests.networks.stylegan2_reference_shapes import count_parameters
from tests.networks.stylegan_reference_operations import resolutions

SMALL = {"channel_base": 64, "channel_max": 8}

# Resolution, base, mapping layers, classes, architecture of the critic; then
# parameters of both, tensors of both (parameters, buffers), styles.
CONFIGURATIONS = {
    "auto 32": (32, 16384, 2, 0, "resnet", 19947539, 21507073, 56, 19, 23, 14, 8),
    "auto 64": (64, 16384, 2, 0, "resnet", 22243608, 23407361, 70, 24, 28, 18, 10),
    "auto 128": (128, 16384, 2, 0, "resnet", 22949277, 23882369, 84, 29, 33, 22, 12),
    "auto 256": (256, 16384, 2, 0, "resnet", 23191522, 24001089, 98, 34, 38, 26, 14),
    "auto 512": (512, 32768, 2, 0, "resnet", 28700647, 28982849, 112, 39, 43, 30, 16),
    "auto 1024": (1024, 32768, 2, 0, "resnet", 28794124, 29012513, 126, 44, 48, 34, 18),
    "paper256": (256, 16384, 8, 0, "resnet", 24767458, 24001089, 110, 34, 38, 26, 14),
    "paper512": (512, 32768, 8, 0, "resnet", 30276583, 28982849, 124, 39, 43, 30, 16),
    "F": (1024, 32768, 8, 0, "resnet", 30370060, 29012513, 138, 44, 48, 34, 18),
    "cifar": (32, 32768, 2, 0, "orig", 19947539, 20720641, 56, 19, 20, 11, 8),
    "cifar 10": (32, 32768, 2, 10, "orig", 20215315, 23089664, 58, 19, 38, 11, 8),
    "run 32": (32, 4096, 2, 0, "resnet", 11931027, 13918849, 56, 19, 23, 14, 8),
    "run 64": (64, 4096, 2, 0, "resnet", 12173272, 14037569, 70, 24, 28, 18, 10),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_published_numbers_of_parameters_and_tensors(name):
    side, base, layers, classes, architecture, *expected = CONFIGURATIONS[name]
    options = {"channel_base": base, "num_classes": classes}
    g = shapes2.generator_shapes(side, mapping_layers=layers, **options)
    d = shapes2.critic_shapes(side, architecture=architecture, **options)
    tensors = [len(part) for shapes in (g, d) for part in shapes]
    counts = [count_parameters(shapes.parameters) for shapes in (g, d)]
    assert [*counts, *tensors, two.num_ws(side)] == expected


def test_published_numbers_of_values_in_buffers():
    g = shapes2.generator_shapes(1024, channel_base=32768, mapping_layers=2)
    d = shapes2.critic_shapes(1024, channel_base=32768)
    assert count_parameters(g.buffers) == 2797104
    assert count_parameters(d.buffers) == 544


# The critic's without FromRGB.
BLOCKS = {
    32768: {
        4: (512, 2894852, 6559745),
        **{side: (512, 5509125, 4981760) for side in (8, 16, 32, 64)},
        128: (256, 2296069, 1901312),
        256: (128, 705669, 475520),
        512: (64, 242245, 118976),
        1024: (32, 93477, 29792),
    },
    16384: {
        4: (512, 2894852, 6559745),
        **{side: (512, 5509125, 4981760) for side in (8, 16, 32)},
        64: (256, 2296069, 1901312),
        128: (128, 705669, 475520),
        256: (64, 242245, 118976),
        512: (32, 93477, 29792),
        1024: (16, 39829, 7472),
    },
}


@pytest.mark.parametrize("base", BLOCKS)
def test_numbers_of_parameters_of_each_block(base):
    for side, expected in BLOCKS[base].items():
        counts = []
        for shapes in (shapes2.generator_shapes, shapes2.critic_shapes):
            parameters = shapes(1024, channel_base=base).parameters
            inside = {n: s for n, s in parameters.items() if f"b{side}." in n}
            rgb = {n for n in inside if "fromrgb" in n}
            counts.append(count_parameters({n: inside[n] for n in set(inside) - rgb}))
        assert (shapes2.width(side, channel_base=base), *counts) == expected
    layer = shapes2.mapping_shapes(512, 512, 1, 0)
    assert count_parameters(layer) == 262656


def test_numbers_of_parameters_of_stylegan1():
    generators = {
        32: 22836739,
        64: 25131779,
        128: 25836931,
        256: 26078915,
        1024: 26212019,
    }
    for side, expected in generators.items():
        assert count_parameters(shapes1.generator_shapes(side).parameters) == expected
    assert count_parameters(shapes1.critic_shapes(1024).parameters) == 23077137
    # Progressive growing has a ToRGB and a FromRGB at each of nine sides.
    widths = [shapes2.width(side, channel_base=16384) for side in resolutions(512)]
    assert 26212019 + sum(3 * width + 3 for width in widths) == 26219627
    assert 23077137 + sum(4 * width for width in widths) == 23087249


@pytest.mark.parametrize("module", [shapes1, shapes2])
def test_random_parameters_have_the_shapes(module):
    generator = {**SMALL, "latents": 6, "w_features": 5, "mapping_layers": 2}
    for shapes, values in (
        (module.generator_shapes, module.random_generator(0, 16, **generator)),
        (module.critic_shapes, module.random_critic(0, 16, **SMALL)),
    ):
        expected = shapes(
            16, **(SMALL if shapes is module.critic_shapes else generator)
        )
        drawn = {name: value.shape for name, value in values.items()}
        assert drawn == expected.parameters | expected.buffers
