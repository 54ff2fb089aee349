"""Samples of a trained GAN: styles, their truncation, noise."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen import random
from jaxgen.checks import check_count, check_floats, check_key, check_number
from jaxgen.errors import InputError
from jaxgen.jax_internals import is_traced
from jaxgen.models import averaging
from jaxgen.models.conditions import Condition, check_condition
from jaxgen.models.styled_generator import GeneratorFunctions, fold_keys
from jaxgen.typing import Array, Params, PRNGKeyArray, PyTree, RandomKeys, Size

__all__ = ["SamplingFunctions", "network_outputs", "sampling_functions"]


class SamplingFunctions(NamedTuple):
    """The functions of a GAN that make samples; see `models.GAN`."""

    map_latents: Callable[..., Array]
    synthesize: Callable[..., Array]
    generate: Callable[..., Array]
    sample: Callable[..., Array]


def sampling_functions(
    network: GeneratorFunctions,
    *,
    latents: int,
    num_classes: int | None,
    signed: bool,
    draw_latents: Callable[[RandomKeys, tuple[int, ...]], Array],
) -> SamplingFunctions:
    """Makes the functions that make samples from the state of a GAN.

    Args:
        network: The generator.
        latents: Dimension of the latent space.
        num_classes: Classes of the condition, or None.
        signed: Whether the generator makes images in [-1, 1], which are then samples in
            [0, 1].
        draw_latents: `(key, shape) -> latents`.
    """

    def used(state: Any) -> tuple[Params, PyTree]:
        net = state.generator
        return averaging.in_use((net.params, net.stats), state.ema)

    def as_data(samples: Array) -> Array:
        return 0.5 * (samples + 1.0) if signed else samples

    def map_latents(
        state: Any,
        latents: Array,
        condition: Condition = None,
        *,
        truncation: float | Array = 1.0,
        truncated_layers: int | None = None,
    ) -> Array:
        check_condition("GAN", condition, latents.shape[0], num_classes)
        params, stats = used(state)
        styles, _ = network.map_latents(params, stats, latents, condition)
        return _truncated(network, stats, styles, truncation, truncated_layers)

    def synthesize(
        state: Any,
        styles: Array,
        condition: Condition = None,
        keys: RandomKeys | None = None,
    ) -> Array:
        check_floats(styles=styles)
        if network.synthesis_takes_condition:
            check_condition("GAN", condition, styles.shape[0], num_classes)
        _, of_synthesis = _keys_of_networks(keys, styles.shape[0])
        samples, _ = network.synthesize(*used(state), styles, condition, **of_synthesis)
        return as_data(samples)

    def generate(
        state: Any,
        latents: Array,
        condition: Condition = None,
        keys: RandomKeys | None = None,
        *,
        truncation: float | Array = 1.0,
        truncated_layers: int | None = None,
    ) -> Array:
        check_condition("GAN", condition, latents.shape[0], num_classes)
        return as_data(
            network_outputs(
                network,
                *used(state),
                latents,
                condition,
                keys,
                truncation=truncation,
                truncated_layers=truncated_layers,
            )
        )

    def sample(
        state: Any,
        key: PRNGKeyArray,
        n: Size,
        condition: Condition = None,
        *,
        truncation: float | Array = 1.0,
        truncated_layers: int | None = None,
    ) -> Array:
        check_count("n", n, 0)
        if num_classes is not None and condition is None:
            condition = jax.nn.one_hot(jnp.arange(n) % num_classes, num_classes)
        noise = random.example_keys(random.stream(key, "noise"), n)
        return generate(
            state,
            draw_latents(key, (n, latents)),
            condition,
            noise,
            truncation=truncation,
            truncated_layers=truncated_layers,
        )

    return SamplingFunctions(map_latents, synthesize, generate, sample)


def network_outputs(
    network: GeneratorFunctions,
    params: Params,
    stats: PyTree,
    latents: Array,
    condition: Condition,
    keys: RandomKeys | None = None,
    *,
    truncation: float | Array = 1.0,
    truncated_layers: int | None = None,
) -> Array:
    """Returns samples as the networks see them, with noise if there are keys."""
    of_mapping, of_synthesis = _keys_of_networks(keys, latents.shape[0])
    styles, _ = network.map_latents(params, stats, latents, condition, **of_mapping)
    styles = _truncated(network, stats, styles, truncation, truncated_layers)
    return network.synthesize(params, stats, styles, condition, **of_synthesis)[0]


def _keys_of_networks(
    keys: RandomKeys | None, rows: Size
) -> tuple[dict[str, RandomKeys], dict[str, RandomKeys]]:
    """The keys of the mapping and those of the synthesis, by name."""
    if keys is None:
        return {}, {}
    check_key(keys, name="keys")
    if keys.ndim == 0:
        keys = random.example_keys(keys, rows)
    return {"keys": fold_keys(keys, 0)}, {"keys": fold_keys(keys, 1)}


def _truncated(
    network: GeneratorFunctions,
    stats: PyTree,
    styles: Array,
    truncation: float | Array,
    truncated_layers: int | None,
) -> Array:
    """Styles that are moved towards their average, in the first layers."""
    check_number("truncation", truncation)
    known = not is_traced(truncation)
    if known and float(truncation) == 1.0:
        return styles
    average = network.average_style(stats)
    if average is None:
        given = f"truncation={float(truncation):g}" if known else "A truncation"
        raise InputError(
            f"{given} moves styles towards their average, and this generator keeps "
            "none: leave truncation at 1, or give models.gan a StyledGenerator whose "
            "mapping has the statistic 'average'."
        )
    layers = styles.shape[1]
    if truncated_layers is None:
        truncated_layers = layers
    check_count("truncated_layers", truncated_layers, 0, layers)
    average = average.astype(styles.dtype)[None, None]
    moved = (average + truncation * (styles - average)).astype(styles.dtype)
    first = jnp.arange(layers) < truncated_layers
    return jnp.where(first[None, :, None], moved, styles)
