"""The figures of studies of estimators, and what to look for in each."""

import numpy as np

from jaxgen.report import estimators, shapes
from jaxgen.report.plate import Plate
from jaxgen.report.run import Run

__all__ = ["along", "bernoulli", "integrands", "regression", "three_ways"]


def three_ways(run: Run) -> Plate | None:
    """Histograms of single gradients."""
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


def integrands(run: Run) -> Plate | None:
    """Variances against how fast a function changes."""
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


def bernoulli(run: Run) -> Plate | None:
    """Cost and bias against the number of coins."""
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


def regression(run: Run) -> Plate | None:
    """What variance costs in training."""
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


def along(run: Run) -> Plate | None:
    """Estimators along the training of a model with discrete latents."""
    grid = "estimators places"
    data = shapes.read(
        run,
        "estimators_along",
        {
            **{"elbo_step": "points", "elbo": "estimators points", "at": "places"},
            **{"variance": grid, "half_width": grid, "seconds": "estimators"},
        },
        words={"names": "estimators"},
        optional={"snr": grid, "bias": grid},
    )
    if data is None:
        return None
    names = shapes.texts(data["names"])
    best = names[int(np.argmax(data["elbo"][:, -1]))]
    best_bound = f"{data['elbo'].max():.2f}".replace("-", "\N{MINUS SIGN}")
    snr = (
        " and of the signal to noise, the size of the mean gradient over its standard "
        "deviation"
        if "snr" in data
        else ""
    )
    caption = (
        "Above: each estimator trains a model of its own, from the same start on the "
        "same mini-batches; how far its bound on the test set is from the best of all, "
        f"{best_bound} nats, by step on the left, and on the right by the time that "
        "the steps took. Below: every estimator at the same "
        f"parameters of one common run, as curves of the variance{snr}; the bars are "
        "99% intervals. A relaxed gradient has little variance and is biased: it can "
        "lead below and still fall behind above. Look for an order of the "
        "runs that follows the variance, and for what the order becomes once slow "
        f"steps are paid for. The last bound is highest with: {best}."
    )
    return Plate(
        "estimators_along",
        "arrays/estimators_along.npz",
        "Estimators along one training run",
        caption,
        "Curves of the test bound by step and by seconds, and of the variance of the "
        f"gradient along a common run, of {', '.join(names)}.",
        lambda theme: estimators.along(data, theme=theme),
    )
