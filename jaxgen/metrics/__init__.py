"""What generated images and trained models are worth.

`evaluate` is the one call: every metric, with intervals, floors and the protocol. Each
metric is also a function of arrays of its own, and nothing here knows a model. What
needs a package beyond the core (clustering, SSIM, transport) imports it when it is
asked for; `features` has the feature networks.
"""

from jaxgen.metrics import features
from jaxgen.metrics.class_modes import (
    class_modes,
    combine_classes,
    combine_log_probabilities,
)
from jaxgen.metrics.collapse import CollapseReport, collapse_report
from jaxgen.metrics.collapse_monitor import CollapseMonitor, GANHealth
from jaxgen.metrics.critic_overfitting import CriticOverfitting, critic_overfitting
from jaxgen.metrics.dead_units import dead_unit_share, zero_gradient_share
from jaxgen.metrics.density_coverage import (
    DensityCoverage,
    density_coverage,
    expected_coverage,
)
from jaxgen.metrics.disentanglement import disentanglement_scores
from jaxgen.metrics.diversity import relative_diversity
from jaxgen.metrics.evaluate import evaluate, evaluate_features
from jaxgen.metrics.evaluation import Evaluation, Measure
from jaxgen.metrics.frechet import (
    FrechetInfinity,
    frechet_bias,
    frechet_distance,
    frechet_distance_of_features,
    frechet_infinity,
    frechet_replicates,
)
from jaxgen.metrics.gan_monitors import gan_monitors
from jaxgen.metrics.image_similarity import (
    mean_squared_error,
    psnr,
    ssim,
    ssim_window,
)
from jaxgen.metrics.inception_score import InceptionScore, inception_score
from jaxgen.metrics.interpolation import slerp
from jaxgen.metrics.interventions import (
    beta_vae_score,
    factor_vae_score,
    represent_all,
)
from jaxgen.metrics.kernel import (
    KernelInceptionDistance,
    MaximumMeanDiscrepancy,
    MaximumMeanDiscrepancyWithReplicates,
    kernel_inception_distance,
    mmd,
    mmd_with_replicates,
)
from jaxgen.metrics.kernel_functions import (
    gaussian_kernel,
    median_distance,
    polynomial_kernel,
)
from jaxgen.metrics.leak_rate import LeakRate, leak_rate
from jaxgen.metrics.likelihood import ImportanceEstimate, importance_log_likelihood
from jaxgen.metrics.luminance import luminance_correlation
from jaxgen.metrics.memorisation import Memorisation, memorisation
from jaxgen.metrics.modes import (
    AssignedModes,
    ModeReplicates,
    Modes,
    count_modes,
    gaussian_modes,
    mode_replicates,
)
from jaxgen.metrics.mutual_information import (
    MutualInformationGap,
    mig_chen,
    mig_locatello,
)
from jaxgen.metrics.neighbour_classes import neighbour_agreement
from jaxgen.metrics.neighbour_metrics import NeighbourMetrics, neighbour_metrics
from jaxgen.metrics.neighbours import Neighbours, nearest_neighbours, nearest_others
from jaxgen.metrics.path_length import PathLength, finite_path_length, path_length
from jaxgen.metrics.paths import path_measure
from jaxgen.metrics.posterior import (
    ActiveUnits,
    AggregateTerms,
    active_units,
    kl_decomposition,
)
from jaxgen.metrics.prd import (
    PrecisionRecallCurve,
    PrecisionRecallDistribution,
    max_f_score,
    prd_curve,
    precision_recall_distribution,
)
from jaxgen.metrics.precision_recall import PrecisionRecall, improved_precision_recall
from jaxgen.metrics.predictors import (
    Dci,
    Sap,
    dci,
    require_sklearn,
    sap_kumar,
    sap_locatello,
)
from jaxgen.metrics.principal_components import principal_components
from jaxgen.metrics.proportions import wilson_interval
from jaxgen.metrics.rank_correlation import (
    SignalCorrelation,
    rank_correlation,
    signal_correlations,
)
from jaxgen.metrics.resampling import (
    Halves,
    Interval,
    half_samples,
    halves,
    interval,
    mean_interval,
)
from jaxgen.metrics.sample_quality import (
    QualityMonitor,
    QualityReference,
    SampleQuality,
    draw_images,
    measure_quality,
    quality_reference,
)
from jaxgen.metrics.set_likelihood import SetLikelihood, set_log_likelihood
from jaxgen.metrics.sharpness import (
    RadialPower,
    high_frequency_power,
    laplacian_variance,
    radial_power,
    relative_mean,
)
from jaxgen.metrics.sinkhorn import Sinkhorn, sinkhorn_distance, sinkhorn_divergence
from jaxgen.metrics.statistics import FeatureStatistics, feature_statistics
from jaxgen.metrics.statistics_files import load_statistics, save_statistics
from jaxgen.metrics.translation import TranslationHealth, translation_health
from jaxgen.metrics.translation_directions import (
    TranslationDirection,
    cut_direction,
    cyclegan_directions,
    pix2pix_direction,
)
from jaxgen.metrics.translation_monitor import TranslationMonitor
from jaxgen.metrics.translation_outputs import critic_logits, translate_images
from jaxgen.metrics.translation_readings import (
    Reading,
    colour_inversion,
    critic_share,
    idle_generator,
    output_collapse,
)
from jaxgen.metrics.translation_reference import (
    TranslationReference,
    translation_reference,
    translation_references,
)
from jaxgen.metrics.translation_results import (
    ShownTranslations,
    TranslationResult,
    shown_translations,
    smallest_margin,
    translation_results,
)
from jaxgen.metrics.translation_scores import (
    LOWER_IS_BETTER,
    SCORE_TITLES,
    ScoreTable,
    TranslationScore,
    check_score,
    mean_absolute_differences,
    mean_translation_scores,
    translation_score_table,
    translation_scores,
)
from jaxgen.metrics.transport import (
    SlicedWasserstein,
    sliced_wasserstein,
    wasserstein_1d,
)

