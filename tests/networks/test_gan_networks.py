import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import PartitionSpec

from jaxgen.errors import InputError
from jaxgen.networks import (
    BatchNorm,
    SpectralNorm,
    dcgan_critic,
    dcgan_generator,
    mlp_critic,
    mlp_generator,
    pure,
    residual_critic,
    residual_generator,
)
from jaxgen.networks.gan_parts import CriticHead, halvings
from jaxgen.networks.resnet import _double, _halve, spread_kernel
from jaxgen.numerics import minibatch_deviation

NUM_CLASSES = 3


def shapes(network, *inputs):
    """Returns the shapes of parameters, statistics and outputs, computing nothing."""
    variables = jax.eval_shape(network.init, jax.random.key(0), *inputs)
    outputs, kept = jax.eval_shape(
        functools.partial(network.apply, train=True), *variables, *inputs
    )
    assert kept == variables[1]
    return *variables, outputs.shape


def conditions(size):
    return jax.nn.one_hot(jnp.arange(size) % NUM_CLASSES, NUM_CLASSES)


@pytest.mark.parametrize("size", [28, 64])
@pytest.mark.parametrize(
    "generator",
    [
        functools.partial(make, width=4, normalization=normalization)
        for make in (dcgan_generator, residual_generator)
        for normalization in ("batch", "conditional", "none")
    ]
    + [mlp_generator],
)
def test_generators_make_images_of_their_shape(generator, size):
    latents = jnp.zeros((5, 6))
    for inputs in ((latents,), (latents, conditions(5))):
        network = generator((size, size, 3))
        assert shapes(network, *inputs)[2] == (5, size, size, 3)


@pytest.mark.parametrize(
    "critic",
    [
        functools.partial(dcgan_critic, width=4, normalization=normalization)
        for normalization in ("none", "batch", "layer", "spectral")
    ]
    + [
        functools.partial(residual_critic, width=4, normalization=normalization)
        for normalization in ("none", "layer", "spectral")
    ]
    + [functools.partial(dcgan_critic, width=4, minibatch_group=2), mlp_critic],
)
def test_critics_give_a_number_an_image_or_one_a_head(critic):
    images = jnp.zeros((5, 28, 28, 1))
    for inputs in ((images,), (images, conditions(5))):
        assert shapes(critic(), *inputs)[2] == (5,)
        assert shapes(critic(heads=4), *inputs)[2] == (5, 4)


def test_dcgan_has_the_parameters_of_a_count_by_hand():
    def count(network, *inputs):
        params = shapes(network, *inputs)[0]
        return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))

    # The generator of the paper's figure 1, with 128 channels before the image.
    assert count(dcgan_generator((64, 64, 3), width=128), jnp.zeros((1, 100))) == (
        100 * 4 * 4 * 1024
        + 16 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
        + 2 * (1024 + 512 + 256 + 128)
        + 3
    )
    assert count(dcgan_critic(), jnp.zeros((1, 28, 28, 1))) == (
        16 * (64 + 64 * 128) + 64 + 128 + 7 * 7 * 128 + 1
    )


def test_dcgan_kernels_start_normal_with_deviation_0_02(key):
    params, _ = jax.jit(dcgan_generator((32, 32, 1), width=16).init)(
        key, jnp.zeros((1, 64))
    )
    for path, leaf in jax.tree.leaves_with_path(params):
        name = jax.tree_util.keystr(path)
        mean = 1 if name.endswith("['scale']") else 0
        # The variance of the variance is 2 sigma**4 / n.
        error = 0.02**2 * math.sqrt(2 / leaf.size)
        if name.endswith("['bias']"):
            assert not leaf.any(), name
        else:
            assert abs(jnp.mean((leaf - mean) ** 2) - 0.02**2) < 5 * error, name


def test_a_condition_that_is_not_to_be_seen_has_no_parameters():
    images = jnp.zeros((2, 8, 8, 1))
    critic = dcgan_critic(width=4, condition=None)
    with_it, without = shapes(critic, images, conditions(2)), shapes(critic, images)
    assert with_it == without


def test_formulation_changes_no_logit_of_the_residual_networks(key):
    latents = jax.random.normal(jax.random.fold_in(key, 0), (2, 3))

    def logits(formulation):
        generator = residual_generator(
            (14, 14, 1), width=3, normalization="none", formulation=formulation
        )
        critic = residual_critic(width=3, formulation=formulation)
        params, _ = generator.init(jax.random.fold_in(key, 1), latents)
        images, _ = generator.apply(params, (), latents)
        params, _ = critic.init(jax.random.fold_in(key, 2), images)
        return critic.apply(params, (), images)[0]

    logits = jax.jit(logits, static_argnums=0)
    np.testing.assert_allclose(logits("im2col"), logits("plain"), rtol=1e-4)


