"""Small arrays for every figure of the VAE family, and runs that hold them."""

import json

import numpy as np

from jaxgen.report.gallery import plates
from jaxgen.report.run import read_run

CLASSES = np.array(["nought", "one", "two"])
ESTIMATORS = np.array(
    [
        "score",
        "RLOO-2",
        "RLOO-4",
        "DisARM",
        "REBAR",
        "VIMCO",
        "Gumbel-Softmax",
        "ST-GS",
        "Gumbel-Rao",
        "straight-through",
        "ReinMax",
        "enumeration",
    ]
)


def images(*shape):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, [*shape, 6, 6, 1], dtype=np.uint8)


def class_plane():
    grid = np.linspace(-2, 2, 3)
    return {
        "images": images(9),
        "x": grid,
        "y": grid[::-1],
        "label": np.array([2]),
        "class_names": CLASSES,
    }


def all_labels():
    return {"images": images(4, 3), "class_names": CLASSES}


def comparison():
    return {
        "inputs": images(7),
        "outputs": images(2, 7),
        "names": np.array(["VAE", "CVAE"]),
        "errors": np.array([82.5, 75.25]),
        "unit": np.array("nats"),
    }


def traversals():
    return {
        "images": images(3, 5),
        "values": np.linspace(-2, 2, 5),
        "kl": np.array([0.04, 4.21, 1.0]),
        "dimension": np.array([0, 2, 7]),
    }


def disentanglement():
    rng = np.random.default_rng(1)
    return {
        "names": np.array(["beta 1", "beta 4", "KL to 20"]),
        "metrics": np.array(["MIG", "DCI"]),
        "scores": rng.uniform(0, 1, [2, 3, 5]),
        "kl": rng.uniform(5, 30, [3, 5]),
        "reconstruction": rng.uniform(20, 60, [3, 5]),
    }


def lambda_sweep():
    rng = np.random.default_rng(2)
    return {
        "names": np.array(["CS, lambda 1", "CS, lambda 5", "KL"]),
        "mean": rng.normal(0, [[[1]], [[2]], [[5]]], [3, 30, 2]),
        "label": np.arange(30) % 3,
        "class_names": CLASSES,
        "inputs": images(4),
        "outputs": images(3, 4),
        "nll": np.array([100.0, 98.0, 99.0]),
        "nll_error": np.full(3, 0.5),
        "reconstruction": np.array([80.0, 85.0, 82.0]),
        "divergence": np.array([5.0, 2.0, 9.0]),
        "lambda_": np.array([1.0, 5.0, 0.0]),
        "prior_means": np.where(np.arange(3) < 2, 1.0, np.nan)[:, None, None]
        * np.ones([3, 2, 2]),
    }


def codes():
    rng = np.random.default_rng(3)
    probabilities = rng.dirichlet(np.ones(4), [10, 6])
    return {
        "inputs": images(10),
        "outputs": images(10),
        "probabilities": probabilities,
    }


def estimators_along():
    number = len(ESTIMATORS)
    variance = np.geomspace(1e3, 1, number)[:, None] * np.array([1.0, 0.5, 0.3])
    variance[-1] = 0
    snr = 1 / np.sqrt(np.maximum(variance, 1e-9))
    snr[-1] = np.nan
    falling = np.exp(-np.arange(8) / 2)
    return {
        "names": ESTIMATORS,
        "elbo_step": 100 * np.arange(8),
        "elbo": -np.linspace(110, 100, number)[:, None] - 50 * falling,
        "at": np.array([0, 300, 700]),
        "variance": variance,
        "half_width": 0.1 * variance,
        "snr": snr,
        "seconds": np.geomspace(1e-3, 5e-2, number),
    }


def bounds():
    return {
        "k": np.array([1, 5, 50]),
        "names": np.array(["VAE", "IWAE"]),
        "bound": np.array([[-90.0, -89, -88], [-91, -88, -86]]),
        "half_width": np.full((2, 3), 0.2),
        "nll": np.array([88.0, 86.0]),
        "activity": np.array([[1.0, 0.5, 1e-4, 0.0], [1.0, 0.9, 0.8, 1e-5]]),
        "threshold": np.array(0.01),
    }


FILES = {
    made.__name__: made
    for made in (
        class_plane,
        all_labels,
        comparison,
        traversals,
        disentanglement,
        lambda_sweep,
        codes,
        estimators_along,
        bounds,
    )
}


def write_arrays(path, name, **changes):
    """Writes a run of one file alone; None leaves an array out."""
    (path / "arrays").mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps({"records": False}))
    arrays = {k: v for k, v in {**FILES[name](), **changes}.items() if v is not None}
    np.savez(path / "arrays" / f"{name}.npz", **arrays)
    return path


def found(path, name, **changes):
    """The plates, by name, of a run that holds one file."""
    run = read_run(write_arrays(path, name, **changes))
    return {plate.name: plate for plate in plates(run)}
