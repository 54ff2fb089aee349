"""Four ways in which translation goes wrong, against numbers by other ways."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from jaxgen import metrics
from jaxgen.errors import InputError


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def images(rng, number=24, channels=3, side=6):
    return rng.uniform(size=(number, side, side, channels))


def test_the_correlation_is_pearsons_of_luminance(rng):
    x, y = images(rng), images(rng)
    grey = [one @ [0.299, 0.587, 0.114] for one in (x, y)]
    expected = [
        stats.pearsonr(a.ravel(), b.ravel()).statistic
        for a, b in zip(*grey, strict=True)
    ]
    found = metrics.luminance_correlation(x, y)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    # Bytes, another size and other channels: averaged over the same cells.
    large = np.repeat(np.repeat(np.uint8(255 * x), 2, axis=1), 3, axis=2)
    found = metrics.luminance_correlation(grey[0][..., None], large)
    np.testing.assert_allclose(found, 1, atol=1e-3)


def test_an_image_of_one_grey_has_no_correlation(rng):
    x = images(rng, number=3)
    flat = x.copy()
    flat[1] = 0.5
    assert np.isnan(metrics.luminance_correlation(x, flat)).tolist() == [0, 1, 0]
    # The others are averaged; of too few there is no reading.
    assert metrics.colour_inversion(x, flat).value == pytest.approx(1)
    assert metrics.colour_inversion(x[:2], flat[:2]).value is None


def test_a_negative_is_one_by_the_sign_of_true_pairs(rng):
    x = images(rng)
    found = metrics.colour_inversion(x, 1 - x)
    assert found.value == pytest.approx(-1)
    assert found.expected is None
    assert "correlates with that of the inputs by -1.00;" in found.warning
    assert metrics.colour_inversion(x, x).warning is None
    # Where the truth is a negative, the output must be one.
    assert metrics.colour_inversion(x, 1 - x, 1 - x).warning is None
    found = metrics.colour_inversion(x, x, 1 - x)
    assert found.threshold == 0.3
    assert "that of true pairs by -1.00" in found.warning
    # Pairs that do not correlate say nothing of the sign.
    assert metrics.colour_inversion(x, 1 - x, images(rng)).warning is None


@pytest.mark.parametrize("aligned", [True, False])
def test_collapse_is_a_ratio_of_distances_with_a_jackknife(rng, aligned):
    x, made, y = images(rng), 0.4 * images(rng), images(rng, channels=1)

    def spread(some):
        flat = some.reshape(len(some), -1)
        return pdist(flat).mean() / np.sqrt(flat.shape[1])

    found = metrics.output_collapse(x, made, y, aligned=aligned)
    assert found.value == pytest.approx(spread(made) / spread(y), rel=1e-6)
    n = len(x)
    without = [np.arange(n) != i for i in range(n)]
    if aligned:
        left = [spread(made[kept]) / spread(y[kept]) for kept in without]
        variance = (n - 1) * np.var(left)
    else:
        ratios = [spread(made[kept]) / spread(y) for kept in without]
        others = [spread(made) / spread(y[kept]) for kept in without]
        variance = (n - 1) * (np.var(ratios) + np.var(others))
    reach = 1.96 * np.sqrt(variance)
    # To first order in 1/n.
    assert found.high - found.value == pytest.approx(reach, rel=0.05)
    assert found.value - found.low == pytest.approx(reach, rel=0.05)


def test_one_image_for_all_inputs_is_a_collapse_unless_inputs_are_one(rng):
    x, y = images(rng), images(rng)
    alike = np.broadcast_to(x[:1], x.shape) + 0.01 * images(rng)
    found = metrics.output_collapse(x, np.clip(alike, 0, 1), y, aligned=False)
    assert found.value < 0.02
    assert "the generator draws the same whatever it is given" in found.warning
    assert metrics.output_collapse(x, y, y, aligned=True).warning is None
    near = 0.5 + 0.02 * images(rng)
    assert metrics.output_collapse(near, near, y, aligned=False).warning is None
    assert metrics.output_collapse(x, x, alike[:1].repeat(2, 0), aligned=False) == (
        metrics.Reading(None)
    )


def test_a_critic_is_right_on_the_side_of_the_boundary(rng):
    real = np.array([[[1.0, 0.4]], [[0.9, 0.2]]])  # maps of two patches
    fake = np.array([[[[0.1, 0.7]]], [[[0.5, 0.3]]]])  # and of one head
    found = metrics.critic_share(real, fake, boundary=0.5)
    assert found.value == pytest.approx((2 / 4 + 2.5 / 4) / 2)
    assert metrics.critic_share(real, fake, boundary=0.0).value == 0.5
    found = metrics.critic_share(real + 5, fake, boundary=2.0)
    assert (found.value, found.high) == (1, 1)
    assert found.low == metrics.wilson_interval(4, 4).low  # Another might not be.
    assert "100% of held-out real and of translated images right" in found.warning


def test_one_logit_has_no_interval():
    found = metrics.critic_share(np.array([0.2]), np.array([-0.1, 0.1]), boundary=0.0)
    assert found[:3] == (0.75, None, None)


def test_without_a_boundary_the_critic_ranks(rng):
    real, fake = rng.normal(0.5, 1, 40), rng.normal(0, 1, 30).round(1)
    expected = stats.mannwhitneyu(real, fake).statistic / (40 * 30)
    found = metrics.critic_share(real, fake)
    assert found.value == pytest.approx(expected)
    assert found.warning is None
    # No meaning of the logits' place or scale.
    assert metrics.critic_share(3 * real - 9, 3 * fake - 9).value == (
        pytest.approx(expected)
    )


def test_the_change_is_measured_by_the_way_to_the_targets(rng):
    x, y = images(rng), images(rng)
    found = metrics.idle_generator(x, x + 0.3 * (y - x), y, aligned=True)
    assert found.value == pytest.approx(0.3, rel=1e-5)
    assert found.high - found.low < 1e-5
    assert found.warning is None
    found = metrics.idle_generator(x, x + 0.02 * (y - x), y, aligned=True)
    assert "by 2.0% of what inputs differ from targets" in found.warning
    # Without pairs an input's own row is not among those it is compared with.
    turned = [np.abs(x - np.roll(x, -t, axis=0)).mean() for t in (1, 2, 3, 4)]
    found = metrics.idle_generator(x, y, x, aligned=False)
    assert found.value == pytest.approx(np.abs(x - y).mean() / np.mean(turned))
    other = images(rng, channels=1)
    assert metrics.idle_generator(x, other, other, aligned=True).value is None


def test_intervals_hold_the_truth(rng):
    """95 % intervals, 400 of each; five standard errors of a share of 95 % are 5.4 %.

    Of 24 images Student's t would be wider than the normal by 5 %: 94 % of the time.
    """
    # A coin turns half of the images around: |1 - 2x| is 1/2 on average, |x - y| 1/3.
    truth = np.array([0.25 * 3, 0.5, stats.norm.cdf(0.5)])
    hits = []
    for _ in range(400):
        x, y = images(rng, side=2), images(rng, side=2)
        made = np.where(rng.random((24, 1, 1, 1)) < 0.5, x, 1 - x)
        real, fake = rng.normal(0.5, 1, (24, 3)), rng.normal(-0.5, 1, (24, 3))
        found = (
            metrics.idle_generator(x, made, y, aligned=True),
            metrics.output_collapse(x, 0.5 * images(rng, side=2), y, aligned=False),
            metrics.critic_share(real, fake, boundary=0.0),
        )
        low, high = np.transpose([(one.low, one.high) for one in found])
        hits.append((low <= truth) & (truth <= high))
    share = np.mean(hits, axis=0)
    assert (np.abs(share - 0.945) < 0.055).all(), share


def test_the_report_has_all_four_and_prints_them(rng):
    x = images(rng)
    health = metrics.translation_health(
        np.uint8(255 * x),
        x,
        np.sqrt(x),
        aligned=True,
        real_logits=np.ones((24, 2, 2)),
        fake_logits=-np.ones((24, 2, 2)),
        boundary=0.0,
    )
    assert list(health.warnings) == ["critic", "idle"]
    lines = str(health).splitlines()
    assert lines[1].split() == ["inversion", "1.00", "1.00", "to", "1.00", "0.98"]
    assert len(lines) == 7
    without = metrics.translation_health(x, x, x[:5], aligned=False)
    assert without.critic == metrics.Reading(None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"outputs": np.zeros((3, 4, 4, 1))}, "4 inputs, 3 outputs and 4 targets"),
        ({"targets": np.zeros((3, 4, 4, 1))}, "a target too where aligned=True"),
        ({"inputs": np.zeros((4, 4, 4))}, "The input images have shape"),
        ({"outputs": np.full((4, 4, 4, 1), np.nan)}, "The output images hold"),
        ({"real_logits": np.full(4, np.inf)}, "The real_logits have"),
    ],
)
def test_what_does_not_belong_together_is_refused(change, said):
    zeros = dict.fromkeys(("inputs", "outputs", "targets"), np.zeros((4, 4, 4, 1)))
    logits = {"real_logits": np.zeros(4), "fake_logits": np.zeros(4)}
    with pytest.raises(InputError, match=said):
        metrics.translation_health(**(zeros | logits | change), aligned=True)


def test_one_image_has_no_differences():
    one = np.zeros((1, 4, 4, 1))
    with pytest.raises(InputError, match="at least 2 of each"):
        metrics.translation_health(one, one, one, aligned=True)
