"""Bounds of any latents: against closed forms, quadrature and enumeration."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxgen import divergences, random
from jaxgen.errors import InputError
from jaxgen.estimators import (
    VIMCO,
    DisARM,
    DReG,
    Enumerate,
    Pathwise,
    Rebar,
    ScoreFunction,
)
from jaxgen.losses.vae import (
    bernoulli_log_likelihood,
    elbo,
    estimator_state,
    gaussian_log_likelihood,
    importance_weighted_bound,
    is_bound_estimator,
    priors,
    regularizers,
)
from jaxgen.losses.vae.families import (
    Bernoulli,
    Categorical,
    Gaussian,
    GaussianMixture,
    StandardNormal,
    posterior_of,
)
from jaxgen.networks import pure_functions
from tests.estimators.moments import assert_mean

KL, SAMPLED = regularizers.kl(), regularizers.kl(sampled=True)
FAMILIES = [(Bernoulli, (3,)), (Categorical, (2, 3))]


def within(draws, exact, errors=5):
    draws = np.asarray(draws, np.float64)
    error = draws.std(axis=0) / np.sqrt(len(draws))
    rounding = 1e-5 * np.abs(exact)
    np.testing.assert_array_less(abs(draws.mean(0) - exact), errors * error + rounding)


class TestLinearGaussianModel:
    """z ~ N(0, I), x | z ~ N(z W, s2 I), rows of W orthogonal: all is known exactly."""

    s2 = 0.5
    w = np.array([[1.0, 0.6, 0.2], [-0.3, 0.3, 0.6]], np.float32)
    x = jnp.array([[0.9, -0.4, 1.1], [0.0, 0.7, -1.5]])

    def decode(self, z):
        return z @ jnp.asarray(self.w)

    def log_likelihood(self, mean, x):
        return gaussian_log_likelihood(mean, x, variance=self.s2)

    def posterior(self):
        variance = 1 / (1 + (self.w**2).sum(1) / self.s2)
        mean = variance * (np.asarray(self.x) @ self.w.T) / self.s2
        return Gaussian(jnp.asarray(mean), jnp.log(jnp.broadcast_to(variance, (2, 2))))

    def evidence(self):
        covariance = self.w.T @ self.w + self.s2 * np.eye(3)
        return scipy.stats.multivariate_normal(np.zeros(3), covariance).logpdf(self.x)

    def bounds(self, key, posterior, k, repeats=1500):
        def one(key):
            return importance_weighted_bound(
                key,
                posterior,
                self.decode,
                self.x,
                log_likelihood=self.log_likelihood,
                num_samples=k,
            )

        draws = jax.jit(jax.vmap(one))(jax.random.split(key, repeats))
        return np.asarray(draws, np.float64)

    def test_the_rows_are_orthogonal(self):
        assert abs(self.w[0] @ self.w[1]) < 1e-6

    def test_the_bound_rises_with_samples_and_stays_below_the_evidence(self, key):
        wide = Gaussian(self.posterior().mean + 0.4, jnp.zeros((2, 2)))
        found = [self.bounds(jax.random.fold_in(key, k), wide, k) for k in (1, 5, 50)]
        errors = [bound.std(0) / np.sqrt(len(bound)) for bound in found]
        for low, high in itertools.pairwise(range(3)):
            error = np.hypot(errors[low], errors[high])
            assert (found[high].mean(0) - found[low].mean(0) > 5 * error).all()
        assert (found[2].mean(0) < self.evidence() + 5 * errors[2]).all()
        # 50 samples leave little.
        assert (found[2].mean(0) > self.evidence() - 0.1).all()

    def test_at_the_true_posterior_every_sample_of_every_bound_is_the_evidence(
        self, key
    ):
        for k in (1, 5):
            bound = self.bounds(key, self.posterior(), k, repeats=3)
            np.testing.assert_allclose(
                bound, np.tile(self.evidence(), (3, 1)), rtol=1e-5
            )
            key = jax.random.fold_in(key, k)

    def test_the_terms_of_the_plain_bound_are_those_by_hand(self, key):
        mean = jnp.array([[0.2, -0.4], [1.0, 0.3]])
        q = Gaussian(mean, jnp.full((2, 2), -0.7))
        keys = random.example_keys(key, 2)
        noise = random.normal(jax.random.clone(keys), (2, 2))
        fit = self.log_likelihood(self.decode(mean + jnp.exp(-0.35) * noise), self.x)

        @jax.jit
        def terms(keys, pair):
            return elbo(
                keys, pair, self.decode, self.x, log_likelihood=self.log_likelihood
            )

        found = terms(jax.random.clone(keys), q)
        np.testing.assert_allclose(found.log_likelihood, fit, rtol=1e-6)
        kl = divergences.gaussian_kl(*q)
        np.testing.assert_allclose(found.divergence, kl, rtol=1e-6)
        assert found.parts.shape == (2, 2)
        assert found.state == found.stats == ()
        # What an encoder returns is read as `models.vae` reads it.
        pair = terms(jax.random.clone(keys), tuple(q))
        read = terms(jax.random.clone(keys), posterior_of(Gaussian, tuple(q)))
        np.testing.assert_array_equal(pair.log_likelihood, read.log_likelihood)
        np.testing.assert_array_equal(pair.parts, read.parts)


def sampled_kl(key, make, params, prior, *, repeats):
    """Values and gradients of the sampled KL, one of each per key."""

    def value(params, key):
        q = make(params)
        terms = elbo(
            key,
            q,
            lambda z: z,
            jnp.zeros((2, 1)),
            log_likelihood=gaussian_log_likelihood,
            prior=prior,
            divergence=SAMPLED,
            num_samples=2,
        )
        assert terms.parts.shape[1:] == (1,)
        return terms.parts.sum(), terms.parts[:, 0]

    keys = jax.random.split(key, repeats)
    both = jax.vmap(jax.value_and_grad(value, has_aux=True), in_axes=(None, 0))
    (_, values), gradients = jax.jit(both)(params, keys)
    return np.asarray(values), jax.tree.map(np.asarray, gradients)


Q = {"m": jnp.array([[0.7], [-0.2]]), "lv": jnp.array([[-0.9], [0.3]])}


def gaussian_of(params):
    return Gaussian(params["m"], params["lv"])


def test_a_sampled_kl_has_the_mean_and_the_gradient_of_the_closed_form(key):
    prior = StandardNormal(jnp.zeros(1))
    values, gradients = sampled_kl(key, gaussian_of, Q, prior, repeats=4000)
    exact = regularizers.closed_form_kl(gaussian_of(Q), prior)
    within(values, np.asarray(exact).sum(-1))
    wanted = jax.grad(
        lambda params: regularizers.closed_form_kl(gaussian_of(params), prior).sum()
    )(Q)
    assert_mean(gradients, wanted)


def test_the_kl_to_a_mixture_is_that_of_quadrature(key):
    prior = GaussianMixture(
        jnp.log(jnp.array([0.3, 0.7])),
        jnp.array([[-1.0], [0.8]]),
        jnp.array([[-0.5], [0.4]]),
    )
    assert regularizers.closed_form_kl(gaussian_of(Q), prior) is None
    values, _ = sampled_kl(key, gaussian_of, Q, prior, repeats=4000)
    z = np.linspace(-12, 12, 40_001)
    norm = scipy.stats.norm
    p = 0.3 * norm(-1.0, np.exp(-0.25)).pdf(z) + 0.7 * norm(0.8, np.exp(0.2)).pdf(z)
    exact = []
    for mean, log_variance in ((0.7, -0.9), (-0.2, 0.3)):
        q = norm(mean, np.exp(log_variance / 2))
        exact.append(np.trapezoid(q.pdf(z) * (q.logpdf(z) - np.log(p)), z))
    within(values, np.array(exact))


def test_a_prior_of_the_label_is_each_examples_own(key):
    network = pure_functions(
        init=lambda key, y: jnp.zeros(()),
        apply=lambda params, y: (y @ jnp.array([[1.0], [-2.0]]), 0.5 * y[:, :1]),
    )
    prior = priors.conditional_normal(1, network)
    assert prior.per_example
    y = jnp.eye(2)
    p = prior.parameters(prior.init(key, y, y), lambda images: None, y)
    exact = regularizers.closed_form_kl(gaussian_of(Q), p)
    # KL(N(m, v) || N(n, w)) = 1/2 ((m - n)^2 / w + v / w - 1 - log(v / w))
    m, v = np.array([0.7, -0.2]), np.exp([-0.9, 0.3])
    n, w = np.array([1.0, -2.0]), np.exp([0.5, 0.0])
    by_hand = 0.5 * ((m - n) ** 2 / w + v / w - 1 - np.log(v / w))
    np.testing.assert_allclose(exact[:, 0], by_hand, rtol=1e-5)
    values, _ = sampled_kl(key, gaussian_of, Q, p, repeats=4000)
    within(values, by_hand)


def test_a_prior_of_the_label_refuses_a_model_without_one(key):
    network = pure_functions(lambda key, y: y, lambda params, y: y)
    with pytest.raises(InputError, match="made of the label.*num_classes"):
        priors.conditional_normal(1, network).init(key, jnp.zeros((2, 3)), None)


def test_the_vamp_prior_is_the_mean_posterior_of_its_pseudo_inputs(key):
    prior = priors.vamp(2, 3)
    images = jnp.full((4, 5), 0.25)
    params = prior.init(key, images, None)
    assert params["pseudo_inputs"].shape == (3, 5)
    inputs = np.asarray(jax.nn.sigmoid(params["pseudo_inputs"]))
    # Around the mean of the batch, in logits.
    within(jax.scipy.special.logit(inputs).ravel(), np.log(0.25 / 0.75))

    def encode(images):
        return Gaussian(images[:, :2], images[:, 2:4] - 1.0)

    p = prior.parameters(params, encode, None)
    z = np.array([0.3, -0.2])
    scale = np.exp(0.5 * (inputs[:, 2:4] - 1.0))
    each = scipy.stats.norm(inputs[:, :2], scale).pdf(z).prod(axis=1)
    with jax.numpy_rank_promotion("allow"):
        density = p.distribution.log_prob(jnp.asarray(z, jnp.float32))
    np.testing.assert_allclose(density, np.log(each.mean()), rtol=1e-5)


def test_the_vamp_prior_refuses_labels(key):
    with pytest.raises(InputError, match="conditional_normal"):
        priors.vamp(2, 3).init(key, jnp.zeros((2, 5)), jnp.eye(2))


def test_what_an_encoder_returns_must_be_what_its_latents_need():
    pair = (jnp.zeros((2, 3)), jnp.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"Bernoulli.*\(batch, latents\).*\(2, 3\)"):
        posterior_of(Bernoulli, pair)
    with pytest.raises(ValueError, match=r"\(mean, log_variance\)"):
        posterior_of(Gaussian, jnp.zeros((2, 3)))
    with pytest.raises(ValueError, match="one shape"):
        posterior_of(Gaussian, (jnp.zeros((2, 3)), jnp.zeros((2, 1))))
    with pytest.raises(ValueError, match=r"\(batch, variables, classes\)"):
        posterior_of(Categorical, jnp.zeros((2, 3)))


def test_the_cauchy_schwarz_divergence_refuses_what_has_no_form():
    with pytest.raises(ValueError, match="Bernoulli latents from a StandardNormal"):
        regularizers.closed_form_cauchy_schwarz(
            Bernoulli(jnp.zeros((1, 2))), StandardNormal(jnp.zeros(2))
        )


X = np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0]], np.float32)


def discrete_params(key, shape):
    one, two, three = jax.random.split(key, 3)
    return {
        "q": jax.random.normal(one, (2, *shape)),
        "w": 1.5 * jax.random.normal(two, (int(np.prod(shape)), 4)),
        "b": jax.random.normal(three, (4,)),
    }


def decoder_with(params):
    def decode(z):
        logits = z.reshape(z.shape[0], -1) @ params["w"]
        return logits + jnp.broadcast_to(params["b"], logits.shape)

    return decode


def prior_of(family, shape):
    return family(jnp.zeros(shape))


def support(shape):
    if len(shape) == 1:
        return np.array(list(itertools.product([0.0, 1.0], repeat=shape[0])))
    rows = itertools.product(np.eye(shape[1]), repeat=shape[0])
    return np.array([np.stack(row) for row in rows])


def by_hand(params, shape):
    """log q(z), log w(z) for every example and every z, shape (2, states)."""
    z = jnp.asarray(support(shape))
    q = params["q"]
    if len(shape) == 1:
        log_q = z[None] * jax.nn.log_sigmoid(q)[:, None]
        log_q = (log_q + (1 - z[None]) * jax.nn.log_sigmoid(-q)[:, None]).sum(-1)
    else:
        log_q = (z[None] * jax.nn.log_softmax(q)[:, None]).sum((-1, -2))
    probs = jax.nn.sigmoid(z.reshape(len(z), -1) @ params["w"] + params["b"][None])
    x = jnp.asarray(X, probs.dtype)[:, None]
    fit = (x * jnp.log(probs)[None] + (1 - x) * jnp.log1p(-probs)[None]).sum(-1)
    return log_q, fit - jnp.log(len(z)) - log_q


def exact(params, shape, num_samples=1):
    """The bound's mean over all tuples of states, and its gradient, in float64."""

    def value(params):
        log_q, log_w = by_hand(params, shape)
        if num_samples == 1:
            return jnp.sum(jnp.exp(log_q) * log_w)
        pairs = jnp.logaddexp(log_w[:, :, None], log_w[:, None]) - jnp.log(2.0)
        return jnp.sum(jnp.exp(log_q[:, :, None] + log_q[:, None]) * pairs)

    with jax.enable_x64(True):
        wide = jax.tree.map(lambda x: jnp.asarray(np.asarray(x), jnp.float64), params)
        return jax.tree.map(np.asarray, jax.jit(jax.value_and_grad(value))(wide))


