"""Statistical tests of gradients, for anybody's pytest."""

import math
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen.checks import check_count, check_key, check_number
from jaxgen.errors import InputError
from jaxgen.estimators.base import Estimator, why_not
from jaxgen.estimators.problem import (
    DistFn,
    Gradient,
    as_arrays,
    bind,
    made,
    warmed_state,
)
from jaxgen.estimators.reference import like, true_gradient
from jaxgen.estimators.streaming import Moments, moments
from jaxgen.random import stream
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = [
    "BiasTest",
    "assert_unbiased",
    "bias_test",
    "check_mean",
    "check_unbiased",
    "normal_quantile",
]

# Rounding of float32, relative to the size of a draw: differences below are no bias.
_ROUNDING = 2e-6
# A variance that rests on fewer draws than this is not to be relied on.
_RELIABLE = 50


class BiasTest(NamedTuple):
    """A z-test of every entry of a mean against the truth.

    Attributes:
        bias: Mean minus truth, a pytree like the truth.
        half_width: Half the width of the simultaneous confidence interval.
        z: The bias in standard errors.
        p_value: Of the most extreme entry, corrected for the number of entries.
    """

    bias: PyTree
    half_width: PyTree
    z: PyTree
    p_value: float

    def __repr__(self) -> str:
        """Returns one line; the pytrees are left out."""
        z = np.concatenate([np.abs(np.ravel(leaf)) for leaf in jax.tree.leaves(self.z)])
        return (
            f"BiasTest(p = {self.p_value:.2g}: the largest of {z.size} biases is "
            f"{np.max(z):.2g} standard errors)"
        )


def bias_test(
    found: Moments,
    truth: PyTree,
    *,
    level: float = 0.99,
    tests: int = 1,
    truth_error: PyTree = None,
) -> BiasTest:
    """Tests whether the mean of draws is `truth`, with Bonferroni's correction.

    Args:
        found: The moments of the draws.
        truth: A pytree like one draw.
        level: Level of all the intervals together.
        tests: How many such tests are made at once.
        truth_error: The standard error of the truth, if it is an estimate itself.
    """
    if truth_error is None:
        truth_error = jax.tree.map(np.zeros_like, truth)

    def error(own: Any, other: Any, mean: Any, second: Any, fourth: Any) -> Any:
        rounding = _ROUNDING * np.sqrt(second + mean**2)
        # How many draws the variance is made of: few, where rare ones dominate. The
        # normal distribution is then no guide, and the error is taken for larger.
        behind = found.count * second**2 / np.where(fourth > 0, fourth, np.inf)
        behind = np.where(second > 0, np.maximum(behind, 1e-3), _RELIABLE)
        own = own * np.sqrt(np.maximum(_RELIABLE / behind, 1.0))
        return np.sqrt(own**2 + other**2 + rounding**2) + np.finfo(np.float32).tiny

    errors = jax.tree.map(
        error,
        found.standard_error,
        truth_error,
        found.mean,
        found.second,
        found.fourth,
    )
    bias = jax.tree.map(lambda a, b: np.asarray(a) - np.asarray(b), found.mean, truth)
    z = jax.tree.map(np.divide, bias, errors)
    entries = sum(np.size(leaf) for leaf in jax.tree.leaves(z)) * tests
    reach = normal_quantile(1 - (1 - level) / (2 * entries))
    deviations = [np.abs(np.ravel(leaf)) for leaf in jax.tree.leaves(z)]
    # What is not finite is no mean at all: it counts as infinitely far.
    worst = float(np.max(np.nan_to_num(np.concatenate(deviations), nan=np.inf)))
    return BiasTest(
        bias,
        jax.tree.map(lambda e: reach * e, errors),
        z,
        min(1.0, math.erfc(worst / math.sqrt(2)) * entries),
    )


def normal_quantile(probability: float) -> float:
    """Returns the quantile of the standard normal distribution."""
    return statistics.NormalDist().inv_cdf(probability)


