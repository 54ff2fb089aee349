"""Degradations by the words of a command line."""

import re
from collections.abc import Callable

from jaxgen.data import degradations
from jaxgen.data.degradations import Degradation
from jaxgen.errors import InputError

__all__ = ["degradation_of"]

_DEGRADATIONS: dict[str, Callable[..., Degradation]] = {
    "grey": degradations.grey,
    "colorize": degradations.lab_colorization,
    "edges": lambda sigma=1.0: degradations.edges(sigma=sigma),
    "noise": degradations.noise,
    "low_light": degradations.low_light,
    "mask": degradations.mask,
    "blur": degradations.blur,
}


def degradation_of(word: str) -> Degradation | None:
    """Returns the degradation that a word names, None for `none`.

    Args:
        word: `none`, `x2` or another factor of resolution, `grey`, `colorize`, `edges`,
            `noise`, `low_light`, `mask` or `blur`; the last five may have a number, as
            in `blur=2`.

    Raises:
        InputError: The word is unknown.

    Examples:
        >>> degradation_of("x4").name, degradation_of("blur=3").name
        ('low_resolution(4, enlarged=True)', 'blur(3)')
    """
    if word == "none":
        return None
    factor = re.fullmatch(r"x([1-9]\d*)", word)
    if factor is not None:
        return degradations.low_resolution(int(factor[1]))
    name, _, number = word.partition("=")
    known = name in _DEGRADATIONS and (not number or name not in ("grey", "colorize"))
    try:
        if known:
            return _DEGRADATIONS[name](*([float(number)] if number else []))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
    raise InputError(
        f"degrade={word!r}: give none, x2, x4, or one of {', '.join(_DEGRADATIONS)}, "
        "the last five with a number if you like, as in blur=2."
    )
