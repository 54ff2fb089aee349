"""A uniform view of numpyro distributions: coordinates, parameters, log-densities.

A distribution is seen as coordinates: the distribution inside `Independent` and
`ExpandedDistribution`, whose batch shape is the batch shape of the whole followed by
the axes that `to_event` took in. Its parameters are given at full shape, one entry per
coordinate, so that a gradient can be told apart by batch element and by coordinate.
"""

import copy
import math
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpyro.distributions as dists
from jax.scipy.special import gammaln
from numpyro.distributions.util import lazy_property

from jaxgen.checks import check_key
from jaxgen.errors import InputError
from jaxgen.estimators import threefry
from jaxgen.jax_internals import is_traced
from jaxgen.numerics import softplus
from jaxgen.typing import Array, PRNGKeyArray

__all__ = [
    "DISCRETE",
    "Distribution",
    "broadcasting",
    "by_probs",
    "cast_floats",
    "coordinates",
    "draw",
    "event_size",
    "family",
    "float_type",
    "innermost",
    "is_discrete",
    "log_of_prob",
    "log_prob",
    "logits",
    "movable",
    "parameters",
    "prob",
    "rebuild",
    "stop_gradient",
    "sum_event",
]

Distribution = dists.Distribution
DISCRETE = ("Bernoulli", "Categorical", "OneHotCategorical")


def family(dist: Distribution) -> str:
    """Returns the family's name: "Normal", "Bernoulli", "Categorical", ...

    The two forms by probs and by logits are one family, and a multinomial of one draw
    is a one-hot categorical. `Independent` and expansion are looked through.
    """
    base = innermost(dist)
    if not isinstance(base, Distribution):
        given = getattr(base, "__name__", None) or type(base).__name__
        raise InputError(
            f"{given} is no distribution: give an object of numpyro.distributions, or "
            "(to compare, grad_samples, exact_grad ...) a function that makes one of "
            "the parameters."
        )
    name = type(base).__name__.removesuffix("Logits").removesuffix("Probs")
    if name == "Multinomial" and getattr(base, "total_count", None) == 1:
        return "OneHotCategorical"
    return name


def coordinates(dist: Distribution) -> Any:
    """Returns the distribution of the coordinates, batch shape batch + event axes."""
    while isinstance(dist, dists.Independent | dists.ExpandedDistribution):
        if isinstance(dist, dists.ExpandedDistribution):
            if not _lists_parameters(innermost(dist)):
                return dist
            dist = _broadcast(dist.base_dist, dist.batch_shape)
        else:
            dist = dist.base_dist
    return dist


def parameters(dist: Distribution) -> dict[str, Array]:
    """Returns the parameters of the coordinates by name, each at full shape.

    A scalar parameter has one entry per coordinate; a vector one (logits) has an axis
    more. Counts, as of trials, are not listed. Logits are finite, as those of `logits`.

    Raises:
        InputError: The family's parameters cannot be listed: it is a mixture or a
            transformed distribution.
    """
    base = coordinates(dist)
    if not _lists_parameters(base):
        raise InputError(f"{family(dist)} does not list its parameters.")
    found = {}
    for name, value in _floats(base).items():
        value = _finite(value) if name == "logits" else value
        shape, vector = jnp.shape(value), type(base).arg_constraints[name].event_dim
        inner = shape[len(shape) - vector :]
        found[name] = jnp.broadcast_to(value, base.batch_shape + inner)
    return found


def movable(dist: Distribution) -> frozenset[str]:
    """Returns the parameters that something may be differentiated in, by name.

    Those that are traced; a plain number is nobody's parameter. All, where nothing is
    traced.
    """
    given = _floats(innermost(dist))
    traced = {name for name, value in given.items() if is_traced(value)}
    return frozenset(traced or given)


def rebuild(dist: Distribution, changed: dict[str, Array]) -> Distribution:
    """Returns `dist` with other parameters, as `parameters` gives them."""
    base = coordinates(dist)
    new = cast(Any, type(base))(**(_given(base) | changed))
    return new.to_event(len(dist.event_shape) - len(new.event_shape))


def float_type(dist: Distribution) -> Any:
    """Returns the floating dtype of the distribution's parameters."""
    kinds = [jnp.result_type(leaf) for leaf in jax.tree.leaves(dist)]
    kinds = [kind for kind in kinds if jnp.issubdtype(kind, jnp.floating)]
    return jnp.result_type(*kinds) if kinds else jnp.result_type(float)


def draw(key: PRNGKeyArray, dist: Distribution, num_samples: int) -> Array:
    """Returns samples, shape (num_samples,) + batch + event; the key is consumed.

    They carry the derivative of the reparameterization where there is one. Binary,
    one-hot and count samples are floats, so that every estimator hands `f` the same
    kind of number; category indices stay integers.
    """
    check_key(key)
    if family(dist) in threefry.BY_BITS:
        key = threefry.unrolled(key)
    with broadcasting():
        samples = jnp.asarray(dist.sample(key, (num_samples,)))
    if family(dist) == "Categorical":
        return samples
    return samples.astype(float_type(dist))


