"""What the figures of an evaluation share: colours, names and lines."""

import re
import textwrap

from jaxgen.report.style import Line2D, Theme

__all__ = [
    "REAL",
    "colour",
    "f_score",
    "floor_line",
    "formula",
    "parts",
    "plain",
    "shortened",
    "wrapped",
]

# Places among the classes' colours, chosen so that the first few differ the most.
_COLOURS = (6, 7, 0, 5, 9, 3, 8, 1, 2, 4)
REAL = "real against real"
_F_SCORE = re.compile(r"\bF_?(\d+(?:/\d+)?)(?![\w/])")


def colour(place: int, theme: Theme) -> str:
    """The colour of a set of images, from its place among the sets."""
    return theme.classes[_COLOURS[place % len(_COLOURS)]]


def plain(name: str) -> str:
    """A name in which matplotlib sees no formula."""
    return name.replace("$", r"\$")


def wrapped(name: str, letters: int) -> str:
    """A name in lines of so many letters at most, where it has spaces to break at."""
    return plain(textwrap.fill(name, letters, break_on_hyphens=False))


def shortened(name: str, letters: int) -> str:
    """A name of so many letters at most."""
    return plain(name if len(name) <= letters else f"{name[: letters - 1]}…")


def formula(metric: str) -> str:
    """A metric's name in which the F of F8 is set as a formula."""
    return re.sub(_F_SCORE, r"$\\mathbf{F_{\1}}$", plain(metric))


def parts(metric: str) -> tuple[str, str, str]:
    """A metric's name before, in and after what belongs below the line.

    Examples:
      >>> parts("PRD F1/8"), parts("FD")
      (('PRD F', '1/8', ''), ('FD', '', ''))
    """
    found = re.search(_F_SCORE, metric)
    if not found:
        return metric, "", ""
    return metric[: found.start() + 1], found[1], metric[found.end() :]


def f_score(metric: str) -> str | None:
    """The weight of a metric's F score, such as "1/8", or None.

    Examples:
      >>> f_score("PRD F1/8"), f_score("FD")
      ('1/8', None)
    """
    found = re.search(_F_SCORE, metric)
    return found[1] if found else None


def floor_line(theme: Theme) -> Line2D:
    """The line of what real images get, for a legend."""
    return Line2D(
        [], [], color=theme.muted, linestyle=(0, (4, 2.5)), linewidth=1, label=REAL
    )
