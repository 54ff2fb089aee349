"""StyleGAN2's networks: published sizes, noise, average style, types, errors.

`test_stylegan2_parity.py` holds their outputs against an independent implementation.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import networks
from jaxgen.errors import InputError
from jaxgen.networks import (
    STYLEGAN2_CONFIGS,
    StyleGAN2Config,
    StyleGAN2Critic,
    stylegan2_critic,
    stylegan2_generator,
    stylegan2_mapping,
    stylegan2_synthesis,
    stylegan_num_styles,
)
from tests.networks import stylegan2_cases as cases
from tests.networks import stylegan2_reference_shapes as shapes
from tests.networks.stylegan2_cases import SMALL, normal
from tests.networks.stylegan2_names import published_shapes, tree_of
from tests.networks.test_stylegan_reference_counts import CONFIGURATIONS

RUN = StyleGAN2Config(channel_base=4096)
# The configurations that those of the table are here.
CONFIGS = {
    "auto": "auto",
    "F": "config_f",
    "paper256": "paper256",
    "paper512": "paper512",
    "cifar": "cifar",
    "run": RUN,
}


def trees(network, *shapes):
    """Returns the shapes of parameters and statistics, computing nothing."""
    inputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return jax.eval_shape(network.init, jax.random.key(0), *inputs)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_published_numbers_of_parameters_and_tensors(name):
    size, base, layers, classes, architecture, *expected = CONFIGURATIONS[name]
    labels = [(1, classes)] if classes else []
    config = CONFIGS[name.split(" ")[0]]
    generator = stylegan2_generator(size, config, num_classes=classes or None)
    critic = stylegan2_critic(config, classes or None)
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
        "auto": 4, "config_f": 4, "paper256": 8, "paper512": 8, "cifar": 32
    }  # fmt: skip
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


# The generator.


@functools.cache
def synthesize():
    """Compiles a synthesis of 16 pixels, a function of parameters, styles and keys."""
    network = stylegan2_synthesis(16, SMALL)
    stats = cases.generator(16, SMALL).stats["synthesis"]

    @functools.partial(jax.jit, static_argnames="noisy")
    def images(params, styles, keys, noisy=True):
        return network.apply(params, stats, styles, keys=keys if noisy else None)[0]

    return images


def test_noise_of_an_image_is_that_of_its_own_key(key):
    params, styles = cases.generator(16, SMALL).params["synthesis"], normal(4, 6, 5)
    keys, order = jax.random.split(key, 4), np.array([2, 0, 3, 1])

    def images(*rows):
        rows = np.array(rows)
        return synthesize()(params, styles[rows], jax.random.clone(keys)[rows])

    found = images(0, 1, 2, 3)
    np.testing.assert_allclose(images(*order), found[order], atol=1e-5)
    other = images(0, 1, 1, 1)
    np.testing.assert_allclose(other[:2], found[:2], atol=1e-5)
    # The same style and another key.
    styles[1:] = styles[0]
    alike = images(0, 1, 2, 3)
    assert np.abs(alike[0] - alike[1]).max() > 0.1


def test_noise_is_constant_without_keys_and_nothing_at_strength_0(key):
    params = cases.generator(16, SMALL).params["synthesis"]
    keys, styles = jax.random.split(key, 4), normal(4, 6, 5)
    styles[1] = styles[0]
    constant = synthesize()(params, styles, None, noisy=False)
    np.testing.assert_allclose(constant[0], constant[1], atol=1e-5)
    silent = jax.tree_util.tree_map_with_path(
        lambda path, leaf: 0 * leaf if path[-1].key == "noise_strength" else leaf,
        params,
    )
    without = synthesize()(silent, styles, jax.random.clone(keys))
    again = synthesize()(silent, styles, jax.random.split(jax.random.key(1), 4))
    np.testing.assert_array_equal(without, again)
    np.testing.assert_allclose(
        without, synthesize()(silent, styles, None, noisy=False), atol=1e-5
    )
    noisy = synthesize()(params, styles, keys)
    for one, other in ((noisy, constant), (noisy, without), (constant, without)):
        assert np.abs(one - other).max() > 0.1


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


# Both networks.

IMAGES = normal(4, 16, 16, 3)


def outputs(config=SMALL, formulation="auto"):
    """Returns images and logits at 16 pixels, and the types of fresh parameters."""
    generator, critic = cases.generator(16), cases.critic(16)
    ours = stylegan2_generator(16, config, formulation=formulation)
    judge = stylegan2_critic(config, formulation=formulation)

    @jax.jit
    def both(params, stats, critic_params):
        latents = jnp.asarray(normal(4, cases.LATENTS), jnp.float32)
        images, _ = ours.apply(params, stats, latents)
        return images, judge.apply(critic_params, (), jnp.float32(IMAGES))[0]

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
    for found, expected in zip(outputs(halves), exact, strict=True):
        assert found.dtype == jnp.float32
        error = np.sqrt(np.mean((found - expected) ** 2) / np.var(expected))
        assert 1e-4 < error < 0.03
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


# Errors.


@pytest.mark.parametrize("size", [8, 24, 48, 2048, 0])
def test_sizes_that_are_no_power_of_two_are_refused(size):
    for make in (stylegan2_generator, stylegan2_synthesis, stylegan_num_styles):
        with pytest.raises(InputError, match=f"image_size={size}"):
            make(size)
    if size:
        with pytest.raises(InputError, match=f"image_size={size}: StyleGAN takes"):
            trees(stylegan2_critic(SMALL), (1, size, size, 3))


def test_images_that_are_no_squares_are_refused():
    for shape in ((1, 16, 20, 3), (1, 32, 16, 3)):
        with pytest.raises(InputError, match=r"\(.*\): StyleGAN takes squares"):
            trees(stylegan2_critic(SMALL), shape)


@pytest.mark.parametrize("shape", [(2, 5, 5), (2, 8, 5), (2, 5)])
def test_styles_of_another_number_are_refused(shape):
    with pytest.raises(InputError, match=r"take \(batch, 6, features\).*num_styles=6"):
        trees(stylegan2_synthesis(16, SMALL), shape)


@pytest.mark.parametrize(
    ("num_classes", "labels", "words"),
    [
        (3, [], "num_classes=3 and was given no labels"),
        (3, [(1, 4)], "num_classes=3 and was given labels of 4 classes"),
        (None, [(1, 3)], "num_classes=None and was given labels of 3 classes"),
        (3, [(3,)], r"num_classes=3 and was given labels of shape \(3,\)"),
    ],
)
def test_labels_of_another_number_are_refused(num_classes, labels, words):
    for network, shape in [
        (stylegan2_generator(16, SMALL, num_classes=num_classes), (1, 6)),
        (stylegan2_mapping(SMALL, num_classes), (1, 6)),
        (stylegan2_critic(SMALL, num_classes), (1, 16, 16, 3)),
    ]:
        with pytest.raises(InputError, match=words):
            trees(network, shape, *labels)


def test_configurations_that_are_none_are_refused():
    for make in (
        functools.partial(networks.stylegan2_generator, 16),
        functools.partial(networks.stylegan2_synthesis, 16),
        networks.stylegan2_mapping,
        networks.stylegan2_critic,
    ):
        with pytest.raises(InputError, match="config='paper1024' is unknown"):
            make("paper1024")


@pytest.mark.parametrize("critic", [stylegan2_critic, networks.stylegan_critic])
def test_a_critic_has_as_many_logits_as_heads(critic):
    kind = StyleGAN2Config if critic is stylegan2_critic else networks.StyleGANConfig
    sizes = kind(channel_max=2)
    images = jax.ShapeDtypeStruct((4, 16, 16, 3), jnp.float32)
    found = {}
    for heads in (1, 3):
        network = critic(config=sizes, heads=heads)
        variables = jax.eval_shape(network.init, jax.random.key(0), images)
        found[heads] = jax.eval_shape(network.apply, *variables, images)[0].shape
    assert found == {1: (4,), 3: (4, 3)}


def test_a_critic_of_labels_has_one_logit():
    with pytest.raises(InputError, match="heads=2 with num_classes=10"):
        stylegan2_critic(num_classes=10, heads=2)


@pytest.mark.parametrize("config", [StyleGAN2Config, networks.StyleGANConfig])
def test_layers_without_channels_are_refused(config):
    sizes = config(channel_base=16, channel_max=4)
    at = (32,) if config is networks.StyleGANConfig else (32, 32)
    with pytest.raises(InputError, match="channel_base=16: layers of 32 pixels"):
        sizes.channels(*at)
    with pytest.raises(InputError, match="channel_max=0"):
        config(channel_max=0).channels(*at)
