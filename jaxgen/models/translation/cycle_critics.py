"""Both critics of a CycleGAN: first states, the generators' losses, and their steps."""

from typing import Any

import jax.numpy as jnp

from jaxgen import random
from jaxgen.models.critic import Critic
from jaxgen.models.translation.adversarial import critic_step
from jaxgen.models.translation.directions import TARGET, Domain
from jaxgen.models.translation.image_pool import exchange
from jaxgen.typing import Array, Metrics, NetState, PRNGKeyArray

__all__ = ["adversarial_terms", "init_critics", "update_critics"]


def init_critics(
    critics: dict[Domain, Critic], key: PRNGKeyArray, images: dict[Domain, Array]
) -> dict[Domain, NetState]:
    """Returns the first states of both critics."""
    return {
        domain: critic.init(
            random.stream(key, f"critic {domain}"), images[domain], None
        )
        for domain, critic in critics.items()
    }


def adversarial_terms(
    critics: dict[Domain, Critic],
    state: Any,
    key: PRNGKeyArray,
    images: dict[Domain, Array],
    fakes: dict[Domain, Array],
    axis_name: str | None,
) -> Metrics:
    """Returns the mean adversarial losses of both generators, by direction."""
    terms: Metrics = {}
    for direction, domain in TARGET.items():
        name, real = f"generator {domain}", images[domain]
        terms[f"adversarial_{direction}"] = critics[domain].generator_loss(
            state.critics[domain],
            state.remedies[domain],
            critic_step(key, name, state.step, real, axis_name),
            fakes[domain],
        )
    return terms


def update_critics(
    critics: dict[Domain, Critic],
    state: Any,
    key: PRNGKeyArray,
    images: dict[Domain, Array],
    fakes: dict[Domain, Array],
    axis_name: str | None,
) -> tuple[Any, Metrics]:
    """Updates both critics on data and images of their pools.

    Args:
        critics: By domain.
        state: The `CycleGANState` before the step.
        key: Of the step.
        images: Data by domain, in [-1, 1].
        fakes: Images generated in this step, likewise.
        axis_name: The mapped axis, if any.

    Returns:
        The state with new critics, pools and remedies; the metrics of both critics, and
        the sum of both losses as "critic_sum".
    """
    nets, pools, kept, metrics = {}, {}, {}, {"critic_sum": jnp.zeros(())}
    for domain, critic in critics.items():
        pools[domain], pool_images = exchange(
            random.stream(key, f"pool {domain}"),
            state.pools[domain],
            fakes[domain],
            axis_name=axis_name,
        )
        name, real = f"critic {domain}", images[domain]
        nets[domain], kept[domain], found = critic.update(
            state.critics[domain],
            state.remedies[domain],
            critic_step(key, name, state.step, real, axis_name),
            pool_images,
        )
        metrics["critic_sum"] += found["critic_loss"]
        metrics |= {_name_of(name, domain): value for name, value in found.items()}
    return state._replace(critics=nets, pools=pools, remedies=kept), metrics


def _name_of(name: str, domain: Domain) -> str:
    """Returns the name of a metric of a domain's critic."""
    if name.startswith("critic_"):
        return f"critic_{domain}_{name.removeprefix('critic_')}"
    return f"{name}_{domain}"
