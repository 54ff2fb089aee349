"""Pilot draws: a rule with fixed nodes, from which coefficients are chosen."""

import zlib

import jax

from jaxgen.random import stream
from jaxgen.typing import PRNGKeyArray

__all__ = ["pilot_key"]


def pilot_key(owner: object) -> PRNGKeyArray:
    """Returns the fixed key of the pilot draws of one kind of estimator.

    What is chosen from them (a baseline, a coefficient, a coupling) is a function of f
    and of the distribution alone. So the estimate stays without bias, and under `vmap`
    over keys the pilot is run once.
    """
    return stream(jax.random.key(zlib.crc32(b"pilot")), type(owner).__name__)
