"""A category as a one-hot vector, which a relaxed sample can stand in for."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dists
from numpyro.distributions import constraints

from jaxgen.errors import InputError
from jaxgen.estimators import distributions
from jaxgen.typing import Array, PRNGKeyArray

__all__ = ["OneHotCategorical"]


class OneHotCategorical(dists.Distribution):
    """A category drawn as a vector of zeros with a single one, event shape (K,).

    numpyro's `Categorical` draws the index, which no relaxation can stand in for.

    Args:
        logits: Unnormalised log-probabilities, shape batch + (K,); -inf for a category
            that is impossible.
        probs: Probabilities instead, all positive, which sum to 1. Their logarithms are
            kept: at a probability of exactly 0 there is no derivative in it.
        validate_args: As in numpyro.
    """

    arg_constraints = {
        "logits": constraints.independent(constraints.less_than(math.inf), 1)
    }
    support: Any = constraints.multinomial(1)
    has_enumerate_support = True
    pytree_data_fields = ("logits",)

    def __init__(
        self,
        logits: Array | None = None,
        *,
        probs: Array | None = None,
        validate_args: bool | None = None,
    ) -> None:
        """Keeps the logits; see the class."""
        if (logits is None) == (probs is None):
            raise InputError("OneHotCategorical takes logits or probs, one of them.")
        self.logits = (
            distributions.log_of_prob(jnp.asarray(probs)) if logits is None else logits
        )
        shape = jnp.shape(self.logits)
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def probs(self) -> Array:
        return jax.nn.softmax(self.logits)

    @property
    def mean(self) -> Array:
        return self.probs

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> Array:
        shape = sample_shape + self.batch_shape
        index = jax.random.categorical(key, self.logits, shape=shape)
        return jax.nn.one_hot(
            index, self.event_shape[0], dtype=distributions.float_type(self)
        )

    def log_prob(self, value: Array, intermediates: Any = None) -> Array:
        return distributions.log_prob(self, value)

    def enumerate_support(self, expand: bool = True) -> Array:
        size = self.event_shape[0]
        values = jnp.eye(size, dtype=distributions.float_type(self))
        values = values.reshape((size,) + (1,) * len(self.batch_shape) + (size,))
        if expand:
            return jnp.broadcast_to(values, (size, *self.batch_shape, size))
        return values
