"""Priors p(z): fixed, learned, made of the encoder, or of a label."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.calls import factory
from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.losses.vae.families import (
    Bernoulli,
    Categorical,
    Gaussian,
    GaussianMixture,
    PriorParameters,
    StandardNormal,
)
from jaxgen.typing import Array, Network, Params, PRNGKeyArray

__all__ = [
    "Encode",
    "Prior",
    "conditional_normal",
    "mixture",
    "standard_normal",
    "uniform_bernoulli",
    "uniform_categorical",
    "vamp",
]

Encode = Callable[[Array], Any]
"""From images to the parameters of q."""


class Prior(NamedTuple):
    """A prior, and with it the family of the latents.

    Attributes:
        family: What the encoder's outputs are read as: `Gaussian`, `Bernoulli`,
            `Categorical`.
        shape: The shape of one example's latents.
        init: `init(key, images, condition) -> params`; `key` is consumed.
        parameters: `parameters(params, encode, condition) -> parameters of p(z)`;
            `encode` maps images to q.
        per_example: Whether the parameters have one row per example.
    """

    family: type
    shape: tuple[int, ...]
    init: Callable[[PRNGKeyArray, Array, Array | None], Params]
    parameters: Callable[[Params, Encode, Array | None], PriorParameters]
    per_example: bool = False


@factory
def standard_normal(num_latents: int) -> Prior:
    """Returns N(0, I).

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2014.
    """
    check_count("num_latents", num_latents, 1)
    # Of NumPy: numpyro checks them without compiling five programs.
    zeros = np.zeros(num_latents, np.float32)
    return _fixed(Gaussian, (num_latents,), StandardNormal(zeros))


@factory
def uniform_bernoulli(num_latents: int) -> Prior:
    """Returns independent fair coins."""
    check_count("num_latents", num_latents, 1)
    return _fixed(Bernoulli, (num_latents,), Bernoulli(jnp.zeros(num_latents)))


@factory
def uniform_categorical(num_variables: int, num_classes: int) -> Prior:
    """Returns independent categories, all classes alike.

    References:
        Jang et al., Categorical Reparameterization with Gumbel-Softmax, 2017.
    """
    check_count("num_variables", num_variables, 1)
    check_count("num_classes", num_classes, 2)
    shape = (num_variables, num_classes)
    return _fixed(Categorical, shape, Categorical(jnp.zeros(shape)))


@factory
def mixture(
    num_latents: int, num_components: int = 10, *, spread: float = 1.0
) -> Prior:
    """Returns a learned mixture of diagonal Gaussians.

    The KL to it has no closed form and is sampled; the Cauchy-Schwarz divergence has.

    Args:
        num_latents: Dimensions of z.
        num_components: Components.
        spread: Standard deviation of the means at the start.

    References:
        Dilokthanakul et al., Deep Unsupervised Clustering with Gaussian Mixture
        Variational Autoencoders, 2016; Tran et al., Cauchy-Schwarz Regularized
        Autoencoder, 2022, for its Cauchy-Schwarz divergence.
    """
    check_count("num_latents", num_latents, 1)
    check_count("num_components", num_components, 1)
    check_number("spread", spread, least=0)

    def init(key: PRNGKeyArray, images: Array, condition: Array | None) -> Params:
        shape = (num_components, num_latents)
        return {
            "logits": jnp.zeros(num_components),
            "means": spread * jax.random.normal(key, shape),
            "log_variances": jnp.zeros(shape),
        }

    def parameters(
        params: Params, encode: Encode, condition: Array | None
    ) -> GaussianMixture:
        log_weights = jax.nn.log_softmax(params["logits"])
        return GaussianMixture(log_weights, params["means"], params["log_variances"])

    return Prior(Gaussian, (num_latents,), init, parameters)


@factory
def vamp(num_latents: int, num_components: int = 500) -> Prior:
    """Returns the VampPrior: the mean of q(z|u) over learned pseudo-inputs u.

    An encoder with batch normalization encodes u with its running statistics: the
    pseudo-inputs do not count as part of a batch, and dropout is off.

    Args:
        num_latents: Dimensions of z.
        num_components: Pseudo-inputs. They are kept in [0, 1] by a sigmoid and start as
            noise around the mean of the first batch.

    References:
        Tomczak and Welling, VAE with a VampPrior, 2018, equation 9.
    """
    check_count("num_latents", num_latents, 1)
    check_count("num_components", num_components, 1)

    def init(key: PRNGKeyArray, images: Array, condition: Array | None) -> Params:
        if condition is not None:
            raise InputError(
                "The VampPrior encodes inputs that have no label: give a conditional "
                "VAE another prior, such as standard_normal or conditional_normal."
            )
        centre = jnp.clip(jnp.mean(images, axis=0), 0.01, 0.99)
        logits = jnp.log(centre) - jnp.log1p(-centre)
        noise = jax.random.normal(key, (num_components, *images.shape[1:]))
        return {"pseudo_inputs": logits[None] + noise}

    def parameters(
        params: Params, encode: Encode, condition: Array | None
    ) -> GaussianMixture:
        q = encode(jax.nn.sigmoid(params["pseudo_inputs"]))
        log_weights = jnp.full(num_components, -jnp.log(num_components))
        return GaussianMixture(log_weights, q.mean, q.log_variance)

    return Prior(Gaussian, (num_latents,), init, parameters)


@factory
def conditional_normal(num_latents: int, network: Network) -> Prior:
    """Returns p(z|y), a Gaussian whose mean and log-variance a network makes of y.

    Args:
        num_latents: Dimensions of z.
        network: `condition -> (mean, log_variance)`, each of shape (batch, latents);
            without statistics of the batch. It is given no keys: dropout is off.

    Raises:
        InputError: From `init`: the network has statistics, or there is no condition.

    References:
        Sohn et al., Learning Structured Output Representation using Deep Conditional
        Generative Models, 2015, equation 4.
    """
    check_count("num_latents", num_latents, 1)

    def init(key: PRNGKeyArray, images: Array, condition: Array | None) -> Params:
        params, stats = network.init(key, _given(condition))
        if jax.tree.leaves(stats):
            raise InputError(
                "The network of conditional_normal keeps statistics of the batch, such "
                "as those of batch normalization: give one without."
            )
        return params

    def parameters(params: Params, encode: Encode, condition: Array | None) -> Gaussian:
        return Gaussian(*network.apply(params, (), _given(condition))[0])

    return Prior(Gaussian, (num_latents,), init, parameters, per_example=True)


def _given(condition: Array | None) -> Array:
    if condition is None:
        raise InputError(
            "The prior is made of the label, and the model has none: give the VAE "
            "num_classes, or take another prior."
        )
    return condition


def _fixed(family: type, shape: tuple[int, ...], value: Any) -> Prior:
    return Prior(
        family,
        shape,
        init=lambda key, images, condition: {},
        parameters=lambda params, encode, condition: value,
    )
