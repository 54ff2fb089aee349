"""Tests of the shapes of the StyleGAN references: published numbers of parameters."""

import pytest

from tests.networks import stylegan1_reference_shapes as shapes1
from tests.networks import stylegan2_reference_shapes as shapes2
from tests.networks.stylegan2_reference_shapes import count_parameters

SMALL = {"channel_base": 64, "channel_max": 8}


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
