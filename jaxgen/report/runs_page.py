"""One page for all runs in a folder: a picture, the claim and its verdict of each."""

import base64
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jaxgen.errors import InputError
from jaxgen.files import open_regular
from jaxgen.report import opening
from jaxgen.report.extras import require
from jaxgen.report.page import render, write_file
from jaxgen.report.run import read_run
from jaxgen.run_files import read_object

__all__ = ["write_gallery"]

_DEEPEST = 3  # folders below the one that is given
_SIZE = (520, 340)  # dots of a picture


def write_gallery(folder: Path) -> Path:
    """Writes `index.html` for all runs in a folder, which links to their pages.

    Args:
        folder: A folder of runs, such as `runs`; runs may lie in folders within it.

    Returns:
        The page.

    Raises:
        InputError: The folder holds no run, or cannot be written to.
    """
    require("jinja2", "PIL")
    folder = Path(folder)
    cards = [_card(folder, run) for run in _runs_below(folder, _DEEPEST)]
    if not cards:
        raise InputError(
            f"{folder} holds no run; give a folder such as runs, in which experiments "
            "have written theirs."
        )
    cards.sort(key=lambda card: (card["experiment"], card["name"]))
    html = render("gallery.html", title=folder.resolve().name, cards=cards)
    page = folder / "index.html"
    write_file(page, html.encode("utf-8"))
    return page


def _runs_below(folder: Path, depth: int) -> Iterator[Path]:
    """Yields the folders of runs, and none of what lies within a run."""
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return
    for path in inside:
        if path.is_symlink() or path.name.startswith("."):
            continue
        if os.path.lexists(path / "config.json"):
            yield path
        elif depth > 1:
            yield from _runs_below(path, depth - 1)


def _card(folder: Path, path: Path) -> dict[str, Any]:
    place = path.relative_to(folder)
    card: dict[str, Any] = {
        "name": place.as_posix(),
        "link": quote(f"{place.as_posix()}/index.html"),
        "drawn": (path / "index.html").is_file(),
        **{"experiment": place.parts[0], "title": path.name, "claim": ""},
        **{"verdict": None, "tiles": [], "picture": _picture(path), "damage": ""},
    }
    try:
        run = read_run(path)
        card |= {
            "experiment": run.config.get("experiment", card["experiment"]),
            "title": run.config.get("title") or card["title"],
            "claim": run.config.get("claim", ""),
            "verdict": opening.verdict(run),
            "tiles": opening.numbers(run)["tiles"][:2],
        }
    except InputError as error:
        card["damage"] = str(error)
    return card


def _picture(path: Path) -> str:
    """The first figure of a run, small, as a PNG file in base64; may be empty."""
    from PIL import Image, ImageOps

    names = sorted(path.glob("figures/*.json"), key=_place)
    found = [name.with_suffix(".png") for name in names]
    found += [path / "figures" / "losses.png", *sorted(path.glob("figures/*.png"))]
    for one in found:
        try:
            with open_regular(one) as file, Image.open(file) as picture:
                plain = picture.convert("RGB")
            wide = plain.width * _SIZE[1] > plain.height * _SIZE[0]
            # A wide figure is shown whole, a tall one from its top.
            small = (
                ImageOps.pad(plain, _SIZE, color="white")
                if wide
                else ImageOps.fit(plain, _SIZE, centering=(0.5, 0.0))
            )
        # Pillow raises whatever comes up of a damaged file.
        except Exception:
            continue
        buffer = io.BytesIO()
        small.save(buffer, "png", optimize=True)
        return base64.b64encode(buffer.getvalue()).decode("ascii")
    return ""


def _place(path: Path) -> tuple[int, str]:
    """The place of a figure on its page; what is damaged comes last."""
    try:
        place = read_object(path).get("place")
    except InputError:
        place = None
    return (place if type(place) is int else 1000, path.name)
