import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.data import ada_corruptions as corruptions

COUNT = 4000
IMAGE = np.random.default_rng(0).uniform(-1, 1, (12, 16, 3)).astype(np.float32)


def share(values, expected):
    """Asserts that a share of booleans is as expected, within 5 standard errors."""
    error = np.sqrt(expected * (1 - expected) / len(values))
    assert abs(np.mean(values) - expected) < 5 * error


def drawn_by(draw, key, probability):
    keys = jax.random.split(key, COUNT)
    found = jax.jit(jax.vmap(lambda key: draw(key, probability)))(keys)
    return jax.tree.map(np.asarray, found)


def test_the_gains_of_one_band_keep_the_expected_power():
    power = np.array([10, 1, 1, 1]) / 13
    for band in range(4):
        factors = np.where(np.arange(4) == band, 3.0, 1.0)
        found = np.asarray(corruptions.combine_gains(jnp.asarray(factors)))
        np.testing.assert_allclose(found, factors / np.sqrt(power @ factors**2), 1e-6)
        np.testing.assert_allclose(power @ found**2, 1, rtol=1e-6)
    both = corruptions.combine_gains(jnp.array([3.0, 1.0, 0.5, 1.0]))
    one, other = (
        corruptions.combine_gains(jnp.array(factors))
        for factors in ([3.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.5, 1.0])
    )
    np.testing.assert_allclose(both, one * other, rtol=1e-6)


def test_each_band_is_amplified_with_the_probability(key):
    # The gains of the bands not drawn are equal; their common factor comes from the
    # bands that are.
    gains, drawn = drawn_by(corruptions.draw_gains, key, 0.2)
    share(drawn, 1 - 0.8**4)
    np.testing.assert_allclose(gains[~drawn], 1, rtol=1e-6)
    alone = np.abs(gains[:, [0]] / gains[:, 1:] - 1) > 1e-5
    one = alone.all(axis=1) & (np.ptp(gains[:, 1:], axis=1) < 1e-5)
    share(one, 0.2 * 0.8**3)
    factors = np.log2(gains[one, 0] / gains[one, 1])
    assert abs(factors.mean()) < 5 / np.sqrt(one.sum())
    assert abs(factors.std() - 1) < 5 / np.sqrt(2 * one.sum())


def test_equal_gains_scale_the_image_and_a_constant_has_the_lowest_band_alone():
    found = corruptions.filter_bands(jnp.asarray(IMAGE), jnp.full(4, 1.5))
    np.testing.assert_allclose(found, 1.5**2 * IMAGE, atol=2e-6)
    flat = jnp.full((8, 8, 1), 0.5)
    found = corruptions.filter_bands(flat, jnp.array([2.0, 3.0, 5.0, 7.0]))
    np.testing.assert_allclose(found, 2.0, rtol=1e-5)
    checks = (-1.0) ** np.add.outer(np.arange(8), np.arange(8))[..., None]
    found = corruptions.filter_bands(
        jnp.asarray(checks, jnp.float32), jnp.array([2.0, 3.0, 5.0, 7.0])
    )
    np.testing.assert_allclose(found, 49 * checks, rtol=1e-5)


def test_noise_has_half_normal_deviations_and_is_independent_of_the_place(key):
    deviations = drawn_by(corruptions.draw_noise, key, 0.3)
    share(deviations > 0, 0.3)
    drawn = deviations[deviations > 0]
    assert abs((drawn**2).mean() / 0.01 - 1) < 5 * np.sqrt(2 / len(drawn))
    assert abs(drawn.mean() / 0.1 - np.sqrt(2 / np.pi)) < 5 * 0.61 / np.sqrt(len(drawn))
    add = jax.jit(corruptions.add_noise)
    keys = jax.random.split(jax.random.key(1), 2)
    np.testing.assert_array_equal(add(keys[0], IMAGE, 0.0), IMAGE)
    noise = np.asarray(add(keys[1], jnp.zeros((40, 40, 3)), 0.25))
    assert abs(noise.std() / 0.25 - 1) < 5 / np.sqrt(2 * noise.size)
    beside = np.corrcoef(noise[1:].ravel(), noise[:-1].ravel())[0, 1]
    assert abs(beside) < 5 / np.sqrt(noise.size)


def test_cutouts_are_boxes_of_half_the_sides_around_any_place(key):
    middles, drawn = drawn_by(corruptions.draw_cut, key, 0.7)
    share(drawn, 0.7)
    assert middles.min() >= 0
    assert middles.max() <= 1
    error = 1 / np.sqrt(12 * COUNT)
    assert (np.abs(middles.mean(axis=0) - 0.5) < 5 * error).all()
    cut = jax.jit(corruptions.cut_out)
    gone = np.asarray(cut(jnp.ones((12, 16, 1)), jnp.array([0.5, 0.5])))[..., 0] == 0
    wanted = np.zeros((12, 16), bool)
    wanted[3:9, 4:12] = True
    np.testing.assert_array_equal(gone, wanted)
    gone = np.asarray(cut(jnp.ones((12, 16, 1)), jnp.array([0.0, 1.0])))[..., 0] == 0
    wanted = np.zeros((12, 16), bool)
    wanted[:3, 12:] = True
    np.testing.assert_array_equal(gone, wanted)
