"""The one call, and the base class of estimators."""

import dataclasses
from collections.abc import Callable, Collection
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.checks import check_count, check_key
from jaxgen.errors import InputError
from jaxgen.estimators import distributions
from jaxgen.estimators.distributions import Distribution
from jaxgen.jax_internals import evaluate_jaxpr, inputs_used, is_traced
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = [
    "BINARY",
    "SIMPLEX",
    "Cost",
    "Estimate",
    "Estimator",
    "Integrand",
    "Moving",
    "expectation",
    "why_not",
]

Integrand = Callable[[Array], Array]
"""`f(sample) -> values`: of shape batch + event, to one value per batch element."""

Moving = Collection[str] | None
"""Names of the parameters of a distribution that a gradient is asked for; None: all."""

BINARY = ("Bernoulli",)
SIMPLEX = ("Bernoulli", "OneHotCategorical")


class Cost(NamedTuple):
    """Work of one gradient, per batch element.

    Attributes:
        evaluations: Evaluations of f.
        gradients: Evaluations of f together with its derivative in the sample.
    """

    evaluations: int
    gradients: int = 0

    @property
    def total(self) -> int:
        """Evaluations of f in all; f with its derivative counts as three."""
        return self.evaluations + 3 * self.gradients


class Estimate(NamedTuple):
    """What an estimator returns.

    Attributes:
        value: The Monte Carlo value, shape batch; its gradient is the estimate.
        state: The state for the next call; the one given, where there is none.
    """

    value: Array
    state: PyTree


@dataclasses.dataclass(frozen=True)
class Estimator:
    """The base class: properties of an estimator as data, and its methods.

    Attributes:
        families: The distributions it is for, by family name; None: any.
        unbiased: Whether the mean of its gradient is the gradient. In `probs` this
            holds between 0 and 1; at both ends only with `every_value`.
        differentiates: Whether it needs the derivative of f in the sample.
        relaxes: Whether it evaluates f between the values of a discrete distribution.
        every_value: Whether it evaluates f at every value of a finite coordinate. Its
            gradient in `probs` is then right also at exactly 0 and 1, where no sample
            has the value of probability 0.
        min_samples: The fewest samples it can be called with.
        stateful: Whether it needs `state`.
    """

    families: ClassVar[tuple[str, ...] | None] = None
    unbiased: ClassVar[bool] = True
    differentiates: ClassVar[bool] = False
    relaxes: ClassVar[bool] = False
    every_value: ClassVar[bool] = False
    min_samples: ClassVar[int] = 1
    stateful: ClassVar[bool] = False

    def __str__(self) -> str:
        """Returns the call that makes it, defaults left out."""
        said = [
            f"{field.name}={_said(getattr(self, field.name))}"
            for field in dataclasses.fields(self)
            if not _same(getattr(self, field.name), field.default)
        ]
        return f"{type(self).__name__}({', '.join(said)})"

    def init(self, key: PRNGKeyArray, dist: Distribution) -> PyTree:
        """Returns the first state; an empty tuple where there is none to keep."""
        return ()

    def cost(self, dist: Distribution, num_samples: int, moving: Moving = None) -> Cost:
        """Returns the work of one gradient of `num_samples` samples.

        `pilot_cost` is not in it. What only the value needs is left out: without f's
        own parameters to differentiate, the compiler leaves it out too.

        Args:
            dist: The distribution.
            num_samples: As for `expectation`.
            moving: The parameters of the distribution that the gradient is asked for,
                by name (`distributions.parameters`); all, if not given.
        """
        if self.differentiates:
            return Cost(0, num_samples)
        return Cost(num_samples)

    def pilot_cost(
        self, dist: Distribution, num_samples: int, moving: Moving = None
    ) -> Cost:
        """Returns the work that is done once for a distribution, before any gradient.

        It finds a baseline, a coefficient, a coupling or an estimator, as a function of
        f and of the distribution alone. Under `vmap` over keys it is done once; every
        step of a training changes the distribution and does it again.

        Args:
            dist: The distribution.
            num_samples: As for `expectation`.
            moving: As for `cost`.
        """
        return Cost(0)

    def refusal(self, dist: Distribution, num_samples: int) -> str | None:
        """Returns why it cannot estimate for this distribution, beyond its data."""
        return None

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        """Returns the value whose gradient is the estimate; see `expectation`."""
        raise NotImplementedError


