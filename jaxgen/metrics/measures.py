"""From what a comparison found to the measures of a table."""

from collections.abc import Callable, Sequence
from typing import Any

from jaxgen.checks import check_count, check_number
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
from jaxgen.progress import Progress
from jaxgen.random import stream
from jaxgen.typing import PRNGKeyArray

__all__ = [
    "FeatureNets",
    "Group",
    "check_options",
    "compare_group",
    "groups_of",
    "measures",
    "name_of",
    "protocol",
]

FeatureNets = FeatureNet | Sequence[FeatureNet | tuple[FeatureNet, ...]]
"""A network; or several, of which a tuple is averaged (one network for each seed)."""

Group = tuple[FeatureNet, ...]
"""Networks whose values are averaged; empty for features of unknown origin."""


def check_options(confidence: float, resamples: int, batch_size: int = 1) -> None:
    """Raises InputError if an option is out of range, before minutes of work."""
    check_number("confidence", confidence, above=0, below=1)
    check_count("resamples", resamples, 2)
    check_count("batch_size", batch_size, 1)


def groups_of(feature_nets: FeatureNets) -> list[Group]:
    """Returns the networks in groups.

    Raises:
        InputError: There is none, or two of one name, whose numbers would be taken for
            each other.
    """
    if isinstance(feature_nets, FeatureNet):
        return [(feature_nets,)]
    groups = [
        (group,) if isinstance(group, FeatureNet) else tuple(group)
        for group in feature_nets
    ]
    if not groups or not all(groups):
        raise InputError("feature_nets holds no network: give at least one.")
    names = [name_of(group) for group in groups]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"Two feature networks are named {twice[0]!r}, and their numbers would be "
            "taken for each other: evaluate them in turn, or net._replace(name=...)."
        )
    return groups


def compare_group(
    key: PRNGKeyArray,
    real: Sequence[Activations],
    generated: Sequence[Activations],
    halves: Halves | None,
    *,
    settings: Settings,
    progress: Progress,
) -> Comparison:
    """Compares two sets by each network of a group, and averages what is found.

    Args:
        key: It is consumed.
        real: By each network.
        generated: By each network.
        halves: The same for all networks.
        settings: Hyperparameters.
        progress: It is called with the name of each family of metrics when it begins,
            and the number of the network where there are several.
    """

    def of_network(number: int) -> Callable[[str], None]:
        if len(real) == 1:
            return lambda what: progress(what, 0, None)
        return lambda what: progress(f"{what}, network", number, len(real))

    return mean_comparison(
        [
            compare_sets(
                stream(key, f"network {number}"),
                *pair,
                halves,
                settings=settings,
                progress=of_network(number + 1),
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
    if all(net.name == INCEPTION for net in group):
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
        "KID": "all pairs, in place of 100 subsets of 1000",
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