def test_doubling_and_halving_are_one_convolution_each(key):
    images = jax.random.normal(jax.random.fold_in(key, 0), (2, 6, 4, 3))
    kernel = jax.random.normal(jax.random.fold_in(key, 1), (3, 3, 3, 2))
    dimensions = ("NHWC", "HWIO", "NHWC")

    def convolve(images):
        return jax.lax.conv_general_dilated(
            images, kernel, (1, 1), "SAME", dimension_numbers=dimensions
        )

    np.testing.assert_allclose(
        jax.lax.conv_transpose(
            images, spread_kernel(kernel), (2, 2), "SAME", dimension_numbers=dimensions
        ),
        convolve(_double(images)),
        atol=1e-5,
    )
    np.testing.assert_allclose(
        jax.lax.conv_general_dilated(
            images,
            spread_kernel(kernel) / 4,
            (2, 2),
            "SAME",
            dimension_numbers=dimensions,
        ),
        _halve(convolve(images)),
        atol=1e-5,
    )


class Normalized(nn.Module):
    """A kernel divided by its largest singular value."""

    @nn.compact
    def __call__(self, kernel, *, train=False, axis_name=None):
        del axis_name
        return SpectralNorm(train=train)(kernel)


def test_spectral_norm_approaches_the_largest_singular_value(key):
    network = pure(Normalized())
    kernel = jax.random.normal(jax.random.fold_in(key, 0), (3, 3, 4, 6))
    params, start = network.init(jax.random.fold_in(key, 1), kernel)
    true = np.linalg.svd(np.float64(kernel.reshape(36, 6)), compute_uv=False)[0]

    def train(statistics, _):
        outputs, statistics = network.apply(params, statistics, kernel, train=True)
        return statistics, jnp.max(kernel / outputs)

    statistics, sigmas = jax.jit(lambda s: jax.lax.scan(train, s, length=60))(start)
    assert (np.diff(sigmas) > -1e-5 * true).all()
    assert 0.9 * true < sigmas[0] <= true * (1 + 1e-5)
    np.testing.assert_allclose(sigmas[-1], true, rtol=1e-5)
    # In evaluation the vector stays as it is, and gives the same sigma.
    outputs, kept = network.apply(params, statistics, kernel)
    np.testing.assert_allclose(outputs, kernel / true, rtol=1e-4, atol=1e-6)
    assert jax.tree.all(jax.tree.map(jnp.array_equal, kept, statistics))


def test_gradient_of_spectral_norm_is_that_of_sigma_with_vectors_constant(key):
    network = pure(Normalized())
    kernel, cotangent = jax.random.normal(jax.random.fold_in(key, 0), (2, 5, 4))
    params, statistics = network.init(jax.random.fold_in(key, 1), kernel)

    def loss(kernel, statistics):
        outputs, _ = network.apply(params, statistics, kernel, train=True)
        return jnp.sum(outputs * cotangent)

    gradient, of_vector = jax.grad(loss, argnums=(0, 1))(kernel, statistics)
    assert not jax.tree.leaves(of_vector)[0].any()
    # By hand: one iteration, then the quotient rule with d sigma / dW = left right'.
    unit = lambda vector: vector / np.linalg.norm(vector)  # noqa: E731
    matrix, upper = np.float64(kernel), np.float64(cotangent)
    right = unit(matrix.T @ unit(matrix @ np.float64(jax.tree.leaves(statistics)[0])))
    left = unit(matrix @ right)
    sigma = left @ matrix @ right
    by_hand = (upper - np.sum(upper * matrix) / sigma * np.outer(left, right)) / sigma
    np.testing.assert_allclose(gradient, by_hand, rtol=1e-4, atol=1e-5)


def test_running_statistics_are_those_of_the_batches_after_the_first_steps(key):
    network = pure(BatchNorm(deviation=0.0))
    batches = 3 + 2 * jax.random.normal(jax.random.fold_in(key, 0), (4, 8, 5))
    params, statistics = network.init(jax.random.fold_in(key, 1), batches[0])
    for batch in batches:
        outputs, statistics = network.apply(params, statistics, batch, train=True)
        expected = (batch - batch.mean(0)[None]) / batch.std(0)[None]
        np.testing.assert_allclose(outputs, expected, rtol=1e-3, atol=1e-3)
    mean, variance = batches.mean(1).mean(0)[None], batches.var(1).mean(0)[None]
    np.testing.assert_allclose(
        network.apply(params, statistics, batches[0])[0],
        (batches[0] - mean) / jnp.sqrt(variance + 1e-5),
        rtol=1e-4,
        atol=1e-4,
    )
    # From the tenth batch on a new one weighs 1 - momentum.
    statistics = {**statistics, "batches": jnp.asarray(50.0)}
    _, later = network.apply(params, statistics, batches[0] + 10, train=True)
    before, after = (s["BatchNorm_0"]["mean"] for s in (statistics, later))
    np.testing.assert_allclose(
        after - before, 0.1 * (batches[0].mean(0) + 10 - before), rtol=1e-4
    )


