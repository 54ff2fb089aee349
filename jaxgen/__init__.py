"""Deep generative models in JAX: losses, networks, models, data, training.

A package is imported when it is first used: `import jaxgen` by itself imports nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
        report,
        run,
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
    "report",
    "run",
    "training",
    "typing",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
