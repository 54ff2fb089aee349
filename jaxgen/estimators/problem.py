"""A gradient to be estimated: f, a distribution made of parameters, the truth."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.checks import check_count, check_key, check_number
from jaxgen.errors import InputError
from jaxgen.estimators import distributions, quadrature
from jaxgen.estimators.base import Distribution, Estimator, expectation
from jaxgen.estimators.exact import MOST_POINTS, Enumerate, Quadrature
from jaxgen.estimators.threefry import fold_in_each
from jaxgen.jax_internals import inputs_used, is_traced
from jaxgen.random import example_keys, stream
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = [
    "DistFn",
    "Gradient",
    "as_arrays",
    "bind",
    "exact_grad",
    "grad_samples",
    "made",
    "moving_parameters",
    "warmed_state",
]

DistFn = Callable[[Any], Distribution]

# Floats of the gradients that are drawn at once; more is slower, and so is much less.
_FLOATS = 1 << 20
# Of one coordinate in an exact gradient; past them lie minutes, and seldom an answer.
_MOST_NODES = 1 << 17
# What the masses of an exact gradient may lack of 1.
_LACKING = 1e-7


@dataclasses.dataclass(frozen=True, eq=False)
class Gradient:
    """One draw of an estimator's gradient, as a function of a key.

    Two of equal parts are equal, so that what is compiled for one serves the other.

    Attributes:
        f: `f(sample)`, or `f(sample, params)` where f itself depends on them.
        dist_fn: From the parameters to the distribution.
        estimator: The estimator.
        num_samples: Samples of one gradient.
    """

    f: Callable[..., Array]
    dist_fn: DistFn
    estimator: Estimator
    num_samples: int = 1

    def __call__(self, key: PRNGKeyArray, params: PyTree, state: PyTree) -> PyTree:
        """Returns a gradient like `params`; several batch elements are summed."""
        return jax.grad(self.value, argnums=1)(key, params, state)

    def value(self, key: PRNGKeyArray, params: PyTree, state: PyTree) -> Array:
        """Returns the value that is differentiated, a scalar."""
        check_key(key)
        return jnp.sum(self._call(key, params, state)[0])

    def next_state(self, key: PRNGKeyArray, params: PyTree, state: PyTree) -> PyTree:
        """Returns the estimator's state after one more call."""
        check_key(key)
        return self._call(key, params, state)[1]

    def _call(self, key: PRNGKeyArray, params: PyTree, state: PyTree) -> Any:
        return expectation(
            key,
            bind(self.f, params),
            self.dist_fn(params),
            self.estimator,
            self.num_samples,
            state=state,
        )

    def _parts(self) -> tuple[Any, ...]:
        try:
            hash(self.estimator)
        except TypeError:  # it holds an array
            return (self.f, self.dist_fn, id(self.estimator), self.num_samples)
        return (self.f, self.dist_fn, self.estimator, self.num_samples)

    def __hash__(self) -> int:
        """Hashes the parts."""
        return hash(self._parts())

    def __eq__(self, other: object) -> bool:
        """Compares the parts."""
        return isinstance(other, Gradient) and self._parts() == other._parts()


def bind(f: Callable[..., Array], params: PyTree) -> Callable[[Array], Array]:
    """Returns f as a function of the sample alone; f(x, params) is bound to params."""
    try:
        arguments = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return f
    positional = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    places = [a for a in arguments if a.default is a.empty and a.kind in positional]
    if len(places) > 2:
        raise InputError(
            f"f takes {len(places)} arguments: give f(sample) or f(sample, params)."
        )
    return (lambda sample: f(sample, params)) if len(places) == 2 else f