__all__ = [
    "LOWER_IS_BETTER",
    "SCORE_TITLES",
    "ActiveUnits",
    "AggregateTerms",
    "AssignedModes",
    "CollapseMonitor",
    "CollapseReport",
    "CriticOverfitting",
    "Dci",
    "DensityCoverage",
    "Evaluation",
    "FeatureStatistics",
    "FrechetInfinity",
    "GANHealth",
    "Halves",
    "ImportanceEstimate",
    "InceptionScore",
    "Interval",
    "KernelInceptionDistance",
    "LeakRate",
    "MaximumMeanDiscrepancy",
    "MaximumMeanDiscrepancyWithReplicates",
    "Measure",
    "Memorisation",
    "ModeReplicates",
    "Modes",
    "MutualInformationGap",
    "NeighbourMetrics",
    "Neighbours",
    "PathLength",
    "PrecisionRecall",
    "PrecisionRecallCurve",
    "PrecisionRecallDistribution",
    "QualityMonitor",
    "QualityReference",
    "RadialPower",
    "Reading",
    "SampleQuality",
    "Sap",
    "ScoreTable",
    "SetLikelihood",
    "ShownTranslations",
    "SignalCorrelation",
    "Sinkhorn",
    "SlicedWasserstein",
    "TranslationDirection",
    "TranslationHealth",
    "TranslationMonitor",
    "TranslationReference",
    "TranslationResult",
    "TranslationScore",
    "active_units",
    "beta_vae_score",
    "check_score",
    "class_modes",
    "collapse_report",
    "colour_inversion",
    "combine_classes",
    "combine_log_probabilities",
    "count_modes",
    "critic_logits",
    "critic_overfitting",
    "critic_share",
    "cut_direction",
    "cyclegan_directions",
    "dci",
    "dead_unit_share",
    "density_coverage",
    "disentanglement_scores",
    "draw_images",
    "evaluate",
    "evaluate_features",
    "expected_coverage",
    "factor_vae_score",
    "feature_statistics",
    "features",
    "finite_path_length",
    "frechet_bias",
    "frechet_distance",
    "frechet_distance_of_features",
    "frechet_infinity",
    "frechet_replicates",
    "gan_monitors",
    "gaussian_kernel",
    "gaussian_modes",
    "half_samples",
    "halves",
    "high_frequency_power",
    "idle_generator",
    "importance_log_likelihood",
    "improved_precision_recall",
    "inception_score",
    "interval",
    "kernel_inception_distance",
    "kl_decomposition",
    "laplacian_variance",
    "leak_rate",
    "load_statistics",
    "luminance_correlation",
    "max_f_score",
    "mean_absolute_differences",
    "mean_interval",
    "mean_squared_error",
    "mean_translation_scores",
    "measure_quality",
    "median_distance",
    "memorisation",
    "mig_chen",
    "mig_locatello",
    "mmd",
    "mmd_with_replicates",
    "mode_replicates",
    "nearest_neighbours",
    "nearest_others",
    "neighbour_agreement",
    "neighbour_metrics",
    "output_collapse",
    "path_length",
    "path_measure",
    "pix2pix_direction",
    "polynomial_kernel",
    "prd_curve",
    "precision_recall_distribution",
    "principal_components",
    "psnr",
    "quality_reference",
    "radial_power",
    "rank_correlation",
    "relative_diversity",
    "relative_mean",
    "represent_all",
    "require_sklearn",
    "sap_kumar",
    "sap_locatello",
    "save_statistics",
    "set_log_likelihood",
    "shown_translations",
    "signal_correlations",
    "sinkhorn_distance",
    "sinkhorn_divergence",
    "slerp",
    "sliced_wasserstein",
    "smallest_margin",
    "ssim",
    "ssim_window",
    "translate_images",
    "translation_health",
    "translation_reference",
    "translation_references",
    "translation_results",
    "translation_score_table",
    "translation_scores",
    "wasserstein_1d",
    "wilson_interval",
    "zero_gradient_share",
]