def log_prob(dist: Distribution, value: Array) -> Array:
    """Calculates log p(value) with the right derivative, for use inside `f` too.

    numpyro 0.22 has two traps. The derivative of `Bernoulli(logits=x).log_prob(b)` at a
    logit of exactly 0 is b in place of b - 1/2, and that of a binomial is wrong there
    too. With its validation, which is the default, the log-density of a value between
    those of a discrete distribution is -inf with the gradient 0. `Rebar`, `MuProp`
    and `GumbelSoftmax` evaluate f at such values.

    Here a Bernoulli or binomial has b x - n softplus(x) plus the logarithm of the
    binomial coefficient, a one-hot category the sum of value log p, and a count its
    formula, without a check of the value. An impossible category (logit -inf) has the
    log-density 0 times a large number, which is 0, where the value is 0, and a large
    negative number in place of -inf where it is 1. Probabilities of categories are
    those of the normalised logits, so that all estimators have the same derivative in
    `probs`, which need not sum to 1.

    Mixtures, masked and zero-inflated distributions call numpyro's own densities of the
    distribution inside them and keep both traps.

    Args:
        dist: A `numpyro.distributions` object, or `OneHotCategorical`.
        value: Shape sample axes + batch + event. Of a discrete distribution other than
            `Categorical` also a value between those of the support, such as a relaxed
            sample or the mean.

    Returns:
        The log-density in nats, shape sample axes + batch.

    References:
        docs/numpyro-report.md in the source has both traps as short programs.

    Examples:
        >>> coin = dists.Bernoulli(logits=0.0)
        >>> float(log_prob(coin, jnp.array(0.5)))
        -0.6931471824645996
    """
    name, base, value = family(dist), coordinates(dist), jnp.asarray(value)
    if name == "OneHotCategorical":
        return sum_event(jnp.sum(value * _over(value, dist), axis=-1), dist)
    if name == "Categorical":
        log_probs = jnp.broadcast_to(
            _over(value[..., None], dist), (*value.shape, logits(dist).shape[-1])
        )
        picked = jnp.take_along_axis(log_probs, value[..., None], axis=-1)
        return sum_event(picked[..., 0], dist)
    if name == "Normal":  # numpyro's, without the mask of what is not finite
        loc, scale = (
            at.reshape((1,) * (value.ndim - at.ndim) + at.shape)
            for at in (parameters(dist)[one] for one in ("loc", "scale"))
        )
        halves = 0.5 * ((value - loc) / scale) ** 2
        return sum_event(-halves - jnp.log(scale) - 0.5 * math.log(2 * math.pi), dist)
    if name not in ("Bernoulli", "Binomial"):
        with broadcasting():
            if is_discrete(dist):  # numpyro's -inf between the counts
                dist = _unvalidated(dist)
            return jnp.asarray(dist.log_prob(value))
    x = logits(dist)
    x = x.reshape((1,) * (value.ndim - x.ndim) + x.shape)
    if name == "Bernoulli":
        return sum_event(value * x - softplus(x), dist)
    n = jnp.broadcast_to(base.total_count, x.shape).astype(x.dtype)
    return sum_event(value * x - n * softplus(x) + _log_choices(n, value), dist)


def prob(dist: Distribution, value: Array) -> Array:
    """Calculates p(value) of a distribution `by_probs`, shape sample axes + batch.

    It avoids the logarithm, so its derivative is right at a probability of exactly 0
    or 1 too.
    """
    base = coordinates(dist)
    probs = jnp.asarray(base.probs)
    if family(dist) == "Bernoulli":
        probs = probs.reshape((1,) * (value.ndim - probs.ndim) + probs.shape)
        each = value * probs + (1 - value) * (1 - probs)
    elif family(dist) == "Binomial":
        probs = probs.reshape((1,) * (value.ndim - probs.ndim) + probs.shape)
        n = jnp.broadcast_to(base.total_count, probs.shape).astype(probs.dtype)
        each = jnp.exp(_log_choices(n, value))
        each = each * _power(probs, value) * _power(1 - probs, n - value)
    else:
        probs = probs / jnp.sum(probs, axis=-1, keepdims=True)
        if family(dist) == "Categorical":
            value = jax.nn.one_hot(value, probs.shape[-1], dtype=probs.dtype)
        probs = probs.reshape((1,) * (value.ndim - probs.ndim) + probs.shape)
        each = jnp.sum(value * probs, axis=-1)
    inner = len(base.batch_shape) - len(dist.batch_shape)
    return jnp.prod(each, axis=tuple(range(each.ndim - inner, each.ndim)))


def by_probs(dist: Distribution) -> bool:
    """Tells whether it has a finite support and the parameter `probs`."""
    finite = (*DISCRETE, "Binomial")
    return family(dist) in finite and "probs" in _given(coordinates(dist))


def is_discrete(dist: Distribution) -> bool:
    """Tells whether the distribution is over a discrete set."""
    return bool(getattr(dist.support, "is_discrete", False))


def broadcasting() -> Any:
    """A context in which numpyro may add leading axes, as it does inside."""
    return jax.numpy_rank_promotion("allow")


