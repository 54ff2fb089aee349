"""Figures of a sweep over the weight of a divergence, and what to look for."""

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report import shapes
from jaxgen.report.family.planes import planes
from jaxgen.report.family.sweep import sweep
from jaxgen.report.family.tables import table
from jaxgen.report.plate import Plate
from jaxgen.report.run import Arrays, Run
from jaxgen.report.style import Figure, Theme

__all__ = ["latent_planes", "read_sweep", "reconstructions", "scores"]


def latent_planes(run: Run) -> Plate | None:
    """The latent plane of each model of a sweep."""
    data = read_sweep(run)
    if data is None:
        return None
    names, classes = _names(data), shapes.texts(data["class_names"])
    prior = data.get("prior_means")
    caption = (
        f"Each point is the latent mean of one of {data['mean'].shape[1]:,} test "
        "images, in one panel a model; both axes of a panel have the same unit, and "
        "panels differ in range. Look for how tightly the prior holds the classes "
        "together, and which of them stay apart."
    )
    if prior is not None:
        caption += (
            " The crosses are the means of a mixture prior: look whether classes "
            "gather around them."
        )

    def draw(theme: Theme) -> Figure:
        return planes(
            mean=data["mean"],
            label=data["label"].astype(int),
            names=names,
            class_names=classes,
            prior_means=prior,
            theme=theme,
        )

    return Plate(
        "lambda_planes",
        "arrays/lambda_sweep.npz",
        "The latent plane of each model",
        caption,
        f"Scatters of test latents, coloured by class, for {', '.join(names)}.",
        draw,
    )


def scores(run: Run) -> Plate | None:
    """The NLL of each model of a sweep, and its terms against the weight."""
    data = read_sweep(run)
    if data is None:
        return None
    names = _names(data)
    best = names[int(np.argmin(data["nll"]))]
    caption = (
        "On the left the negative log-likelihood of the test set by importance "
        "sampling, with 99% intervals; lower is better, and it is lowest for: "
        f"{best}. Beside it the two terms that were trained, against the weight λ of "
        "the divergence; dashed is what has no λ. A larger λ buys a smaller divergence "
        "with a worse reconstruction. The divergences of different objectives are "
        "different quantities: compare models by the left panel alone."
    )
    said = ", ".join(f"{n} {v:.1f}" for n, v in zip(names, data["nll"], strict=True))

    def draw(theme: Theme) -> Figure:
        return sweep(
            names=names,
            weight=data["lambda_"],
            nll=data["nll"],
            nll_error=data["nll_error"],
            reconstruction=data["reconstruction"],
            divergence=data["divergence"],
            theme=theme,
        )

    return Plate(
        "lambda_scores",
        "arrays/lambda_sweep.npz",
        "Likelihood and the weight of the divergence",
        caption,
        f"Negative log-likelihoods in nats: {said}.",
        draw,
    )


def reconstructions(run: Run) -> Plate | None:
    """Reconstructions by each model of a sweep."""
    data = read_sweep(run)
    if data is None:
        return None
    names = _names(data)
    caption = (
        "The first row holds test images, each row below their reconstructions by "
        "one model. Look down a column for the weight at which thin strokes and "
        "unusual shapes come back."
    )

    def draw(theme: Theme) -> Figure:
        images = np.concatenate([data["inputs"][None], data["outputs"]])
        return table(images, rows=["input", *names], apart=1, theme=theme)

    return Plate(
        "lambda_reconstructions",
        "arrays/lambda_sweep.npz",
        "Reconstructions by each model",
        caption,
        f"A row of test images and their reconstructions by {', '.join(names)}.",
        draw,
    )


def read_sweep(run: Run) -> Arrays | None:
    """Reads a sweep over the weight of the divergence and checks its arrays."""
    each = ("nll", "nll_error", "reconstruction", "divergence", "lambda_")
    size = "height width channels"
    data = shapes.read(
        run,
        "lambda_sweep",
        {
            **{"mean": "models points 2", "label": "points"},
            **{"inputs": f"images {size}", "outputs": f"models images {size}"},
            **dict.fromkeys(each, "models"),
        },
        words={"names": "models", "class_names": "classes"},
        optional={"prior_means": "models components 2"},
    )
    if data is None:
        return None
    label, number = data["label"].astype(int), len(data["class_names"])
    if label.min() < 0 or label.max() >= number:
        raise InputError(
            f"{run.path / 'arrays' / 'lambda_sweep.npz'}: the array 'label' reaches "
            f"from {label.min()} to {label.max()}, but there are {number} class names; "
            "run the experiment again."
        )
    return data


def _names(data: Arrays) -> list[str]:
    """The names of the models, with the weight as the letter that it is."""
    return [name.replace("lambda", "λ") for name in shapes.texts(data["names"])]
