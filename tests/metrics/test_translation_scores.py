import jax
import numpy as np
import pytest
from scipy import stats

from jaxgen import metrics
from jaxgen.errors import InputError
from jaxgen.metrics import (
    check_score,
    mean_translation_scores,
    translation_distances,
    translation_reference,
    translation_score_table,
    translation_scores,
)
from jaxgen.metrics.translation_reference import reference_features
from tests.metrics.translated import MEANS, REFERENCE, TRAINING_B, A, B


def test_scores_are_those_of_pairs_with_margins_over_doing_nothing():
    outputs = np.uint8(B * 0.9)
    found = translation_scores(jax.random.key(0), REFERENCE, outputs)
    away = np.abs(outputs.astype(float) - B).mean(axis=(1, 2, 3)) / 255
    copied = np.abs(A.astype(float) - B).mean(axis=(1, 2, 3)) / 255
    mean = np.abs(TRAINING_B.mean(axis=0).round() - B).mean(axis=(1, 2, 3)) / 255
    l1 = found["l1"]
    assert l1.model.value == pytest.approx(away.mean(), abs=1e-6)
    assert l1.identity.value == pytest.approx(copied.mean(), abs=1e-6)
    assert l1.mean_image.value == pytest.approx(mean.mean(), abs=1e-5)
    # The interval is that of a paired t test.
    expected = stats.ttest_rel(copied, away).confidence_interval(0.95)
    np.testing.assert_allclose(l1.over_identity[1:], expected, rtol=1e-6)
    # More is better of the others: margins are positive where the model is better.
    for metric in ("psnr", "ssim"):
        margin = found[metric].over_mean_image.value
        better = found[metric].model.value - found[metric].mean_image.value
        assert margin == pytest.approx(better)
        assert margin > 0
    assert found["psnr"].model.value == pytest.approx(
        metrics.psnr(outputs, B).mean(), rel=1e-6
    )
    quick = mean_translation_scores(REFERENCE, outputs)
    assert list(quick) == list(found) == list(REFERENCE.metrics)
    for metric, value in quick.items():
        assert value == pytest.approx(found[metric].model.value, rel=1e-6)


def test_distances_are_of_features_with_a_floor_of_real_images():
    found = translation_scores(jax.random.key(0), REFERENCE, np.uint8(B * 0.6))
    assert found["fd"].mean_image is None
    assert found["fd"].model.low > found["fd"].floor > 0
    features = [images.mean(axis=(1, 2)) / 255 for images in (B, np.uint8(B * 0.6))]
    expected = metrics.frechet_distance_of_features(*features)
    assert found["fd"].model.value == pytest.approx(expected, rel=1e-3)
    assert REFERENCE.protocol["features"] == "means, 1 networks averaged"
    # Few images have none, nor have they without networks.
    few = translation_reference(A[:5], B[:5], TRAINING_B, aligned=True)
    assert few.metrics == ("l1", "psnr", "ssim")
    unpaired = translation_reference(B[:9], A, A, aligned=False, nets=[MEANS])
    assert unpaired.metrics == ("fd", "kid")
    assert (len(unpaired.inputs), len(unpaired.targets)) == (9, 20)


def test_random_features_need_no_download():
    reference = translation_reference(A[:8], B[:8], TRAINING_B, aligned=False)
    assert reference.protocol["features"] == "random convolutions, 2 networks averaged"
    assert mean_translation_scores(reference, B[:8])["fd"] < reference.floor["fd"]
    # Both networks weigh alike, and large images are averaged first.
    for found in reference_features(reference, TRAINING_B, "training"):
        assert found.var(axis=0).mean() == pytest.approx(1, rel=1e-4)
    large = B.repeat(3, axis=1).repeat(3, axis=2)[:, :-1, :-2]
    assert translation_distances.average_cells(large, 3).shape == (20, 11, 11, 3)
    np.testing.assert_array_equal(
        translation_distances.average_cells(large, 3), B[:, :-1, :-1]
    )


def test_outputs_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"expected \(20, 12, 12, 3\), a translation"):
        translation_scores(jax.random.key(0), REFERENCE, B[:5])


def test_the_table_shows_what_there_is_to_compare_with():
    found = translation_scores(jax.random.key(0), REFERENCE, B)
    table = translation_score_table(found, REFERENCE)
    assert [row[0] for row in table.rows] == ["L1", "PSNR, dB", "SSIM", "FD", "KID"]
    assert {len(row) for row in table.rows} == {len(table.columns)} == {7}
    assert table.rows[0][1] == "0.0000"
    l1 = found["l1"].over_identity
    assert table.rows[0][4] == f"{l1.value:.4f} ± {l1.high - l1.value:.4f}"
    assert table.rows[3][2:6] == [f"{found['fd'].identity.value:.2f}", *"–––"]
    # With two spaces between columns it fits a terminal.
    lines = np.char.str_len([table.columns, *table.rows])
    widths = lines.max(axis=0).tolist()
    assert sum(widths) + 2 * len(widths) <= 80
    assert "20 held-out images of 12 x 12 x 3" in table.note
    grey = translation_reference(A[..., :1], B, TRAINING_B, aligned=True, nets=())
    found = translation_scores(jax.random.key(0), grey, B)
    assert found["l1"].identity is None
    table = translation_score_table(found, grey)
    assert table.rows[0][2] == table.rows[0][4] == "–"
    assert len(table.columns) == 6
    unpaired = translation_reference(A, B, TRAINING_B, aligned=False, nets=[MEANS])
    found = translation_scores(jax.random.key(0), unpaired, np.uint8(B * 0.6))
    table = translation_score_table(found, unpaired)
    assert table.columns == ["metric", "model", "input", "real"]
    low, high = found["fd"].model[1:]
    assert table.rows[0][1].endswith(f"({low:.2f} to {high:.2f})")


def test_a_score_that_is_unknown_or_not_measured_is_refused():
    with pytest.raises(InputError, match="'lpips' .* is unknown: expected one of l1,"):
        check_score("lpips")
    with pytest.raises(InputError, match="not measured in this run .* of fd, kid, cy"):
        check_score("l1", ("fd", "kid", "cycle"))
