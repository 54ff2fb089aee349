"""Values in a reader's words."""

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["said"]


def said(value: Any) -> str:
    """A value as a reader would write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _decimal(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {said(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(said(item) for item in value)
    return str(value)


def _decimal(value: float) -> str:
    if value and not 1e-3 <= abs(value) < math.inf:
        return f"{value:.3g}"
    short = f"{value:,.{2 if abs(value) >= 10 else 4}f}".rstrip("0").rstrip(".")
    return short.replace("-", "\N{MINUS SIGN}")