def elbo_of(params, key, family, shape, estimator, samples, divergence=KL):
    terms = elbo(
        key,
        family(params["q"]),
        decoder_with(params),
        jnp.asarray(X),
        log_likelihood=bernoulli_log_likelihood,
        prior=prior_of(family, shape),
        divergence=divergence,
        estimator=estimator,
        num_samples=samples,
    )
    return jnp.sum(terms.log_likelihood - terms.divergence)


@pytest.mark.parametrize(("family", "shape"), FAMILIES)
@pytest.mark.parametrize("divergence", [KL, SAMPLED])
def test_the_enumerated_bound_and_its_gradient_are_the_sums_by_hand(
    key, family, shape, divergence
):
    params = discrete_params(key, shape)

    def bound(params, key):
        return elbo_of(params, key, family, shape, Enumerate(), 1, divergence)

    found = jax.jit(jax.value_and_grad(bound))(params, jax.random.key(1))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5),
        found,
        exact(params, shape),
    )


@pytest.mark.parametrize(
    ("family", "shape", "estimator", "samples", "divergence"),
    [
        (*FAMILIES[0], ScoreFunction(), 1, SAMPLED),
        (*FAMILIES[0], ScoreFunction("leave_one_out"), 2, KL),
        (*FAMILIES[0], DisARM(), 1, KL),
        (*FAMILIES[0], Rebar(), 1, SAMPLED),
        (*FAMILIES[1], ScoreFunction("leave_one_out"), 2, SAMPLED),
        (*FAMILIES[1], DisARM(), 1, SAMPLED),
        (*FAMILIES[1], Rebar(), 1, KL),
    ],
)
def test_unbiased_estimators_have_the_gradient_of_the_enumerated_bound(
    key, family, shape, estimator, samples, divergence
):
    params = discrete_params(key, shape)

    def gradient(key):
        settings = (family, shape, estimator, samples, divergence)
        return jax.value_and_grad(elbo_of)(params, key, *settings)

    keys = jax.random.split(jax.random.key(2), 3000)
    values, gradients = jax.jit(jax.vmap(gradient))(keys)
    value, wanted = exact(params, shape)
    within(values, value)
    assert_mean(jax.tree.map(lambda d: np.asarray(d, np.float64), gradients), wanted)


