"""Figures of mode collapse, and what to look for in each."""

import io

from jaxgen.report import shapes, style
from jaxgen.report.extras import require
from jaxgen.report.gan import modes as drawing
from jaxgen.report.kinds.movie import animated_png
from jaxgen.report.plate import Plate
from jaxgen.report.run import Arrays, Run
from jaxgen.report.style import Figure, Theme

require("PIL")

from PIL import Image  # noqa: E402

__all__ = ["movie", "over_training", "stills", "table"]

_DPI = 110  # of the animation: a frame is a picture, and there are many


def movie(run: Run) -> Plate | None:
    """The samples of every model as training goes on."""
    data = _samples(run)
    if data is None or len(data["step"]) < 2:
        return None
    names = shapes.texts(data["names"])
    caption = (
        "Samples of one seed of each model, that with the median number of modes at "
        "the end, from the same latents in every frame; pale are the data. Look for "
        "samples that gather in one place and wander from mode to mode: that is "
        "collapse, and waiting does not cure it."
    )

    def draw(theme: Theme) -> bytes:
        return _animation(data, theme)

    return Plate(
        "mode_movie",
        "arrays/mode_samples.npz",
        "Samples over training",
        caption,
        f"An animation of samples in the plane for {'; '.join(names)}.",
        draw,
    )


def stills(run: Run) -> Plate | None:
    """The same samples, side by side."""
    data = _samples(run)
    if data is None:
        return None
    names = shapes.texts(data["names"])
    caption = (
        "The same samples at a few steps of training, one model a row, and the data at "
        "the right. Read along a row: modes that are found and lost again come from a "
        "critic that forgets; modes that were never found from one that does not miss "
        "them."
    )

    def draw(theme: Theme) -> Figure:
        return drawing.stills(
            names, data["step"], data["samples"], data["real"], theme=theme
        )

    return Plate(
        "mode_stills",
        "arrays/mode_samples.npz",
        "Samples at a few steps",
        caption,
        f"A table of scatter plots: {'; '.join(names)}, over steps of training.",
        draw,
    )


def table(run: Run) -> Plate | None:
    """Modes, quality and the probability of all modes, with intervals."""
    data = _table(run)
    if data is None:
        return None
    names, modes = shapes.texts(data["names"]), int(data["modes"])
    seeds = data["captured"].shape[-1]
    caption = (
        f"At the end of training: of {modes} modes, how many are found; the share of "
        "samples within three standard deviations of a mode (0.989 for perfect ones); "
        "and the probability that a seed finds all modes. Small dots are the "
        f"{seeds} seeds, large ones their mean with its 95% interval by Student's t; "
        "at the right the share with Wilson's interval. One good sample is enough "
        "for a mode, so read the first panel beside the second. Look at the intervals "
        "before you call one model better: a few seeds tell a rare collapse from none "
        "only roughly."
    )
    full = (data["captured"][:, -1] == modes).sum(-1)
    said = "; ".join(
        f"{name}: {mean:.1f} modes, all of them in {count} of {seeds}"
        for name, mean, count in zip(
            names, data["captured"][:, -1].mean(-1), full, strict=True
        )
    )

    def draw(theme: Theme) -> Figure:
        return drawing.table(
            names=names,
            modes=modes,
            captured=data["captured"][:, -1],
            high_quality=data["high_quality"][:, -1],
            intervals=[data[f"{name}_interval"] for name in _INTERVALS],
            theme=theme,
        )

    return Plate(
        "mode_table",
        "arrays/mode_table.npz",
        "Modes found, and how surely",
        caption,
        f"Dots with intervals. {said}.",
        draw,
    )


def over_training(run: Run) -> Plate | None:
    """Modes and quality over training."""
    data = _table(run)
    if data is None or len(data["step"]) < 2:
        return None
    names, modes = shapes.texts(data["names"]), int(data["modes"])
    caption = (
        "Modes found and share of good samples as training goes on, means over "
        "seeds. Look for curves that have settled: where they still rise, the model is "
        "slow and not collapsed."
    )

    def draw(theme: Theme) -> Figure:
        return drawing.over_training(
            names=names,
            step=data["step"],
            modes=modes,
            captured=data["captured"],
            high_quality=data["high_quality"],
            theme=theme,
        )

    return Plate(
        "mode_curves",
        "arrays/mode_table.npz",
        "Modes over training",
        caption,
        f"Curves of modes and quality over steps for {'; '.join(names)}.",
        draw,
    )


_INTERVALS = ("captured", "high_quality", "full")


def _samples(run: Run) -> Arrays | None:
    # A model that diverged has gaps; they are not drawn.
    return shapes.read(
        run,
        "mode_samples",
        {"step": "frames", "real": "shown 2"},
        words={"names": "models"},
        optional={"samples": "models frames points 2"},
    )


def _table(run: Run) -> Arrays | None:
    return shapes.read(
        run,
        "mode_table",
        {
            **{"step": "frames", "modes": ""},
            **dict.fromkeys(("captured", "high_quality"), "models frames seeds"),
            **{f"{name}_interval": "models 3" for name in _INTERVALS},
        },
        words={"names": "models"},
    )


def _animation(data: Arrays, theme: Theme) -> bytes:
    """An animated PNG: its frames share one palette, which keeps it small."""
    names, step = shapes.texts(data["names"]), data["step"]
    samples, real = data["samples"], data["real"]
    figure, drawn = drawing.frames(names, step, samples, real, 0, theme=theme)
    pictures = []
    for frame in range(len(step)):
        for points, own in zip(drawn, samples[:, frame], strict=True):
            points.set_data(own[:, 0], own[:, 1])
        figure.suptitle(f"step {step[frame]:,}", fontsize=9, x=0.01, ha="left")
        raw = Image.open(io.BytesIO(style.png(figure, _DPI))).convert("RGB")
        pictures.append(raw)
    return animated_png(pictures)