def test_conditional_batch_norm_scales_and_shifts_by_class(key):
    network = pure(BatchNorm(conditional=True))
    inputs = jax.random.normal(jax.random.fold_in(key, 0), (6, 2, 2, 4))
    condition = conditions(6)
    params, statistics = network.init(jax.random.fold_in(key, 1), inputs, condition)

    def apply(params):
        return network.apply(params, statistics, inputs, condition, train=True)[0]

    plain = (inputs - inputs.mean((0, 1, 2), keepdims=True)) / jnp.sqrt(
        inputs.var((0, 1, 2), keepdims=True) + 1e-5
    )
    np.testing.assert_allclose(apply(params), plain, atol=1e-4)
    scale, offset = jax.random.normal(jax.random.fold_in(key, 2), (2, NUM_CLASSES, 4))
    params = {"scale": {"kernel": scale}, "offset": {"kernel": offset}}
    for row, outputs in enumerate(apply(params)):
        of_class = row % NUM_CLASSES
        np.testing.assert_allclose(
            outputs,
            plain[row] * (1 + scale[of_class])[None, None]
            + offset[of_class][None, None],
            atol=1e-4,
        )


@pytest.mark.parametrize("how", ["pmap", "shard_map"])
def test_batch_norm_over_devices_is_that_of_the_whole_batch(key, how):
    network = pure(BatchNorm())
    inputs = jax.random.normal(jax.random.fold_in(key, 0), (4, 3, 5))
    flat = inputs.reshape(12, 5)
    params, statistics = network.init(jax.random.fold_in(key, 1), flat)
    apply = functools.partial(network.apply, train=True)
    expected = apply(params, statistics, flat)
    apply = functools.partial(apply, axis_name="data")
    if how == "pmap":
        mapped = jax.pmap(apply, "data", in_axes=(None, None, 0))
        outputs, kept = mapped(params, statistics, inputs)
        kept = jax.tree.map(lambda leaf: leaf[0], kept)
    else:
        mesh = jax.make_mesh((4,), ("data",), (jax.sharding.AxisType.Auto,))
        whole, split = PartitionSpec(), PartitionSpec("data")
        outputs, kept = jax.jit(
            jax.shard_map(
                apply,
                mesh=mesh,
                in_specs=(whole, whole, split),
                out_specs=(split, whole),
            )
        )(params, statistics, flat)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        (outputs.reshape(12, 5), kept),
        expected,
    )


def test_projection_adds_the_product_of_features_and_the_direction_of_a_class(key):
    head = CriticHead(heads=2)
    features = jax.random.normal(jax.random.fold_in(key, 0), (6, 5))
    variables = head.init(jax.random.fold_in(key, 1), features, conditions(6))
    directions = variables["params"]["projection"]["kernel"].reshape(NUM_CLASSES, 2, 5)
    added = head.apply(variables, features, conditions(6)) - head.apply(
        variables, features
    )
    for row, outputs in enumerate(added):
        expected = directions[row % NUM_CLASSES] @ features[row]
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


def test_minibatch_deviation_is_that_of_each_group(key):
    features = jax.random.normal(key, (6, 2, 3, 4))
    outputs = minibatch_deviation(features, 3)
    np.testing.assert_array_equal(outputs[..., :4], features)
    for group in (slice(0, 3), slice(3, 6)):
        expected = np.std(features[group], axis=0).mean()
        np.testing.assert_allclose(outputs[group, ..., 4], expected, rtol=1e-4)
    # Copies of one image are the collapse that it is to show.
    copies = jnp.repeat(features[:1], 4, axis=0)
    assert (minibatch_deviation(copies, 4)[..., 4] < 1e-3).all()


def test_a_spectral_critic_trains_and_evaluates_under_vmap_over_seeds(key):
    critic = dcgan_critic(width=2, normalization="spectral")
    images = jax.random.uniform(jax.random.fold_in(key, 0), (4, 8, 8, 1))

    def logits(seed):
        params, statistics = critic.init(jax.random.fold_in(key, seed), images)
        outputs, statistics = critic.apply(params, statistics, images, train=True)
        return outputs, critic.apply(params, statistics, images)[0]

    both = jax.jit(jax.vmap(logits))(jnp.arange(1, 3))
    alone = jax.jit(logits)(2)
    np.testing.assert_allclose(
        jnp.stack(both)[:, 1], jnp.stack(alone), rtol=1e-4, atol=1e-6
    )


def test_networks_without_statistics_have_an_empty_tuple_of_them():
    images = jnp.zeros((2, 28, 28, 1))
    generator = dcgan_generator((28, 28, 1), width=2, normalization="none")
    assert shapes(generator, jnp.zeros((2, 3)))[1] == ()
    assert shapes(residual_critic(width=2, normalization="layer"), images)[1] == ()
    assert shapes(dcgan_critic(width=2, normalization="batch"), images)[1] != ()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: dcgan_generator((30, 30, 1)), "30 x 30"),
        (lambda: residual_generator((4, 4, 3)), "above 7"),
        (lambda: halvings(32, 36, above=7), "8 divides"),
        (lambda: dcgan_critic(normalization="group"), "'group'"),
        (lambda: residual_critic(condition="sum"), "'projection'"),
    ],
)
def test_what_cannot_be_built_is_refused_in_a_sentence(make, words):
    with pytest.raises(InputError, match=words):
        make()