def grad_samples(
    key: PRNGKeyArray,
    f: Callable[..., Array],
    dist_fn: DistFn,
    params: PyTree,
    estimator: Estimator,
    repeats: int = 1000,
    *,
    num_samples: int = 1,
    state: PyTree = None,
) -> PyTree:
    """Draws gradients of E f(x), x ~ dist_fn(params), with respect to `params`.

    Args:
        key: A typed key; it is consumed. Estimators given the same key are given the
            same keys for each draw.
        f: `f(sample)`, or `f(sample, params)` where f itself depends on the parameters.
        dist_fn: From the parameters to a `numpyro.distributions` object.
        params: Any pytree of floating arrays.
        estimator: The estimator.
        repeats: How many gradients.
        num_samples: Samples that each of them is made of.
        state: The state of a stateful estimator, the same for all of them.

    Returns:
        A pytree like `params`, with a leading axis of length `repeats`.

    Examples:
        >>> import numpyro.distributions as dists
        >>> from jaxgen.estimators import Pathwise
        >>> normal = lambda mean: dists.Normal(mean, 1.0)
        >>> grad_samples(jax.random.key(0), jnp.square, normal, 2.0, Pathwise()).shape
        (1000,)
    """
    check_key(key)
    check_count("repeats", repeats, 1)
    params = as_arrays(params)
    made(dist_fn, params)
    state = _started(estimator, state)
    gradient = Gradient(f, dist_fn, estimator, num_samples)
    inputs = jax.tree.leaves((key, params, state))
    if any(is_traced(leaf) for leaf in inputs):
        return _draw_many(key, params, state, gradient=gradient, repeats=repeats)
    return _compiled(gradient, repeats)(key, params, state)


def exact_grad(
    f: Callable[..., Array],
    dist_fn: DistFn,
    params: PyTree,
    *,
    tolerance: float = 1e-8,
) -> PyTree:
    """Calculates the gradient of E f(x), x ~ dist_fn(params), in float64.

    A finite support is summed. An integral is done with more and more points, until two
    results in a row agree and the density has been found whole: its integral is 1.

    Args:
        f: `f(sample)`, or `f(sample, params)`.
        dist_fn: From the parameters to a distribution of few coordinates.
        params: Any pytree of floating arrays.
        tolerance: Largest difference between two results, relative to the largest
            component; a jump in f makes an integral converge slowly.

    Returns:
        A pytree like `params`, of float64 numpy arrays.

    Raises:
        InputError: There is no rule for the distribution, it has too many coordinates,
            the integral does not settle, or the gradient is nan.
    """
    check_number("tolerance", tolerance, above=0)
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), params)
        dist = dist_fn(wide)

        size, unused = distributions.event_size(dist), jax.random.key(0)

        def at(estimator: Estimator) -> tuple[PyTree, float, float]:
            """Returns the gradient, the size of the value, and what E 1 lacks."""
            gradient = Gradient(f, dist_fn, estimator)

            def both(params: PyTree) -> tuple[Array, Array]:
                of = dist_fn(params)
                value = gradient.value(unused, params, ())
                ones = jnp.ones(of.batch_shape)
                return value, expectation(unused, lambda _: ones, of, estimator)

            differentiate = jax.jit(jax.value_and_grad(both, has_aux=True))
            (value, mass), found = differentiate(wide)
            found = jax.tree.map(np.asarray, found)
            if any(np.isnan(leaf).any() for leaf in jax.tree.leaves(found)):
                raise InputError(
                    f"The exact gradient is nan with {estimator}: f, its derivative in"
                    " the parameters or that of the log-probability is not finite"
                    " somewhere on the support. Give the reference itself."
                )
            return found, float(jnp.abs(value)), float(jnp.max(jnp.abs(mass - 1)))

        if distributions.family(dist) in quadrature.FINITE:
            return at(Enumerate())[0]
        # Of three coordinates, 128 points and then more would be too many.
        points, last, apart, lacking = 128 if size < 3 else 64, None, np.inf, np.inf
        while last is None or (points <= _MOST_NODES and points**size <= MOST_POINTS):
            result, value, lacking = at(Quadrature(points))
            if last is not None:
                apart = _distance(result, last, 1e-12 * max(1.0, value))
                if apart <= tolerance and lacking <= _LACKING:
                    return result
            points, last = points * 2, result
        if not lacking <= _LACKING:
            raise InputError(
                f"The masses at the {points // 2:,} nodes of a coordinate differ from 1"
                f" by {lacking:.1g} in their sum: the density is too narrow, too wide"
                " or too steep at an end for this rule. Give the reference itself."
            )
        raise InputError(
            f"The integral did not settle: the last two gradients differ by {apart:.1g}"
            f" of the largest component, the tolerance being {tolerance:g}. If f jumps,"
            " give a larger tolerance or the reference itself."
        )


