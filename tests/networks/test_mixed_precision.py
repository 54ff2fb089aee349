"""Layers of StyleGAN2 in bfloat16: gradients are those of float32, but for rounding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.networks.equalized import EqualizedConv
from jaxgen.networks.modulated import StyledLayer, ToRGB

LAYERS = {
    "styled": (StyledLayer(8), True),
    "styled, up": (StyledLayer(8, up=True), True),
    "rgb": (ToRGB(3), True),
    "critic": (EqualizedConv(8), False),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_summed_in_single_precision(name, key):
    layer, styled = LAYERS[name]
    keys = jax.random.split(key, 4)
    images = jax.random.normal(keys[0], (8, 16, 16, 8))
    own = (jax.random.normal(keys[1], (8, 4)),) if styled else ()
    variables = layer.init(keys[2], images, *own)
    weight = jax.random.uniform(keys[3], (8, 1, 1, 1))

    def loss(params, own, images):
        found = layer.apply(variables | {"params": params}, images, *own)
        return jnp.mean(found.astype(jnp.float32) * weight)

    gradient = jax.jit(jax.grad(loss, (0, 1)))
    wanted = gradient(variables["params"], own, images)
    found = gradient(variables["params"], own, images.astype(jnp.bfloat16))
    for one, other in zip(jax.tree.leaves(wanted), jax.tree.leaves(found), strict=True):
        assert other.dtype == jnp.float32
        error = np.linalg.norm(one - other) / np.linalg.norm(one)
        assert error < 0.15, one.shape
