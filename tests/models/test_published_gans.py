import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import models, networks
from jaxgen.errors import InputError
from jaxgen.models import remedies

PAPERS = models.PUBLISHED_GANS


def build(name, **options):
    critic = networks.mlp_critic((4,))
    return models.published_gan(
        name, networks.mlp_generator((8, 8, 1), (4,)), critic, latents=2, **options
    )


@pytest.mark.parametrize(
    ("name", "penalty", "estimate"),
    [
        ("non_saturating", False, True),
        ("least_squares", False, False),
        ("relativistic", True, False),
        ("wgan", False, True),
        ("wgan_gp", True, True),
    ],
)
def test_a_paper_has_its_loss_and_its_penalties(name, penalty, estimate):
    model, steps = build(name), PAPERS[name].critic_steps
    batch = {"image": jax.ShapeDtypeStruct((4 * steps, 8, 8, 1), jnp.float32)}
    state = jax.eval_shape(model.init, jax.random.key(0), batch)
    metrics = jax.eval_shape(model.update, state, batch)[1]
    assert ("penalty" in metrics) == penalty
    assert ("estimate" in metrics) == estimate
    # Each step of the critic has a minibatch of its own.
    if steps > 1:
        odd = {"image": jax.ShapeDtypeStruct((4, 8, 8, 1), jnp.float32)}
        with pytest.raises(InputError, match=f"into {steps} minibatches"):
            jax.eval_shape(model.init, jax.random.key(0), odd)


def first_step(optimizer):
    """How far a first step goes where the gradient is 1."""
    gradient = jnp.ones(1)
    return -float(optimizer.update(gradient, optimizer.init(gradient))[0][0])


@pytest.mark.parametrize("name", PAPERS)
def test_both_networks_learn_at_the_rate_of_the_paper(name):
    paper = PAPERS[name]
    # RMSProp divides by the root of its average, which has 1 % of the first gradient.
    factor = 10.0 if name == "wgan" else 1.0
    for rate, steps in (
        (paper.learning_rate, paper.optimizers()),
        (0.5, paper.optimizers(0.5)),
    ):
        found = [first_step(one) / factor for one in steps]
        np.testing.assert_allclose(found, [rate, rate], rtol=1e-4)


def test_a_critic_that_is_unrolled_keeps_the_rate_of_the_paper():
    found = PAPERS["non_saturating"].optimizers(0.1, remedies.from_words("unroll5"))
    np.testing.assert_allclose([first_step(one) for one in found], 0.1, rtol=1e-4)


def test_what_no_paper_is_called_is_refused():
    with pytest.raises(InputError, match="name='magic' is unknown: choose one of"):
        build("magic")
    with pytest.raises(InputError, match="no remedy 'magic'"):
        build("wgan_gp", remedies="magic")
    with pytest.raises(InputError, match="unroll does not go with 'hinge, spectral"):
        build("hinge", remedies="unroll2")