@pytest.mark.parametrize(
    "estimator", [VIMCO(), ScoreFunction("leave_one_out")], ids=str
)
def test_the_bound_of_two_samples_is_the_sum_over_all_pairs(key, estimator):
    shape = (2,)
    params = discrete_params(key, shape)

    def bound(params, key):
        return importance_weighted_bound(
            key,
            Bernoulli(params["q"]),
            decoder_with(params),
            jnp.asarray(X),
            estimator=estimator,
            num_samples=2,
        ).sum()

    keys = jax.random.split(jax.random.key(3), 3000)
    draw = jax.vmap(jax.value_and_grad(bound), in_axes=(None, 0))
    values, gradients = jax.jit(draw)(params, keys)
    value, wanted = exact(params, shape, 2)
    within(values, value)
    assert_mean(jax.tree.map(lambda d: np.asarray(d, np.float64), gradients), wanted)


def test_a_moving_average_learns_what_the_whole_batch_would_teach_it(key):
    shape = (3,)
    params = discrete_params(key, shape)
    q, p = Bernoulli(params["q"]), prior_of(Bernoulli, shape)
    estimator = ScoreFunction("moving_average", decay=0.8)
    start = estimator_state(jax.random.key(4), estimator, q, p, divergence=SAMPLED)
    assert len(start) == 2

    @jax.jit
    def terms(key, state):
        return elbo(
            key,
            q,
            decoder_with(params),
            jnp.asarray(X),
            prior=p,
            divergence=SAMPLED,
            estimator=estimator,
            state=state,
        )

    first = terms(jax.random.key(5), start)
    second = terms(jax.random.key(6), first.state)
    for number, name in enumerate(("log_likelihood", "parts")):
        # Values, and so averages, come from one sample an example.
        means = [float(jnp.mean(getattr(one, name))) for one in (first, second)]
        total, weight = 0.2 * means[0], 0.2
        np.testing.assert_allclose(first.state[number].total, total, rtol=1e-5)
        np.testing.assert_allclose(first.state[number].weight, weight, rtol=1e-5)
        total, weight = 0.8 * total + 0.2 * means[1], 0.8 * weight + 0.2
        np.testing.assert_allclose(second.state[number].total, total, rtol=1e-5)
        np.testing.assert_allclose(second.state[number].weight, weight, rtol=1e-5)


def test_only_the_terms_that_are_sampled_have_a_state(key):
    q, p = Bernoulli(jnp.zeros((2, 3))), Bernoulli(jnp.zeros(3))
    moving = ScoreFunction("moving_average")
    assert len(estimator_state(key, moving, q, p, divergence=KL)) == 1
    assert estimator_state(jax.random.key(0), DisARM(), q, p, divergence=KL) == ()


def test_estimators_of_bounds_are_known():
    assert is_bound_estimator(DReG())
    assert is_bound_estimator(VIMCO())
    assert not is_bound_estimator(Pathwise())
