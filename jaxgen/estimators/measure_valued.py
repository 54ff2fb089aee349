"""Measure-valued derivatives: the derivative of a density as a difference of two."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.estimators import distributions
from jaxgen.estimators.base import (
    Cost,
    Distribution,
    Estimate,
    Estimator,
    Integrand,
    Moving,
)
from jaxgen.estimators.pilot import pilot_key
from jaxgen.estimators.surrogates import gradient_only, linear, without_gradient
from jaxgen.estimators.threefry import unrolled
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = [
    "AT_ONCE",
    "MeasureValued",
    "WeakDerivative",
    "each_coordinate",
]

AT_ONCE = 1 << 22
"""Floats of samples that exist at a time."""


class WeakDerivative(NamedTuple):
    """The derivative in one parameter: constant times (E f(first) - E f(second)).

    Attributes:
        constant: Shape of the coordinates.
        first: What stands in the coordinate, shape (samples,) + coordinates; None: the
            sample itself.
        coupled: The second, drawn together with the first.
        free: The second, drawn independently of it.
    """

    constant: Array
    first: Array | None
    coupled: Array
    free: Array


@dataclasses.dataclass(frozen=True)
class MeasureValued(Estimator):
    """The measure-valued gradient c (E_{p+} f - E_{p-} f), for any f.

    One coordinate is replaced at a time, by a draw from p+ and by one from p-; the
    others are common to both. So the work grows with the number of coordinates, and f
    may be any program. Where p+ or p- is p, f(x) of the plain sample serves.

    Of a Bernoulli or categorical coordinate every value is tried: the average over p-,
    "any other category", is taken exactly, and with one coordinate the gradient has no
    variance. The concentration of a gamma or Weibull has no weak derivative here; to
    differentiate in it is refused.

    Args:
        coupling: Whether the draws from p+ and p- share their noise. It lowers the
            variance if and only if f of the one and f of the other then have a positive
            covariance. It at most doubles that of each coordinate's parameter, as
            Var(A - B) <= 2 (Var A + Var B), which happens for a linear f of a normal;
            it may remove all of it, as for (x - mean)^2. So it is the default. "auto"
            measures that covariance for each parameter, coordinate and batch element.
        pilot: Draws of a fixed key that "auto" measures with, of 3 evaluations for each
            parameter and coordinate (`pilot_cost`). What is found is a function of f
            and of the distribution alone: under `vmap` over keys it is found once, in a
            training once a step.

    References:
        Pflug, Sampling derivatives of probabilities, 1989; Heidergott et al.,
        Measure-valued differentiation for Markov chains, 2008; Mohamed et al., Monte
        Carlo Gradient Estimation in Machine Learning, 2020, section 6 and table 1.
    """

    families: ClassVar[tuple[str, ...] | None] = (
        "Normal",
        "Bernoulli",
        "Categorical",
        "OneHotCategorical",
        "Poisson",
        "Exponential",
        "Gamma",
        "Weibull",
    )
    every_value: ClassVar[bool] = True
    coupling: str | bool = True
    pilot: int = 32

    def __post_init__(self) -> None:
        """Raises InputError unless `coupling` is "auto", True or False."""
        if not isinstance(self.coupling, bool) and self.coupling != "auto":
            raise InputError(
                f"coupling={self.coupling!r} is none of 'auto', True and False."
            )
        check_count("pilot", self.pilot, 2)

    def cost(self, dist: Distribution, num_samples: int, moving: Moving = None) -> Cost:
        name, size = distributions.family(dist), distributions.event_size(dist)
        if name == "Bernoulli":
            return Cost(num_samples * (1 + size))
        if name in ("Categorical", "OneHotCategorical"):
            others = distributions.logits(dist).shape[-1] - 1
            return Cost(num_samples * (1 + others * size))
        sought = {"loc", "scale"}.intersection(moving or ("loc", "scale"))
        each = 2 * len(sought) * size if name == "Normal" else 1 + size
        return Cost(num_samples * each)

    def pilot_cost(
        self, dist: Distribution, num_samples: int, moving: Moving = None
    ) -> Cost:
        name, each = distributions.family(dist), self.cost(dist, 1, moving).total
        if self.coupling != "auto" or name in distributions.DISCRETE:
            return Cost(0)
        pairs = each // 2 if name == "Normal" else each - 1
        return Cost(self.pilot * (1 + 3 * pairs))

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        sample_key, noise_key = jax.random.split(key)
        samples = jax.lax.stop_gradient(
            distributions.draw(sample_key, dist, num_samples)
        )
        values = jax.vmap(f)(samples)
        still = distributions.stop_gradient(dist)
        plain = without_gradient(f, samples[0])
        known = jax.lax.stop_gradient(values)
        name = distributions.family(dist)
        if name in distributions.DISCRETE:
            parameter, gradient = _every_value(plain, still, samples, known)
            gradients = {parameter: gradient}
        else:
            pairs = _weak_derivatives(noise_key, still, samples)
            coupled = self._coupled(plain, still, list(pairs))
            gradients = _differences(plain, still, samples, known, pairs, coupled)
        total = jnp.zeros(dist.batch_shape, values.dtype)
        for name, parameter in distributions.parameters(dist).items():
            if name in gradients:
                total = total + linear(gradients[name], parameter, dist, values)
            else:
                total = total + linear(
                    jnp.zeros_like(parameter),
                    _refuse_derivative(parameter),
                    dist,
                    values,
                )
        value = jnp.mean(values, axis=0)
        return Estimate(value + gradient_only(total), state)

    def _coupled(
        self, f: Integrand, dist: Distribution, names: list[str]
    ) -> dict[str, Array | bool]:
        if isinstance(self.coupling, bool):
            return dict.fromkeys(names, self.coupling)
        sample_key, noise_key = jax.random.split(pilot_key(self))
        samples = distributions.draw(sample_key, dist, self.pilot)
        values = jax.vmap(f)(samples)
        pairs = _weak_derivatives(noise_key, dist, samples)

        def better(replaced: Callable[[Array], Array]) -> dict[str, Array]:
            covariance = {}
            for name, pair in pairs.items():
                first = values if pair.first is None else replaced(pair.first)
                # Against the free draw, since what the other coordinates add to the
                # covariance is there with and without coupling.
                apart = replaced(pair.coupled) - replaced(pair.free)
                centred = first - jnp.mean(first, axis=0)
                covariance[name] = jnp.mean(centred * apart, axis=0) > 0
            return covariance

        copies = 3 * len(pairs)
        return dict(_replace_each(better, f, dist, samples, copies=copies))


def each_coordinate(body: Callable[[Array], PyTree], count: int, floats: int) -> PyTree:
    """Maps `body` over the numbers of `count` coordinates.

    All of them at once where that makes at most `AT_ONCE` floats, otherwise in blocks.

    Args:
        body: From a number, int32, to a pytree of arrays.
        count: How many coordinates.
        floats: How many floats `body` makes for one coordinate.
    """
    numbers, block = jnp.arange(count), max(1, AT_ONCE // max(1, floats))
    if count <= block:
        return jax.vmap(body)(numbers)
    return jax.lax.map(body, numbers, batch_size=block)


def _weak_derivatives(
    key: PRNGKeyArray, dist: Distribution, samples: Array
) -> dict[str, WeakDerivative]:
    """The rows of Mohamed et al., table 1, in the parameters of numpyro."""
    name, parameters = distributions.family(dist), distributions.parameters(dist)
    shape, kind = samples.shape, samples.dtype
    if name == "Normal":
        return _of_normal(key, parameters["loc"], parameters["scale"], shape)
    first_key, second_key = jax.random.split(key)
    # The sample is one of the two; the other is it or a stranger, with one step added.
    stranger = distributions.draw(first_key, dist, shape[0])
    if name == "Poisson":
        constant = -jnp.ones_like(parameters["rate"])
        return {"rate": WeakDerivative(constant, None, samples + 1, stranger + 1)}
    step = jax.random.exponential(second_key, shape, kind)
    if name == "Weibull":
        # X^alpha is exponential with the rate theta = scale^-alpha, and d theta / theta
        # is -alpha d scale / scale.
        scale, alpha = parameters["scale"], parameters["concentration"]

        def add(x: Array) -> Array:
            return scale * ((x / scale) ** alpha + step) ** (1 / alpha)

        pair = WeakDerivative(-alpha / scale, None, add(samples), add(stranger))
        return {"scale": pair}
    rate = parameters["rate"]
    step = step / rate
    constant = parameters.get("concentration", jnp.ones_like(rate)) / rate
    return {"rate": WeakDerivative(constant, None, samples + step, stranger + step)}


def _of_normal(
    key: PRNGKeyArray, loc: Array, scale: Array, shape: tuple[int, ...]
) -> dict[str, WeakDerivative]:
    keys, kind = jax.random.split(unrolled(key), 4), scale.dtype
    # Rayleigh: a length in the plane, whose square is twice an exponential.
    squares = 2 * jax.random.exponential(keys[0], (2, *shape), kind)
    up, down = (scale * length for length in jnp.sqrt(squares))
    of_loc = WeakDerivative(
        1 / (scale * math.sqrt(2 * math.pi)), loc + up, loc - up, loc - down
    )
    # Maxwell: a length in space, here with either sign; a uniform share is normal.
    normal = jax.random.normal(keys[1], (4, *shape), kind)
    sign = jax.random.rademacher(keys[2], shape, kind)
    maxwell = sign * jnp.sqrt(jnp.sum(normal[:3] ** 2, axis=0))
    share = jax.random.uniform(keys[3], shape, kind)
    of_scale = WeakDerivative(
        1 / scale,
        loc + scale * maxwell,
        loc + scale * share * maxwell,
        loc + scale * normal[3],
    )
    return {"loc": of_loc, "scale": of_scale}


def _differences(
    f: Integrand,
    dist: Distribution,
    samples: Array,
    values: Array,
    pairs: dict[str, WeakDerivative],
    coupled: dict[str, Array | bool],
) -> dict[str, Array]:
    seconds = {}
    for name, pair in pairs.items():
        chosen = coupled[name]
        if isinstance(chosen, bool):
            seconds[name] = pair.coupled if chosen else pair.free
        else:
            seconds[name] = jnp.where(chosen, pair.coupled, pair.free)

    def difference(replaced: Callable[[Array], Array]) -> dict[str, Array]:
        found = {}
        for name, pair in pairs.items():
            first = values if pair.first is None else replaced(pair.first)
            found[name] = jnp.mean(first - replaced(seconds[name]), axis=0)
        return found

    found = _replace_each(difference, f, dist, samples, copies=2 * len(pairs))
    return {name: pairs[name].constant * found[name] for name in pairs}


def _every_value(
    f: Integrand, dist: Distribution, samples: Array, values: Array
) -> tuple[str, Array]:
    """The parameter of a finite coordinate, and the gradient in it."""
    (name,) = distributions.parameters(dist)
    if distributions.family(dist) == "Bernoulli":

        def flip(replaced: Callable[[Array], Array]) -> Array:
            return values - replaced(1 - samples)

        # f(1) - f(0), whichever of the two was drawn.
        apart = _replace_each(flip, f, dist, samples, copies=1, mean=False)
        gradient = jnp.mean((2 * samples - 1) * apart, axis=0)
        probs = jax.nn.sigmoid(distributions.logits(dist))
        return name, gradient if name == "probs" else probs * (1 - probs) * gradient
    logits = distributions.logits(dist)
    size = logits.shape[-1]
    indices = distributions.family(dist) == "Categorical"

    def others(replaced: Callable[[Array], Array]) -> Array:
        def shifted(by: int) -> Array:
            if indices:
                return (samples + by) % size
            return jnp.roll(samples, by, axis=-1)

        return jnp.stack(
            [values] + [replaced(shifted(by)) for by in range(1, size)], -1
        )

    # The values at the drawn category, at the next, and so on; then put in place.
    onwards = _replace_each(others, f, dist, samples, copies=size - 1, mean=False)
    drawn = samples if indices else jnp.argmax(samples, axis=-1)
    places = (jnp.arange(size) - drawn[..., None]) % size
    at_each = jnp.mean(jnp.take_along_axis(onwards, places, axis=-1), axis=0)
    probs = jax.nn.softmax(logits)
    # In a logit, p (1 - p) (f - the mean of the others) = p (f - the mean).
    gradient = at_each - jnp.sum(probs * at_each, axis=-1, keepdims=True)
    return name, gradient if name == "probs" else probs * gradient


def _replace_each(
    body: Callable[[Callable[[Array], Array]], Any],
    f: Integrand,
    dist: Distribution,
    samples: Array,
    *,
    copies: int,
    mean: bool = True,
) -> Any:
    """Calls `body` for each coordinate; `body` is given f with that one replaced.

    `body` maps `replaced`, which takes what stands in the coordinate to values of shape
    (samples,) + batch, to arrays of shape batch (or, without `mean`, of the values),
    from `copies` samples; the coordinate axes are put behind the batch axes.
    """
    batch = len(dist.batch_shape)
    inner = distributions.coordinates(dist).batch_shape[batch:]
    count, lead = math.prod(inner), samples.shape[: 1 + batch]
    rest = samples.shape[1 + batch + len(inner) :]

    def flat(x: Array) -> Array:
        return x.reshape((*lead, count, *rest))

    def one(number: Array) -> Any:
        here = (jnp.arange(count) == number).reshape(
            (1,) * len(lead) + (count,) + (1,) * len(rest)
        )

        def replaced(new: Array) -> Array:
            mixed = jnp.where(here, flat(new), flat(samples))
            return jax.vmap(f)(mixed.reshape(samples.shape))

        return body(replaced)

    found = each_coordinate(one, count, copies * samples.size)
    behind = batch if mean else 1 + batch

    def arrange(x: Array) -> Array:
        x = jnp.moveaxis(x, 0, behind)
        return x.reshape(x.shape[:behind] + inner + x.shape[behind + 1 :])

    return jax.tree.map(arrange, found)


@jax.custom_jvp
def _refuse_derivative(parameter: Array) -> Array:
    """Returns the parameter, which may not be differentiated."""
    return parameter


def _refusing_rule(primals: tuple[Array], tangents: tuple[Any]) -> Any:
    (parameter,), (tangent,) = primals, tangents
    if not isinstance(tangent, SymbolicZero):
        raise InputError(
            "MeasureValued was asked for the gradient in the concentration of a Gamma "
            "or Weibull, whose weak derivative has no closed form: stop it with "
            "jax.lax.stop_gradient(concentration), or use Pathwise or ScoreFunction."
        )
    return parameter, jnp.zeros_like(parameter)


_refuse_derivative.defjvp(_refusing_rule, symbolic_zeros=True)
