"""What a trained model is worth: likelihoods, posteriors, disentanglement.

Functions of arrays and of plain functions; nothing here knows a model or a network.
Scores that fit a classifier need scikit-learn, which is imported when they are asked
for.
"""

from jaxgen.metrics.collapse import CollapseReport, collapse_report
from jaxgen.metrics.disentanglement import disentanglement_scores
from jaxgen.metrics.interventions import beta_vae_score, factor_vae_score
from jaxgen.metrics.likelihood import ImportanceEstimate, importance_log_likelihood
from jaxgen.metrics.mutual_information import (
    MutualInformationGap,
    mig_chen,
    mig_locatello,
)
from jaxgen.metrics.posterior import (
    ActiveUnits,
    AggregateTerms,
    active_units,
    kl_decomposition,
)
from jaxgen.metrics.predictors import Dci, Sap, dci, sap_kumar, sap_locatello

__all__ = [
    "ActiveUnits",
    "AggregateTerms",
    "CollapseReport",
    "Dci",
    "ImportanceEstimate",
    "MutualInformationGap",
    "Sap",
    "active_units",
    "beta_vae_score",
    "collapse_report",
    "dci",
    "disentanglement_scores",
    "factor_vae_score",
    "importance_log_likelihood",
    "kl_decomposition",
    "mig_chen",
    "mig_locatello",
    "sap_kumar",
    "sap_locatello",
]
