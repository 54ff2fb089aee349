"""Surrogates: values whose gradient is one that was calculated in another way."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from jaxgen.errors import InputError
from jaxgen.estimators.distributions import Distribution
from jaxgen.typing import Array

__all__ = [
    "differentiable_once",
    "gradient_only",
    "linear",
    "with_gradient_of",
    "without_gradient",
]


def with_gradient_of(value: Array, surrogate: Array) -> Array:
    """Returns `value`, with the gradient of `surrogate`."""
    return jax.lax.stop_gradient(value) + gradient_only(surrogate)


def gradient_only(surrogate: Array) -> Array:
    """Returns zero, with the gradient of `surrogate`."""
    return surrogate - jax.lax.stop_gradient(surrogate)


def differentiable_once(value: Array) -> Array:
    """Returns `value`; to ask for its second derivative raises an InputError."""
    return jax.lax.stop_gradient(value) + _product(jnp.ones_like(value), value, value)


def linear(
    gradient: Array, parameter: Array, dist: Distribution, values: Array
) -> Array:
    """Returns zeros, shape batch, whose gradient in `parameter` is `gradient`.

    There is no second derivative: to ask for one raises an InputError.

    Args:
        gradient: Shape batch + event axes (and K).
        parameter: Of the same shape.
        dist: The distribution.
        values: What `gradient` was calculated from, with its own gradient: f at the
            samples. To differentiate `gradient` in what f depends on is refused too.
    """
    product = _product(gradient, parameter, values)
    batch = len(dist.batch_shape)
    return jnp.sum(product, axis=tuple(range(batch, product.ndim)))


@jax.custom_jvp
def _product(gradient: Array, parameter: Array, values: Array) -> Array:
    # Not gradient * parameter, which is nan at a logit of -inf.
    return jnp.zeros_like(gradient * parameter)


def _product_rule(primals: tuple[Array, ...], tangents: tuple[Any, ...]) -> Any:
    gradient, parameter, values = primals
    zeros, tangent = _product(gradient, parameter, values), tangents[1]
    if isinstance(tangent, SymbolicZero):
        # The gradient in what f depends on lacks its own derivative in `parameter`.
        return zeros, _once(zeros, parameter, jnp.zeros_like(values))
    return zeros, _once(gradient, parameter, values) * tangent


_product.defjvp(_product_rule, symbolic_zeros=True)


@jax.custom_jvp
def _once(gradient: Array, parameter: Array, values: Array) -> Array:
    return gradient


def _refuse_again(primals: tuple[Array, ...], tangents: tuple[Any, ...]) -> Any:
    if not all(isinstance(tangent, SymbolicZero) for tangent in tangents):
        raise InputError(
            "This estimator is for first derivatives: its gradient has no derivative "
            "of its own. For higher ones take ScoreFunction, Pathwise, Enumerate or "
            "Quadrature."
        )
    return primals[0], jnp.zeros_like(primals[0])


_once.defjvp(_refuse_again, symbolic_zeros=True)


def without_gradient(
    f: Callable[[Array], Array], sample: Array
) -> Callable[[Array], Array]:
    """Returns f with the gradient of what it closes over stopped.

    To stop the gradient of the values only would carry the derivatives of f through
    every evaluation of a map, and keep what they need, to throw them away at its end.
    """
    pure, closed_over = jax.closure_convert(f, sample)
    closed_over = jax.lax.stop_gradient(closed_over)
    return lambda x: pure(x, *closed_over)