def check_unbiased(
    key: PRNGKeyArray,
    f: Callable[..., Array],
    dist_fn: DistFn,
    params: PyTree,
    estimator: Estimator,
    *,
    num_samples: int = 1,
    repeats: int = 100_000,
    reference: PyTree = "exact",
    alpha: float = 1e-6,
    state: PyTree = None,
) -> BiasTest:
    """Asserts that an estimator's gradient has the right mean.

    An estimator without bias fails with probability `alpha`, whatever the number of
    parameters, as long as `repeats` shows the rarest event that its mean rests on a few
    times. At a fixed key the outcome is always the same.

    Args:
        key: A typed key; it is consumed.
        f: `f(sample)`, or `f(sample, params)`.
        dist_fn: From the parameters to a `numpyro.distributions` object.
        params: Any pytree of floating arrays.
        estimator: The estimator, of this package or your own.
        num_samples: Samples of one gradient.
        repeats: Gradients drawn.
        reference: The true gradient, a pytree like `params`; "exact" calculates it
            (see `exact_grad`), an estimator draws it with 20 times the repeats.
        alpha: The chance of a false alarm.
        state: The state of a stateful estimator; by default one warmed up.

    Returns:
        The test, for a closer look.

    Raises:
        AssertionError: The mean differs from the truth; the message says where.
        InputError: The estimator cannot do this; the sentence says why.

    Examples:
        >>> import jax.numpy as jnp, numpyro.distributions as dists
        >>> from jaxgen.estimators import ScoreFunction
        >>> key, coin = jax.random.key(0), lambda x: dists.Bernoulli(logits=x)
        >>> result = check_unbiased(key, jnp.square, coin, 0.3, ScoreFunction())
        >>> result.p_value > 1e-6
        True
    """
    check_key(key)
    check_count("num_samples", num_samples, 1)
    check_count("repeats", repeats, 2)
    check_number("alpha", alpha, above=0, below=1)
    params = as_arrays(params)
    # Here f and the distribution are concrete: their values can be looked at.
    reason = why_not(estimator, bind(f, params), made(dist_fn, params), num_samples)
    if reason is not None:
        raise InputError(reason)
    truth, error, _ = true_gradient(
        stream(key, "reference"), f, dist_fn, params, reference, 20 * repeats
    )
    gradient = Gradient(f, dist_fn, estimator, num_samples)
    if state is None:
        state = warmed_state(stream(key, "warm-up"), gradient, params)
    found = moments(stream(key, "draws"), gradient, repeats, params, state)
    return assert_unbiased(
        found, truth, alpha=alpha, name=str(estimator), truth_error=error
    )


def check_mean(
    key: PRNGKeyArray,
    sample: Callable[..., PyTree],
    truth: PyTree,
    *operands: Any,
    repeats: int = 100_000,
    alpha: float = 1e-6,
) -> BiasTest:
    """Asserts that `sample(key, *operands)`, any gradient of yours, has the mean truth.

    Args:
        key: A typed key; it is consumed.
        sample: One draw, a pytree of floating arrays, as a function of a key.
        truth: The mean it should have, a pytree of the same shapes.
        *operands: What else the draw is a function of.
        repeats: Draws.
        alpha: The chance of a false alarm.

    Raises:
        AssertionError: The mean differs from the truth; the message says where.
    """
    check_key(key)
    check_count("repeats", repeats, 2)
    check_number("alpha", alpha, above=0, below=1)
    found = moments(key, sample, repeats, *operands)
    truth = like(truth, found.mean, "truth")
    name = getattr(sample, "__name__", "the sample")
    return assert_unbiased(found, truth, alpha=alpha, name=name)


def assert_unbiased(
    found: Moments,
    truth: PyTree,
    *,
    alpha: float,
    name: str,
    truth_error: PyTree = None,
) -> BiasTest:
    """Asserts that the mean of draws is `truth`; see `check_unbiased`."""
    test = bias_test(found, truth, level=1 - alpha, truth_error=truth_error)
    if test.p_value > alpha:
        return test
    worst, leaf, place = max(
        (float(np.max(z)), jax.tree_util.keystr(path), int(np.argmax(z)))
        for path, z in (
            (path, np.nan_to_num(np.abs(z), nan=np.inf))
            for path, z in jax.tree_util.tree_leaves_with_path(test.z)
        )
    )
    mean, right = (
        np.ravel(leaves)[place]
        for tree in (found.mean, truth)
        for path, leaves in jax.tree_util.tree_leaves_with_path(tree)
        if jax.tree_util.keystr(path) == leaf
    )
    if not np.isfinite(worst):
        away = "which is not finite"
    elif worst > 1e6:
        away = "and all draws are equal: it has no variance, and a wrong value"
    else:
        away = f"{worst:.1f} standard errors away"
    raise AssertionError(
        f"{name} is biased: over {found.count:,} draws, entry {place} of "
        f"params{leaf} has the mean {mean:.6g} and should have {right:.6g}, "
        f"{away} (p = {test.p_value:.1g}, alpha = {alpha:g})."
    )