def logits(dist: Distribution) -> Array:
    """Returns the logits of a Bernoulli, a binomial or (with K) a categorical.

    An infinite logit becomes a finite one that is large enough for the same
    probabilities: 0 times it is 0, and its gradient is 0.
    """
    base = coordinates(dist)
    if "logits" in base.__dict__:
        return _finite(base.logits)
    if family(dist) in ("Bernoulli", "Binomial"):
        probs = jnp.asarray(base.probs)
        # A probability that has rounded to 1 would have the logit inf.
        probs = jnp.minimum(probs, 1 - jnp.finfo(probs.dtype).eps)
        return log_of_prob(probs) - jnp.log1p(-probs)
    return log_of_prob(jnp.asarray(base.probs))


def sum_event(values: Array, dist: Distribution) -> Array:
    """Sums the axes that come after the batch axes of `dist`.

    `values` has any number of sample axes, and the coordinates of `dist` behind them.
    """
    inner = len(coordinates(dist).batch_shape) - len(dist.batch_shape)
    return jnp.sum(values, axis=tuple(range(values.ndim - inner, values.ndim)))


def event_size(dist: Distribution) -> int:
    """Returns the number of coordinates of one batch element."""
    base = coordinates(dist)
    return math.prod(base.batch_shape[len(dist.batch_shape) :])


def cast_floats(dist: Distribution, kind: Any) -> Distribution:
    """Returns the distribution with its floats widened to `kind` at least."""

    def cast_one(leaf: Any) -> Any:
        own = jnp.result_type(leaf)
        if not jnp.issubdtype(own, jnp.floating) or jnp.promote_types(own, kind) == own:
            return leaf
        return jnp.asarray(leaf, kind)

    return jax.tree.map(cast_one, dist)


def stop_gradient(dist: Distribution) -> Distribution:
    """Returns the distribution with the gradient of its parameters stopped."""
    return jax.tree.map(jax.lax.stop_gradient, dist)


def innermost(dist: Distribution) -> Any:
    """Returns the distribution inside `Independent` and expansion."""
    while isinstance(dist, dists.Independent | dists.ExpandedDistribution):
        dist = dist.base_dist
    return dist


def _unvalidated(dist: Distribution) -> Distribution:
    """A copy of a distribution, and of those inside it, that does not check values."""
    dist = copy.copy(dist)
    dist._validate_args = False
    if isinstance(dist, dists.Independent | dists.ExpandedDistribution):
        dist.base_dist = _unvalidated(dist.base_dist)
    return dist


def _log_choices(n: Array, k: Array) -> Array:
    """The logarithm of the binomial coefficient; -inf for whole k > n."""
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def _power(x: Array, k: Array) -> Array:
    """The power max(k, 0) of x, k whole, with the right derivative at x = 0."""
    return jnp.where(k <= 0, 1.0, x ** jnp.maximum(k, 1.0))


def _lists_parameters(base: Distribution) -> bool:
    return bool(_floats(base)) and not isinstance(base, dists.TransformedDistribution)


def _floats(base: Distribution) -> dict[str, Any]:
    found = {}
    for name, value in _given(base).items():
        if jnp.issubdtype(jnp.result_type(value), jnp.floating):
            found[name] = value
        elif not type(base).arg_constraints[name].is_discrete:  # as in Normal(0, 1)
            found[name] = jnp.asarray(value, float_type(base))
    return found


def _over(value: Array, dist: Distribution) -> Array:
    """The log-probabilities of the categories, with the sample axes of `value`."""
    log_probs = jax.nn.log_softmax(logits(dist))
    return log_probs.reshape((1,) * (value.ndim - log_probs.ndim) + log_probs.shape)


def _finite(logits: Any) -> Array:
    logits = jnp.asarray(logits)
    # The square root, so that a sum or a multiple of it is finite too.
    largest = math.sqrt(float(jnp.finfo(logits.dtype).max))
    return jnp.clip(logits, -largest, largest)


def log_of_prob(probs: Array) -> Array:
    """The logarithm of a probability; that of 0 is finite, and so its derivatives."""
    return jnp.log(jnp.maximum(probs, jnp.finfo(probs.dtype).tiny))


def _given(base: Distribution) -> dict[str, Any]:
    """The arguments the distribution was made of; what it derives is left out."""
    kind = type(base)
    if isinstance(base, dists.MultivariateNormal):  # it keeps two forms of one thing
        return {"loc": base.loc, "scale_tril": base.scale_tril}
    return {
        name: base.__dict__[name]
        for name in kind.arg_constraints
        if base.__dict__.get(name) is not None
        and not isinstance(getattr(kind, name, None), lazy_property)
    }


def _broadcast(base: Distribution, batch_shape: tuple[int, ...]) -> Distribution:
    if isinstance(base, dists.Independent):
        inner = coordinates(base)
        taken = inner.batch_shape[len(base.batch_shape) :]
        return _broadcast(inner, batch_shape + taken).to_event(len(taken))
    full = parameters(base)
    spread = {
        name: jnp.broadcast_to(
            value, batch_shape + value.shape[len(base.batch_shape) :]
        )
        for name, value in full.items()
    }
    return rebuild(base, spread)
