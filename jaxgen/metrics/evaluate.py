"""One call: every metric of a model's images, with intervals, floors and protocol."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxgen.metrics import judged, measures
from jaxgen.metrics.arrays import check_features
from jaxgen.metrics.comparison import DEFAULTS, Comparison, Settings, compare_sets
from jaxgen.metrics.copies import beside_nearest, copies_of
from jaxgen.metrics.evaluation import Evaluation, Measure
from jaxgen.metrics.features.base import (
    Activations,
    FeatureNet,
    Images,
    extract,
    read_images,
)
from jaxgen.metrics.features.choice import default_features
from jaxgen.metrics.generated import Drawn, Sampler, as_bytes
from jaxgen.metrics.judged import REAL, RECONSTRUCTIONS, Chosen
from jaxgen.metrics.measures import Features, Progress, name_of
from jaxgen.metrics.pairs import paired_measures
from jaxgen.metrics.resampling import Halves, halves
from jaxgen.random import stream
from jaxgen.typing import Model, PRNGKeyArray

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
    settings: Settings = DEFAULTS,
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
    tell = progress or _silent
    named = judged.named_sets(model, state)
    reference, second, count = judged.real_sets(key, data, train, named, num_samples)
    if reconstructions is not None:
        reconstructions = judged.aligned(reconstructions, data, reference.indices)
    elif state is not None:
        reconstructions = judged.reconstructed(model, state, reference)
    sets: dict[str, Chosen] = {}
    if reconstructions is not None:
        sets[RECONSTRUCTIONS] = Chosen(reconstructions, np.arange(count))
    for name, images in named.items():
        of = stream(key, f"images of {name}")
        if callable(images):
            drawn = Drawn(of, images, count, chunk_size=batch_size)
            sets[name] = Chosen(drawn, np.arange(count))
        else:
            sets[name] = judged.chosen(of, images, count)
    if features is None:
        features = default_features(data, train, progress=_counted(tell, "classifier"))
    groups = measures.groups_of(features)
    nets = [net for group in groups for net in group]

    def features_of(
        name: str, chosen: Chosen, some: Sequence[FeatureNet] = nets
    ) -> list[Activations]:
        total = len(chosen.indices)
        return extract(
            some,
            chosen.images,
            name=name,
            indices=chosen.indices,
            batch_size=min(batch_size, total),
            progress=_counted(tell, f"features of {name} images", total),
        )

    def compare(
        name: str, group: measures.Group, own: list[Activations], both: Halves | None
    ) -> Comparison:
        places = [nets.index(net) for net in group]
        # The same clusterings and directions for every set.
        return measures.compare_group(
            stream(key, "metrics"),
            [real[place] for place in places],
            [own[place] for place in places],
            both,
            settings=settings,
            progress=lambda what: tell(f"{name}: {what}", 0, None),
        )

    real, further = features_of("reference", reference), features_of(REAL, second)
    if train is not None and set(sets) != {RECONSTRUCTIONS}:
        # Copies may be of any training image: all of them, through the first network.
        everything = Chosen(train, np.arange(len(train)))
        [known] = features_of("training", everything, nets[:1])
    floors = [compare("floor", group, further, None) for group in groups]
    found: list[Measure] = []
    curves = {
        f"{name_of(group)}: {REAL}": floor.curve
        for group, floor in zip(groups, floors, strict=True)
    }
    pictures = {REAL: _shown(REAL, reference)}
    for name, chosen in sets.items():
        own = features_of(name, chosen)
        both = halves(stream(key, f"halves for {name}"), resamples, count, count)
        if name == RECONSTRUCTIONS:
            # Pairs stay together: an image and its reconstruction are not independent.
            both = Halves(both.real, both.real)
        for group, floor in zip(groups, floors, strict=True):
            comparison = compare(name, group, own, both)
            curves[f"{name_of(group)}: {name}"] = comparison.curve
            found += measures.measures(
                comparison, floor, group, images=name, confidence=confidence
            )
        pictures[f"samples/{name}"] = _shown(name, chosen)
        if train is not None and name != RECONSTRUCTIONS:
            tell(f"{name}: copies", 0, None)
            copies = copies_of(
                known.features,
                real[0].features,
                own[0].features,
                both,
                images=name,
                net=nets[0].name,
                confidence=confidence,
            )
            found.append(copies.measure)
            pictures[f"neighbours/{name}"] = beside_nearest(
                chosen, train, copies.nearest
            )
    if reconstructions is not None:
        tell("pairs", 0, None)
        found += paired_measures(
            data,
            reconstructions,
            reference.indices,
            images=RECONSTRUCTIONS,
            confidence=confidence,
        )
    protocol = measures.protocol(nets, count, resamples, train is not None, settings)
    return Evaluation(found, protocol, confidence, curves, pictures)


def evaluate_features(
    real: np.ndarray,
    generated: np.ndarray,
    *,
    key: PRNGKeyArray,
    train: np.ndarray | None = None,
    resamples: int = 50,
    confidence: float = 0.95,
    settings: Settings = DEFAULTS,
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
    tell = progress or _silent
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

    def compare(name: str, own: Activations, among: Halves | None) -> Comparison:
        return compare_sets(
            stream(key, "metrics"),
            one,
            own,
            among,
            settings=settings,
            progress=lambda what: tell(f"{name}: {what}", 0, None),
        )

    floor, found = compare("floor", two, None), compare("generated", own, both)
    return Evaluation(
        measures.measures(found, floor, (), images="generated", confidence=confidence),
        measures.protocol([], count, resamples, train is not None, settings),
        confidence,
        {f"features: {REAL}": floor.curve, "features: generated": found.curve},
        {},
    )


def _silent(what: str, done: int, total: int | None) -> None:
    pass


def _counted(
    tell: Progress, what: str, total: int | None = None
) -> Callable[[int], None]:
    """Returns a function that adds up what is done, and tells it."""
    done = 0
    tell(what, 0, total)

    def add(more: int) -> None:
        nonlocal done
        done += more
        tell(what, done, total)

    return add


def _shown(name: str, chosen: Chosen) -> np.ndarray:
    some = chosen.indices[:_PICTURES]
    return as_bytes(name, read_images(chosen.images, some, name=name))
