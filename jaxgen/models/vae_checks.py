"""What `vae` refuses, in sentences."""

from collections.abc import Callable
from typing import Any, cast

import jax.numpy as jnp

from jaxgen.checks import check_floats, check_unit_interval
from jaxgen.errors import InputError
from jaxgen.estimators import Estimator
from jaxgen.losses.vae.likelihoods import Likelihood
from jaxgen.typing import Array

__all__ = [
    "check_images",
    "check_latents",
    "check_parts",
    "check_weighted",
    "schedule_of",
]

_EXAMPLES = {
    "likelihood": "losses.vae.bernoulli()",
    "prior": "losses.vae.priors.standard_normal(20)",
    "divergence": "losses.vae.regularizers.kl()",
    "objective": "losses.vae.objectives.beta(1.0)",
}


def check_parts(**parts: tuple[Any, type]) -> None:
    """Refuses a part that is not what its name says; None is a default."""
    for name, (value, kind) in parts.items():
        if value is None and name in ("divergence", "objective"):
            continue
        if not isinstance(value, kind):
            raise InputError(
                f"{name} must be a {kind.__name__}, such as {_EXAMPLES[name]}; it is "
                f"{_named(value)}."
            )


def schedule_of(estimator: Any) -> tuple[Callable[[Array], Estimator], Estimator]:
    """Returns the estimator as a function of the step, and that of step 0."""
    if isinstance(estimator, Estimator):
        return lambda step: estimator, estimator
    if isinstance(estimator, type) or not callable(estimator):
        call = " Write it with its parentheses." if isinstance(estimator, type) else ""
        raise InputError(
            "estimator must be one of jaxgen.estimators, such as Pathwise(), or a "
            f"function of the step that returns one; it is {_named(estimator)}.{call}"
        )
    first: Any = estimator(jnp.zeros((), jnp.int32))
    if not isinstance(first, Estimator):
        raise InputError(
            "estimator is a function, and at step 0 it returns "
            f"{_named(first)}: it must return one of jaxgen.estimators."
        )
    return cast(Callable[[Array], Estimator], estimator), first


def check_weighted(weighted: bool, objective: Any, divergence: Any) -> None:
    """Refuses terms to weigh in a bound that has none."""
    if weighted and (objective is not None or divergence is not None):
        raise InputError(
            "An importance-weighted bound has no reconstruction and divergence of its "
            "own to be weighed: leave objective and divergence out, or take an "
            "estimator of the ELBO."
        )


def check_images(images: Any, likelihood: Likelihood) -> None:
    """Refuses images that are not floating, or known to have no likelihood."""
    check_floats(images=images)
    if likelihood.unit_interval:
        check_unit_interval("images", images)


def check_latents(found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Refuses an encoder that is not for the prior's latents."""
    if found != wanted:
        raise InputError(
            f"The encoder makes latents of shape {found}, and the prior is of shape "
            f"{wanted}: give both the same latents."
        )


def _named(value: Any) -> str:
    return getattr(value, "__name__", None) or repr(value)
