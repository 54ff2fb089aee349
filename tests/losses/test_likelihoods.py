import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgen.errors import InputError
from jaxgen.losses import vae

EXTREMES = [-1e4, -104.0, -1e-4, 0.0, 1e-4, 104.0, 1e4]

ALL = {
    "bernoulli": vae.bernoulli(),
    "continuous_bernoulli": vae.continuous_bernoulli(),
    "gaussian": vae.gaussian(variance=0.3),
    "learned_gaussian": vae.learned_gaussian(),
    "laplace": vae.laplace(scale=0.3),
    "categorical": vae.categorical(num_values=5),
    "discretized_logistic": vae.discretized_logistic(num_values=5),
}


@pytest.mark.parametrize("name", ALL)
def test_every_likelihood_keeps_the_contract_on_images_of_several_channels(key, name):
    likelihood = ALL[name]
    images = jnp.linspace(0, 1, 2 * 3 * 2 * 2).reshape(2, 3, 2, 2).round(2)
    shape = (2, 3, 2, 2 * likelihood.outputs_per_channel)
    outputs = jax.random.normal(key, shape)
    value = likelihood.log_likelihood(outputs, images)
    assert value.shape == (2,)
    assert likelihood.mean(outputs).shape == images.shape
    alone = likelihood.log_likelihood(outputs[:1], images[:1])
    np.testing.assert_allclose(value[0], alone[0], rtol=1e-5)
    if likelihood.floor is not None:
        assert (-value >= likelihood.floor(images)).all()
    with pytest.raises(ValueError, match="shape"):
        likelihood.log_likelihood(jnp.zeros((2, 3, 2, shape[-1] + 1)), images)


@pytest.mark.parametrize("name", ALL)
def test_values_and_gradients_are_finite_at_extremes(name):
    likelihood = ALL[name]
    # Every pair of extremes, of a mean and a scale where there are two.
    first, second, x = np.meshgrid(EXTREMES, EXTREMES, [0.0, 0.5, 1.0])
    outputs = np.zeros((x.size, likelihood.outputs_per_channel), np.float32)
    outputs[:, -1] = second.ravel()
    outputs[:, 0] = first.ravel()
    images = jnp.asarray(x.reshape(-1, 1), jnp.float32)
    value, pullback = jax.vjp(
        lambda o: likelihood.log_likelihood(o, images), jnp.asarray(outputs)
    )
    (slope,) = pullback(jnp.ones_like(value))
    assert np.isfinite(slope).all()
    assert np.isfinite(value).all()


def test_the_floor_of_the_cross_entropy_is_met_by_the_best_logits():
    images = jnp.array([[0.2, 0.7], [0.5, 0.5]])
    best = jnp.log(images) - jnp.log1p(-images)
    floor = vae.bernoulli().floor
    np.testing.assert_allclose(
        floor(images), -vae.bernoulli_log_likelihood(best, images), rtol=1e-6
    )
    assert (floor(jnp.array([[0.0, 1.0]])) == 0).all()


@pytest.mark.parametrize("logit", [-30.0, -2.0, -1e-3, 0.0, 1e-3, 2.0, 30.0])
def test_continuous_bernoulli_density_and_mean_agree_with_quadrature(logit):
    with jax.enable_x64(True):
        x = np.linspace(0, 1, 20_001)
        logits, grid = jnp.full((len(x), 1), logit), jnp.asarray(x)[:, None]
        density = np.exp(vae.continuous_bernoulli_log_likelihood(logits, grid))
        mean = vae.continuous_bernoulli_mean(logits[:1])
    np.testing.assert_allclose(np.trapezoid(density, x), 1.0, rtol=1e-6)
    np.testing.assert_allclose(mean, np.trapezoid(density * x, x), rtol=1e-5)


def test_continuous_bernoulli_is_the_cross_entropy_plus_its_constant(key):
    logits = 3 * jax.random.normal(key, (4, 3))
    images = jax.random.uniform(jax.random.fold_in(key, 1), (4, 3))
    constant = jnp.log(logits / jnp.tanh(logits / 2)).sum(-1)
    np.testing.assert_allclose(
        vae.continuous_bernoulli_log_likelihood(logits, images),
        vae.bernoulli_log_likelihood(logits, images) + constant,
        rtol=1e-5,
    )


def test_gaussian_and_laplace_densities_agree_with_scipy(key):
    mean, log_scale, x = jax.random.normal(key, (3, 4, 5))
    floored = -1.0 + np.log1p(np.exp(log_scale + 1.0))
    np.testing.assert_allclose(
        vae.learned_gaussian_log_likelihood(mean, log_scale, x, min_log_scale=-1.0),
        stats.norm(mean, np.exp(floored)).logpdf(x).sum(-1),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        vae.laplace_log_likelihood(mean, x, scale=0.7),
        stats.laplace(mean, 0.7).logpdf(x).sum(-1),
        rtol=1e-5,
    )
    variances = jnp.exp(log_scale[:1])
    np.testing.assert_allclose(
        vae.gaussian_log_likelihood(mean, x, variance=variances),
        stats.norm(mean, np.sqrt(variances)).logpdf(x).sum(-1),
        rtol=1e-5,
    )


def test_decoders_give_mean_and_scale_side_by_side():
    outputs = jnp.array([[1.0, 10.0, 2.0, 20.0]])
    np.testing.assert_array_equal(vae.learned_gaussian().mean(outputs), [[1.0, 2.0]])


