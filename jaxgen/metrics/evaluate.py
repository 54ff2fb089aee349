"""One call: every metric of a model's images, with intervals, floors and protocol."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_features
from jaxgen.metrics.comparison import (
    Comparison,
    Outcome,
    Settings,
    compare_sets,
    mean_comparison,
)
from jaxgen.metrics.evaluation import Evaluation, Measure
from jaxgen.metrics.features.base import (
    INCEPTION,
    Activations,
    FeatureNet,
    Images,
    extract,
    read_images,
)
from jaxgen.metrics.features.choice import default_features
from jaxgen.metrics.generated import Drawn, Reconstructed, Sampler, as_bytes
from jaxgen.metrics.pairs import paired_measures
from jaxgen.metrics.resampling import Halves, halves, interval
from jaxgen.metrics.copies import copying, nearest_pictures
from jaxgen.random import stream
from jaxgen.typing import Model, PRNGKeyArray

Progress = Callable[[str, int, int | None], None]
"""`progress(what, done, total)`; the total may be unknown."""

Features = FeatureNet | Sequence[FeatureNet | tuple[FeatureNet, ...]]
"""A network; or several, of which a tuple is averaged (one network for each seed)."""

MOST_IMAGES = 10_000
"""By default no more images are compared: published figures take 10,000 or 50,000."""

REAL = "real"
RECONSTRUCTIONS = "reconstructions"

_PICTURES = 36


def evaluate(
    model: Model | Images | Mapping[str, Images | Sampler],
    data: Images,
    *,
    key: PRNGKeyArray,
    state: Any = None,
    reconstructions: Images | None = None,
    train: Images | None = None,
    features: Features | None = None,
    num_samples: int | None = None,
    resamples: int = 50,
    confidence: float = 0.95,
    batch_size: int = 256,
    settings: Settings = Settings(),
    progress: Progress | None = None,
) -> Evaluation:
    """Judges images by every metric, beside real images judged in the same way.

    Each set is compared with n reference images of `data`. The floor is what n more
    real images, from `train`, get in the same comparison: no model can be told from a
    perfect one below it. Without `train` the real images are halved, reference and
    floor, so n is at most half of them.

    Intervals are of half-samples (`jaxgen.metrics.resampling`) and cover what other
    images, as many, would give in expectation; the row FD∞ is extrapolated to infinite
    sets and covers the distance itself. They do not cover other trainings of the model
    or of the feature network.

    All sets are compared as 8-bit images. Features are float32, each set's are held
    once; images are read, drawn and reconstructed batch by batch.

    Args:
        model: A model (then `state` too): its samples and, if it can `reconstruct`,
            its reconstructions of the reference. Or images that it made, or a function
            `(key, n) -> images`, or several of both by name.
        data: Reference images: an array (n, height, width, channels), uint8 or floats
            in [0, 1], or a set as `jaxgen.data.load("mnist", split="test")`.
        key: It is consumed.
        state: State of the model.
        reconstructions: Image i is the reconstruction of image i of `data`. Being made
            of the reference they can be nearer to it than the floor.
        train: The training images: for the floor, and to look for copies.
        features: Feature networks; by default a classifier trained on the labels of
            `train` or `data`, or five random networks, averaged, where there are none.
        num_samples: n; by default as many as there are, at most 10,000.
        resamples: Half-samples for the intervals.
        confidence: Level of the intervals.
        batch_size: Images at once.
        settings: Hyperparameters of the metrics.
        progress: It is told what is going on.

    Returns:
        What was found; `print(evaluation.table())` shows it.

    Raises:
        InputError: Images, networks or options cannot be used; the message says which.

    Examples:
        >>> from jaxgen import data
        >>> digits = data.load("digits", split="test")
        >>> train = data.load("digits")
        >>> def noise(key, n):
        ...     return jax.random.uniform(key, (n, 8, 8, 1))
        >>> found = evaluate(  # doctest: +SKIP
        ...     {"noise": noise}, digits, train=train, key=jax.random.key(0)
        ... )
    """
    tell = progress or (lambda what, done, total: None)
    sets = _sets(model, state, key, num_samples, batch_size)
    reference, second, count = _real(key, data, train, sets, num_samples)
    if reconstructions is None and state is not None:
        reconstructions = _reconstructed(model, state, data, reference.indices)
    elif reconstructions is not None:
        reconstructions = _aligned(reconstructions, data, reference.indices)
    generated: dict[str, Images] = {}
    if reconstructions is not None:
        generated[RECONSTRUCTIONS] = reconstructions
    generated |= {
        name: Drawn(stream(key, name), images, count, chunk_size=batch_size)
        if callable(images)
        else images
        for name, images in sets.items()
    }
    if features is None:
        features = default_features(
            data, train, progress=lambda done: tell("training the classifier", done, None)
        )
    groups = _groups(features)
    nets = [net for group in groups for net in group]

    def activations(name: str, images: Images, indices: np.ndarray) -> list[Activations]:
        done = 0

        def step(more: int) -> None:
            nonlocal done
            done += more
            tell(f"features: {name}", done, len(indices))

        tell(f"features: {name}", 0, len(indices))
        return extract(
            nets,
            images,
            name=name,
            indices=indices,
            batch_size=min(batch_size, len(indices)),
            progress=step,
        )

    real = activations("reference", reference.images, reference.indices)
    floor = activations("real", second.images, second.indices)
    found = _Found([], {}, {})
    of_real = [
        _compare(stream(key, "floor"), group, real, floor, nets, None, settings, tell, "floor")
        for group in groups
    ]
    for group, comparison in zip(groups, of_real, strict=True):
        found.curves[f"{_name(group)}: {REAL}"] = comparison.curve
    for name, images in generated.items():
        rows = np.arange(count)
        own = activations(name, images, rows)
        both = halves(stream(key, f"halves of {name}"), resamples, count, count)
        for group, of_floor in zip(groups, of_real, strict=True):
            comparison = _compare(
                stream(key, "metrics"), group, real, own, nets, both, settings, tell, name
            )
            found.curves[f"{_name(group)}: {name}"] = comparison.curve
            found.measures.extend(
                _measure(metric, outcome, name, group, of_floor, confidence)
                for metric, outcome in comparison.outcomes.items()
            )
        if train is not None and name != RECONSTRUCTIONS:
            tell(f"copies: {name}", 0, None)
            measure, near = copying(
                stream(key, f"copies of {name}"), nets[0], floor[0], real[0], own[0],
                images=name, confidence=confidence,
            )  # fmt: skip
            found.measures.append(measure)
            found.pictures[f"neighbours/{name}"] = nearest_pictures(
                images, second.images, second.indices, near
            )
        shown = rows[:_PICTURES]
        found.pictures[f"samples/{name}"] = as_bytes(
            name, read_images(images, shown, name=name)
        )
    shown = reference.indices[:_PICTURES]
    found.pictures["real"] = as_bytes(
        "reference", read_images(reference.images, shown, name="reference")
    )
    if reconstructions is not None:
        found.measures.extend(
            paired_measures(
                data,
                reconstructions,
                reference.indices,
                images=RECONSTRUCTIONS,
                confidence=confidence,
            )
        )
    protocol = _protocol(nets, count, resamples, train is not None, settings)
    return Evaluation(found.measures, protocol, confidence, found.curves, found.pictures)


def evaluate_features(
    real: np.ndarray,
    generated: np.ndarray,
    *,
    key: PRNGKeyArray,
    train: np.ndarray | None = None,
    resamples: int = 50,
    confidence: float = 0.95,
    settings: Settings = Settings(),
    progress: Progress | None = None,
) -> Evaluation:
    """Judges features of any origin by every metric; see `evaluate`.

    Args:
        real: Features of real examples, shape (n, d).
        generated: Features of generated ones, shape (m, d).
        key: It is consumed.
        train: Features of more real examples, for the floor. Without them the real
            ones are halved: reference and floor.
        resamples: Half-samples for the intervals.
        confidence: Level of the intervals.
        settings: Hyperparameters of the metrics.
        progress: It is told what is going on.

    Raises:
        InputError: The features cannot be used, or are too few.
    """
    tell = progress or (lambda what, done, total: None)
    real = check_features("real", real, least=8)
    generated = check_features("generated", generated, least=4)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(stream(key, "order"))))
    order = rng.permutation(len(real))
    if train is None:
        reference, second = real[order[::2]], real[order[1::2]]
    else:
        reference, second = real[order], check_features("train", train, least=4)
        second = second[rng.permutation(len(second))]
    count = min(len(reference), len(second), len(generated))
    chosen = generated[rng.permutation(len(generated))[:count]]
    one, two, own = (Activations(x[:count]) for x in (reference, second, chosen))
    both = halves(stream(key, "halves"), resamples, count, count)

    def compare(name: str, of: Activations, among: Halves | None) -> Comparison:
        say = lambda what: tell(f"{name}: {what}", 0, None)  # noqa: E731
        return compare_sets(
            stream(key, "metrics"), one, of, among, settings=settings, progress=say
        )

    floor, found = compare("floor", two, None), compare("generated", own, both)
    measures = [
        _measure(metric, outcome, "generated", (), floor, confidence)
        for metric, outcome in found.outcomes.items()
    ]
    return Evaluation(
        measures,
        _protocol([], count, resamples, train is not None, settings),
        confidence,
        {f"features: {REAL}": floor.curve, "features: generated": found.curve},
        {},
    )


class _Found(NamedTuple):
    measures: list[Measure]
    curves: dict[str, np.ndarray]
    pictures: dict[str, np.ndarray]


class _Chosen(NamedTuple):
    """Some images of a set."""

    images: Images
    indices: np.ndarray


def _sets(
    model: Any, state: Any, key: PRNGKeyArray, num_samples: int | None, batch_size: int
) -> dict[str, Any]:
    """Returns what is to be judged: images or samplers, by name."""
    if isinstance(model, Mapping):
        sets = dict(model)
    elif isinstance(model, Model):
        if state is None:
            raise InputError(
                "A model was given without its state: expected evaluate(model, data, "
                "state=state, key=key)."
            )
        draw = jax.jit(model.sample, static_argnums=2)
        sets = {"samples": lambda key, n: draw(state, key, n)}
    else:
        sets = {"generated": model}
    if not sets or {REAL, RECONSTRUCTIONS} & set(sets):
        raise InputError(
            f"The sets of images are named {sorted(sets)}: give at least one, none of "
            f"them named {REAL!r} or {RECONSTRUCTIONS!r} (that is an argument)."
        )
    return sets


def _real(
    key: PRNGKeyArray,
    data: Images,
    train: Images | None,
    sets: Mapping[str, Any],
    num_samples: int | None,
) -> tuple[_Chosen, _Chosen, int]:
    """Chooses reference images and as many more real ones, and says how many."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(stream(key, "order"))))
    # Sets may be sorted by class, and the first images are no fair sample of one.
    order = rng.permutation(len(data))
    if train is None:
        first, second = _Chosen(data, order[::2]), _Chosen(data, order[1::2])
    else:
        first = _Chosen(data, order)
        second = _Chosen(train, rng.permutation(len(train)))
    there = {"reference": len(first.indices), "further real": len(second.indices)}
    there |= {n: len(images) for n, images in sets.items() if not callable(images)}
    count = min(*there.values(), MOST_IMAGES) if num_samples is None else num_samples
    short = {name: size for name, size in there.items() if size < count}
    if short:
        name, size = min(short.items(), key=lambda item: item[1])
        halved = "" if train is not None else " (half of the real ones are the floor)"
        raise InputError(
            f"num_samples={count}, but there are {size} {name} images{halved}: give "
            f"at most {size}, or more images."
        )
    if count < 4:
        raise InputError(f"There are {count} images of each set: give at least 4.")
    first, second = (
        chosen._replace(indices=np.sort(chosen.indices[:count]))
        for chosen in (first, second)
    )
    return first, second, count


