"""Calls of the functions of metrics, for the sweep of NaN."""

import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists

from jaxgen import metrics
from jaxgen.metrics import FeatureStatistics
from jaxgen.metrics.comparison import Settings
from jaxgen.metrics.features import Activations, FeatureNet
from tests.nan_cases import KEY, TABLE, case, floats, host


def net(images):
    return Activations(images.reshape(len(images), -1)[:, :2])


def evaluate(function, made, reference, further_real):
    nets = FeatureNet("pixels", 2, net, "0" * 64, {})
    found = function(
        {"made": made},
        reference,
        key=KEY,
        train=further_real,
        feature_nets=nets,
        resamples=2,
        settings=Settings(num_clusters=2),
    )
    return [one.value for one in found.measures]


def evaluate_features(function, real, made, train):
    few = Settings(num_clusters=2)
    found = function(real, made, key=KEY, train=train, resamples=2, settings=few)
    return [one.value for one in found.measures]


def of_codes(function, latents, **options):
    """A score of a representation, which is a function of the factors."""
    return function(lambda factors: factors + latents, (3, 3), seed=0, **options)


LINES = {"interpolation": "lerp", "endpoints": "end"}


def of_paths(function, decoder):
    return function(KEY, lambda z: z * decoder, jnp.sin, 2, num_samples=2, **LINES)


def measured_path(function, decode):
    nets = FeatureNet("pixels", 2, net, "0" * 64, {})
    return function(
        KEY, lambda z: z * decode, nets, 2, images="points", num_samples=2
    ).value


def represented(function, latents):
    return function(lambda factors: factors + latents, np.zeros((3, 2), np.int32))


@jax.jit
def estimated(mean, images):
    def log_joint(z):
        return -jnp.sum((z - images) ** 2, axis=-1)

    proposal = dists.Normal(mean, 1.0, validate_args=False).to_event(1)
    return metrics.importance_log_likelihood(KEY, log_joint, proposal, num_samples=3)


def through_file(function, mean, covariance):
    """Writes statistics with, or reads them by, the function."""
    statistics = FeatureStatistics(mean, covariance)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "statistics.npz"
        if function is metrics.save_statistics:
            function(path, statistics)
            return metrics.load_statistics(path)
        np.savez(path, mu=mean, sigma=covariance)
        return function(path)


FEATURES, PICTURES = host(12, 2), host(4, 8, 8, 1)
SETS, KEYED = case(FEATURES, host(12, 2)), case(KEY, FEATURES, host(12, 2))
ONE, TWO = case(PICTURES), case(PICTURES, host(4, 8, 8, 1))
THREE = (PICTURES, host(4, 8, 8, 1), host(4, 8, 8, 1))
SPLIT = metrics.halves(KEY, 2, 12, 12)
LABELS = np.arange(12).reshape(-1, 1) % 3
SCORED = case(FEATURES, LABELS)
CODES = case(np.zeros(()), by=of_codes, num_train=60, num_test=20, batch_size=4)
STATISTICS = np.zeros(2), np.eye(2)

METRICS = {
    "active_units": case(TABLE),
    "beta_vae_score": CODES,
    "class_modes": case(np.log(host(4, 3)), host(3)),
    "collapse_report": case(host(3), host(3)),
    "colour_inversion": case(*THREE),
    "combine_log_probabilities": case(host(2, 2, 2)),
    "critic_overfitting": case(host(4) + 5, host(4), host(4)),
    "critic_share": case(host(4), host(4)),
    "dci": SCORED,
    "dead_unit_share": case(TABLE),
    "density_coverage": SETS,
    "disentanglement_scores": case(
        np.zeros(()),
        by=of_codes,
        num_examples=60,
        num_train=60,
        num_test=20,
        batch_size=4,
    ),
    "evaluate": case(host(8, 3, 3, 1), host(8, 3, 3, 1), host(8, 3, 3, 1), by=evaluate),
    "evaluate_features": case(FEATURES, FEATURES, FEATURES, by=evaluate_features),
    "factor_vae_score": CODES,
    "feature_statistics": case(FEATURES),
    "finite_path_length": case(floats(), by=of_paths),
    "frechet_distance": case(
        FeatureStatistics(*STATISTICS), FeatureStatistics(*STATISTICS)
    ),
    "frechet_distance_of_features": SETS,
    "frechet_infinity": KEYED,
    "frechet_replicates": case(FEATURES, host(12, 2), SPLIT),
    "gaussian_kernel": case(FEATURES, FEATURES, bandwidths=(1.0,)),
    "gaussian_modes": case(FEATURES, host(2, 2), 0.5, proportions=host(2)),
    "high_frequency_power": ONE,
    "idle_generator": case(*THREE, aligned=True),
    "importance_log_likelihood": case(TABLE, TABLE, by=lambda f, *x: estimated(*x)),
    "improved_precision_recall": SETS,
    "inception_score": case(np.log(np.full((4, 2), 0.5)), num_splits=2),
    "interval": case(1.0, host(4), by=lambda f, *given: f(*given)[1:]),
    "kernel_inception_distance": case(
        KEY, FEATURES, FEATURES, num_subsets=2, subset_size=4
    ),
    "kl_decomposition": case(KEY, TABLE, TABLE),
    "laplacian_variance": ONE,
    "load_statistics": case(*STATISTICS, by=through_file),
    "luminance_correlation": TWO,
    "max_f_score": case(host(4), host(4), beta=2.0),
    "mean_interval": case(host(4)),
    "mean_squared_error": TWO,
    "median_distance": SETS,
    "memorisation": case(FEATURES, host(12, 2), host(12, 2)),
    "mig_chen": case(
        KEY, jnp.asarray(FEATURES), jnp.asarray(FEATURES), jnp.asarray(LABELS)
    ),
    "mig_locatello": SCORED,
    "mmd": SETS,
    "mmd_with_replicates": case(FEATURES, host(12, 2), SPLIT),
    "nearest_neighbours": SETS,
    "nearest_others": case(FEATURES),
    "neighbour_metrics": SETS,
    "output_collapse": case(*THREE, aligned=True),
    "path_length": case(floats(), by=of_paths),
    "path_measure": case(floats(), by=measured_path),
    "polynomial_kernel": SETS,
    "prd_curve": case(host(3), host(3), num_angles=3),
    "precision_recall_distribution": case(
        KEY, FEATURES, FEATURES, num_clusters=2, num_runs=1, num_angles=3
    ),
    "neighbour_agreement": case(host(5, 2), np.arange(5) % 2, neighbours=2),
    "principal_components": case(host(5, 4), host(3, 4)),
    "psnr": TWO,
    "radial_power": ONE,
    "rank_correlation": case(host(5), host(5)),
    "represent_all": case(host(2), by=represented),
    "slerp": case(TABLE, floats(3, 2), floats(3)),
    "relative_diversity": SETS,
    "relative_mean": case(host(4), host(4)),
    "sap_kumar": SCORED,
    "sap_locatello": SCORED,
    "save_statistics": case(*STATISTICS, by=through_file),
    "signal_correlations": case(
        host(5),
        host(5),
        by=lambda f, signal, target: list(f({"x": signal}, target)["x"]),
    ),
    "sinkhorn_distance": SETS,
    "sinkhorn_divergence": SETS,
    "sliced_wasserstein": case(KEY, FEATURES, FEATURES, num_projections=2),
    "ssim": TWO,
    "translation_health": case(
        *THREE, aligned=True, real_logits=host(4), fake_logits=host(4)
    ),
    "wasserstein_1d": case(host(4), host(3)),
    "zero_gradient_share": case(TABLE),
}
