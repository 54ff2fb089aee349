import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import losses
from jaxgen.errors import InputError
from tests.models import tiny_gan
from tests.models.test_gan import BATCH, LATENTS, POINTS, ROWS, fixed


@pytest.mark.parametrize("logits", [3, (3,), (1,)])
def test_heads_that_nobody_asked_for_are_not_taken_for_patches(key, logits):
    model = tiny_gan.gan(critic=tiny_gan.two_layers(logits))
    cure = r"expected \(8,\), one for each row.*(heads=1|logits\[:, 0\])"
    with pytest.raises(InputError, match=cure):
        jax.eval_shape(lambda key: model.init(key, BATCH), key)


def test_terms_of_a_critic_of_patches_are_means_over_them(key):
    game = losses.gan.non_saturating()
    model = fixed(loss=game, critic=tiny_gan.two_layers((2, 3)))
    state = model.init(key, BATCH)
    terms = model.evaluate(state, jax.random.key(1), BATCH)
    real = model.critique(state, POINTS)
    fake = model.critique(state, model.generate(state, jnp.asarray(LATENTS)))
    assert real.shape == (ROWS, 2, 3)
    expected = game.critic(real.ravel(), fake.ravel()).reshape(ROWS, 6).mean(axis=1)
    np.testing.assert_allclose(terms["critic_loss"], expected, rtol=1e-5)
    np.testing.assert_allclose(terms["real_logit"], real.mean((1, 2)), rtol=1e-5)
