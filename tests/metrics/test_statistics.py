import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics import statistics, statistics_files

RNG = np.random.default_rng(3)
FEATURES = (RNG.standard_normal((500, 6)) @ RNG.standard_normal((6, 6))) + 1000
OURS = statistics.FeatureStatistics(
    np.arange(2.0), np.eye(2), 10, "a net", "hash", "bilinear"
)


def assert_same(one, other, tolerance=1e-12):
    np.testing.assert_allclose(one.mean, other.mean, rtol=tolerance)
    scale = np.abs(other.covariance).max()
    np.testing.assert_allclose(
        one.covariance, other.covariance, rtol=0, atol=tolerance * scale
    )
    assert one.num_examples == other.num_examples


def in_batches(features, cuts):
    moments = statistics.start(features.shape[1])
    for batch in np.split(features, cuts):
        moments = statistics.add_batch(moments, batch)
    return moments


def test_they_are_numpys():
    found = statistics.feature_statistics(FEATURES)
    expected = statistics.FeatureStatistics(
        FEATURES.mean(0), np.cov(FEATURES, rowvar=False), 500
    )
    assert_same(found, expected)


@pytest.mark.parametrize("cuts", [[], [1], [0, 1, 2, 250, 250], range(7, 500, 7)])
def test_batches_of_any_sizes_give_the_same(cuts):
    whole = statistics.feature_statistics(FEATURES)
    assert_same(statistics.finish(in_batches(FEATURES, cuts)), whole)


def test_blocks_within_a_batch_give_the_same(monkeypatch):
    whole = statistics.feature_statistics(FEATURES)
    monkeypatch.setattr(statistics, "BLOCK", 33)
    assert_same(statistics.feature_statistics(FEATURES), whole)


def test_merging_is_symmetric_and_removing_undoes_it():
    one, other = in_batches(FEATURES[:180], []), in_batches(FEATURES[180:], [])
    both = statistics.merge(one, other)
    assert_same(statistics.finish(both), statistics.feature_statistics(FEATURES))
    assert_same(
        statistics.finish(statistics.merge(other, one)), statistics.finish(both)
    )
    rest = statistics.remove(both, other)
    assert_same(statistics.finish(rest), statistics.finish(one))


def test_nothing_added_changes_nothing():
    nothing = statistics.start(6)
    one = in_batches(FEATURES, [])
    for both in (statistics.merge(nothing, one), statistics.merge(one, nothing)):
        assert_same(statistics.finish(both), statistics.finish(one), 1e-15)
    assert statistics.merge(nothing, nothing).num_examples == 0


def test_a_large_mean_in_float32_costs_no_digits():
    features = (1000 + RNG.standard_normal((20_000, 3))).astype(np.float32)
    exact = np.cov(features.astype(np.longdouble) - 1000, rowvar=False)
    found = statistics.feature_statistics(features).covariance
    np.testing.assert_allclose(found, exact.astype(float), rtol=1e-12, atol=1e-12)


def test_a_constant_feature_has_no_variance_at_all():
    features = FEATURES.copy()
    features[:, 2] = 0.1
    found = statistics.finish(in_batches(features, [100, 101]))
    assert not found.covariance[2].any()
    assert found.mean[2] == 0.1


def test_a_covariance_of_one_example_is_refused():
    with pytest.raises(InputError, match="1 features"):
        statistics.finish(in_batches(FEATURES[:1], []))


def test_a_batch_of_another_network_or_with_nan_is_refused():
    with pytest.raises(InputError, match="5 dimensions and those before it 6"):
        statistics.add_batch(statistics.start(6), FEATURES[:, :5])
    broken = FEATURES.copy()
    broken[7, 1] = np.nan
    with pytest.raises(InputError, match="number 7"):
        statistics.feature_statistics(broken)


def test_a_file_gives_back_what_was_written(tmp_path):
    path = tmp_path / "new" / "reference.npz"
    statistics_files.save_statistics(path, OURS)
    found = statistics_files.load_statistics(path)
    assert_same(found, OURS, 0)
    assert found[2:] == OURS[2:]
    assert [one.name for one in path.parent.iterdir()] == ["reference.npz"]


