"""The figures of an evaluation, and what to look for in each."""

from jaxgen.report.evaluation import arrays, blocks, looks, scores
from jaxgen.report.evaluation import findings as reading
from jaxgen.report.evaluation import intervals as dots
from jaxgen.report.evaluation import prd as squares
from jaxgen.report.evaluation.findings import Findings, is_reconstruction
from jaxgen.report.plate import Plate
from jaxgen.report.run import Run
from jaxgen.report.style import Figure, Theme

__all__ = ["intervals", "neighbours", "prd", "side_by_side"]

_FILE = "arrays/evaluation.npz"


def intervals(run: Run) -> Plate | None:
    """Every metric of every set of images."""
    findings = reading.read(run)
    if findings is None:
        return None
    rows = scores.rows(findings)
    floors = any(one.floor is not None for one in findings.measures)
    caption = (
        "Each panel is a metric on a scale of its own; a dot is the number of a set of "
        f"images, the bar its {findings.level} interval. The arrow says which way is "
        "better."
    )
    if floors:
        caption += (
            " The dashed line is what a second set of real images of the same size "
            "gets: look first at how far each dot is from it, for even real images do "
            "not get a perfect number."
        )
    if len(findings.sets) > 1:
        caption += (
            " Two sets differ where their bars do not overlap; look whether one is "
            "ahead in every panel, or pays in one for what it gains in another."
        )
    said = "; ".join(
        f"{row.metric} {row.network}".strip()
        + ": "
        + ", ".join(f"{name} {row.number(name)}" for name in row.cells)
        for row in rows[:4]
    )
    more = f"; and {len(rows) - 4} metrics more" if len(rows) > 4 else ""
    return Plate(
        "evaluation",
        "evaluation.json",
        "Every metric, with its interval",
        caption,
        f"Dots with intervals, in a panel for each metric. {said}{more}.",
        lambda theme: dots.intervals(rows, findings.sets, theme=theme),
    )


def prd(run: Run) -> Plate | None:
    """Precision against recall, for distributions."""
    pictured = arrays.read(run)
    if pictured is None or not pictured.curves:
        return None
    curves = pictured.curves
    findings = reading.read(run)
    names = [name for named in curves.values() for name in named]
    sets = _in_order(findings, [name for name in names if name != squares.FLOOR])
    told = _scores(findings, list(curves)) if findings else {}
    caption = (
        "Precision and recall for distributions (Sajjadi et al., 2018): a point of a "
        "curve is a share of real images that the model covers, its recall, and the "
        "share of its images that look real at that, its precision. A perfect model "
        "fills the square."
    )
    if told:
        caption += (
            " F with 8 weighs recall, F with 1/8 weighs precision: look which of the "
            "two a model falls short in. One that drops modes is cut off on the right, "
            "one that makes images unlike any real one is cut off at the top."
        )
    if squares.FLOOR in names:
        caption += (
            " The dashed curve is that of a second set of real images: more than it "
            "cannot be had at this number of images."
        )
    shown = ", ".join(name for name in sets if name in names)
    return Plate(
        "prd",
        _FILE,
        "Precision and recall",
        caption,
        f"Curves of precision over recall in the unit square, of {shown or 'real'}.",
        lambda theme: squares.prd(curves, sets, told, theme=theme),
    )


def neighbours(run: Run) -> Plate | None:
    """Images beside the training images that are nearest to them."""
    pictured = arrays.read(run)
    if pictured is None or not pictured.neighbours:
        return None
    found = pictured.neighbours
    names = [n for n in _in_order(reading.read(run), list(found)) if n in found]
    caption = (
        "In each row an image of the set, and after a gap the training images that "
        "are nearest to it, the nearest first. A model that has learned by heart "
        "shows the same image twice, on either side of the gap, down to every stroke "
        "and speck, and its other neighbours are no better a match. Where it has "
        "learned what images are like, the neighbours are of the same kind but differ "
        "from it in slant, width and detail about as much as from each other."
    )
    if any(map(is_reconstruction, names)):
        caption += (
            " Reconstructions are of images that were not trained on, and show how "
            "near a neighbour is to be expected."
        )

    def draw(theme: Theme) -> Figure:
        parts = blocks.beside_neighbours([found[name] for name in names], names)
        return blocks.blocks(*parts, theme=theme)

    return Plate(
        "neighbours",
        _FILE,
        "Nearest training images",
        caption,
        f"Rows of an image and its nearest training images, for {', '.join(names)}.",
        draw,
    )


def side_by_side(run: Run) -> Plate | None:
    """Real images beside what the model makes."""
    pictured = arrays.read(run)
    if pictured is None or not pictured.samples:
        return None
    found = pictured.samples
    names = [n for n in _in_order(reading.read(run), list(found)) if n in found]
    images = [found[name] for name in names]
    if pictured.real is not None:
        names, images = ["real images", *names], [pictured.real, *images]
    caption = (
        "Images as they were measured, none picked out. Look for what the numbers "
        "cannot tell: strokes that are blurred or broken, shapes that come too often, "
        "and kinds that are missing."
    )

    if pictured.real is not None and any(map(is_reconstruction, names)):
        caption += " A reconstruction has the place of its image among the real ones."

    def draw(theme: Theme) -> Figure:
        return blocks.blocks(*blocks.squares(images, names), theme=theme)

    return Plate(
        "side_by_side",
        _FILE,
        "Real and generated images",
        caption,
        f"Panels of images: {', '.join(names)}.",
        draw,
    )


def _in_order(findings: Findings | None, found: list[str]) -> list[str]:
    """All sets in the order of the table, so that each keeps its colour."""
    return list(dict.fromkeys([*(findings.sets if findings else []), *found]))


def _scores(
    findings: Findings, networks: list[str]
) -> dict[tuple[str, str], list[str]]:
    """By network and set, the F scores among the measures."""
    told: dict[tuple[str, str], list[str]] = {}
    rows = scores.rows(findings)
    named = {row.network for row in rows}
    for row in rows:
        weight = looks.f_score(row.metric)
        if weight is None:
            continue
        written = {name: row.number(name) for name in row.cells}
        if row.floor():
            written[squares.FLOOR] = row.floor()
        for name, number in written.items():
            words = f"$F_{{{weight}}}$ {number}"
            # Metrics do not name Inception, and it is the only one.
            unnamed = [n for n in networks if n not in named]
            for network in [row.network] if row.network else unnamed:
                told.setdefault((network, name), []).append(words)
    return told
