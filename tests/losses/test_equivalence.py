import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import divergences
from jaxgen.losses import vae

PIXELS, LATENTS = 6, 3

ERRORS = {
    "squared_error": lambda m, x: (m - x) ** 2,
    "half_squared_error": lambda m, x: 0.5 * (m - x) ** 2,
    "absolute_error": lambda m, x: abs(m - x),
    "cross_entropy": lambda m, x: -x * jnp.log(m) - (1 - x) * jnp.log(1 - m),
}


def log_likelihood(found, mean, x):
    if found.likelihood == "gaussian":
        return vae.gaussian_log_likelihood(mean, x, variance=found.variance)
    if found.likelihood == "laplace":
        return vae.laplace_log_likelihood(mean, x, scale=found.scale)
    return vae.bernoulli_log_likelihood(jnp.log(mean / (1 - mean)), x)


@pytest.mark.parametrize("kl_reduction", ["sum", "mean"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("loss", ERRORS)
def test_the_loss_has_the_gradient_of_the_negative_elbo_found(
    key, loss, reduction, kl_reduction
):
    weight = 0.3
    found = vae.equivalence(
        loss,
        reduction=reduction,
        weight=weight,
        num_pixels=PIXELS,
        kl_reduction=kl_reduction,
        num_latents=LATENTS,
    )
    draws = jax.random.uniform(key, (2, 1, PIXELS), minval=0.1, maxval=0.9)
    x, mean = draws
    latents = jnp.array([[0.3, -1.0, 0.7]])

    def of_user(mean, latents):
        error = getattr(ERRORS[loss](mean, x), reduction)()
        kl = divergences.gaussian_kl_per_dimension(latents, 0.5 * latents)
        return error + weight * getattr(kl, kl_reduction)()

    def of_elbo(mean, latents):
        kl = divergences.gaussian_kl_per_dimension(latents, 0.5 * latents)
        beta = found.beta if found.likelihood == "bernoulli" else 1.0
        terms = vae.ElboTerms(log_likelihood(found, mean, x), kl)
        return found.factor * vae.negative_elbo(terms, beta=beta).sum()

    def of_unit_scale(mean, latents):
        unit = found._replace(variance=1.0, scale=1.0)
        kl = divergences.gaussian_kl(latents, 0.5 * latents)
        return (found.beta * kl - log_likelihood(unit, mean, x)).sum()

    user, elbo, unit = (
        jnp.concatenate(jax.grad(f, argnums=(0, 1))(mean, latents), axis=1)
        for f in (of_user, of_elbo, of_unit_scale)
    )
    np.testing.assert_allclose(user, elbo, rtol=1e-4)
    ratio = np.asarray(user / unit)
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "variance"),
    [
        (dict(loss="half_squared_error"), 1.0),
        (dict(loss="squared_error"), 0.5),
        (dict(loss="mse", reduction="mean", num_pixels=784, weight=0.1), 39.2),
        (dict(loss="half_squared_error", weight=4.0), 4.0),
        (dict(loss="mse", reduction="mean", num_pixels=12288, weight=2.5e-4), 1.536),
        (dict(loss="l1", weight=3.0), 18.0),
        (dict(loss="bce", weight=3.0), None),
    ],
)
def test_variances_are_those_known(arguments, variance):
    found = vae.equivalence(**arguments).variance
    assert found == (variance if variance is None else pytest.approx(variance))


def test_the_sentences_say_what_is_a_bound_and_what_is_a_likelihood():
    assert "variance 1.536 and beta = 1" in str(
        vae.equivalence("mse", reduction="mean", num_pixels=12288, weight=2.5e-4)
    )
    assert "no bound" in str(vae.equivalence("bce", weight=0.5))
    assert "looser" in str(vae.equivalence("bce", weight=4.0))
    plain = str(vae.equivalence("bce"))
    assert "beta = 1, a bound" in plain
    assert "only for pixels in {0, 1}" in plain
    assert "below their entropy" in plain
    assert "Laplace likelihood with scale 2 (variance 8)" in str(
        vae.equivalence("l1", weight=2.0)
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (dict(loss="huber"), "'huber' is unknown"),
        (dict(loss="mse", reduction="mean"), "needs num_pixels"),
        (dict(loss="mse", kl_reduction="mean"), "needs num_latents"),
        (dict(loss="mse", reduction="none"), 'must be "sum" or "mean"'),
        (dict(loss="mse", weight=0.0), "weight=0: give a number above 0"),
    ],
)
def test_what_is_missing_or_wrong_is_told(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        vae.equivalence(**arguments)