def expectation(
    key: PRNGKeyArray,
    f: Integrand,
    dist: Distribution,
    estimator: Estimator,
    num_samples: int = 1,
    state: PyTree = None,
) -> Any:
    """Estimates E f(x), x ~ dist, so that `jax.grad` of it is the estimator's gradient.

    The gradient is with respect to anything that the parameters of `dist` depend on,
    and anything that `f` depends on besides its argument. It may be called under `jit`,
    `vmap`, `scan` and `pmap`.

    Args:
        key: A typed key; it is consumed.
        f: Maps a sample of shape batch + event to one value per batch element. Batch
            elements must not look at each other. Variables that belong together, as
            the latents of one image, are one event: `dist.to_event(1)`.
        dist: A `numpyro.distributions` object; its parameters may be traced.
        estimator: How the gradient crosses the sampling step.
        num_samples: Samples (pairs, for an antithetic estimator) per batch element.
        state: The state of an estimator that keeps one (`estimator.init(key, dist)`).

    Returns:
        The value, shape batch; with a `state`, the pair (value, next state). The next
        state has seen these samples, the estimate has not.

    Raises:
        InputError: The estimator cannot do this; the sentence says why.

    Examples:
        >>> import numpyro.distributions as dists
        >>> from jaxgen.estimators import ScoreFunction
        >>> def loss(logits):
        ...     dist = dists.Bernoulli(logits=logits).to_event(1)
        ...     f = lambda b: jnp.sum((b - 0.4) ** 2, axis=-1)
        ...     estimator = ScoreFunction(baseline="leave_one_out")
        ...     return expectation(jax.random.key(0), f, dist, estimator, 4)
        >>> jax.grad(loss)(jnp.zeros(3)).shape
        (3,)
    """
    check_key(key)
    reason = why_not(estimator, f, dist, num_samples)
    if reason is not None:
        raise InputError(reason)
    if estimator.stateful and state is None:
        raise InputError(
            f"{estimator} keeps a state: give state=estimator.init(key, dist) and take "
            "(value, state) back."
        )
    kind = distributions.float_type(dist)
    # A uniform of 16 bits is too coarse to draw with: f alone sees the narrow numbers.
    wide = jnp.promote_types(kind, jnp.float32)
    dist = distributions.cast_floats(dist, wide)

    def floating(sample: Array) -> Array:
        if jnp.issubdtype(sample.dtype, jnp.floating):
            sample = sample.astype(kind)
        values = jnp.asarray(f(sample))
        return values.astype(jnp.promote_types(values.dtype, wide))

    # f has been looked at above, under the caller's own setting.
    with distributions.broadcasting():
        done = estimator.estimate(
            key, floating, dist, num_samples, () if state is None else state
        )
    return done.value if state is None else (done.value, done.state)


def why_not(
    estimator: Estimator, f: Integrand, dist: Distribution, num_samples: int = 1
) -> str | None:
    """Returns why `estimator` cannot estimate E f(x), in a sentence, or None."""
    if not isinstance(estimator, Estimator):
        given = getattr(estimator, "__name__", None) or repr(estimator)
        call = f" Write {given}()." if isinstance(estimator, type) else ""
        raise InputError(
            f"{given} is no estimator: give one of jaxgen.estimators, such as "
            f"Pathwise().{call}"
        )
    name, family = str(estimator), distributions.family(dist)
    check_count("num_samples", num_samples, 1)
    if num_samples < estimator.min_samples:
        return (
            f"num_samples={num_samples}: {name} needs at least "
            f"{estimator.min_samples} samples."
        )
    if estimator.families is not None and family not in estimator.families:
        cure = (
            " Use jaxgen.estimators.OneHotCategorical, whose samples can be relaxed."
            if family == "Categorical" and "OneHotCategorical" in estimator.families
            else ""
        )
        return f"{name} is for {_listed(estimator.families)}, not for {family}.{cure}"
    reason = estimator.refusal(dist, num_samples)
    if reason is not None:
        return reason
    return _check_integrand(estimator, f, dist)


