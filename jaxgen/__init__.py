"""Deep generative models in JAX: losses, networks, models, data, training."""

from jaxgen import (
    data,
    divergences,
    errors,
    estimators,
    losses,
    metrics,
    models,
    networks,
    numerics,
    random,
    training,
    typing,
)

__all__ = [
    "data",
    "divergences",
    "errors",
    "estimators",
    "losses",
    "metrics",
    "models",
    "networks",
    "numerics",
    "random",
    "training",
    "typing",
]
