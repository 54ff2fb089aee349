import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.estimators import ScoreFunction, grad_samples, problem
from jaxgen.random import example_keys


@pytest.mark.parametrize("repeats", [3, 12, 13])
def test_draws_by_batches_are_those_of_each_key(repeats, key, monkeypatch):
    monkeypatch.setattr(problem, "_FLOATS", 12)

    def squares(x):
        return jnp.sum(x**2, axis=-1)

    def normal(mean):
        return dists.Normal(mean, jnp.ones(2)).to_event(1)

    mean = jnp.array([0.3, -1.0])
    keys = example_keys(jax.random.clone(key), repeats)
    drawn = grad_samples(key, squares, normal, mean, ScoreFunction(), repeats)
    one = jax.jit(problem.Gradient(squares, normal, ScoreFunction()))
    each = [one(keys[i], mean, ()) for i in range(repeats)]
    np.testing.assert_allclose(drawn, np.stack(each), rtol=1e-4, atol=1e-5)
