import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.networks import (
    convolutional_decoder,
    convolutional_encoder,
    mlp_decoder,
    mlp_encoder,
)

PAIRS = {
    "mlp": (mlp_encoder, mlp_decoder),
    "convolutional": (convolutional_encoder, convolutional_decoder),
}


def count(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def initial_params(network, key, *shape):
    return jax.jit(network.init)(key, jnp.zeros((1, *shape)))[0]


def test_convolutional_networks_have_the_parameters_of_the_keras_example(key):
    # 69,076 and 65,089 are the totals that Keras prints for the example (2 latents).
    encoder = initial_params(convolutional_encoder(2), jax.random.clone(key), 28, 28, 1)
    assert count(encoder) == 320 + 18_496 + (3136 + 1) * 16 + 2 * (16 + 1) * 2 == 69_076
    decoder = initial_params(convolutional_decoder((28, 28, 1)), key, 2)
    assert count(decoder) == (2 + 1) * 3136 + 36_928 + 18_464 + 289 == 65_089


def test_mlp_has_the_parameters_of_a_count_by_hand(key):
    encoder = initial_params(mlp_encoder(20), jax.random.clone(key), 28, 28, 1)
    assert count(encoder) == (784 + 1) * 400 + (400 + 1) * 40
    decoder = initial_params(mlp_decoder((28, 28, 1), (30, 50)), key, 20)
    assert count(decoder) == (20 + 1) * 30 + (30 + 1) * 50 + (50 + 1) * 784


@pytest.mark.parametrize("kind", PAIRS)
def test_kernels_start_glorot_uniform_and_biases_at_zero(key, kind):
    encoder, decoder = PAIRS[kind]
    leaves = {
        "encoder": initial_params(encoder(8), jax.random.clone(key), 28, 28, 1),
        "decoder": initial_params(decoder((28, 28, 1)), key, 8),
    }
    for path, leaf in jax.tree.leaves_with_path(leaves):
        name = jax.tree_util.keystr(path)
        if leaf.ndim == 1:
            assert not leaf.any(), name
            continue
        receptive = math.prod(leaf.shape[:-2])
        # The two heads share a matrix, but each has the bound of its own.
        outputs = leaf.shape[-1] // (2 if "head" in name else 1)
        bound = math.sqrt(6 / (receptive * (leaf.shape[-2] + outputs)))
        assert 0.95 * bound < jnp.abs(leaf).max() <= bound * (1 + 1e-6), name
        # The variance of a uniform has the standard error bound**2 * sqrt(4/45/n).
        error = bound**2 * math.sqrt(4 / 45 / leaf.size)
        assert abs(jnp.mean(leaf**2) - bound**2 / 3) < 5 * error, name


@pytest.mark.parametrize("shape", [(28, 28, 1), (7, 9, 3), (30, 33, 1), (1, 1, 2)])
@pytest.mark.parametrize("kind", PAIRS)
def test_any_image_size_goes_in_and_comes_out(key, kind, shape):
    encoder, decoder = PAIRS[kind]
    images = jax.random.uniform(jax.random.fold_in(key, 0), (2, *shape))
    network = encoder(3)
    params = initial_params(network, jax.random.fold_in(key, 1), *shape)
    (mean, log_variance), _ = jax.jit(network.apply)(params, (), images)
    assert mean.shape == log_variance.shape == (2, 3)
    network = decoder(shape)
    params = initial_params(network, jax.random.fold_in(key, 2), 3)
    logits, _ = jax.jit(network.apply)(params, (), mean)
    assert logits.shape == images.shape
    assert all(np.isfinite(x).all() for x in (mean, log_variance, logits))


def test_formulation_changes_no_gradient_of_the_convolutional_networks(key):
    images = jax.random.uniform(jax.random.fold_in(key, 0), (2, 11, 12, 1))

    def gradients(encoder_formulation, decoder_formulation):
        encoder = convolutional_encoder(3, formulation=encoder_formulation)
        decoder = convolutional_decoder((11, 12, 1), formulation=decoder_formulation)
        params = {
            "encoder": initial_params(encoder, jax.random.fold_in(key, 1), 11, 12, 1),
            "decoder": initial_params(decoder, jax.random.fold_in(key, 2), 3),
        }

        @jax.jit
        @jax.value_and_grad
        def loss(params):
            (mean, log_variance), _ = encoder.apply(params["encoder"], (), images)
            logits, _ = decoder.apply(params["decoder"], (), mean + log_variance)
            return jnp.sum((logits - images) ** 2)

        return loss(params)

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4),
        gradients("im2col", "subpixel"),
        gradients("plain", "plain"),
    )


@pytest.mark.parametrize("kind", PAIRS)
def test_vmap_over_seeds_equals_a_loop(key, kind):
    encoder = PAIRS[kind][0](2)
    images = jax.random.uniform(jax.random.fold_in(key, 0), (2, 8, 8, 1))

    def mean(seed):
        own = jax.random.fold_in(jax.random.clone(key), seed)
        params, stats = encoder.init(own, images)
        return encoder.apply(params, stats, images)[0][0]

    mean = jax.jit(mean)
    np.testing.assert_allclose(
        jax.vmap(mean)(jnp.arange(1, 4)),
        jnp.stack([mean(seed) for seed in (1, 2, 3)]),
        rtol=1e-4,
        atol=1e-5,
    )
