import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.networks import (
    convolve,
    patch_critic,
    patch_heads,
    patch_receptive_field,
    pixel_critic,
    resnet_features,
    resnet_translator,
    unet_features,
    unet_translator,
)
from jaxgen.networks.resnet import _double
from jaxgen.networks.translation.dropout import dropout
from jaxgen.networks.translation.norms import instance_norm
from jaxgen.networks.translation.unet import dropping_levels
from jaxgen.networks.translation.unit import Unit

# A U-Net of two levels is all that most properties need, and soon compiled.
SMALL = functools.partial(unet_translator, 2, width=4, depth=2, formulation="plain")
IMAGES = jax.ShapeDtypeStruct((3, 8, 8, 3), jnp.float32)


def shapes(network, *size, channels=3):
    """Returns the shapes of parameters and outputs; nothing is computed."""
    images = jax.ShapeDtypeStruct((2, *size, channels), jnp.float32)
    variables = jax.eval_shape(network.init, jax.random.key(0), images)
    outputs, _ = jax.eval_shape(
        functools.partial(network.apply, train=True), *variables, images
    )
    return variables[0], outputs


def keys_of(count):
    """The same keys at each call, as objects that no one has used yet."""
    return jax.random.split(jax.random.key(5), count)


def drawn(network, images, scale=1.0):
    """Weights and statistics that need no compilation."""
    numbers = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: numbers.normal(0, scale, leaf.shape).astype(np.float32),
        jax.eval_shape(network.init, jax.random.key(0), images),
    )


@pytest.fixture(scope="module")
def small():
    """A network with its weights, its jitted functions, and three images."""
    network = SMALL()
    images = jax.random.uniform(jax.random.key(1), IMAGES.shape, minval=-1.0)
    variables = jax.jit(network.init)(jax.random.key(0), images)
    apply = jax.jit(network.apply, static_argnames="train")
    return network._replace(apply=apply), *variables, images


@pytest.mark.parametrize(
    ("make", "size", "channels", "count"),
    [
        (resnet_translator, 256, 3, 11_378_179),
        (functools.partial(resnet_translator, blocks=6), 128, 3, 7_837_699),
        (patch_critic, 256, 3, 2_764_737),
        (functools.partial(patch_critic, norm="batch"), 256, 6, 2_768_705),
        (unet_translator, 256, 3, 54_413_955),
        (functools.partial(unet_translator, depth=7), 128, 3, 41_828_995),
    ],
)
def test_nets_have_the_published_numbers_of_parameters(make, size, channels, count):
    network = make(formulation="plain")
    params, outputs = shapes(network, size, size, channels=channels)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count
    critic = getattr(make, "func", make) is patch_critic
    expected = (2, 30, 30) if critic else (2, size, size, 3)
    assert outputs.shape == expected


