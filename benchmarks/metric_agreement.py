"""Do our metrics give the numbers of their peers, of the same features?

Each peer calculates from the same arrays, in the same run: scipy (the root of the
product of covariances), torch-fidelity (its functions of features, in double
precision), prdc, scikit-learn (kernel matrices, neighbours) and scikit-image. Where a
metric draws subsets, the peer's own subsets are taken. The sets are Gaussians, fewer
of them than dimensions, and digits and blurred digits as whole numbers, which have many
equal distances: there the rules of ties show.

Bar: a relative difference of at most 1e-5.

Command: python -m benchmarks.metric_agreement   (extra `bench`)
Time: half a minute on 2 CPU cores.
Result: benchmarks/results/metric_agreement.json
"""

import argparse
import contextlib
import importlib.metadata
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from scipy import linalg, ndimage, stats

from benchmarks import timing
from jaxgen.metrics import (
    feature_statistics,
    frechet_distance,
    frechet_distance_of_features,
    gaussian_kernel,
    inception_score,
    kernel_inception_distance,
    mmd,
    nearest_others,
    neighbour_metrics,
    polynomial_kernel,
    psnr,
    slerp,
    ssim,
    wasserstein_1d,
)

BAR = 1e-5
Pairs = dict[str, tuple[Any, Any]]
"""Our number (or numbers) and the peer's, by what they are."""


class Sets(NamedTuple):
    """What is compared: float32 features, shape (n, d) and (m, d)."""

    real: np.ndarray
    generated: np.ndarray


class Agreement(NamedTuple):
    """How far two numbers are apart, or the furthest of many."""

    ours: float
    theirs: float
    relative_difference: float


