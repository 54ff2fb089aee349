"""Remedies: options of a GAN that go with any loss and any network.

Each changes one thing about the critic: what it sees, what it pays, or how far ahead
the generator looks. They are given in a list, and what the critic sees goes through
them in that order: give what augments before what packs (`pac`) or adds a statistic
(`minibatch_std`), which make rows of samples.
"""

from jaxgen.models.remedies.optimized import lazy_adam, unroll
from jaxgen.models.remedies.paid import (
    LogitAverages,
    dragan,
    gradient_penalty,
    lecam,
    r1,
    r2,
    weight_clipping,
)
from jaxgen.models.remedies.remedy import Judged, Mean, Remedy
from jaxgen.models.remedies.seen import (
    adaptive_augment,
    augment,
    dag,
    instance_noise,
    minibatch_std,
    pac,
    pack,
)

__all__ = [
    "Judged",
    "LogitAverages",
    "Mean",
    "Remedy",
    "adaptive_augment",
    "augment",
    "dag",
    "dragan",
    "gradient_penalty",
    "instance_noise",
    "lazy_adam",
    "lecam",
    "minibatch_std",
    "pac",
    "pack",
    "r1",
    "r2",
    "unroll",
    "weight_clipping",
]
