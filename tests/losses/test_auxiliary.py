"""The equations of AC-GAN and DAG, against numbers worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.losses.classification import auxiliary_classification
from jaxgen.losses.dag import weighted_heads


def test_auxiliary_classification_is_the_negative_log_probability_of_the_class():
    # Probabilities 1/4 and 3/4, then 1/2 and 1/2.
    logits = jnp.array([[0.0, np.log(3.0)], [7.0, 7.0]])
    found = auxiliary_classification(logits, jnp.array([[1.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_allclose(found, np.log([4.0, 2.0]), rtol=1e-6)
    steep = jnp.array([[1e4, -1e4]])
    slope = jax.grad(lambda x: auxiliary_classification(x, jnp.eye(2)[1:])[0])(steep)
    np.testing.assert_allclose(slope, [[1.0, -1.0]])


def test_auxiliary_classification_refuses_class_numbers(without_types):
    with pytest.raises(InputError, match="condition"):
        auxiliary_classification(jnp.zeros((2, 3)), jnp.zeros((2, 1)))


def test_further_heads_share_the_weight_of_dag():
    values = jnp.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    # 1 + 0.5 / 2 (2 + 4), and ten times that.
    np.testing.assert_allclose(weighted_heads(values, 0.5), [2.5, 25.0])
    np.testing.assert_array_equal(weighted_heads(values[:1], 0.5), values[0])
