import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import losses, models, networks
from jaxgen.models.critic import critic_of
from jaxgen.models.data_flow import depends_on
from jaxgen.models.translation import critic_outputs
from jaxgen.typing import Network
from tests.models.translation import tiny_translation as tiny

IMAGES = tiny.images(rows=3, side=8)


def rows_seen(network):
    """How many images the critic is shown at once when it is asked for logits."""
    seen = []

    def apply(params, stats, images, **mode):
        seen.append(images.shape[0])
        return network.apply(params, stats, images, **mode)

    watched = Network(network.init, apply)
    critic = critic_of(watched, optax.sgd(0.1), loss=losses.gan.hinge())

    def logits(key):
        net = critic.init(key, IMAGES, None)
        return critic_outputs.critic_logits(critic, net, IMAGES, models.InferenceMode())

    assert jax.eval_shape(logits, jax.random.key(0)).shape[0] == 3
    return seen[-1]


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({"norm": "batch"}, 1),
        ({"norm": "none", "spectral": True}, 3),
        ({"norm": "instance"}, 3),
    ],
)
def test_images_are_judged_one_by_one_only_where_they_would_mix(options, rows):
    assert rows_seen(networks.patch_critic(width=2, layers=1, **options)) == rows


def test_results_depend_on_what_they_are_calculated_from():
    other = jnp.ones(2)

    def of(function):
        return depends_on(function, jnp.zeros(2))

    assert of(lambda x: (other, jnp.exp(2 * x) + other))
    assert of(lambda x: x)
    assert of(jax.jit(lambda x: jnp.where(x > 0, 1.0, 2.0)))
    assert not of(lambda x: (other * 2, jnp.ones(x.shape)))
    assert not of(lambda x: jax.lax.fori_loop(0, 3, lambda _, y: y * 2, other))


def test_terms_are_means_over_the_patches_of_each_image():
    real, fake = (np.random.default_rng(n).normal(size=(3, 2, 2)) for n in (0, 1))
    real, fake = (np.float32(one) for one in (real, fake))
    game = losses.gan.least_squares()
    terms = critic_outputs.critic_terms(game, jnp.asarray(real), jnp.asarray(fake))
    expected = {
        "adversarial": ((fake - 1) ** 2).mean(axis=(1, 2)),
        "real_logit": real.mean(axis=(1, 2)),
        "fake_logit": fake.mean(axis=(1, 2)),
    }
    assert terms.keys() == expected.keys()
    for name, values in terms.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-4)
