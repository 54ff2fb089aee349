import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist
from scipy import special, stats

from jaxgen import metrics
from jaxgen.errors import InputError

WEIGHTS = np.array([[1.0, 0.5], [-0.4, 0.8], [0.3, -0.6]])
OFFSET = np.array([0.2, -0.1, 0.4])
VARIANCE = 0.3
OBSERVED = np.array([[0.5, 1.0, -0.5], [-1.5, 0.3, 2.0]])
EXACT = stats.multivariate_normal(
    OFFSET, WEIGHTS @ WEIGHTS.T + VARIANCE * np.eye(3)
).logpdf(OBSERVED)


def log_joint(z):
    mean = z @ WEIGHTS.T + OFFSET[None]
    prior = -0.5 * jnp.sum(z**2, -1) - jnp.log(2 * jnp.pi)
    squared = jnp.sum((OBSERVED - mean) ** 2, -1)
    return prior - 0.5 * squared / VARIANCE - 1.5 * jnp.log(2 * jnp.pi * VARIANCE)


def posterior():
    precision = np.eye(2) + WEIGHTS.T @ WEIGHTS / VARIANCE
    covariance = np.linalg.inv(precision)
    mean = (OBSERVED - OFFSET) @ WEIGHTS @ covariance / VARIANCE
    return dist.MultivariateNormal(
        jnp.asarray(mean, jnp.float32), jnp.asarray(np.stack([covariance] * 2))
    )


def wide_proposal():
    return dist.Normal(posterior().mean, 0.8).to_event(1)


def test_the_bounds_grow_to_the_exact_likelihood(key):
    repeats = 400
    proposal = wide_proposal()
    means, errors = [], []
    for samples in (1, 5, 50):
        keys = jax.random.split(jax.random.fold_in(key, samples), repeats)
        estimate = jax.jit(
            jax.vmap(
                lambda one, samples=samples: (
                    metrics.importance_log_likelihood(
                        one, log_joint, proposal, num_samples=samples, chunk_size=20
                    ).log_likelihood
                )
            )
        )(keys)
        means.append(np.mean(estimate, axis=0))
        errors.append(np.std(estimate, axis=0) / np.sqrt(repeats))
    for lower in range(2):
        slack = 5 * np.hypot(errors[lower], errors[lower + 1])
        assert (means[lower] < means[lower + 1] + slack).all()
    assert (means[-1] < EXACT + 5 * errors[-1]).all()
    # The bounds are apart by more than noise, so the order above says something.
    assert (means[0] + 5 * errors[0] < EXACT).all()
    np.testing.assert_allclose(means[-1], EXACT, atol=0.1)


def test_the_exact_posterior_gives_the_exact_likelihood(key):
    estimate = metrics.importance_log_likelihood(
        key, log_joint, posterior(), num_samples=7, chunk_size=3
    )
    np.testing.assert_allclose(estimate.log_likelihood, EXACT, rtol=1e-5)
    np.testing.assert_allclose(estimate.effective_sample_size, 7, rtol=1e-5)
    np.testing.assert_allclose(estimate.standard_error, 0, atol=1e-3)


@pytest.mark.parametrize("chunk_size", [1, 4, 100])
def test_running_sums_agree_with_all_samples_at_once(key, chunk_size):
    # 11 samples are no multiple of 4, and exactly 11 count.
    proposal = wide_proposal()
    with jax.numpy_rank_promotion("allow"):
        samples = jnp.stack(
            [proposal.sample(jax.random.fold_in(key, k)) for k in range(11)]
        )
        log_weights = jax.vmap(log_joint)(samples) - proposal.log_prob(samples)
    weights = np.asarray(log_weights, np.float64)
    # A clone, since the key has been used above.
    estimate = metrics.importance_log_likelihood(
        jax.random.clone(key),
        log_joint,
        proposal,
        num_samples=11,
        chunk_size=chunk_size,
    )
    expected = special.logsumexp(weights, axis=0) - np.log(11)
    np.testing.assert_allclose(estimate.log_likelihood, expected, rtol=1e-5)
    normal = np.exp(weights - expected)
    size = normal.sum(0) ** 2 / (normal**2).sum(0)
    np.testing.assert_allclose(estimate.effective_sample_size, size, rtol=1e-4)
    error = normal.std(axis=0, ddof=1) / np.sqrt(11)
    np.testing.assert_allclose(estimate.standard_error, error, rtol=1e-3)


def test_one_sample_is_the_evidence_lower_bound_of_one_sample(key):
    proposal = wide_proposal()
    with jax.numpy_rank_promotion("allow"):
        sample = proposal.sample(jax.random.fold_in(key, 0))
        expected = log_joint(sample) - proposal.log_prob(sample)
    estimate = metrics.importance_log_likelihood(
        jax.random.clone(key), log_joint, proposal, num_samples=1
    )
    np.testing.assert_allclose(estimate.log_likelihood, expected, rtol=1e-5)
    np.testing.assert_allclose(estimate.effective_sample_size, 1)
    assert jnp.isinf(estimate.standard_error).all()


def test_discrete_latents_agree_with_enumeration(key):
    # z ~ Bernoulli(1/2)^2, x ~ N(z_1 - 2 z_2, 1) at x = 0.5, for a batch of one.
    def joint(z):
        mean = z @ jnp.array([1.0, -2.0])
        return dist.Normal(mean, 1.0).log_prob(0.5) - 2 * jnp.log(2.0)

    values = np.array([0.0, 1.0, -2.0, -1.0])
    exact = np.log(np.mean(stats.norm.pdf(0.5, values)))
    proposal = dist.Bernoulli(probs=jnp.array([[0.6, 0.3]])).to_event(1)
    estimate = metrics.importance_log_likelihood(
        key, joint, proposal, num_samples=2000, chunk_size=500
    )
    error = estimate.standard_error[0]
    assert 0 < error < 0.05
    assert abs(estimate.log_likelihood[0] - exact) < 5 * error


def test_tiny_and_vanishing_weights_stay_finite(key):
    # log p(x) of a thousand pixels is far below what exp can hold.
    proposal = dist.Normal(jnp.zeros((2, 1)), 1.0).to_event(1)

    def joint(z):
        value = jnp.where(z[:, 0] > 1.0, -3e4, -jnp.inf)
        return value + dist.Normal().log_prob(z[:, 0])

    estimate = metrics.importance_log_likelihood(
        key, joint, proposal, num_samples=400, chunk_size=1
    )
    share = stats.norm.sf(1.0)
    bound = 5 * np.sqrt((1 - share) / share / 400)
    np.testing.assert_allclose(estimate.log_likelihood + 3e4, np.log(share), atol=bound)
    # The weights are 0 or one constant, so the size counts those that are not 0.
    assert (np.abs(estimate.effective_sample_size - 400 * share) < 5 * 8).all()


def test_bad_arguments_are_refused(key):
    proposal = wide_proposal()
    with pytest.raises(InputError, match="num_samples=0"):
        metrics.importance_log_likelihood(key, log_joint, proposal, num_samples=0)
    with pytest.raises(InputError, match="to_event"):
        metrics.importance_log_likelihood(
            key, log_joint, dist.Normal(jnp.zeros((2, 2)), 1.0)
        )
    with pytest.raises(InputError, match="one value per example"):
        metrics.importance_log_likelihood(key, lambda z: z, proposal)