def test_the_optimal_variance_is_the_best_one_and_its_gradient_the_profile_s(key):
    mean, x = jax.random.normal(key, (2, 4, 5))

    def profile(mean):
        return -2.5 * (jnp.log(2 * jnp.pi * jnp.mean((x - mean) ** 2)) + 1)

    def optimal(mean):
        return vae.optimal_gaussian_log_likelihood(mean, x).mean()

    value, slope = jax.value_and_grad(optimal)(mean)
    expected, expected_slope = jax.value_and_grad(profile)(mean)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(slope, expected_slope, rtol=1e-4)
    mse = float(jnp.mean((x - mean) ** 2))
    for other in (0.9 * mse, 1.1 * mse):
        assert vae.gaussian_log_likelihood(mean, x, variance=other).mean() < value
    perfect = vae.optimal_gaussian_log_likelihood(x, x)
    np.testing.assert_allclose(perfect, 5 * (6 - 0.5 * np.log(2 * np.pi)), rtol=1e-5)


def test_the_optimal_variance_is_that_of_all_devices(key):
    mean, x = jax.random.normal(key, (2, 4, 5))
    likelihood = functools.partial(
        vae.optimal_gaussian_log_likelihood, axis_name="data"
    )
    sharded = jax.vmap(likelihood, axis_name="data")(
        mean.reshape(2, 2, 5), x.reshape(2, 2, 5)
    )
    whole = vae.optimal_gaussian_log_likelihood(mean, x)
    np.testing.assert_allclose(sharded.reshape(-1), whole, rtol=1e-5)


@pytest.mark.parametrize(
    ("mean", "log_scale"),
    [(0.5, -3.0), (0.1, 0.0), (-2.0, 3.0), (0.3, -9.0), (0.7, 60.0)],
)
def test_discretized_logistic_probabilities_sum_to_one_over_all_values(mean, log_scale):
    grid = jnp.linspace(0, 1, 256)[:, None]
    m, s = jnp.full_like(grid, mean), jnp.full_like(grid, log_scale)
    log_p = vae.discretized_logistic_log_likelihood(m, s, grid)
    np.testing.assert_allclose(jnp.exp(log_p).sum(), 1.0, rtol=1e-4)


def test_discretized_logistic_is_the_difference_of_the_distribution_function():
    # In float64 and where the plain difference keeps its digits.
    with jax.enable_x64(True):
        x = jnp.linspace(0, 1, 9)[:, None]
        log_p = vae.discretized_logistic_log_likelihood(
            jnp.full_like(x, 0.4), jnp.full_like(x, -2.0), x, num_values=9
        )
    scale = np.exp(-7 + np.log1p(np.exp(5.0)))
    edges = np.linspace(0, 1, 9) + 1 / 16
    below = np.append(stats.logistic(0.4, scale).cdf(edges[:-1]), 1.0)
    np.testing.assert_allclose(np.exp(log_p), np.diff(below, prepend=0.0), rtol=1e-9)


def test_categorical_reads_the_value_of_each_channel_and_gives_the_expected_one(key):
    logits = jax.random.normal(key, (2, 3, 4))
    probabilities = jax.nn.softmax(logits)
    images = jnp.array([[0.0, 1.0, 2.0], [3.0, 3.0, 0.0]]) / 3
    chosen = [
        [probabilities[i, j, round(3 * float(images[i, j]))] for j in range(3)]
        for i in range(2)
    ]
    likelihood = vae.categorical(num_values=4)
    outputs = logits.reshape(2, 12)
    np.testing.assert_allclose(
        likelihood.log_likelihood(outputs, images),
        np.log(np.array(chosen)).sum(-1),
        rtol=1e-5,
    )
    expected = (np.asarray(probabilities) * (np.arange(4) / 3)).sum(-1)
    np.testing.assert_allclose(likelihood.mean(outputs), expected, rtol=1e-5)


def test_a_uniform_byte_costs_eight_bits():
    nats = -vae.categorical_log_likelihood(jnp.zeros((1, 7, 256)), jnp.ones((1, 7)))
    np.testing.assert_allclose(vae.bits_per_dimension(nats, 7), 8.0, rtol=1e-6)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, jnp.ones(3)])
@pytest.mark.parametrize(
    "make", [lambda v: vae.gaussian(variance=v), lambda v: vae.laplace(scale=v)]
)
def test_a_scale_that_is_not_one_positive_number_is_refused(make, bad):
    with pytest.raises(
        ValueError, match="give a (finite )?number above 0|must be one number"
    ):
        make(bad)


FIXED = {
    "variance": vae.gaussian_log_likelihood,
    "scale": vae.laplace_log_likelihood,
}


@pytest.mark.parametrize("name", FIXED)
def test_a_scale_for_each_pixel_is_that_of_its_pixel_or_is_refused(name):
    x = jnp.zeros((2, 3, 1))
    scales = jnp.array([[0.5], [1.0], [2.0]])
    found = FIXED[name](x, x, **{name: scales})
    parts = [FIXED[name](x[:, :1], x[:, :1], **{name: s[0]}) for s in scales]
    np.testing.assert_allclose(found, sum(parts), rtol=1e-6)
    for bad in (-1.0, -scales, scales.at[1].set(jnp.nan)):
        with pytest.raises(InputError, match=f"{name}.*give (a number|numbers) above"):
            jax.eval_shape(lambda bad=bad: FIXED[name](x, x, **{name: bad}))
    with pytest.raises(InputError, match=f"{name} has shape .* does not broadcast"):
        FIXED[name](x, x, **{name: jnp.ones(4)})
