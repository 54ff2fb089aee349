import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.sharpness import (
    high_frequency_power,
    laplacian_variance,
    radial_power,
    relative_mean,
)


def wave(cycles: int, *, size: int = 32, amplitude: float = 0.25) -> np.ndarray:
    """A wave along the columns, one image."""
    phase = 2 * np.pi * cycles * np.arange(size) / size
    row = 0.5 + amplitude * np.cos(phase)
    return np.broadcast_to(row, (1, size, size))[..., None]


def noise(count: int = 4, size: int = 16) -> np.ndarray:
    return np.random.default_rng(0).uniform(size=(count, size, size, 3))


def test_the_laplacian_of_a_wave_is_the_wave_times_its_eigenvalue():
    cycles, size, amplitude = 8, 34, 0.25
    # 32 inner pixels hold whole waves, whose variance is amplitude^2 / 2.
    phase = 2 * np.pi * cycles * np.arange(size) / (size - 2)
    image = np.broadcast_to(0.5 + amplitude * np.cos(phase), (1, size, size))
    eigenvalue = 2 * np.cos(2 * np.pi * cycles / (size - 2)) - 2
    wanted = eigenvalue**2 * amplitude**2 / 2
    np.testing.assert_allclose(laplacian_variance(image[..., None]), [wanted])


def test_all_power_above_a_wave_is_none_and_at_it_is_its_mean_square():
    image = wave(8)  # 0.25 cycles per pixel
    np.testing.assert_allclose(high_frequency_power(image), [0.25**2 / 2])
    np.testing.assert_allclose(high_frequency_power(image, cutoff=0.26), 0, atol=1e-20)


def test_the_power_of_all_frequencies_is_the_variance():
    images = noise()
    variance = images.mean(axis=-1).var(axis=(1, 2))
    np.testing.assert_allclose(high_frequency_power(images, cutoff=1e-3), variance)


def test_a_wave_is_in_its_ring_alone():
    found = radial_power(wave(8))
    assert found.frequency[np.argmax(found.power)] == 0.25
    assert np.delete(found.power, np.argmax(found.power)).max() < 1e-20


def test_white_noise_has_as_much_power_in_each_ring():
    found = radial_power(np.random.default_rng(1).uniform(size=(2000, 16, 16, 1)))
    wanted = (1 / 12) / 16**2
    # The power of a frequency is about exponential; a ring has 8 of them or more, in
    # pairs that are the same.
    error = wanted / np.sqrt(2000 * 4)
    assert np.abs(found.power - wanted).max() < 5 * error


@pytest.mark.parametrize("measure", [laplacian_variance, high_frequency_power])
def test_a_blur_takes_sharpness_away_and_light_does_not_matter(measure):
    images = noise()
    blurred = (images + np.roll(images, 1, axis=1) + np.roll(images, 1, axis=2)) / 3
    assert (measure(blurred) < 0.5 * measure(images)).all()
    np.testing.assert_allclose(measure(0.5 * images + 0.2), 0.25 * measure(images))


def test_bytes_are_the_floats_they_stand_for():
    as_bytes = (255 * noise()).round().astype(np.uint8)
    np.testing.assert_allclose(
        laplacian_variance(as_bytes), laplacian_variance(as_bytes / 255)
    )


def test_the_interval_of_a_ratio_covers():
    random = np.random.default_rng(2)
    truth, hits = 0.5, 0
    for _ in range(400):
        found = relative_mean(random.gamma(4.0, 0.5, 300), random.gamma(4.0, 1.0, 200))
        hits += found.low <= truth <= found.high
    # 95 % of 400, less five standard errors.
    assert hits / 400 > 0.95 - 5 * np.sqrt(0.95 * 0.05 / 400)
    assert hits < 400


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(InputError, match="at least 3 pixels"):
        laplacian_variance(np.zeros((1, 2, 2, 1)))
    with pytest.raises(InputError, match="cutoff=0.9"):
        high_frequency_power(noise(), cutoff=0.9)
    with pytest.raises(InputError, match="mean of 0"):
        relative_mean(np.ones(3), np.zeros(3))
