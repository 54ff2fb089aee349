"""Remedies: options of a GAN that go with any loss and any network.

A remedy of the critic changes what the critic sees, what it pays, or how far ahead the
generator looks; a remedy of the generator is a penalty or a map of its styles. They are
given in a list, and what the critic sees goes through them in that order: give what
augments before what packs (`pac`) or adds a statistic (`minibatch_deviation`), which
make rows of samples.
"""

from jaxgen.models.remedies.feature_matching import feature_matching
from jaxgen.models.remedies.inputs import (
    AugmentState,
    adaptive_augment,
    augment,
    dag,
    instance_noise,
    minibatch_deviation,
    pac,
    pack,
)
from jaxgen.models.remedies.mode_seeking import mode_seeking
from jaxgen.models.remedies.optimizers import adam_pair, lazy_adam, unroll
from jaxgen.models.remedies.path_length import path_length
from jaxgen.models.remedies.penalties import (
    LogitAverages,
    dragan,
    gradient_penalty,
    lecam,
    r1,
    r2,
    weight_clipping,
)
from jaxgen.models.remedies.remedy import (
    CriticPass,
    GeneratorPass,
    Mean,
    Remedy,
    num_heads,
)
from jaxgen.models.remedies.style_mixing import style_mixing
from jaxgen.models.remedies.words import WORDS, from_words, words_label

__all__ = [
    "AugmentState",
    "CriticPass",
    "GeneratorPass",
    "LogitAverages",
    "Mean",
    "Remedy",
    "WORDS",
    "adam_pair",
    "adaptive_augment",
    "augment",
    "dag",
    "dragan",
    "feature_matching",
    "from_words",
    "gradient_penalty",
    "instance_noise",
    "lazy_adam",
    "lecam",
    "minibatch_deviation",
    "mode_seeking",
    "num_heads",
    "pac",
    "pack",
    "path_length",
    "r1",
    "r2",
    "style_mixing",
    "unroll",
    "weight_clipping",
    "words_label",
]