@pytest.mark.parametrize("layers", [1, 3, 5])
def test_a_patch_is_what_a_logit_depends_on(layers):
    side = patch_receptive_field(layers)
    size = side + 3 * 2**layers
    network = patch_critic(width=2, layers=layers, norm="none", formulation="plain")
    images = jnp.ones((1, size, size, 1))
    params, _ = drawn(network, images)

    def middle(images):
        logits = network.apply(params, {}, images)[0]
        return logits[0, logits.shape[1] // 2, logits.shape[2] // 2]

    seen = jax.jit(jax.grad(middle))(images)[0, ..., 0] != 0
    assert np.sum(np.any(seen, 0)) == np.sum(np.any(seen, 1)) == side
    assert np.sum(seen) == side**2


def test_critics_give_a_logit_for_each_place_and_head():
    make = functools.partial(patch_critic, width=2, formulation="plain")
    for layers, norm, size, expected in (
        (1, "instance", (16, 6), (2, 6, 1)),
        (2, "none", (33, 40), (2, 6, 8)),
        (3, "batch", (70, 70), (2, 6, 6)),
    ):
        found = shapes(make(layers=layers, norm=norm), *size)[1]
        assert found.shape == expected
    assert shapes(make(heads=3), 32, 40)[1].shape == (2, 3, 2, 3)
    assert shapes(pixel_critic(width=2), 5, 7)[1].shape == (2, 5, 7)
    assert shapes(pixel_critic(width=2, heads=2), 5, 7)[1].shape == (2, 2, 5, 7)


def test_only_a_batch_norm_takes_the_place_of_a_bias():
    for norm in ("instance", "batch", "none"):
        options = {"width": 2, "norm": norm, "formulation": "plain"}
        resnet = shapes(resnet_translator(blocks=1, **options), 8, 8)[0]
        unet = shapes(unet_translator(depth=2, **options), 8, 8)[0]
        patch = shapes(patch_critic(layers=1, **options), 8, 8)[0]
        pixel = shapes(pixel_critic(**options), 8, 8)[0]
        ends = {"resnet": "head", "unet": "up_0"}
        for name, params in {"resnet": resnet, "unet": unet}.items():
            for unit, parts in params.items():
                has = norm != "batch" or unit == ends[name]
                assert ("bias" in parts["conv"]) == has
        assert set(unet["down_0"]) == set(unet["down_1"]) == {"conv"}
        assert ("norm" in unet["up_1"]) == (norm == "batch")
        assert "bias" in patch["layer_0"]["conv"]
        assert "bias" in patch["head"]["conv"]
        assert set(patch["layer_0"]) == set(patch["head"]) == {"conv"}
        assert ("bias" in pixel["head"]["conv"]) == (norm != "batch")


def test_weights_start_as_published(small):
    _, params, stats, _ = small
    many = Unit(200, kernel=4, norm="batch", formulation="plain")
    images = jnp.zeros((1, 4, 4, 10))
    started = jax.jit(many.init)(jax.random.key(2), images)["params"]
    kernel, norm = started["conv"]["kernel"], started["norm"]["BatchNorm_0"]
    kernel, scale = np.asarray(kernel), np.asarray(norm["scale"])
    assert abs(np.std(kernel) / 0.02 - 1) < 5 / np.sqrt(2 * kernel.size)
    assert abs(np.std(scale) / 0.02 - 1) < 5 / np.sqrt(2 * 200)
    assert abs(np.mean(scale) - 1) < 5 * 0.02 / np.sqrt(200)
    assert not np.any(norm["bias"])
    assert not np.any(started["conv"]["bias"])
    assert not np.any(params["up_0"]["conv"]["bias"])
    assert stats["up_1"]["norm"]["batches"] == 0


@pytest.mark.parametrize(
    ("network", "size", "words"),
    [
        (resnet_translator(), (30, 32), r"30 x 32 pixels.*8 or more that 4 divides"),
        (resnet_translator(), (4, 4), r"4 x 4 pixels.*8 or more"),
        (unet_translator(), (128, 256), r"sides that 256 divides.*or give depth=7\."),
        (unet_translator(depth=5), (33, 32), r"33 x 32.*32 divides; .* the images\."),
        (patch_critic(), (23, 64), r"23 x 64 pixels.*3 layers needs 24 or more"),
        (patch_critic(layers=1), (5, 6), r"1 layers needs 6 or more"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(network, size, words):
    with pytest.raises(InputError, match=words):
        shapes(network, *size)


def test_a_single_image_is_refused_as_no_batch():
    image = jax.ShapeDtypeStruct((32, 32, 3), jnp.float32)
    for make in (resnet_translator, unet_translator, patch_critic, pixel_critic):
        with pytest.raises(InputError, match=r"shape \(32, 32, 3\): give \(batch, he"):
            jax.eval_shape(make().init, jax.random.key(0), image)


def test_the_smallest_sizes_fit():
    for network, side in (
        (resnet_translator(width=2, blocks=1, formulation="plain"), 8),
        (unet_translator(width=2, depth=3, formulation="plain"), 8),
        (patch_critic(width=2, layers=2, formulation="plain"), 12),
    ):
        outputs = shapes(network, side, side)[1]
        assert outputs.shape[:3] in ((2, side, side), (2, 1, 1))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: resnet_translator(norm="layer"), "norm='layer' is unknown"),
        (lambda: resnet_translator(upsampling="bilinear"), "upsampling='bilinear'"),
        (lambda: unet_translator(dropout="all"), "dropout='all' is unknown"),
        (lambda: patch_critic(norm="layer"), "norm='layer' is unknown: choose one of"),
        (lambda: pixel_critic(formulation="fft"), "formulation='fft' is unknown"),
    ],
)
def test_unknown_choices_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "numbers"),
    [
        (resnet_translator, {"channels": 1, "width": 1, "blocks": 0}),
        (unet_translator, {"channels": 1, "width": 1, "depth": 2}),
        (patch_critic, {"width": 1, "layers": 1, "heads": 1}),
        (pixel_critic, {"width": 1, "heads": 1}),
        (patch_heads, {"width": 1}),
    ],
)
def test_numbers_are_whole_and_large_enough(make, numbers):
    make(**numbers)
    for name, least in numbers.items():
        for wrong in (least - 1, 2.5):
            sentence = f"{name}={wrong}: give a whole number of at least {least}"
            with pytest.raises(InputError, match=sentence):
                make(**{name: wrong})


