"""Whether samples are copies of training images, with pictures to see for oneself."""

import jax
import numpy as np
from scipy import stats

from jaxgen.metrics.evaluation import Measure
from jaxgen.metrics.features.base import Activations, FeatureNet, Images, read_images
from jaxgen.metrics.generated import as_bytes
from jaxgen.metrics.neighbours import nearest_neighbours
from jaxgen.typing import PRNGKeyArray

_ROWS, _NEIGHBOURS = 8, 5