def all_sets(*, num_examples: int = 2000) -> dict[str, Sets]:
    """Returns pairs of sets by name; `num_examples` is that of the Gaussians."""
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(2, num_examples, 64))
    mixing = np.eye(512) + 0.1 * rng.normal(size=(512, 512)) / np.sqrt(512)
    wide = rng.normal(size=(2, num_examples // 8, 512))
    # All of them are 1797: two sets of different sizes.
    digits = _digits()[:num_examples]
    blurred = np.round(ndimage.gaussian_filter(digits[1::2], (0, 0.6, 0.6)))
    return {
        f"{num_examples} Gaussians in 64 dimensions": _sets(real, generated),
        f"{num_examples // 8} Gaussians in 512 dimensions": _sets(
            wide[0], wide[1] @ mixing + 0.1
        ),
        "digits of 8 x 8 against blurred ones": _sets(digits[::2], blurred),
    }


def against_scipy(sets: Sets) -> Pairs:
    """Frechet distance by the root of a product, and distances on a line."""
    one, other = (feature_statistics(each) for each in sets)
    with warnings.catch_warnings():
        # Of singular covariances scipy doubts the root; its trace is right enough.
        warnings.simplefilter("ignore", linalg.LinAlgWarning)
        product: Any = linalg.sqrtm(one.covariance @ other.covariance)
    step = one.mean - other.mean
    traces = np.trace(one.covariance + other.covariance) - 2 * np.trace(product).real
    columns = range(20, 30)
    lines = [(sets.real[:, i], sets.generated[:, i]) for i in columns]
    return {
        "Frechet distance": (frechet_distance(one, other), step @ step + traces),
        "Wasserstein distance on a line": (
            [wasserstein_1d(*line) for line in lines],
            [stats.wasserstein_distance(*map(np.float64, line)) for line in lines],
        ),
    }


def against_torch_fidelity(sets: Sets) -> Pairs:
    """All that torch-fidelity calculates from features."""
    import torch
    from torch_fidelity import metric_fid, metric_isc, metric_kid, metric_prc
    from torch_fidelity.noise import batch_slerp_unit

    real, generated = (torch.from_numpy(each).double() for each in sets)
    fid = metric_fid.fid_statistics_to_metric(
        *map(metric_fid.fid_features_to_statistics, (real, generated)), verbose=False
    )
    least = min(map(len, sets))
    one_subset = {"kid_subsets": 1, "kid_subset_size": least, "verbose": False}
    size, seed = least // 2, 2020
    many = {"kid_subsets": 10, "kid_subset_size": size, "rng_seed": seed}
    kid = metric_kid.kid_features_to_metric(real, generated, **many, verbose=False)
    subsets = [
        mmd(*chosen).unbiased for chosen in _peer_subsets(sets, seed, size, count=10)
    ]
    logits = sets.generated[:, :10].astype(np.float64)
    scores = metric_isc.isc_features_to_metric(generated[:, :10], shuffle=False)
    score = inception_score(np.asarray(jax.nn.log_softmax(logits)))
    # It takes the generated features first.
    peer = metric_prc.prc_features_to_metric(generated, real, verbose=False)
    near = neighbour_metrics(*sets, tie="stylegan")
    ends = [each[:20] / np.linalg.norm(each[:20], axis=1)[:, None] for each in sets]
    steps = np.linspace(0, 1, 20, dtype=np.float32)
    path = batch_slerp_unit(*map(torch.from_numpy, ends), torch.tensor(steps)[:, None])
    pairs: Pairs = {
        "Frechet distance": (
            frechet_distance_of_features(*sets),
            fid[metric_fid.KEY_METRIC_FID],
        ),
        "KID, its mean over subsets": (
            np.mean(subsets),
            kid[metric_kid.KEY_METRIC_KID_MEAN],
        ),
        "KID, its deviation over subsets": (
            np.std(subsets),
            kid[metric_kid.KEY_METRIC_KID_STD],
        ),
        "inception score": (score.mean, scores[metric_isc.KEY_METRIC_ISC_MEAN]),
        "inception score, deviation": (
            score.standard_deviation,
            scores[metric_isc.KEY_METRIC_ISC_STD],
        ),
        "precision, k = 3": (near.precision, peer[metric_prc.KEY_METRIC_PRECISION]),
        "recall, k = 3": (near.recall, peer[metric_prc.KEY_METRIC_RECALL]),
        "slerp between unit vectors": (slerp(*ends, steps), path.numpy()),
    }
    if len(real) == len(generated):
        peer = metric_kid.kid_features_to_metric(real, generated, **one_subset)
        pairs["KID of a single subset"] = (
            kernel_inception_distance(
                jax.random.key(0), *sets, num_subsets=1, subset_size=least
            ).mean,
            peer[metric_kid.KEY_METRIC_KID_MEAN],
        )
    return pairs


def against_prdc(sets: Sets) -> Pairs:
    """Precision, recall, density and coverage with open balls."""
    from prdc import compute_prdc

    pairs: Pairs = {}
    for k in (3, 5):
        ours = neighbour_metrics(*sets, precision_k=k, density_k=k, tie="prdc")
        with contextlib.redirect_stdout(io.StringIO()):
            double = [each.astype(np.float64) for each in sets]
            theirs = compute_prdc(*double, nearest_k=k)
        for name, value in theirs.items():
            pairs[f"{name}, k = {k}"] = (getattr(ours, name), value)
    return pairs


def against_scikit_learn(sets: Sets) -> Pairs:
    """MMD by whole kernel matrices, and distances to neighbours."""
    from sklearn.metrics import pairwise
    from sklearn.neighbors import NearestNeighbors

    real, generated = (each.astype(np.float64) for each in sets)
    width = float(np.sqrt(real.shape[1]))
    kernels = {
        "polynomial": (polynomial_kernel, pairwise.polynomial_kernel),
        "Gaussian": (
            lambda x, y: gaussian_kernel(x, y, bandwidths=[width]),
            lambda x, y: pairwise.rbf_kernel(x, y, gamma=0.5 / width**2),
        ),
    }
    pairs: Pairs = {}
    for name, (ours, theirs) in kernels.items():
        found = mmd(*sets, kernel=ours)
        within = [theirs(each, each) for each in (real, generated)]
        between = 2 * theirs(real, generated).mean()
        others = [
            (each.sum() - np.trace(each)) / (len(each) * (len(each) - 1))
            for each in within
        ]
        pairs |= {
            f"MMD, {name} kernel, unbiased": (found.unbiased, sum(others) - between),
            f"MMD, {name} kernel, biased": (
                found.biased,
                sum(each.mean() for each in within) - between,
            ),
        }
    search = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(real)
    near = nearest_others(sets.real, k=5)
    pairs["distances to 5 neighbours"] = (near.distances, search.kneighbors()[0])
    return pairs


def against_scikit_image(sets: Sets) -> Pairs:
    """PSNR and SSIM of rows as images: 8 x 8 pixels, each four times."""
    from skimage import metrics

    least = min(map(len, sets))
    images, others = (_pictures(each[:least]) for each in sets)
    how: dict[str, Any] = {"gaussian_weights": True, "use_sample_covariance": False}
    how |= {"sigma": 1.5, "data_range": 1, "channel_axis": -1}
    each = list(zip(images, others, strict=True))
    return {
        "PSNR": (
            psnr(images, others),
            [metrics.peak_signal_noise_ratio(*pair, data_range=1) for pair in each],
        ),
        "SSIM": (
            ssim(images, others),
            [metrics.structural_similarity(*pair, **how) for pair in each],
        ),
    }


PEERS: Mapping[str, Callable[[Sets], Pairs]] = {
    "scipy": against_scipy,
    "torch-fidelity": against_torch_fidelity,
    "prdc": against_prdc,
    "scikit-learn": against_scikit_learn,
    "scikit-image": against_scikit_image,
}
"""What compares us with a package, by its name."""


def agreement(ours: Any, theirs: Any) -> Agreement:
    """Compares numbers; of many, in units of the largest, those furthest apart.

    Args:
        ours: A number or an array.
        theirs: Likewise, of the same shape.
    """
    ours, theirs = np.atleast_1d(ours), np.atleast_1d(theirs)
    apart = np.abs(np.subtract(ours, theirs, dtype=np.float64)).ravel()
    worst = int(apart.argmax())
    scale = float(np.abs(theirs).max())
    return Agreement(
        float(ours.ravel()[worst]),
        float(theirs.ravel()[worst]),
        float(apart[worst]) / scale if scale else float(apart[worst]),
    )


def main(*, num_examples: int = 2000) -> dict[str, Any]:
    """Compares all metrics with all peers that are there; returns what was found."""
    found: dict[str, Any] = {"bar": BAR, "peers": {}, "skipped": {}, "sets": {}}
    for name, sets in all_sets(num_examples=num_examples).items():
        rows: dict[str, dict[str, Agreement]] = {}
        print(f"\n{name}")
        for peer, compare in PEERS.items():
            if compare is against_scikit_image and not name.startswith("digits"):
                continue
            try:
                pairs = compare(sets)
                found["peers"][peer] = importlib.metadata.version(peer)
            except ImportError as error:
                found["skipped"][peer] = str(error)
                continue
            rows[peer] = {what: agreement(*pair) for what, pair in pairs.items()}
            for what, row in rows[peer].items():
                print(
                    f"  {peer:<16}{what:<40}{row.ours:>14.7g}{row.theirs:>14.7g}"
                    f"{row.relative_difference:>10.0e}"
                )
        found["sets"][name] = rows
    worst = {
        f"{name}: {peer}: {what}": row.relative_difference
        for name, rows in found["sets"].items()
        for peer, each in rows.items()
        for what, row in each.items()
    }
    found["worst"] = max(worst, key=worst.__getitem__)
    found["largest_relative_difference"] = worst[found["worst"]]
    found["comparisons"] = len(worst)
    print(
        f"\n{len(worst)} comparisons, at most {worst[found['worst']]:.0e} apart "
        f"({found['worst']}); skipped: {', '.join(found['skipped']) or 'none'}"
    )
    return found


def _sets(real: np.ndarray, generated: np.ndarray) -> Sets:
    flat = [each.reshape(len(each), -1) for each in (real, generated)]
    return Sets(*(each.astype(np.float32) for each in flat))


def _digits() -> np.ndarray:
    from sklearn.datasets import load_digits

    images: Any = load_digits(return_X_y=True)[0]
    return images.reshape(-1, 8, 8)


def _pictures(features: np.ndarray) -> np.ndarray:
    images = features.reshape(-1, 8, 8, 1) / 16
    return images.repeat(2, axis=1).repeat(2, axis=2)


def _peer_subsets(
    sets: Sets, seed: int, size: int, *, count: int
) -> Iterator[list[np.ndarray]]:
    """The subsets that torch-fidelity draws."""
    rng = np.random.RandomState(seed)
    for _ in range(count):
        yield [each[rng.choice(len(each), size, replace=False)] for each in sets]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small, writes no result")
    if parser.parse_args().quick:
        main(num_examples=400)
    else:
        print("recorded in", timing.record("metric_agreement", main()).name)
