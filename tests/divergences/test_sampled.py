import jax
import numpy as np
from numpyro import distributions as dist

from jaxgen import divergences

Q, P = dist.Normal(0.7, np.sqrt(0.3)), dist.Normal(-1.1, np.sqrt(2.0))


def test_sampled_kl_is_unbiased(key):
    x = Q.sample(key, (20_000,))
    terms = jax.vmap(divergences.sampled_kl)(
        Q.log_prob(x)[:, None], P.log_prob(x)[:, None]
    )
    error = terms.std() / np.sqrt(len(terms))
    assert abs(terms.mean() - dist.kl_divergence(Q, P)) < 5 * error


def test_sampled_cauchy_schwarz_agrees_with_the_closed_form(key):
    # 400 estimates of 400 samples each; the bias O(1/n) is well below their error.
    of_q, of_p = jax.random.split(key)
    x, y = Q.sample(of_q, (400, 400)), P.sample(of_p, (400, 400))
    estimates = divergences.sampled_cauchy_schwarz(
        Q.log_prob(x), P.log_prob(x), Q.log_prob(y), P.log_prob(y)
    )
    error = estimates.std() / np.sqrt(len(estimates))
    assert abs(estimates.mean() - 0.90193520) < 5 * error


def test_sampled_cauchy_schwarz_is_zero_for_equal_densities_and_symmetric(key):
    a, b, c, d = jax.random.normal(key, (4, 7, 2))
    of = divergences.sampled_cauchy_schwarz
    np.testing.assert_allclose(of(a, a, b, b), 0.0, atol=1e-7)
    np.testing.assert_allclose(of(a, b, c, d), of(d, c, b, a), rtol=1e-5)
    # Densities known up to a constant will do.
    np.testing.assert_allclose(
        of(a + 3.0, b, c + 3.0, d), of(a, b, c, d), rtol=1e-4, atol=1e-6
    )