def test_transposed_convolutions_lie_where_pytorch_s_do():
    # Pixel i of the input adds to the outputs from 2 i - 1 on, those outside cut off.
    for kernel in (3, 4):
        unit = Unit(2, kernel=kernel, upsampling="transpose", formulation="plain")
        images = np.random.default_rng(0).normal(size=(1, 3, 4, 2)).astype(np.float32)
        variables = drawn(unit, images)
        weights = variables["params"]["conv"]["kernel"][::-1, ::-1]
        expected = np.zeros((1, 12, 14, 2))
        for row, column in np.ndindex(3, 4):
            top, left = 2 * row, 2 * column
            expected[:, top : top + kernel, left : left + kernel] += np.einsum(
                "ni,hwio->nhwo", images[:, row, column], weights
            )
        found = jax.jit(unit.apply)(variables, images)
        expected += variables["params"]["conv"]["bias"].reshape(1, 1, 1, 2)
        np.testing.assert_allclose(found, expected[:, 1:7, 1:9], atol=1e-5)


def test_resize_conv_is_a_doubling_and_a_convolution():
    unit = Unit(2, kernel=4, upsampling="resize_conv", formulation="plain")
    images = np.random.default_rng(0).normal(size=(1, 3, 4, 2)).astype(np.float32)
    variables = drawn(unit, images)
    kernel, bias = (variables["params"]["conv"][name] for name in ("kernel", "bias"))
    assert kernel.shape == (3, 3, 2, 2)
    expected = convolve(_double(images), kernel, formulation="plain")
    found = jax.jit(unit.apply)(variables, images) - bias.reshape(1, 1, 1, 2)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_dropout_halves_by_the_key_of_each_image():
    hidden = jnp.ones((3, 20, 20, 5))
    found = np.asarray(dropout(hidden, keys_of(3), name="here"))
    elsewhere = np.asarray(dropout(hidden, keys_of(3), name="there"))
    assert set(np.unique(found)) == {0.0, 2.0}
    assert abs(np.mean(found) - 1) < 5 / np.sqrt(found.size)
    # E[(2 m)(2 m')] = 1 for independent masks, with variance 4 - 1.
    assert abs(np.mean(elsewhere * found) - 1) < 5 * np.sqrt(3 / found.size)
    assert not np.array_equal(found[0], found[1])
    assert dropout(hidden, None, name="here") is hidden


