import sys

import jax
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.clusters import union_clusters


def normal(count, *, seed=0, mean=0.0):
    return np.random.default_rng(seed).normal(mean, size=(count, 3))


def test_examples_of_one_blob_share_a_cluster(key):
    blobs = np.repeat(10.0 * np.eye(3), 20, axis=0)
    real, generated = normal(60) + blobs, normal(60, seed=1) + blobs
    clusters = union_clusters(key, real, generated, num_clusters=3, num_runs=2)
    assert clusters.real.shape == clusters.generated.shape == (2, 60)
    for run in np.concatenate([clusters.real, clusters.generated], axis=1):
        of_blob = run.reshape(2, 3, 20)
        assert (of_blob == of_blob[:1, :, :1]).all()
        assert len(np.unique(run)) == 3


def test_sets_of_different_sizes_weigh_the_same(key):
    # Ten times as many real examples: without weights they would get all clusters.
    clusters = union_clusters(
        key, normal(3000), normal(300, mean=20), num_clusters=10, num_runs=4
    )
    generated = np.mean([len(np.unique(run)) for run in clusters.generated])
    assert 3 <= generated <= 7


def test_the_same_key_gives_the_same_clusters():
    first, again, other = (
        union_clusters(jax.random.key(seed), normal(60), normal(60, seed=1))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.real, again.real)
    assert not np.array_equal(first.real, other.real)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_runs": 0}, "num_runs=0"),
        ({"num_clusters": 31}, "31 clusters need 31 of each"),
    ],
)
def test_bad_input_gets_a_sentence(key, options, sentence):
    with pytest.raises(InputError, match=sentence):
        union_clusters(key, normal(30), normal(30), **options)


def test_without_scikit_learn_the_sentence_says_what_to_install(key, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(InputError, match=r'pip install "jaxgen\[metrics\]"'):
        union_clusters(key, normal(30), normal(30))
