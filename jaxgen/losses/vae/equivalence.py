"""Which likelihood, variance and beta a training loss really has."""

import math
from typing import NamedTuple

from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError

__all__ = [
    "Equivalence",
    "equivalence",
]

# Loss: the likelihood behind it, the error's factor, the error in words.
_LOSSES = {
    "squared_error": ("gaussian", 1.0, "the squared error"),
    "half_squared_error": ("gaussian", 0.5, "half the squared error"),
    "absolute_error": ("laplace", 1.0, "the absolute error"),
    "cross_entropy": ("bernoulli", 1.0, "the cross-entropy"),
}
_LOSSES |= {
    "mse": _LOSSES["squared_error"],
    "l1": _LOSSES["absolute_error"],
    "bce": _LOSSES["cross_entropy"],
}


class Equivalence(NamedTuple):
    """What a training loss means; `print` says it in sentences.

    The loss is `factor` times a negative ELBO, plus a constant: the same minima, and
    under plain gradient descent the same path at another learning rate.

    Attributes:
        loss: The loss as it was given, in words.
        likelihood: "gaussian", "laplace" or "bernoulli".
        variance: Variance of a pixel that makes the loss a negative ELBO with beta = 1;
            for the Laplace 2 scale^2, for the Bernoulli None.
        scale: Standard deviation of that Gaussian, b of that Laplace; None for the
            Bernoulli.
        beta: Weight of the KL if the likelihood is taken with variance 1 (Gaussian) or
            scale 1 (Laplace), or as it is (Bernoulli).
        factor: The loss over that negative ELBO: of beta = 1 and this variance, or for
            the Bernoulli of this beta.
    """

    loss: str
    likelihood: str
    variance: float | None
    scale: float | None
    beta: float
    factor: float

    def __str__(self) -> str:
        """Says it in two sentences."""
        if self.variance is None:
            return (
                f"{self.loss} is a Bernoulli likelihood with beta = {self.beta:.4g}, "
                f"{_bound(self.beta)}. It is a likelihood only for pixels in {{0, 1}}: "
                "for grey pixels the cross-entropy cannot go below their entropy."
            )
        if self.likelihood == "gaussian":
            family = f"Gaussian likelihood with variance {self.variance:.4g}"
            unit = "variance 1"
        else:
            family = f"Laplace likelihood with scale {self.scale:.4g}"
            family += f" (variance {self.variance:.4g})"
            unit = "scale 1"
        sentence = f"{self.loss} is the negative ELBO of a {family} and beta = 1."
        if not math.isclose(self.beta, 1.0):
            sentence += (
                f" Read with {unit} it has beta = {self.beta:.4g}, {_bound(self.beta)}."
            )
        return sentence


def equivalence(
    loss: str,
    *,
    reduction: str = "sum",
    weight: float = 1.0,
    num_pixels: int | None = None,
    kl_reduction: str = "sum",
    num_latents: int | None = None,
) -> Equivalence:
    """Tells which likelihood, variance and beta `reduce(loss) + weight * KL` has.

    With c the factor of the error (1, or 1/2) and D the pixels of a mean (1 for a sum),
    `c / D |x - m|^2 + w KL` is w times a negative ELBO with variance `w D / (2 c)`; the
    absolute error gives the Laplace scale `w D`. The cross-entropy has no scale to
    absorb the weight: its beta is `w D`. A mean over L latents makes w of `weight / L`.

    A mean over the batch is not counted here: it multiplies pixels and KL alike and
    changes the learning rate alone. A mean over "all elements" is a mean over the batch
    and over the pixels.

    Args:
        loss: "squared_error" (or "mse"), "half_squared_error", "absolute_error" (or
            "l1"), "cross_entropy" (or "bce").
        reduction: "sum" or "mean" over the pixels of an example.
        weight: What the KL is multiplied by.
        num_pixels: D, pixels times channels; needed by a mean over pixels.
        kl_reduction: "sum" or "mean" over the latents. The KL is a sum; a mean is a
            common slip.
        num_latents: Latents of an example; needed by a mean over latents.

    Returns:
        `Equivalence(loss, likelihood, variance, scale, beta, factor)`.

    Raises:
        InputError: A name is unknown, a count is missing or a number not positive.

    Examples:
        >>> print(equivalence("mse", reduction="mean", weight=0.00025,
        ...                   num_pixels=12288))
        Mean over 12288 pixels of the squared error + 0.00025 KL is the negative ELBO of
        a Gaussian likelihood with variance 1.536 and beta = 1. Read with variance 1 it
        has beta = 1.536, still a bound on log p(x), but a looser one.
        >>> equivalence("mse").variance
        0.5

    References:
        Higgins et al., beta-VAE, 2017; Rybkin, Daniilidis and Levine, Simple and
        effective VAE training with calibrated decoders, 2021, section 3.
    """
    if loss not in _LOSSES:
        raise InputError(
            f"loss {loss!r} is unknown. Give one of {', '.join(sorted(_LOSSES))}."
        )
    # Without a KL the loss is that of an autoencoder, which implies no variance.
    check_number("weight", weight, above=0)
    likelihood, coefficient, error = _LOSSES[loss]
    coefficient /= _divisor("reduction", reduction, "num_pixels", num_pixels)
    kl_weight = weight / _divisor(
        "kl_reduction", kl_reduction, "num_latents", num_latents
    )
    ratio = kl_weight / coefficient
    name = _describe(error, reduction, weight, num_pixels, kl_reduction, num_latents)
    if likelihood == "gaussian":
        variance = ratio / 2
        scale = math.sqrt(variance)
        return Equivalence(name, likelihood, variance, scale, variance, kl_weight)
    if likelihood == "laplace":
        return Equivalence(name, likelihood, 2 * ratio**2, ratio, ratio, kl_weight)
    return Equivalence(name, likelihood, None, None, ratio, coefficient)


def _divisor(argument: str, reduction: str, count_name: str, count: int | None) -> int:
    if reduction == "sum":
        return 1
    if reduction != "mean":
        raise InputError(f'{argument} must be "sum" or "mean", not {reduction!r}.')
    if count is None:
        raise InputError(
            f'{argument}="mean" needs {count_name}, how many it averages over.'
        )
    check_count(count_name, count, 1)
    return count


def _describe(
    error: str,
    reduction: str,
    weight: float,
    num_pixels: int | None,
    kl_reduction: str,
    num_latents: int | None,
) -> str:
    over = "Sum" if reduction == "sum" else f"Mean over {num_pixels}"
    pixels = " over pixels" if reduction == "sum" else " pixels"
    kl = "KL" if kl_reduction == "sum" else f"KL / {num_latents}"
    times = "" if weight == 1 else f"{weight:.6g} "
    return f"{over}{pixels} of {error} + {times}{kl}"


def _bound(beta: float) -> str:
    if math.isclose(beta, 1.0):
        return "a bound on log p(x)"
    if beta > 1:
        return "still a bound on log p(x), but a looser one"
    return "which is no bound on log p(x)"
