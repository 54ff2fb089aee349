"""Which figures a run gets, and what a reader should look for in each."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report import curves, estimators, latents, pictures
from jaxgen.report.run import Run
from jaxgen.report.style import Figure, Theme


@dataclasses.dataclass(frozen=True)
class Plate:
    """A figure with its words.

    Attributes:
      name: the file's name without its ending.
      source: the file of the run that it shows.
      title: a heading.
      caption: what the axes are and what to look for.
      alt: what a reader who cannot see it is told.
      draw: makes the figure in a theme.
    """

    name: str
    source: str
    title: str
    caption: str
    alt: str
    draw: Callable[[Theme], Figure]


def plates(run: Run) -> list[Plate]:
    """The figures for which a run has the data, in the order of the page.

    Args:
      run: the run.

    Returns:
      The figures, not drawn yet.

    Raises:
      InputError: an array file is damaged.
    """
    makers = (
        *(_manifold, _samples, _scatter, _reconstructions, _losses, _epochs),
        *(_kl, _health, _three_ways, _integrands, _bernoulli, _regression),
    )
    found = (maker(run) for maker in makers)
    return [plate for plate in found if plate is not None]


def _manifold(run: Run) -> Plate | None:
    data = run.arrays("manifold", images=4, x=1, y=1)
    if data is None:
        return None
    x, y = data["x"], data["y"]
    caption = (
        f"Latents on an even {len(x)} × {len(y)} grid, decoded. The grid spans the "
        "smallest to the largest latent of the test set on each axis, so its corners "
        "may lie where no image was ever encoded. Look for smooth change from cell "
        "to cell, and for the classes keeping to regions of their own."
    )
    alt = f"A grid of {len(x)} by {len(y)} decoded images over the two latents."

    def draw(theme: Theme) -> Figure:
        return pictures.manifold(data["images"], x, y, theme=theme)

    return Plate(
        "manifold",
        "arrays/manifold.npz",
        "The latent plane, decoded",
        caption,
        alt,
        draw,
    )


def _samples(run: Run) -> Plate | None:
    data = run.arrays("samples", images=4)
    if data is None:
        return None
    caption = (
        "Latents drawn from the prior, decoded. Nothing here was picked. Look for "
        "variety, for every class being there, and for images that belong to none."
    )
    alt = f"{len(data['images'])} images drawn from the model."

    def draw(theme: Theme) -> Figure:
        return pictures.samples(data["images"], theme=theme)

    return Plate(
        "samples", "arrays/samples.npz", "Samples from the prior", caption, alt, draw
    )


def _scatter(run: Run) -> Plate | None:
    data = read_latents(run)
    if data is None:
        return None
    mean, label, names = data["mean"], data.get("label"), class_names(data)
    kl = data.get("kl")
    total = mean.shape[1]
    shown = latents.shown_dimensions(mean, kl)
    which = "" if total <= 2 else f" Of {total} dimensions it shows the two that "
    which += (
        "" if total <= 2 else "carry the most KL." if kl is not None else "vary most."
    )
    colours = (
        ""
        if label is None
        else " The number or name in bold stands at the median of its class. Look for "
        "classes that form clusters, although training never saw a label, and for "
        "those that run into each other: their images look alike."
    )
    caption = (
        f"Each point is the latent mean of one of {len(mean):,} test images.{which}"
        f"{colours}"
    )
    alt = f"Scatter of {len(mean)} test latents over latent " + " and ".join(
        str(i + 1) for i in shown
    )
    alt += "." if label is None else ", coloured by class."

    def draw(theme: Theme) -> Figure:
        return latents.latent_scatter(
            mean, label, class_names=names, kl=kl if total > 2 else None, theme=theme
        )

    return Plate(
        "latents", "arrays/latents.npz", "Where the test images lie", caption, alt, draw
    )


def _reconstructions(run: Run) -> Plate | None:
    data = run.arrays("reconstructions", inputs=4, outputs=4)
    if data is None:
        return None
    number = len(data["inputs"])
    caption = (
        f"{number} test images, each with the mean of the decoder's distribution at "
        "its latent mean on the right. Look for what is lost: thin strokes, unusual "
        "slants, fine texture. Blur is the model's uncertainty made visible."
    )
    alt = f"{number} pairs of a test image and its reconstruction."

    def draw(theme: Theme) -> Figure:
        return pictures.reconstructions(data["inputs"], data["outputs"], theme=theme)

    return Plate(
        "reconstructions",
        "arrays/reconstructions.npz",
        "Inputs and reconstructions",
        caption,
        alt,
        draw,
    )


def _losses(run: Run) -> Plate | None:
    if not run.terms:
        return None
    caption = (
        "Every term over all epochs, on the training and the test split; the number "
        "at the end of a curve is its last value. Look for curves "
        "that still fall (train longer), and for a test curve that turns upwards "
        "while the training curve falls on (overfitting). The axes cover what comes "
        "after the first epoch."
    )
    last = ", ".join(curves.spoken(name) for name in run.terms)
    alt = f"Curves over the epochs of {last}, for each split."

    def draw(theme: Theme) -> Figure:
        return curves.curves(run.rows, run.terms, units=run.units, theme=theme)

    return Plate("losses", "metrics.jsonl", "Loss terms", caption, alt, draw)


def _epochs(run: Run) -> Plate | None:
    data = run.arrays("epochs", images=5, epoch=1)
    if data is None:
        return None
    listed = ", ".join(str(epoch) for epoch in data["epoch"])
    caption = (
        f"The same latents, decoded after epochs {listed}. Look for the moment when "
        "shapes appear, and for places whose class changes: the decoder and the "
        "latent space are still moving against each other."
    )
    alt = f"The same latents decoded after epochs {listed}."

    def draw(theme: Theme) -> Figure:
        return pictures.epochs(data["images"], data["epoch"], theme=theme)

    return Plate(
        "epochs",
        "arrays/epochs.npz",
        "The same latents as training goes on",
        caption,
        alt,
        draw,
    )


def _kl(run: Run) -> Plate | None:
    data = read_latents(run)
    if data is None or "kl" not in data:
        return None
    kl = data["kl"]
    caption = (
        "How many nats each latent dimension carries about an image: the KL of its "
        "posterior to the prior, averaged over the test set. Their sum is the KL term "
        "of the loss."
    )
    if len(kl) > 2:
        caption += (
            " A dimension near 0 is not used: its posterior has collapsed to the prior."
        )
    alt = "Bars: " + ", ".join(
        f"latent {i + 1} {kl[i]:.2f} nats" for i in np.argsort(-kl)[:8]
    )

    def draw(theme: Theme) -> Figure:
        return latents.kl_per_dimension(kl, theme=theme)

    return Plate(
        "kl", "arrays/latents.npz", "KL per latent dimension", caption, alt + ".", draw
    )


def _health(run: Run) -> Plate | None:
    if not run.diagnostics:
        return None
    caption = (
        "Norms over all parameters, and speed. Look for a gradient norm that stays "
        "within bounds, and for jumps: they tell of a step that went wrong before the "
        "loss does."
    )
    units: Mapping[str, str] = {"images_per_second": "images/s"}

    def draw(theme: Theme) -> Figure:
        return curves.curves(run.rows, run.diagnostics, units=units, theme=theme)

    alt = "Curves of " + ", ".join(curves.spoken(n) for n in run.diagnostics) + "."
    return Plate("health", "metrics.jsonl", "How training went", caption, alt, draw)


def _three_ways(run: Run) -> Plate | None:
    data = run.arrays(
        "three_ways", edges=1, counts=3, mean=2, variance=2, exact_variance=2, truth=1
    )
    if data is None:
        return None
    slope, mean = data["setting"]
    exact = dict(zip(map(str, data["names"]), data["exact_variance"][1], strict=True))
    coupled, free = (exact[f"measure-valued, {word}coupled"] for word in ("", "un"))
    effect = "lowers" if coupled < free else "raises"
    caption = (
        f"Histograms of single gradients in the mean of z ~ N({mean:g}, 1), at "
        f"m = {slope:g}. All have the same mean, the dashed line; the dot and the bar "
        "under each are its measured mean and a standard deviation to either side. "
        "Look for what has no spread at all (pathwise on the left), for the long tail "
        "of the score function, and for the coupling of the measure-valued gradient, "
        f"which doubles the variance on the left and {effect} it on the right."
    )
    names = ", ".join(str(name) for name in data["names"])
    return Plate(
        "three_ways",
        "arrays/three_ways.npz",
        "One gradient, three ways",
        caption,
        f"Histograms of single gradients for two functions, of {names}.",
        lambda theme: estimators.three_ways(data, theme=theme),
    )


def _integrands(run: Run) -> Plate | None:
    kinds = ("square", "bell", "cosine")
    shapes = {"k": 1, "points": 1, "exact": 3, "measured": 3, "half_width": 3}
    wanted = {f"{kind}_{name}": n for kind in kinds for name, n in shapes.items()}
    data = run.arrays("integrands", **wanted, setting=1, cosine_zeros=1)
    if data is None:
        return None
    mean, scale = data["setting"]
    caption = (
        "Variance of one gradient of E f(x), x ~ N(μ, σ²), as f changes with k, at "
        f"μ = {mean:g} and σ = {scale:g}: above of that in μ, below of that in σ. "
        "Curves are exact, points are measured, with 99% intervals; the points share "
        "their draws, so they err together, and where tails are heavy more often "
        "low than high. Look for crossings: no curve stays below the others. As the "
        "cosine gets faster the pathwise gradient grows with its slope, while the "
        "score function sees only values, which stay between −1 and 1. Where f is even "
        "around μ, as cos kx is if k is a multiple of π, the coupled measure-valued "
        "gradient in μ has no variance, and its curve leaves the panel."
    )
    return Plate(
        "integrands",
        "arrays/integrands.npz",
        "No curve stays below the others",
        caption,
        "Curves of the variance of five estimators over k, for three functions.",
        lambda theme: estimators.integrands(data, theme=theme),
    )


def _bernoulli(run: Run) -> Plate | None:
    shapes = {"numbers": 1, "variance": 3, "half_width": 3, "evaluations": 2}
    shapes |= {"exact": 3, "bias": 3, "bias_half_width": 3}
    data = run.arrays("bernoulli", **shapes, target=1, probability=1)
    if data is None:
        return None
    target, slant = float(data["target"][0]), float(data["probability"][0])
    caption = (
        f"Gradients in the logits of D coins b. On the left t = {target:g}, and the "
        "coins act apart: each adds its own term to f. On the right they act together, "
        "through u: the number of ones less its mean, over √D/2, its standard "
        "deviation if the coins are fair. Above: fair coins; total variance, times the "
        "evaluations of f it takes (f with its derivative counts as three). Curves are "
        "exact where that is known; what has no variance has no place on the "
        "logarithmic axis. Look how the antithetic pairs of DisARM lose their lead "
        "over leave-one-out as coins are added, and how differently REBAR and double "
        f"CV fare on the two functions. Below: coins of probability {slant:g}; bias "
        "over the true gradient, of the mean of its D entries, which are alike. In the "
        "shaded part the estimator's mean points "
        "the wrong way. ReinMax is exact for quadratic f, as on the left."
    )
    return Plate(
        "bernoulli",
        "arrays/bernoulli.npz",
        "Binary latents, from one to many",
        caption,
        "Curves of variance times evaluations, and of bias, over the number of coins.",
        lambda theme: estimators.bernoulli(data, theme=theme),
    )


def _regression(run: Run) -> Plate | None:
    shapes = {"step": 1, "elbo": 2, "accuracy": 2, "best": 1, "at": 1}
    data = run.arrays("regression", **shapes, variance=3, half_width=3, rows=1)
    if data is None:
        return None
    best = f"{data['best'][0]:.2f}".replace("-", "\N{MINUS SIGN}")
    first = data["variance"][:, 0].sum(axis=-1)
    highest = str(data["names"][int(np.argmax(first))])
    caption = (
        f"Bayesian logistic regression on {int(data['rows'][0])} tumours. Above: each "
        "estimator's own run, from the same start on the same mini-batches; how far "
        f"its evidence lower bound is from the best of any mean-field normal, {best} "
        "nats, and the errors of the posterior mean, averaged over windows that grow "
        "with the step. Below: total variance of each gradient of "
        f"{int(data['samples'][0])} samples along the pathwise run, all at the same "
        "parameters and mini-batches and with the same keys. Look for the order of "
        f"the variances from the second point on (at step {data['at'][0]} the highest "
        f"is that of: {highest}), and for the same order in what the runs reach."
    )
    return Plate(
        "regression",
        "arrays/regression.npz",
        "What variance costs in training",
        caption,
        "Curves of the bound, the errors and the variance of five estimators.",
        lambda theme: estimators.regression(data, theme=theme),
    )


def read_latents(run: Run) -> dict[str, np.ndarray] | None:
    """Reads the test latents and checks that their arrays belong together."""
    data = run.arrays("latents", mean=2)
    if data is None:
        return None
    number, dimensions = data["mean"].shape
    for name, length in (("label", number), ("kl", dimensions)):
        if name in data and data[name].shape != (length,):
            raise InputError(
                f"{run.path / 'arrays' / 'latents.npz'}: the array {name!r} has shape "
                f"{data[name].shape}; ({length},) was expected beside a mean of shape "
                f"{data['mean'].shape}."
            )
    return data


def class_names(data: Mapping[str, np.ndarray]) -> list[str] | None:
    """The names of the classes, where a run has them."""
    names = data.get("class_names")
    return None if names is None else [str(name) for name in names]
