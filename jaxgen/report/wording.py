"""Values in a reader's words."""

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["said", "short", "spoken", "tick"]


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


def spoken(name: str) -> str:
    """A term's name as a heading.

    Examples:
      >>> spoken("gradient_norm"), spoken("kl")
      ('Gradient norm', 'KL')
    """
    known = {
        "kl": "KL",
        "elbo": "ELBO",
        "fid": "FID",
        "mmd": "MMD",
        "cauchy_schwarz": "Cauchy-Schwarz",
        "nll": "NLL",
        **{"fd": "FD", "kid": "KID", "psnr": "PSNR", "ssim": "SSIM", "l1": "L1"},
    }
    return known.get(name, name.replace("_", " ").capitalize())


def short(value: float, *, whole: bool = False) -> str:
    """A number with the four digits that count, or a whole one with all it has.

    Examples:
      >>> short(160.7312), short(61873.2), short(0.000012)
      ('160.7', '61,873', '1.20e-05')
      >>> short(8.0, whole=True)
      '8'
    """
    if whole:
        return f"{value:,.0f}"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
        return f"{value:,.{min(digits, 4)}f}"
    return f"{value:.2e}"


def tick(value: float) -> str:
    """A number on an axis, with one decimal."""
    return f"{value:.1f}".replace("-", "\N{MINUS SIGN}")
