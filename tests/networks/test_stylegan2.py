"""StyleGAN2's networks: published sizes, first values, average style, types.

`test_stylegan2_parity.py` holds their outputs against an independent implementation.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.networks import (
    STYLEGAN2_CONFIGS,
    StyleGAN2Config,
    StyleGAN2Critic,
    StyleGANConfig,
    stylegan2_critic,
    stylegan2_generator,
    stylegan2_mapping,
    stylegan2_synthesis,
    stylegan_critic,
    stylegan_num_styles,
)
from tests.networks import stylegan2_cases as cases
from tests.networks import stylegan2_reference_shapes as shapes
from tests.networks.stylegan2_cases import SMALL, normal, trees
from tests.networks.stylegan2_names import published_shapes, tree_of

RUN = StyleGAN2Config(channel_base=4096)
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
CONFIGURATIONS["paper1024"] = CONFIGURATIONS["F"]
# The configurations that those of the table are here.
CONFIGS = {
    "auto": "auto",
    "F": "config_f",
    "paper256": "paper256",
    "paper512": "paper512",
    "paper1024": "paper1024",
    "cifar": "cifar",
    "run": RUN,
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_published_numbers_of_parameters_and_tensors(name):
    size, base, layers, classes, architecture, *expected = CONFIGURATIONS[name]
    labels = [(1, classes)] if classes else []
    config = CONFIGS[name.split(" ")[0]]
    generator = stylegan2_generator(size, config, num_classes=classes or None)
    critic = stylegan2_critic(config, num_classes=classes or None)
    found = [
        published_shapes(*trees(generator, (1, 512), *labels)),
        published_shapes(*trees(critic, (1, size, size, 3), *labels)),
    ]
    options = {"channel_base": base, "num_classes": classes}
    counts, tensors = [], []
    for ours, theirs in zip(
        found,
        (
            shapes.generator_shapes(size, mapping_layers=layers, **options),
            shapes.critic_shapes(size, architecture=architecture, **options),
        ),
        strict=True,
    ):
        filters = {n for n in theirs.buffers if n.endswith("resample_filter")}
        kept = {n: s for n, s in theirs.buffers.items() if n not in filters}
        assert ours == theirs.parameters | kept
        parameters = {n: s for n, s in ours.items() if n not in kept}
        counts.append(shapes.count_parameters(parameters))
        tensors += [len(parameters), len(kept) + len(filters)]
    assert [*counts, *tensors, stylegan_num_styles(size)] == expected


def test_published_groups_of_the_critic_and_layers_of_lower_precision():
    groups = {name: c.minibatch_group for name, c in STYLEGAN2_CONFIGS.items()}
    assert groups == {
        "auto": 4,
        "config_f": 4,
        "paper256": 8,
        "paper512": 8,
        "paper1024": 4,
        "cifar": 32,
    }
    halves = StyleGAN2Config(compute_dtype=jnp.bfloat16)
    assert [r for r in (4, 8, 16, 32, 64, 128, 256) if halves.dtype(256, r)] == [
        32, 64, 128, 256
    ]  # fmt: skip
    assert [r for r in (4, 8, 16) if halves.dtype(16, r)] == [8, 16]


def test_names_and_layouts_go_back_and_forth():
    parts = cases.generator(16, SMALL, cases.CLASSES)
    again = tree_of(parts.state, parts.params)
    jax.tree.map(np.testing.assert_array_equal, again, parts.params)
    kernel = parts.params["synthesis"]["b8"]["conv0"]["kernel"]
    weight = parts.state["synthesis.b8.conv0.weight"]
    assert kernel[0, 1, 2, 3] == weight[3, 2, 0, 1]
    wrong = parts.state | {"synthesis.b8.conv0.affine.bias": np.zeros(9)}
    with pytest.raises(ValueError, match="affine.bias gives"):
        tree_of(wrong, parts.params)


def test_first_values_are_those_of_an_equalized_learning_rate(key):
    config = StyleGAN2Config(
        channel_base=256, channel_max=16, latents=64, style_features=64
    )
    network = stylegan2_generator(16, config)

    @jax.jit
    def chosen(key):
        params, stats = network.init(key, jnp.zeros((1, 64)))
        dense, synthesis = params["mapping"]["fc1"], params["synthesis"]
        layer = synthesis["b8"]["conv0"]
        normals = [
            dense["kernel"] / 100,
            synthesis["b4"]["const"],
            layer["kernel"],
            layer["affine"]["kernel"],
            synthesis["b16"]["torgb"]["kernel"],
            stats["synthesis"]["b16"]["conv1"]["noise"],
        ]
        zeros = [dense["bias"], layer["bias"], layer["noise_strength"]]
        zeros += [synthesis["b4"]["torgb"]["bias"], stats["mapping"]["average"]]
        return normals, zeros, layer["affine"]["bias"]

    normals, zeros, ones = chosen(key)
    for one in normals:
        assert abs(one.mean()) < 5 / np.sqrt(one.size)
        assert abs(np.mean(np.square(one)) - 1) < 5 * np.sqrt(2 / one.size)
    assert all((one == 0).all() for one in zeros)
    assert (ones == 1).all()


def test_the_average_style_moves_in_training_alone():
    parts, network = cases.generator(16, SMALL), stylegan2_mapping(SMALL)
    params, stats = parts.params["mapping"], parts.stats["mapping"]

    @functools.partial(jax.jit, static_argnames="train")
    def apply(stats, latents, train):
        return network.apply(params, stats, latents, train=train)

    latents = normal(8, cases.LATENTS)
    styles, kept = apply(stats, latents, False)
    np.testing.assert_allclose(kept["average"], stats["average"], rtol=1e-6)
    same, moved = apply(stats, latents, True)
    np.testing.assert_allclose(same, styles, rtol=1e-6)
    expected = 0.995 * stats["average"] + 0.005 * styles.mean(axis=0)
    np.testing.assert_allclose(moved["average"], expected, rtol=1e-5)
    assert (np.abs(expected - stats["average"]) > 1e-4).any()


def test_a_generator_is_its_mapping_and_its_synthesis():
    parts = cases.generator(16, SMALL)
    latents = normal(2, cases.LATENTS)

    @jax.jit
    def both(params, stats):
        whole, moved = parts.network.apply(params, stats, latents, train=True)
        styles, average = stylegan2_mapping(SMALL).apply(
            params["mapping"], stats["mapping"], latents, train=True
        )
        repeated = jnp.repeat(styles[:, None], stylegan_num_styles(16), axis=1)
        images, _ = stylegan2_synthesis(16, SMALL).apply(
            params["synthesis"], stats["synthesis"], repeated
        )
        return (whole, moved["mapping"]), (images, average)

    found, expected = both(parts.params, parts.stats)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), found, expected
    )


IMAGES = normal(4, 16, 16, 3)


def outputs(config=SMALL, formulation="auto"):
    """Returns images and logits at 16 pixels, and the types of fresh parameters."""
    generator, critic = cases.generator(16), cases.critic(16)
    ours = stylegan2_generator(16, config, formulation=formulation)
    our_critic = stylegan2_critic(config, formulation=formulation)

    @jax.jit
    def both(params, stats, critic_params):
        latents = jnp.asarray(normal(4, cases.LATENTS), jnp.float32)
        images, _ = ours.apply(params, stats, latents)
        return images, our_critic.apply(critic_params, (), jnp.float32(IMAGES))[0]

    numbers = (generator.params, generator.stats, critic.params)
    return both(*jax.tree.map(np.float32, numbers))


@pytest.fixture(scope="module")
def exact():
    return outputs()


@pytest.mark.parametrize("formulation", ["plain", "im2col"])
def test_formulations_change_no_output(formulation, exact):
    for found, expected in zip(outputs(formulation=formulation), exact, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5)


def test_lower_precision_is_inside_the_networks_alone(exact):
    halves = dataclasses.replace(SMALL, compute_dtype=jnp.bfloat16)
    # The logits are four numbers behind twice the layers.
    bounds = (0.03, 0.1)
    for found, expected, bound in zip(outputs(halves), exact, bounds, strict=True):
        assert found.dtype == jnp.float32
        error = np.sqrt(np.mean((found - expected) ** 2) / np.var(expected))
        assert 1e-4 < error < bound
    for network, shape in [
        (stylegan2_generator(16, halves), (1, cases.LATENTS)),
        (stylegan2_critic(halves), (1, 16, 16, 3)),
    ]:
        for leaf in jax.tree.leaves(trees(network, shape)):
            assert leaf.dtype == jnp.float32


def test_the_critic_bounds_half_the_variance_of_a_block_by_half_the_clamp():
    config = dataclasses.replace(SMALL, clamp=0.1)
    params = jax.tree_util.tree_map_with_path(
        lambda path, leaf: 0 * leaf if path[-2].key == "skip" else leaf,
        cases.critic(16).params,
    )
    module = StyleGAN2Critic(config)

    def is_block(module, _):
        return type(module).__name__ == "_CriticBlock"

    @jax.jit
    def blocks(params):
        found = module.apply(
            {"params": params},
            jnp.float32(IMAGES),
            capture_intermediates=is_block,
            mutable=["intermediates"],
        )[1]["intermediates"]
        return {name: found[name]["__call__"][0] for name in ("b16", "b8")}

    for found in blocks(params).values():
        np.testing.assert_allclose(np.abs(found).max(), 0.1 * np.sqrt(0.5), rtol=1e-6)


@pytest.mark.parametrize("critic", [stylegan2_critic, stylegan_critic])
def test_a_critic_has_as_many_logits_as_heads(critic):
    kind = StyleGAN2Config if critic is stylegan2_critic else StyleGANConfig
    images = jax.ShapeDtypeStruct((4, 16, 16, 3), jnp.float32)
    found = {}
    for heads in (1, 3):
        network = critic(kind(channel_max=2), heads=heads)
        variables = jax.eval_shape(network.init, jax.random.key(0), images)
        found[heads] = jax.eval_shape(network.apply, *variables, images)[0].shape
    assert found == {1: (4,), 3: (4, 3)}
