import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import networks


def drawn(network, *patches):
    """Weights that need no compilation."""
    numbers = np.random.default_rng(1)
    return jax.tree.map(
        lambda leaf: numbers.normal(size=leaf.shape).astype(np.float32),
        jax.eval_shape(network.init, jax.random.key(0), *patches)[0],
    )


def test_heads_are_two_layers_for_each_map_and_vectors_of_length_one():
    network = networks.patch_heads(5)
    patches = [
        np.random.default_rng(0).normal(size=shape).astype(np.float32)
        for shape in ((2, 3, 4), (2, 6, 7))
    ]
    params = drawn(network, *patches)
    found, _ = jax.jit(network.apply)(params, (), *patches)
    for layer, (rows, vectors) in enumerate(zip(patches, found, strict=True)):
        first, second = (params[f"{name}_{layer}"] for name in ("hidden", "output"))
        hidden = np.maximum(rows @ first["kernel"] + first["bias"].reshape(1, 1, 5), 0)
        wanted = hidden @ second["kernel"] + second["bias"].reshape(1, 1, 5)
        wanted /= np.linalg.norm(wanted, axis=-1, keepdims=True)
        np.testing.assert_allclose(vectors, wanted, rtol=1e-3, atol=1e-5)


def test_heads_start_as_in_the_authors_code(key):
    network = networks.patch_heads()
    params, _ = jax.jit(network.init)(key, jnp.zeros((1, 1, 128)))
    for name, inputs in (("hidden_0", 128), ("output_0", 256)):
        kernel = params[name]["kernel"]
        assert kernel.shape == (inputs, 256)
        deviation = 0.02 * np.sqrt(2 / (inputs + 256))
        error = deviation / np.sqrt(2 * kernel.size)
        assert abs(np.std(kernel) - deviation) < 5 * error
        assert not params[name]["bias"].any()


def test_features_of_zero_have_a_finite_gradient():
    network = networks.patch_heads(5)
    rows = jnp.zeros((1, 2, 4))
    params = {
        name: {**layer, "bias": 0 * layer["bias"]}
        for name, layer in drawn(network, rows).items()
    }

    def total(params, rows):
        return jnp.sum(network.apply(params, (), rows)[0][0])

    slopes = jax.jit(jax.grad(total, argnums=(0, 1)))(params, rows)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))
