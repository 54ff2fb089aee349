import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxgen import losses, random
from jaxgen.errors import InputError

BCE = losses.vae.bernoulli_log_likelihood
GAUSS = losses.vae.gaussian_log_likelihood


def test_bernoulli_log_likelihood_by_hand():
    # sigmoid(log 3) = 3/4
    logits = jnp.full((2, 2), jnp.log(3.0))
    images = jnp.array([[1.0, 0.0], [1.0, 1.0]])
    expected = [np.log(0.75) + np.log(0.25), 2 * np.log(0.75)]
    np.testing.assert_allclose(BCE(logits, images), expected, rtol=1e-6)


def test_bernoulli_probabilities_of_all_binary_images_sum_to_one(key):
    logits = jnp.broadcast_to(3 * jax.random.normal(key, (4,)), (16, 4))
    images = jnp.array([[(n >> k) & 1 for k in range(4)] for n in range(16)], float)
    np.testing.assert_allclose(jnp.exp(BCE(logits, images)).sum(), 1.0, rtol=1e-6)


def test_grey_cross_entropy_never_goes_below_the_entropy_of_the_image(key):
    images = jax.random.uniform(key, (5, 7), minval=0.01, maxval=0.99)
    entropy = -(images * jnp.log(images) + (1 - images) * jnp.log1p(-images)).sum(-1)
    best = jnp.log(images) - jnp.log1p(-images)
    np.testing.assert_allclose(-BCE(best, images), entropy, rtol=1e-5)
    assert (-BCE(best + 0.3, images) > entropy).all()


@pytest.mark.parametrize("logit", [-1e4, -104.0, -50.0, 0.0, 50.0, 104.0, 1e4])
@pytest.mark.parametrize("pixel", [0.0, 0.5, 1.0])
def test_bernoulli_score_is_pixel_minus_probability_at_every_logit(logit, pixel):
    # At logit 0 a clipped or halved maximum would give the wrong mean.
    x = jnp.full((1, 1), pixel)
    score = jax.grad(lambda z: BCE(z, x).sum())(jnp.full((1, 1), logit))
    expected = pixel - 1 / (1 + np.exp(-np.float64(max(logit, -700))))
    np.testing.assert_allclose(score, expected, atol=1e-7)


def test_gaussian_density_integrates_to_one():
    x = jnp.linspace(-9, 9, 20_001).reshape(-1, 1)
    density = jnp.exp(GAUSS(jnp.full_like(x, 0.4), x, variance=0.7))
    np.testing.assert_allclose(np.trapezoid(density, x[:, 0]), 1.0, rtol=1e-5)


def test_half_squared_error_is_the_gaussian_of_variance_one(key):
    mean, images = jax.random.normal(key, (2, 3, 5))
    difference = GAUSS(mean, images, variance=1.0) + 0.5 * ((mean - images) ** 2).sum(1)
    np.testing.assert_allclose(difference, -2.5 * np.log(2 * np.pi), rtol=1e-5)


def test_each_example_is_on_its_own(key):
    logits = jax.random.normal(key, (6, 4, 4, 1))
    images = jnp.round(jax.nn.sigmoid(logits))
    for loss in (BCE, GAUSS):
        together = loss(logits, images)
        assert together.shape == (6,)
        one_by_one = [loss(logits[i : i + 1], images[i : i + 1])[0] for i in range(6)]
        np.testing.assert_allclose(together, jnp.array(one_by_one), rtol=1e-6)


def test_gradients_agree_with_finite_differences(key):
    logits = jax.random.normal(key, (2, 3))
    images = jnp.array([[0.0, 1.0, 0.3], [1.0, 0.0, 0.8]])
    check_grads(
        lambda z: BCE(jnp.asarray(z), images), (logits,), order=2, modes=("fwd", "rev")
    )
    check_grads(
        lambda z: GAUSS(jnp.asarray(z), images),
        (logits,),
        order=2,
        modes=("fwd", "rev"),
    )


@pytest.mark.parametrize("loss", [BCE, GAUSS])
def test_shapes_that_would_broadcast_are_refused(loss):
    with pytest.raises(ValueError, match="must have one shape"):
        loss(jnp.zeros((4, 1)), jnp.zeros((4, 3)))


def test_a_variance_of_zero_is_refused():
    with pytest.raises(ValueError, match="variance=0: give a number above 0"):
        losses.vae.gaussian(variance=0.0)


class TestLinearGaussianModel:
    """z ~ N(0, 1), x | z ~ N(a z, s2): the evidence is N(0, a^2 + s2) exactly."""

    a, s2 = 1.3, 0.4
    x = jnp.array([[0.9], [-0.2]])

    def elbo(self, key, mean, log_variance, samples=20_000):
        def one(key):
            return losses.vae.elbo(
                key,
                (mean * self.x, jnp.full_like(self.x, log_variance)),
                lambda z: self.a * z,
                self.x,
                log_likelihood=lambda m, x: GAUSS(m, x, variance=self.s2),
            )

        terms = jax.vmap(one)(jax.random.split(key, samples))
        return terms.log_likelihood - terms.divergence

    def evidence(self):
        return GAUSS(jnp.zeros_like(self.x), self.x, variance=self.a**2 + self.s2)

    def posterior(self):
        v = 1 / (1 + self.a**2 / self.s2)
        return v * self.a / self.s2, float(np.log(v))

    def test_the_bound_is_tight_at_the_true_posterior(self, key):
        bound = self.elbo(key, *self.posterior())
        error = bound.std(0) / np.sqrt(len(bound))
        assert (abs(bound.mean(0) - self.evidence()) < 5 * error).all()

    def test_the_bound_is_below_the_evidence_elsewhere(self, key):
        bound = self.elbo(key, 0.1, -0.5)
        error = bound.std(0) / np.sqrt(len(bound))
        assert (bound.mean(0) + 5 * error < self.evidence()).all()


def test_keys_per_example_draw_what_each_example_would_draw_alone(key):
    def terms(keys, x):
        return losses.vae.elbo(
            keys, (x, jnp.zeros_like(x)), lambda z: z, x, log_likelihood=GAUSS
        )

    x = jax.random.normal(random.stream(key, "x"), (4, 3))
    keys = random.example_keys(random.stream(key, "latent"), 4)
    together = terms(keys, x).log_likelihood
    keys = random.example_keys(random.stream(key, "latent"), 4)
    alone = [
        terms(one[None], x[i : i + 1]).log_likelihood[0] for i, one in enumerate(keys)
    ]
    np.testing.assert_allclose(together, jnp.array(alone), rtol=1e-5)


X = jnp.zeros((2, 3))


def test_an_encoder_of_wrong_shapes_is_refused(key):
    with pytest.raises(InputError, match="mean and log-variance must have one shape"):
        losses.vae.elbo(key, (X, X[:, :1]), lambda z: z, X)


def test_beta_weighs_the_kl_alone():
    terms = losses.vae.ElboTerms(jnp.array([-3.0]), jnp.array([[1.5, 0.5]]))
    np.testing.assert_allclose(losses.vae.negative_elbo(terms), [5.0])
    np.testing.assert_allclose(losses.vae.negative_elbo(terms, beta=4.0), [11.0])