def test_pytorch_fid_reads_ours_and_we_read_theirs(tmp_path):
    statistics_files.save_statistics(tmp_path / "ours.npz", OURS)
    with np.load(tmp_path / "ours.npz") as ours:
        np.testing.assert_array_equal(ours["mu"][:], OURS.mean)
        np.testing.assert_array_equal(ours["sigma"][:], OURS.covariance)
    np.savez_compressed(tmp_path / "theirs.npz", mu=OURS.mean, sigma=OURS.covariance)
    found = statistics_files.load_statistics(tmp_path / "theirs.npz")
    assert found[2:] == (None,) * 4
    assert_same(found._replace(num_examples=10), OURS, 0)


@pytest.mark.parametrize(
    ("arrays", "culprit"),
    [
        ({"mu": np.zeros(2)}, "no sigma"),
        ({"mu": np.zeros(2), "sigma": np.eye(3)}, r"\(3, 3\)"),
        ({"mu": np.zeros((2, 1)), "sigma": np.eye(2)}, r"\(2, 1\)"),
        ({"mu": np.zeros(2), "sigma": np.full((2, 2), np.nan)}, "covariance holds"),
        ({"mu": np.array([0, np.inf]), "sigma": np.eye(2)}, "mean holds"),
        ({"mu": np.zeros(2), "sigma": np.eye(2) + 1j}, "complex128"),
        ({"mu": np.zeros(2), "sigma": np.array([[1, 0.5], [0, 1]])}, "not symmetric"),
        ({"mu": np.zeros(2), "sigma": -np.eye(2)}, "negative variance"),
        ({"mu": np.zeros(2), "sigma": np.array([[None] * 2] * 2)}, "cannot be read"),
        ({"mu": np.zeros(2), "sigma": np.eye(2), "num_examples": 1}, "num_examples"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, arrays, culprit):
    path = tmp_path / "strange.npz"
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=culprit) as caught:
        statistics_files.load_statistics(path)
    assert "strange.npz" in str(caught.value)


@pytest.mark.filterwarnings("ignore")
def test_a_file_damaged_anywhere_is_refused_or_read_whole(tmp_path):
    path = tmp_path / "damaged.npz"
    statistics_files.save_statistics(path, OURS)
    content = path.read_bytes()
    refused = []
    for place in range(0, len(content), 11):
        for damaged in (content[:place], _flipped(content, place)):
            path.write_bytes(damaged)
            try:
                assert_same(statistics_files.load_statistics(path), OURS, 0)
            except InputError as error:
                refused.append(str(error))
    assert len(refused) > len(content) / 11
    assert all("damaged.npz" in message for message in refused)


def _flipped(content, place):
    return content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]


def test_files_of_other_kinds_and_missing_ones_are_refused(tmp_path):
    np.save(tmp_path / "array.npy", OURS.mean)
    (tmp_path / "text.npz").write_text("no statistics")
    (tmp_path / "empty.npz").touch()
    for name in ("array.npy", "text.npz", "empty.npz", "."):
        with pytest.raises(InputError, match="cannot be read"):
            statistics_files.load_statistics(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        statistics_files.load_statistics(tmp_path / "missing.npz")


def test_what_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        statistics_files.save_statistics(tmp_path / "file" / "x.npz", OURS)
    with pytest.raises(InputError, match="not finite"):
        statistics_files.save_statistics(
            tmp_path / "x.npz", OURS._replace(mean=np.full(2, np.nan))
        )
    assert not (tmp_path / "x.npz").exists()


@pytest.mark.parametrize("field", ["net", "identity", "resize"])
def test_statistics_made_in_different_ways_are_not_compared(field):
    other = OURS._replace(**{field: "another"})
    with pytest.raises(InputError, match="'another'"):
        statistics.check_comparable(OURS, other)
    statistics.check_comparable(OURS, OURS._replace(**{field: None}))