def test_dropout_is_where_paper_and_reference_have_it():
    assert list(dropping_levels("paper", 8)) == [5, 6, 7]
    assert list(dropping_levels("reference", 8)) == [4, 5, 6]
    assert list(dropping_levels("reference", 7)) == [4, 5]
    assert list(dropping_levels("paper", 5)) == [2, 3, 4]
    assert not dropping_levels("reference", 5)
    # The last layer makes the images.
    assert list(dropping_levels("paper", 2)) == [1]
    assert not dropping_levels(None, 8)


def test_noise_comes_with_keys_alone(small):
    network, params, stats, images = small
    quiet = network.apply(params, stats, images)[0]
    turned = keys_of(3)[::-1]
    one = network.apply(params, stats, images, keys=keys_of(3))[0]
    other = network.apply(params, stats, images, keys=turned)[0]
    assert np.all(np.any(one != quiet, axis=(1, 2, 3)))
    # An image's mask is that of its key, wherever in the batch it is.
    np.testing.assert_array_equal(one[1], other[1])
    assert not np.array_equal(one[0], other[0])
    with pytest.raises(InputError, match=r"keys of shape \(2,\) for 3 images"):
        network.apply(params, stats, images, keys=keys_of(2))


def test_blocks_of_a_resnet_drop_where_asked():
    for asked in (False, True):
        network = resnet_translator(
            1, width=2, blocks=1, dropout=asked, formulation="plain"
        )
        images = jax.ShapeDtypeStruct((2, 8, 8, 1), jnp.float32)
        variables = jax.eval_shape(network.init, jax.random.key(0), images)
        keys = jax.eval_shape(lambda: keys_of(2))
        text = str(
            jax.make_jaxpr(
                lambda params, images, keys, network=network: network.apply(
                    params, {}, images, keys=keys
                )
            )(variables[0], images, keys)
        )
        assert ("random_bits" in text) == asked


def test_only_training_moves_the_statistics(small):
    network, params, stats, images = small
    _, kept = network.apply(params, stats, images)
    trained, moved = network.apply(params, stats, images, train=True)
    again, _ = network.apply(params, moved, images)
    assert jax.tree.all(jax.tree.map(np.array_equal, kept, stats))
    assert moved["up_1"]["norm"]["batches"] == 1
    # After one batch the running statistics are those of the batch.
    np.testing.assert_allclose(again, trained, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "make_features", "options", "expected"),
    [
        (
            resnet_translator,
            resnet_features,
            {"width": 2},
            [(3, 22, 22, 3), (3, 8, 8, 4), (3, 4, 4, 8), (3, 4, 4, 8), (3, 4, 4, 8)],
        ),
        (
            unet_translator,
            unet_features,
            {"width": 2, "depth": 4},
            [(3, 16, 16, 3), (3, 8, 8, 2), (3, 4, 4, 4), (3, 2, 2, 8)],
        ),
    ],
)
def test_features_are_those_of_the_encoding_half(
    make, make_features, options, expected
):
    network = make(formulation="plain", **options)
    features = make_features(formulation="plain", **options)
    images = jax.ShapeDtypeStruct((3, 16, 16, 3), jnp.float32)
    params, stats = jax.eval_shape(network.init, jax.random.key(0), images)
    # Neither the decoder nor the blocks behind the last feature map are used.
    late = ("up", "head", "block_5", "block_8", "down_3")
    params = {name: p for name, p in params.items() if not name.startswith(late)}
    found, _ = jax.eval_shape(
        functools.partial(features, train=True), params, stats, images
    )
    assert [feature.shape for feature in found] == expected


