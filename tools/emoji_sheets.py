"""Makes the sheets and the list of the embedded emoji pairs.

What they are, and whose, says jaxgen/data/pairs/emoji/README.md.

    npm pack emoji-datasource-google@16.0.0 emoji-datasource-twitter@16.0.0
    for s in google twitter; do
      mkdir $s && tar xzf emoji-datasource-$s-16.0.0.tgz -C $s --strip-components=1
    done
    python tools/emoji_sheets.py FOLDER_WITH_BOTH

It needs pillow and scipy.
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.sparse.csgraph import connected_components

PLACE = Path(__file__).parents[1] / "jaxgen" / "data" / "pairs" / "emoji"
STYLES = ("google", "twitter")
COLUMNS = 28
CATEGORIES = (
    "Smileys & Emotion",
    "Animals & Nature",
    "Food & Drink",
    "Activities",
    "Objects",
    "Travel & Places",
)
HANDS = (
    "body-parts",
    "hand-fingers-closed",
    "hand-fingers-open",
    "hand-fingers-partial",
    "hand-prop",
    "hand-single-finger",
    "hands",
)
LEFT_OUT = frozenset(
    """award-medal book-paper computer emotion game hotel lock mail medical money music
    office phone place-building place-geographic place-map place-other place-religious
    sound time transport-sign writing""".split()
)
"""Signs, papers, houses: drawn small, or hardly known from each other."""
LEAST, MOST = 0.02, 0.27
"""Mean absolute difference of a pair: below they are one drawing, above two things."""
ALIKE = 0.98
"""Cosine of two grey drawings of 16x16, in both styles, from which on they are kin."""


def main(root: Path) -> None:
    """Writes google.webp, twitter.webp and pairs.json into the package."""
    known = json.loads((root / "google" / "emoji.json").read_text())
    known = sorted(filter(is_wanted, known), key=lambda one: one["sort_order"])
    drawings = [
        np.stack([read(root / s / "img" / s / "64" / one["image"]) for one in known])
        for s in STYLES
    ]
    difference = np.abs(np.subtract(*(d.astype(float) for d in drawings)))
    difference = difference.mean((1, 2, 3)) / 255
    kept = np.flatnonzero((difference > LEAST) & (difference < MOST))
    drawings = [part[kept] for part in drawings]
    known = [known[index] for index in kept]
    family = families(drawings)
    for style, part in zip(STYLES, drawings, strict=True):
        sheet(part).save(PLACE / f"{style}.webp", lossless=True, quality=100, method=6)
    columns = {
        "columns": COLUMNS,
        "name": [one["short_name"] for one in known],
        "category": [one["category"] for one in known],
        # Every fifth family, whole.
        "test": [int(index) for index in np.flatnonzero(family % 5 == 2)],
    }
    (PLACE / "pairs.json").write_text(json.dumps(columns, indent=0) + "\n")
    print(len(known), "pairs,", len(columns["test"]), "of them for the test")


def is_wanted(one: dict) -> bool:
    """Says whether an emoji is of the chosen kinds, and drawn in both styles."""
    if not all(one[f"has_img_{style}"] for style in STYLES):
        return False
    kind = one["subcategory"]
    return kind in HANDS or (one["category"] in CATEGORIES and kind not in LEFT_OUT)


def read(path: Path) -> np.ndarray:
    """Reads a drawing over white, with 64 levels a channel: a third fewer bytes."""
    with Image.open(path) as opened:
        image = opened.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    pixels = np.asarray(Image.alpha_composite(white, image).convert("RGB"))
    return np.round(np.round(pixels / 255 * 63) * (255 / 63)).astype(np.uint8)


def families(drawings: list[np.ndarray]) -> np.ndarray:
    """Numbers groups of drawings that are nearly alike, by their first members."""
    alike = []
    for part in drawings:
        ink = 255 - part.astype(float).mean(-1)
        ink = ink.reshape(-1, 16, 4, 16, 4).mean((2, 4)).reshape(len(part), -1)
        ink /= np.linalg.norm(ink, axis=1, keepdims=True)
        alike.append(ink @ ink.T)
    _, family = connected_components(np.minimum(*alike) > ALIKE)
    _, first = np.unique(family, return_index=True)
    return np.argsort(np.argsort(first))[family]


def sheet(part: np.ndarray) -> Image.Image:
    """Lays drawings out row by row."""
    rows = -(-len(part) // COLUMNS)
    cells = np.full((rows * COLUMNS, *part.shape[1:]), 255, np.uint8)
    cells[: len(part)] = part
    cells = cells.reshape(rows, COLUMNS, *part.shape[1:])
    return Image.fromarray(cells.swapaxes(1, 2).reshape(rows * 64, COLUMNS * 64, 3))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
