"""Generators: one network, or a mapping to styles and a synthesis from them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen import random
from jaxgen.checks import check_count, check_network
from jaxgen.errors import InputError
from jaxgen.models.conditions import Condition, given
from jaxgen.typing import (
    Array,
    Network,
    Params,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
)

__all__ = [
    "GeneratorFunctions",
    "GeneratorParts",
    "StyledGenerator",
    "fold_keys",
    "generator_functions",
]


class StyledGenerator(NamedTuple):
    """A generator of two networks, behind one optimizer.

    Attributes:
        mapping: `latents -> styles`, shape (batch, features); with `num_classes`,
            `(latents, condition)`. If its statistics are a dict with the entry
            "average", shape (features,), that is the average of the styles, towards
            which the truncation of `GAN.generate` moves them.
        synthesis: `styles -> samples`, from styles of shape (batch, num_styles,
            features): those of the mapping, once for each layer.
        num_styles: Layers of the synthesis that take styles; JAX does not notice one
            that reads beyond them.

    References:
        Karras et al., A Style-Based Generator Architecture for Generative Adversarial
        Networks, 2019.
    """

    mapping: Network
    synthesis: Network
    num_styles: int


class GeneratorParts(NamedTuple):
    """Parameters, or statistics, of a `StyledGenerator`.

    Attributes:
        mapping: Of the mapping.
        synthesis: Of the synthesis.
    """

    mapping: PyTree
    synthesis: PyTree


class GeneratorFunctions(NamedTuple):
    """The pure functions of a generator, of one network or of two.

    The styles of a generator of one network are its latents.

    Attributes:
        init: `(key, latents, condition) -> (params, stats)`.
        map_latents: `(params, stats, latents, condition, **mode) -> (styles, stats)`;
            `mode` is as in `Network.apply`.
        synthesize: `(params, stats, styles, condition, **mode) -> (samples, stats)`.
        average_style: `stats -> average of the styles`, shape (features,), or None
            where no average is kept.
        synthesis_takes_condition: Whether `synthesize` uses its condition.
    """

    init: Callable[..., tuple[Params, PyTree]]
    map_latents: Callable[..., tuple[Array, PyTree]]
    synthesize: Callable[..., tuple[Array, PyTree]]
    average_style: Callable[[PyTree], Array | None]
    synthesis_takes_condition: bool


def generator_functions(generator: Network | StyledGenerator) -> GeneratorFunctions:
    """Returns the pure functions of a generator.

    Raises:
        InputError: It is neither a network nor two of them, or `num_styles` is no
            count.
    """
    if isinstance(generator, StyledGenerator):
        check_count("num_styles", generator.num_styles, 1)
        check_network("StyledGenerator.mapping", generator.mapping, "mlp_generator")
        check_network("StyledGenerator.synthesis", generator.synthesis, "pure")
        return _of_two_networks(generator)
    if not isinstance(generator, Network):
        raise InputError(
            f"generator is a {type(generator).__name__}: give a Network, as "
            "networks.pure(module) makes one, or a models.StyledGenerator of two."
        )
    return _of_one_network(generator)


def fold_keys(keys: RandomKeys, number: int) -> RandomKeys:
    """Returns a key for each of `keys`, one per example, folded with a number."""
    return jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)


def _of_one_network(network: Network) -> GeneratorFunctions:
    def init(
        key: PRNGKeyArray, latents: Array, condition: Condition
    ) -> tuple[Params, PyTree]:
        return network.init(key, latents, *given(condition))

    def map_latents(
        params: Params, stats: PyTree, latents: Array, condition: Condition, **mode: Any
    ) -> tuple[Array, PyTree]:
        del params, condition, mode
        return latents, stats

    def synthesize(
        params: Params, stats: PyTree, styles: Array, condition: Condition, **mode: Any
    ) -> tuple[Array, PyTree]:
        return network.apply(params, stats, styles, *given(condition), **mode)

    return GeneratorFunctions(
        init=init,
        map_latents=map_latents,
        synthesize=synthesize,
        average_style=lambda stats: None,
        synthesis_takes_condition=True,
    )


def _of_two_networks(generator: StyledGenerator) -> GeneratorFunctions:
    mapping, synthesis, num_styles = generator

    def repeated(styles: Array) -> Array:
        if styles.ndim != 2:
            raise InputError(
                f"The mapping gives styles of shape {styles.shape}: make it for "
                "(batch, features). models.gan repeats them for each layer."
            )
        shape = (styles.shape[0], num_styles, styles.shape[1])
        return jnp.broadcast_to(styles[:, None], shape)

    def init(
        key: PRNGKeyArray, latents: Array, condition: Condition
    ) -> tuple[Params, PyTree]:
        inputs = (latents, *given(condition))
        params, stats = mapping.init(random.stream(key, "mapping"), *inputs)
        styles = jax.eval_shape(mapping.apply, params, stats, *inputs)[0]
        styles = repeated(jnp.zeros(styles.shape, styles.dtype))
        other = synthesis.init(random.stream(key, "synthesis"), styles)
        return GeneratorParts(params, other[0]), GeneratorParts(stats, other[1])

    def map_latents(
        params: GeneratorParts,
        stats: GeneratorParts,
        latents: Array,
        condition: Condition,
        **mode: Any,
    ) -> tuple[Array, PyTree]:
        styles, found = mapping.apply(
            params.mapping, stats.mapping, latents, *given(condition), **mode
        )
        return repeated(styles), stats._replace(mapping=found)

    def synthesize(
        params: GeneratorParts,
        stats: GeneratorParts,
        styles: Array,
        condition: Condition,
        **mode: Any,
    ) -> tuple[Array, PyTree]:
        del condition
        samples, found = synthesis.apply(
            params.synthesis, stats.synthesis, styles, **mode
        )
        return samples, stats._replace(synthesis=found)

    def average_style(stats: GeneratorParts) -> Array | None:
        own = stats.mapping
        return own.get("average") if isinstance(own, Mapping) else None

    return GeneratorFunctions(
        init=init,
        map_latents=map_latents,
        synthesize=synthesize,
        average_style=average_style,
        synthesis_takes_condition=False,
    )