def _reconstructed(
    model: Any, state: Any, data: Images, indices: np.ndarray
) -> Images | None:
    if not hasattr(model, "reconstruct"):
        return None
    if getattr(model, "num_classes", None) is not None:
        # What a conditional model reconstructs depends on labels, which are not here.
        return None
    return Reconstructed(lambda images: model.reconstruct(state, images), data, indices)


def _aligned(given: Images, data: Images, indices: np.ndarray) -> Images:
    if len(given) != len(data):
        raise InputError(
            f"There are {len(given)} reconstructions of {len(data)} reference images: "
            "expected one for each, in their order."
        )
    return read_images(given, indices, name=RECONSTRUCTIONS)


def _groups(features: Features) -> list[tuple[FeatureNet, ...]]:
    if isinstance(features, FeatureNet):
        return [(features,)]
    groups = [
        (group,) if isinstance(group, FeatureNet) else tuple(group)
        for group in features
    ]
    if not groups or not all(groups):
        raise InputError("features holds no network: give at least one.")
    return groups


def _compare(
    key: PRNGKeyArray,
    group: tuple[FeatureNet, ...],
    real: list[Activations],
    own: list[Activations],
    nets: list[FeatureNet],
    both: Halves | None,
    settings: Settings,
    tell: Progress,
    name: str,
) -> Comparison:
    places = [place for place, net in enumerate(nets) if any(net is g for g in group)]
    return mean_comparison(
        [
            compare_sets(
                stream(key, str(number)),
                real[place],
                own[place],
                both,
                settings=settings,
                progress=lambda what: tell(f"{name}: {what}", number, len(places)),
            )
            for number, place in enumerate(places)
        ]
    )


def _measure(
    metric: str,
    outcome: Outcome,
    images: str,
    group: tuple[FeatureNet, ...],
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


def _label(metric: str, group: tuple[FeatureNet, ...]) -> str:
    if not group:
        return metric
    if group[0].name == INCEPTION:
        return metric.replace("FD", "FID")
    return f"{metric}({_name(group)})"


def _name(group: tuple[FeatureNet, ...]) -> str:
    name = group[0].name
    return name if len(group) == 1 else f"{name}, mean of {len(group)}"


def _protocol(
    nets: Sequence[FeatureNet],
    count: int,
    resamples: int,
    has_train: bool,
    settings: Settings,
) -> dict[str, Any]:
    return {
        "images of each set": count,
        "floor": f"{count} "
        + ("training images" if has_train else "other real images")
        + " against the reference",
        "intervals": f"{resamples} half-samples",
        "images": "compared as 8 bits",
        "settings": settings._asdict(),
        "networks": [
            {"name": net.name, "identity": net.identity[:16], **dict(net.protocol)}
            for net in nets
        ],
    }