def moving_parameters(dist_fn: DistFn, params: PyTree) -> frozenset[str] | None:
    """Returns which parameters of the distribution depend on `params`, by name."""
    try:
        traced = jax.make_jaxpr(lambda p: distributions.parameters(dist_fn(p)))(params)
        names = sorted(distributions.parameters(dist_fn(params)))
    except InputError:  # its parameters cannot be told apart
        return None
    used = (inputs_used(traced.jaxpr, [name == one for name in names]) for one in names)
    return frozenset(
        name for name, inputs in zip(names, used, strict=True) if any(inputs)
    )


def as_arrays(params: PyTree) -> PyTree:
    """Returns `params` with every number made an array of a floating dtype."""
    if not jax.tree.leaves(params):
        raise InputError("params is empty: there is nothing to differentiate in.")
    return jax.tree.map(
        lambda leaf: (
            jnp.asarray(leaf)
            if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
            else jnp.asarray(leaf, float)
        ),
        params,
    )


def made(dist_fn: DistFn, params: PyTree) -> Distribution:
    """Returns the distribution, or says what is wrong with `dist_fn`."""
    if isinstance(dist_fn, Distribution) or not callable(dist_fn):
        raise InputError(
            f"dist_fn is {dist_fn!r}: give a function that makes the distribution of "
            "the parameters, such as lambda mean: dists.Normal(mean, 1.0)."
        )
    return dist_fn(params)


def warmed_state(
    key: PRNGKeyArray, gradient: Gradient, params: PyTree, calls: int = 500
) -> PyTree:
    """Returns the state of a stateful estimator after some calls; else `()`."""
    check_key(key)
    if not gradient.estimator.stateful:
        return ()
    first = gradient.estimator.init(stream(key, "init"), gradient.dist_fn(params))
    keys = example_keys(stream(key, "calls"), calls)

    def call(state: PyTree, one: PRNGKeyArray) -> tuple[PyTree, None]:
        return gradient.next_state(one, params, state), None

    return jax.jit(lambda: jax.lax.scan(call, first, keys)[0])()


def _started(estimator: Estimator, state: PyTree) -> PyTree:
    if state is not None:
        return state
    if isinstance(estimator, Estimator) and estimator.stateful:
        raise InputError(
            f"{estimator} keeps a state: give state=estimator.init(key, dist)."
        )
    return ()


def _distance(a: PyTree, b: PyTree, rounding: float) -> float:
    """Returns the largest difference, relative to `a` where that is not rounding."""
    pairs = list(zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))
    largest = max(float(np.max(np.abs(x))) for x, _ in pairs)
    apart = max(float(np.max(np.abs(x - y))) for x, y in pairs)
    return apart / largest if largest > rounding else apart


def _draw_many(
    key: PRNGKeyArray,
    params: PyTree,
    state: PyTree,
    *,
    gradient: Gradient,
    repeats: int,
) -> PyTree:
    keys = fold_in_each(key, jnp.arange(repeats, dtype=jnp.uint32))
    floats = sum(leaf.size for leaf in jax.tree.leaves(params))
    at_once = max(_FLOATS // max(floats, 1), 1)

    def draw(one: PRNGKeyArray) -> PyTree:
        return gradient(one, params, state)

    if repeats <= at_once:
        return jax.vmap(draw)(keys)
    # A batch that is left over would be compiled too, and all of them copied.
    fewer = range(at_once, at_once // 4, -1)
    at_once = next((size for size in fewer if repeats % size == 0), at_once)
    return jax.lax.map(draw, keys, batch_size=at_once)


@functools.lru_cache(maxsize=64)  # it keeps alive what f and dist_fn close over
def _compiled(gradient: Gradient, repeats: int) -> Callable[..., PyTree]:
    return jax.jit(functools.partial(_draw_many, gradient=gradient, repeats=repeats))
