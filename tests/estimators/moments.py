"""Means and variances of estimated gradients, and what they are compared by."""

import jax
import numpy as np

from jaxgen.estimators.base import expectation
from jaxgen.estimators.exact import Enumerate


def gradient_draws(
    key, estimator, f, make, params, *, num_samples, repeats, state=None
):
    """Returns gradients (a pytree like `params`), each leaf (repeats, ...) in float64.

    `f(params, sample)` may depend on `params` itself; `make(params)` is the
    distribution.
    """

    def value(params, one):
        done = expectation(
            one, lambda x: f(params, x), make(params), estimator, num_samples, state
        )
        return (done if state is None else done[0]).sum()

    keys = jax.random.split(key, repeats)
    draws = jax.jit(jax.vmap(jax.grad(value), in_axes=(None, 0)))(params, keys)
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), draws)


def exact_gradient(f, make, params):
    def value(params):
        unused = jax.random.key(0)
        dist = make(params)
        return expectation(unused, lambda x: f(params, x), dist, Enumerate()).sum()

    return jax.jit(jax.grad(value))(params)


def standard_errors(draws, exact):
    """Returns how many standard errors the mean is away from `exact`."""
    error = draws.std(axis=0) / np.sqrt(len(draws))
    # Where nothing varies the mean must be right to rounding.
    rounding = 1e-6 * np.abs(draws).max(axis=0) + 1e-12
    return np.abs(draws.mean(axis=0) - np.asarray(exact)) / (error + rounding)


def assert_mean(draws, exact):
    jax.tree.map(lambda d, e: np.testing.assert_array_less(_far(d, e), 5), draws, exact)


def _far(draws, exact):
    assert draws.shape[1:] == np.shape(exact)
    return standard_errors(draws, exact)


def assert_variance(draws, exact):
    """Holds the variance to `exact` within 5 of its own standard errors."""
    centred = draws - draws.mean(axis=0)
    variance, fourth = (centred**2).mean(axis=0), (centred**4).mean(axis=0)
    error = np.sqrt(np.maximum(fourth - variance**2, 0) / len(draws))
    # 1 / repeats is the bias of the variance about the sample mean.
    allowed = 5 * error + (1e-5 + 5 / len(draws)) * np.asarray(exact) + 1e-12
    np.testing.assert_array_less(np.abs(variance - exact), allowed)
