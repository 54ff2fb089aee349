"""A gradient to be estimated: f, a distribution made of parameters, the truth."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters import partial_eval

from jaxgen.errors import InputError
from jaxgen.estimators import distributions, quadrature
from jaxgen.estimators.base import Distribution, Estimator, expectation
from jaxgen.estimators.exact import MOST_POINTS, Enumerate, Quadrature
from jaxgen.estimators.threefry import fold_in_each
from jaxgen.random import example_keys, stream
from jaxgen.typing import Array, PRNGKeyArray, PyTree

DistFn = Callable[[Any], Distribution]

# Floats of the gradients that are drawn at once; more is slower, and so is much less.
_FLOATS = 1 << 20


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
        return jnp.sum(self._call(key, params, state)[0])

    def next_state(self, key: PRNGKeyArray, params: PyTree, state: PyTree) -> PyTree:
        """Returns the estimator's state after one more call."""
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
    state = _started(estimator, dist_fn, params, state)
    params = as_arrays(params)
    gradient = Gradient(f, dist_fn, estimator, num_samples)
    return _draw_many(key, params, state, gradient=gradient, repeats=repeats)


def exact_grad(
    f: Callable[..., Array],
    dist_fn: DistFn,
    params: PyTree,
    *,
    tolerance: float = 1e-8,
) -> PyTree:
    """Calculates the gradient of E f(x), x ~ dist_fn(params), in float64.

    A finite support is summed. An integral is done with more and more points, until two
    results in a row agree.

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
            or the integral does not settle.
    """
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), params)
        dist = dist_fn(wide)

        def at(estimator: Estimator) -> PyTree:
            unused = jax.random.key(0)
            gradient = jax.jit(Gradient(f, dist_fn, estimator))(unused, wide, ())
            return jax.tree.map(np.asarray, gradient)

        if distributions.family(dist) in quadrature.FINITE:
            return at(Enumerate())
        points, last, apart = 128, None, np.inf
        while points ** distributions.event_size(dist) <= MOST_POINTS or last is None:
            result = at(Quadrature(points))
            if last is not None:
                apart = _distance(result, last)
                if apart <= tolerance:
                    return result
            points, last = points * 2, result
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
    used = (
        partial_eval.dce_jaxpr(traced.jaxpr, [name == one for name in names])[1]
        for one in names
    )
    return frozenset(
        name for name, inputs in zip(names, used, strict=True) if any(inputs)
    )


def as_arrays(params: PyTree) -> PyTree:
    """Returns `params` with every number made an array of a floating dtype."""
    return jax.tree.map(
        lambda leaf: jnp.asarray(leaf, jnp.result_type(leaf, jnp.float32)), params
    )


def warmed_state(
    key: PRNGKeyArray, gradient: Gradient, params: PyTree, calls: int = 500
) -> PyTree:
    """Returns the state of a stateful estimator after some calls; else `()`."""
    if not gradient.estimator.stateful:
        return ()
    first = gradient.estimator.init(stream(key, "init"), gradient.dist_fn(params))
    keys = example_keys(stream(key, "calls"), calls)

    def call(state: PyTree, one: PRNGKeyArray) -> tuple[PyTree, None]:
        return gradient.next_state(one, params, state), None

    return jax.jit(lambda: jax.lax.scan(call, first, keys)[0])()


def _started(
    estimator: Estimator, dist_fn: DistFn, params: PyTree, state: PyTree
) -> PyTree:
    if state is not None:
        return state
    if estimator.stateful:
        raise InputError(
            f"{estimator} keeps a state: give state=estimator.init(key, dist)."
        )
    return ()


def _distance(a: PyTree, b: PyTree) -> float:
    pairs = list(zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))
    largest = max(float(np.max(np.abs(x))) for x, _ in pairs)
    apart = max(float(np.max(np.abs(x - y))) for x, y in pairs)
    return apart / largest if largest > 1e-12 else apart


def _draw_many_unjitted(
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


_draw_many = jax.jit(_draw_many_unjitted, static_argnames=("gradient", "repeats"))
