"""The figures of divergences and critics, and what to look for in each."""

import numpy as np

from jaxgen.report import shapes
from jaxgen.report.gan import moved_earth as earth
from jaxgen.report.gan import parallel_lines as lines
from jaxgen.report.gan import two_gaussians
from jaxgen.report.plate import Plate
from jaxgen.report.run import Run

__all__ = ["learned_critics", "moved_earth", "moving_apart", "parallel_lines"]


def parallel_lines(run: Run) -> Plate | None:
    """Critics between two parallel lines."""
    read = {"theta": "thetas", "true_wasserstein": "thetas", "penalties": "penalties"}
    read["penalized"] = "penalties thetas"
    measured = {
        "js": "thetas",
        "wasserstein": "penalties thetas",
        "gradient": "games thetas",
    }
    half_widths = {f"{name}_half_width": axes for name, axes in measured.items()}
    data = shapes.read(
        run, "parallel_lines", read | measured | half_widths, words={"names": "games"}
    )
    if data is None:
        return None
    gradient = data["gradient"][:, -1]
    caption = (
        "Data lie on the line (0, u), generated samples on (θ, u), u uniform in [0, "
        "1]; KL is infinite unless θ = 0. Points are means over seeds of critics "
        "trained at each θ, with 99% intervals, most of them smaller than the point. "
        "Above: the discriminator reads log 2 however far apart the lines are; the "
        "WGAN critic reads the distance. Below left: the gradient that a generator of "
        "the one parameter θ gets from them (hollow: negative θ, the mirror image). "
        "Look how minimax vanishes, the non-saturating gradient explodes as the lines "
        "meet, and the Wasserstein gradient stays 1, towards the data. Below right: a "
        "gradient penalty is no constraint. Of weight w, it lets a critic at its best "
        "read |θ|/2w more than the distance (lines), which the trained ones do "
        "(points; a mean below the distance has no place on this axis)."
    )
    seen = ", ".join(
        f"{lines.NAMES[str(name)]} {abs(value):.1g}"
        for name, value in zip(data["names"], gradient, strict=True)
    )
    return Plate(
        "parallel_lines",
        "arrays/parallel_lines.npz",
        "Two parallel lines: what a critic reads, and where it points",
        caption,
        "Estimates of JS and W over θ, and gradients over the distance. Sizes of the "
        f"gradient at the largest θ: {seen}.",
        lambda theme: lines.parallel_lines(data, theme=theme),
    )


def moving_apart(run: Run) -> Plate | None:
    """Divergences of two Gaussians against their distance."""
    curves = "divergences points"
    data = shapes.read(
        run,
        "moving_apart",
        {
            **{"theta": "points", "values": curves, "gradients": curves},
            "loss_gradients": "losses points",
        },
        words={"names": "divergences", "losses": "losses"},
    )
    if data is None:
        return None
    js = data["gradients"][[str(name) for name in data["names"]].index("JS")]
    peak = float(data["theta"][int(np.argmax(js))])
    caption = (
        "N(0, 1), the data, and N(θ, 1). Left: KL grows with the square of the "
        "distance, W with the distance, and JS stops at log 2. Right, on a logarithmic "
        f"axis: where each gradient vanishes. That of JS is highest at {peak:.2f} "
        "deviations and then falls like exp(\N{MINUS SIGN}θ²/8); those of KL and JS "
        "vanish as the two meet; that of W does neither. Dashed: gradients of the "
        "generator's losses beside an optimal discriminator. The minimax loss has "
        "twice the gradient of JS, and vanishes with it; the non-saturating loss has "
        "that of KL(generated || data) less it, and does not vanish far apart."
    )
    return Plate(
        "moving_apart",
        "arrays/moving_apart.npz",
        "Two Gaussians moving apart: where each gradient vanishes",
        caption,
        "Curves of KL, JS and W over the distance of two Gaussians, and of gradients.",
        lambda theme: two_gaussians.moving_apart(data, theme=theme),
    )


def learned_critics(run: Run) -> Plate | None:
    """A discriminator and a WGAN critic between two Gaussians."""
    curve, learned = "points", "seeds points"
    data = shapes.read(
        run,
        "learned_critics",
        {
            **{"x": curve, "densities": "2 points", "best_logits": curve},
            **{"best_slope": curve, "penalized_slope": curve},
            **{"logits": learned, "logit_slope": learned},
            **{"critic": learned, "critic_slope": learned},
            **{"distance": "1", "penalty": "1"},
        },
    )
    if data is None:
        return None
    distance = float(data["distance"][0])
    caption = (
        f"Two Gaussians of variance 1, their means {distance:g} apart. Thin lines are "
        f"{len(data['logits'])} trained networks, one a seed; dashed is the best there "
        "is: of discriminators the chance p/(p + q), of critics of slope at most 1 a "
        "ramp. Below: how strongly a generated sample at x is pulled towards the data. "
        "Look at the minimax gradient below the generated samples: where they lie the "
        "discriminator is sure, and it is all but gone. The WGAN critic pulls with "
        "about 1 everywhere; dotted is what its penalty makes the best, though a "
        "straight line loses little. Where there are no samples the networks are free."
    )
    return Plate(
        "learned_critics",
        "arrays/learned_critics.npz",
        "The optimal discriminator against the WGAN critic",
        caption,
        "Curves of learned critics and of the best ones, with the gradients they give.",
        lambda theme: two_gaussians.learned_critics(data, theme=theme),
    )


def moved_earth(run: Run) -> Plate | None:
    """The earth mover's plan between two histograms."""
    data = shapes.read(
        run,
        "moved_earth",
        {
            **{"positions": "bins", "source": "bins", "target": "bins"},
            **{"plan": "bins bins", "cost": "1"},
        },
    )
    if data is None:
        return None
    cost = float(data["cost"][0])
    caption = (
        "Two hills of earth are moved onto one. Colours say where earth comes from; "
        "below, each bin shows what it is made of. Of the cheapest plans this is the "
        "one in which nothing overtakes. Right: the same plan as a matrix, its colour "
        "the root of what is moved, and the sums of both histograms from the left. The "
        f"cost of the plan, {cost:.2f} in units of the line for all the earth there "
        "is, is the area between the sums."
    )
    return Plate(
        "moved_earth",
        "arrays/moved_earth.npz",
        "The earth mover's plan between two histograms",
        caption,
        f"Two histograms, bands between them, and the plan; its cost is {cost:.2f}.",
        lambda theme: earth.moved_earth(data, theme=theme),
    )
