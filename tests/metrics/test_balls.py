import tracemalloc

import numpy as np
import pytest

from jaxgen.metrics import balls
from jaxgen.metrics.distances import ROUNDING
from jaxgen.metrics.neighbours import Near


def points_and_near(count, dimensions):
    """Points, and the nearest of the others by brute force."""
    points = np.random.default_rng(0).normal(1, size=(count, dimensions))
    squared = ((points[:, None] - points) ** 2).sum(axis=-1)
    np.fill_diagonal(squared, np.inf)
    nearest = squared.argsort(axis=1)[:, :3]
    return points, Near(nearest, np.take_along_axis(squared, nearest, axis=1))


@pytest.mark.parametrize("block", [4, 1024])
@pytest.mark.parametrize("closed", [True, False])
def test_the_margin_grows_with_the_distance_from_the_centre(monkeypatch, block, closed):
    monkeypatch.setattr(balls, "_BLOCK", block)
    points, near = points_and_near(10, 3)
    centre = np.array([0.5, 0.0, -2.0])
    found = balls.balls(
        points, near, np.ones((1, 10), bool), k=2, centre=centre, closed=closed
    )
    size = np.array([[np.sqrt(((point - centre) ** 2).sum())] for point in points])
    margin = ROUNDING * (size**2 + (size + np.sqrt(near.squared)) ** 2)
    np.testing.assert_allclose(
        found.radii - near.squared, margin if closed else -margin, rtol=1e-3
    )


def test_sizes_take_no_copy_of_the_points():
    points = np.ones((5000, 100), np.float32)
    tracemalloc.start()
    balls._sizes(points, np.zeros(100))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A block of 1,024 in float64, and its squares.
    assert peak < 1.5 * points.nbytes
