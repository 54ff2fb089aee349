"""From what a comparison found to the measures of a table."""

from collections.abc import Callable, Sequence
from typing import Any

from jaxgen.errors import InputError
from jaxgen.metrics.comparison import (
    Comparison,
    Outcome,
    Settings,
    compare_sets,
    mean_comparison,
)
from jaxgen.metrics.evaluation import Measure
from jaxgen.metrics.features.base import INCEPTION, Activations, FeatureNet
from jaxgen.metrics.resampling import Halves, interval
from jaxgen.random import stream
from jaxgen.typing import PRNGKeyArray

Progress = Callable[[str, int, int | None], None]
"""`progress(what, done, total)`; the total may be unknown."""

Features = FeatureNet | Sequence[FeatureNet | tuple[FeatureNet, ...]]
"""A network; or several, of which a tuple is averaged (one network for each seed)."""

Group = tuple[FeatureNet, ...]
"""Networks whose values are averaged; empty for features of unknown origin."""


def groups_of(features: Features) -> list[Group]:
    """Returns the networks in groups, or says that there are none."""
    if isinstance(features, FeatureNet):
        return [(features,)]
    groups = [
        (group,) if isinstance(group, FeatureNet) else tuple(group)
        for group in features
    ]
    if not groups or not all(groups):
        raise InputError("features holds no network: give at least one.")
    return groups


def compare_group(
    key: PRNGKeyArray,
    real: Sequence[Activations],
    generated: Sequence[Activations],
    halves: Halves | None,
    *,
    settings: Settings,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Compares two sets by each network of a group, and averages what is found.

    Args:
        key: It is consumed.
        real: By each network.
        generated: By each network.
        halves: The same for all networks.
        settings: Hyperparameters.
        progress: See `compare_sets`.
    """
    return mean_comparison(
        [
            compare_sets(
                stream(key, f"network {number}"),
                *pair,
                halves,
                settings=settings,
                progress=progress,
            )
            for number, pair in enumerate(zip(real, generated, strict=True))
        ]
    )


def measures(
    found: Comparison,
    floor: Comparison,
    group: Group,
    *,
    images: str,
    confidence: float,
) -> list[Measure]:
    """Returns a set's measures, each with its interval and its floor.

    Args:
        found: The set against the reference, with replicates.
        floor: Further real images against the reference.
        group: The networks.
        images: Name of the set.
        confidence: Level of the intervals.
    """
    return [
        _measure(metric, outcome, images, group, floor, confidence)
        for metric, outcome in found.outcomes.items()
    ]


def _measure(
    metric: str,
    outcome: Outcome,
    images: str,
    group: Group,
    floor: Comparison,
    confidence: float,
) -> Measure:
    assert outcome.replicates is not None
    found = interval(
        outcome.value,
        outcome.replicates,
        confidence=confidence,
        debias=outcome.debias,
        bounds=outcome.bounds,
    )
    of_real = floor.outcomes.get(metric)
    return Measure(
        _label(metric, group),
        images,
        *found,
        # Sets of infinite size have the floor 0.
        0.0 if of_real is None else of_real.value,
        outcome.better,
    )


def _label(metric: str, group: Group) -> str:
    if not group:
        return metric
    if group[0].name == INCEPTION:
        return metric.replace("FD", "FID")
    return f"{metric}({name_of(group)})"


def name_of(group: Group) -> str:
    """Returns what a table calls the networks."""
    name = group[0].name
    return name if len(group) == 1 else f"{name}, mean of {len(group)}"


def protocol(
    nets: Sequence[FeatureNet],
    count: int,
    resamples: int,
    has_train: bool,
    settings: Settings,
) -> dict[str, Any]:
    """Returns what the numbers depend on."""
    examples = "images" if nets else "examples"
    real = f"training {examples}" if has_train else f"other real {examples}"
    found: dict[str, Any] = {
        f"{examples} of each set": count,
        "floor": f"{count:,} {real} against the reference",
        "intervals": f"{resamples} half-samples",
        "settings": settings._asdict(),
    }
    if not nets:
        return found
    return found | {
        "images": "compared as 8 bits",
        "networks": [
            {"name": net.name, "identity": net.identity[:16], **dict(net.protocol)}
            for net in nets
        ],
    }