def _check_integrand(
    estimator: Estimator, f: Integrand, dist: Distribution
) -> str | None:
    sample = jax.eval_shape(lambda: distributions.draw(jax.random.key(0), dist, 1)[0])
    out = jax.eval_shape(f, sample)
    if not isinstance(out, jax.ShapeDtypeStruct) or out.shape != dist.batch_shape:
        got = f"shape {out.shape}" if hasattr(out, "shape") else type(out).__name__
        raise InputError(
            f"f returned {got} for a distribution of batch shape {dist.batch_shape}: f "
            "must return one value per batch element. If the variables belong "
            "together, make them one event: dist.to_event(1)."
        )
    if not estimator.differentiates:
        return None
    try:
        if not _moves_in_jumps(f, sample):
            return _break_between(estimator, f, dist)
    except (TypeError, ValueError, NotImplementedError) as error:
        if not isinstance(error, InputError):
            return f"{estimator} needs the derivative of f, which has none: {error}"
        raise
    return (
        f"{estimator} needs the derivative of f in its sample, and f changes in jumps "
        "only: its derivative is zero wherever it exists. Use an estimator that "
        "evaluates f alone, such as ScoreFunction or MeasureValued."
    )


def _moves_in_jumps(f: Integrand, sample: jax.ShapeDtypeStruct) -> bool:
    """Tells whether f depends on its argument while its derivative never does."""

    def value_and_tangent(x: Array, dx: Array) -> tuple[Array, Array]:
        return jax.jvp(f, (x,), (dx,))

    jaxpr = jax.make_jaxpr(value_and_tangent)(sample, sample).jaxpr
    used_by_value = inputs_used(jaxpr, [True, False])
    used_by_tangent = inputs_used(jaxpr, [False, True])
    return used_by_value[0] and not used_by_tangent[1]


def _break_between(
    estimator: Estimator, f: Integrand, dist: Distribution
) -> str | None:
    """Returns a reason if f is finite at samples and not between them.

    It is None where f or the distribution is known only when a program runs.
    """
    if not (estimator.relaxes and distributions.is_discrete(dist)):
        return None
    if any(is_traced(leaf) for leaf in jax.tree.leaves(dist)):
        return None
    with jax.ensure_compile_time_eval():
        sample = distributions.draw(jax.random.key(0), dist, 1)[0]
        between = jnp.broadcast_to(dist.mean, sample.shape).astype(sample.dtype)
        closed = jax.make_jaxpr(f)(sample)
        if any(is_traced(constant) for constant in closed.consts):
            return None
        # Not compiled: f is another function at each call.
        at_sample, at_mean = (
            bool(jnp.isfinite(evaluate_jaxpr(closed, x)).all())
            for x in (sample, between)
        )
    if at_mean or not at_sample:
        return None
    return (
        f"{estimator} evaluates f between the values of {distributions.family(dist)}, "
        "where this f is not finite. If f has a log_prob of numpyro inside, write "
        "jaxgen.estimators.log_prob(dist, x) in its place; otherwise use an estimator "
        "that evaluates f at samples only, such as ScoreFunction."
    )


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _said(value: Any) -> str:
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_said(one) for one in value)}]"
    if is_traced(value):
        return "traced"
    return getattr(value, "__name__", None) or str(value)


def _same(value: Any, default: Any) -> bool:
    return (
        value is default
        or (
            type(value) is type(default) and isinstance(value, bool | int | float | str)
        )
        and value == default
    )
