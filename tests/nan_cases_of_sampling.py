"""Calls of the functions of estimators and data, for the sweep of NaN."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dists

from jaxgen.data import tiles
from jaxgen.estimators import DReG, Moments, Pathwise, ScoreFunction
from tests.nan_cases import KEY, TABLE, case, compiled, floats, host


def normal(mean):
    return dists.Normal(mean, 1.0, validate_args=False)


def coin(logit):
    return dists.Bernoulli(logits=logit, validate_args=False)


def density(function, logit, value):
    return function(coin(logit), value)


def estimated(function, logit, weight):
    def both(logit):
        found = function(KEY, lambda b: weight * b, coin(logit), ScoreFunction(), 2)
        return jnp.sum(found), found

    slope, value = jax.grad(both, has_aux=True)(logit)
    return slope * value  # both hold it


def bound(function, mean, weight):
    def log_joint(z):
        return -weight * z**2

    return function(KEY, log_joint, normal(mean), DReG(), 2)


def sample(function, mean):
    return function(KEY, normal(mean), Pathwise())


def drawn(function, params):
    return function(KEY, jnp.square, normal, params, Pathwise(), 2)


def summed(function, params):
    return function(lambda b: b + 1.0, coin, params)


def streamed(function, operand):
    found = function(KEY, lambda key, x: x * jax.random.normal(key), 4, operand)
    return found.mean, found.variance


ESTIMATORS = {
    "differentiable_sample": case(floats(2), by=sample),
    "exact_grad": case(host(), by=summed),
    "expectation": case(floats(2), floats(2), by=estimated),
    "grad_samples": case(floats(2), by=drawn),
    "log_prob": case(floats(2), floats(2), by=density),
    "magic_box": case(floats(2)),
    "merge_moments": case(
        Moments(2, *host(4, 2)),
        Moments(3, *host(4, 2)),
        by=lambda f, *parts: sum(f(*parts)[1:]),
    ),
    "moments": case(floats(2), by=streamed),
    "multi_sample_bound": case(floats(2), floats(2), by=bound),
    "with_gradient_of": case(TABLE, TABLE),
}

IMAGES = floats(1, 4, 4, 3)
AUGMENT = {"binarize": case(KEY, IMAGES, by=compiled)}
COLOUR = {
    "join_lab": case(host(1, 1, 1, 1), host(1, 1, 1, 2)),
    "luma": case(host(1, 2, 2, 3)),
}


def augmented(make, images, *strength):
    return jax.jit(make(("color",)))(KEY, images, *strength)


DIFFERENTIABLE = {
    "ada": case(IMAGES, jnp.ones(()), by=augmented),
    "diff_augment": case(IMAGES, by=augmented),
    "jointly": case(
        IMAGES, by=lambda f, images: f(lambda key, x: x + 1, (1, 2))(KEY, images)
    ),
}

PLAN = tiles.tiling(4, 4, tile=4, overlap=2)
TILES = {
    "blend": case(host(1, 4, 4, 1), by=lambda f, batch: f([batch], PLAN)),
    "cut": case(host(4, 4, 1), by=lambda f, image: list(f(image, PLAN, batch_size=1))),
    "reflect": case(host(2, 2, 1), 4, 4),
}
