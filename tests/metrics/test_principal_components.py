import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics import principal_components


@pytest.mark.parametrize("shape", [(50, 4, 3), (9, 40)])
def test_components_are_those_of_the_covariance(shape):
    rng = np.random.default_rng(0)
    train, examples = rng.normal(size=shape), rng.normal(size=(7, *shape[1:]))
    x = train.reshape(len(train), -1)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    first = vectors[:, np.argsort(-values)[:2]]
    expected = (examples.reshape(7, -1) - x.mean(axis=0)) @ first
    found = principal_components(train, examples)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-6)


def test_examples_that_are_all_the_same_have_no_direction():
    found = principal_components(np.ones((5, 3)), np.eye(3))
    assert found.tolist() == [[0, 0]] * 3


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="of one size"):
        principal_components(np.zeros((5, 3)), np.zeros((5, 4)))
    with pytest.raises(InputError, match="give at most 1"):
        principal_components(np.zeros((2, 3)), np.zeros((5, 3)))