def test_the_last_features_of_a_resnet_are_of_the_first_and_the_middle_block():
    network = resnet_translator(width=2, blocks=3, formulation="plain")
    images = np.random.default_rng(1).normal(size=(1, 8, 8, 3)).astype(np.float32)
    params, _ = drawn(network, images)
    features = resnet_features(width=2, blocks=3, formulation="plain")

    def run(params):
        return jax.jit(features)(params, (), images)[0]

    found = run(params)
    for block, same in ((0, 3), (1, 4), (2, 5)):
        unit = params[f"block_{block}_1"]["conv"]
        other = {"conv": {**unit, "kernel": unit["kernel"][::-1]}}
        changed = run({**params, f"block_{block}_1": other})
        kept = [np.array_equal(*pair) for pair in zip(found, changed, strict=True)]
        assert kept == [True] * same + [False] * (5 - same)


def test_features_of_images_are_before_their_activation(small):
    _, params, stats, images = small
    features = unet_features(2, width=4, depth=2, formulation="plain")
    found, _ = jax.jit(features)(params, stats, images)
    np.testing.assert_array_equal(found[0], images)
    first = params["down_0"]["conv"]["kernel"]
    padding = ((1, 1), (1, 1))
    expected = convolve(
        images, first, strides=(2, 2), padding=padding, formulation="plain"
    )
    np.testing.assert_allclose(found[1], expected, atol=1e-6)
    assert len(found) == 2


def test_half_the_precision_is_inside_alone(small):
    _, params, stats, images = small
    network = SMALL(dtype=jnp.bfloat16)
    apply = jax.jit(functools.partial(network.apply, train=True))
    found, statistics = apply(params, stats, images)
    expected, exact = small[0].apply(params, stats, images, train=True)
    kept = jax.tree.leaves((found, statistics))
    assert {leaf.dtype for leaf in kept} == {np.dtype(np.float32)}
    difference = np.abs(found - expected)
    assert 1e-6 < difference.max() < 0.05
    np.testing.assert_allclose(
        statistics["up_1"]["norm"]["BatchNorm_0"]["mean"],
        exact["up_1"]["norm"]["BatchNorm_0"]["mean"],
        atol=1e-3,
    )
    variables = jax.eval_shape(network.init, jax.random.key(0), IMAGES)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {np.dtype(np.float32)}
    text = str(jax.make_jaxpr(network.apply)(params, stats, images))
    convolutions = [line for line in text.splitlines() if "= conv_general" in line]
    assert len(convolutions) == 4
    assert all(":bf16[" in line for line in convolutions)


def test_spectral_critics_have_kernels_of_norm_one():
    network = pixel_critic(width=4, spectral=True, norm="none", formulation="plain")
    images = np.random.default_rng(1).normal(size=(2, 4, 4, 3)).astype(np.float32)
    params, stats = drawn(network, images)
    params = {
        name: {"conv": {**p["conv"], "bias": 0 * p["conv"]["bias"]}}
        for name, p in params.items()
    }
    apply = jax.jit(network.apply)
    found, _ = apply(params, stats, images)
    longer = jax.tree.map(lambda leaf: 3 * leaf, params)
    np.testing.assert_allclose(apply(longer, stats, images)[0], found, rtol=1e-4)
    assert set(stats) == {"layer_0", "layer_1", "head"}


def test_instance_norm_is_of_each_image_and_channel():
    images = np.random.default_rng(0).normal(3, 2, (2, 8, 9, 4)).astype(np.float32)
    run = jax.jit(instance_norm)
    found = np.asarray(run(images))
    np.testing.assert_allclose(found.mean((1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(found.var((1, 2)), 1, atol=1e-4)
    # The other image and the other channels count for nothing.
    changed = images.copy()
    changed[0], changed[1, ..., 1:] = 7, images[1, ..., 1:] ** 2
    np.testing.assert_array_equal(run(changed)[1, ..., 0], found[1, ..., 0])
    np.testing.assert_allclose(run(changed)[0], 0, atol=1e-4)
    # A variance that is the mean of squares less a square would have no digits left.
    np.testing.assert_allclose(run(images + 1000), found, atol=1e-3)
