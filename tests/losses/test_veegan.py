import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxgen.errors import InputError
from jaxgen.losses import gan, veegan

REAL, FAKE = jnp.array([0.3, 2.0]), jnp.array([-0.5, 1.0])
LATENTS = jnp.array([[1.0, 2.0], [0.0, -1.0]])
FOUND = jnp.array([[0.0, 0.5], [0.0, 1.0]])


def sp(x):
    return math.log1p(math.exp(x))


def test_losses_are_those_worked_out_by_hand():
    found = veegan.critic_loss(REAL, FAKE)
    np.testing.assert_allclose(found, [sp(0.5) + sp(0.3), sp(-1) + sp(2)], rtol=1e-6)
    # 1 + 1.5^2 and 2^2.
    distance = veegan.reconstructor_loss(LATENTS, FOUND)
    np.testing.assert_allclose(distance, [3.25, 4.0], rtol=1e-6)
    found = veegan.generator_loss(FAKE, LATENTS, FOUND, reconstruction_weight=2.0)
    np.testing.assert_allclose(found, [6.0, 9.0], rtol=1e-6)


def test_label_1_is_that_of_generated_pairs():
    np.testing.assert_allclose(
        veegan.critic_loss(REAL, FAKE),
        gan.cross_entropy_critic_loss(-REAL, -FAKE),
        rtol=1e-6,
    )
    by_real, by_fake = jax.grad(
        lambda *logits: jnp.sum(veegan.critic_loss(*logits)), argnums=(0, 1)
    )(REAL, FAKE)
    assert (by_real > 0).all()
    assert (by_fake < 0).all()


def test_an_example_does_not_depend_on_its_batch():
    whole = veegan.generator_loss(FAKE, LATENTS, FOUND)
    alone = veegan.generator_loss(FAKE[1:], LATENTS[1:], FOUND[1:])
    np.testing.assert_array_equal(whole[1:], alone)


def test_gradients_are_those_of_finite_differences():
    with jax.enable_x64(True):
        real, fake, latents, found = (
            jnp.asarray(one, jnp.float64) for one in (REAL, FAKE, LATENTS, FOUND)
        )
        check_grads(jax.jit(veegan.critic_loss), (real, fake), order=2)
        check_grads(jax.jit(veegan.generator_loss), (fake, latents, found), order=2)


def test_losses_and_gradients_stay_finite_at_extreme_logits():
    real, fake = (jnp.array(a) for a in ([1e4, -1e4, 1e4], [1e4, 1e4, -1e4]))
    value, slopes = jax.value_and_grad(lambda pair: veegan.critic_loss(*pair).sum())(
        (real, fake)
    )
    assert jnp.isfinite(value)
    assert all(jnp.isfinite(slope).all() for slope in slopes)


@pytest.mark.usefixtures("without_types")
def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(InputError, match=r"real_logits has shape \(2, 1\)"):
        veegan.critic_loss(REAL[:, None], FAKE)
    with pytest.raises(InputError, match=r"reconstructions has shape \(1, 2\)"):
        veegan.reconstructor_loss(LATENTS, FOUND[:1])
    with pytest.raises(InputError, match=r"fake_logits has shape \(1,\)"):
        veegan.generator_loss(FAKE[:1], LATENTS, FOUND)
