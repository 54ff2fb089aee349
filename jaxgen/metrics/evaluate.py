"""One call: every metric of a model's images, with intervals, floors and protocol."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxgen.checks import check_key
from jaxgen.metrics import judged, measures
from jaxgen.metrics.arrays import check_features
from jaxgen.metrics.comparison import DEFAULTS, Comparison, Settings, compare_sets
from jaxgen.metrics.copies import ROWS, beside_nearest, copies_of
from jaxgen.metrics.evaluation import Evaluation, Measure
from jaxgen.metrics.features.base import (
    Activations,
    FeatureNet,
    Images,
    extract,
)
from jaxgen.metrics.features.choice import default_features
from jaxgen.metrics.generated import Sampler
from jaxgen.metrics.judged import REAL, RECONSTRUCTIONS, Chosen
from jaxgen.metrics.measures import FeatureNets, name_of
from jaxgen.metrics.pairs import paired_measures
from jaxgen.metrics.resampling import Halves, halves
from jaxgen.progress import Progress
from jaxgen.random import numpy_generator, stream
from jaxgen.typing import Generator, PRNGKeyArray

__all__ = ["evaluate", "evaluate_features"]

_PICTURES = 25


def evaluate(
    model: Generator | Images | Mapping[str, Images | Sampler],
    data: Images,
    *,
    key: PRNGKeyArray,
    state: Any = None,
    reconstructions: Images | None = None,
    train: Images | None = None,
    feature_nets: FeatureNets | None = None,
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
    perfect one below it. (Where the network itself was trained on those, as the
    default classifier, fresh images of a perfect model get a little worse.) Without
    `train` the real images are halved, reference and floor, so n is at most half of
    them.

    Intervals are of half-samples (`jaxgen.metrics.resampling`) and cover what other
    images, as many, would give in expectation. The row FD∞, which needs halves larger
    than the features have dimensions, is extrapolated to infinite sets and covers the
    distance itself. They do not cover other trainings of the model or of the feature
    network.

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
        reconstructions: Image i is the reconstruction of image i of `data`, and may be
            nearer to it than the floor. A conditional model needs labels to make them,
            so for one they are given here, or left out.
        train: The training images: for the floor, and to look for copies.
        feature_nets: Feature networks; by default a classifier of the labels of
            `train` (of `data` without it; then it has seen the reference), or five
            random networks, averaged, where there are no labels.
        num_samples: n; by default as many as there are, at most 10,000.
        resamples: Half-samples for the intervals.
        confidence: Level of the intervals.
        batch_size: Images at once.
        settings: Hyperparameters of the metrics.
        progress: Called with what is done now, how much of it and the total.

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
    check_key(key)
    show = progress or _silent
    measures.check_options(confidence, resamples, batch_size)
    named = judged.named_sets(model, state)
    reference, second = judged.real_sets(
        stream(key, "real"), data, train, named, num_samples
    )
    count = len(reference)
    made = judged.reconstructed(model, state, reconstructions, reference)
    sets = {} if made is None else {RECONSTRUCTIONS: made}
    for name, images in named.items():
        sets[name] = judged.chosen(stream(key, f"set {name}"), name, images, count)
    if feature_nets is None:
        told = _counted(show, "training the classifier, images")
        feature_nets = default_features(data, train, progress=told)
    groups = measures.groups_of(feature_nets)
    nets = [net for group in groups for net in group]

    def features_of(
        chosen: Chosen, some: Sequence[FeatureNet] = nets
    ) -> list[Activations]:
        return extract(
            some,
            chosen,
            name=chosen.name,
            batch_size=min(batch_size, len(chosen)),
            progress=_counted(show, f"features of {chosen.name}", len(chosen)),
        )

    def compare(
        name: str, own: list[Activations], both: Halves | None
    ) -> list[Comparison]:
        found, place = [], 0
        for group in groups:
            some = slice(place, place := place + len(group))
            found.append(
                measures.compare_group(
                    stream(key, "metrics"),  # the same draws for every set
                    real[some],
                    own[some],
                    both,
                    settings=settings,
                    progress=lambda what, *count: show(f"{name}: {what}", *count),
                )
            )
        return found

    real, further = features_of(reference), features_of(second)
    known: tuple[Chosen, np.ndarray] | None = None
    if train is not None and named:
        # Copies may be of any training image: all of them, through the first network.
        every = Chosen("training", train, np.arange(len(train)))
        known = every, features_of(every, nets[:1])[0].features
    floors = compare("floor", further, None)
    found: list[Measure] = []
    curves = {
        f"{name_of(group)}: {REAL}": floor.curve
        for group, floor in zip(groups, floors, strict=True)
    }
    pictures = {REAL: _pictured(reference)}
    for name, chosen in sets.items():
        own = features_of(chosen)
        both = halves(stream(key, f"halves for {name}"), resamples, count, count)
        paired = name == RECONSTRUCTIONS
        if paired:
            # Pairs stay together: an image and its reconstruction are not independent.
            both = Halves(both.real, both.real)
        compared = compare(name, own, both)
        for group, floor, one in zip(groups, floors, compared, strict=True):
            curves[f"{name_of(group)}: {name}"] = one.curve
            own_measures = measures.measures(
                one, floor, group, images=name, confidence=confidence
            )
            found += map(_paired, own_measures) if paired else own_measures
        pictures[f"samples/{name}"] = _pictured(chosen)
        if known is not None and not paired:
            show(f"{name}: copies", 0, None)
            copies = copies_of(
                known[1],
                real[0].features,
                own[0].features,
                both,
                shown=chosen.shown(ROWS),
                images=name,
                net=nets[0].name,
                confidence=confidence,
            )
            found.append(copies.measure)
            pictures[f"neighbours/{name}"] = beside_nearest(
                chosen, known[0], copies.nearest
            )
    if made is not None:
        show("reconstructions: pairs", 0, None)
        found += paired_measures(
            reference,
            made,
            images=RECONSTRUCTIONS,
            confidence=confidence,
            batch_size=batch_size,
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
    """Judges features of any origin by every metric of two sets; see `evaluate`.

    As many of each set are compared as the smallest has, chosen at random.

    Args:
        real: Features of real examples, shape (n, d).
        generated: Features of generated ones, shape (m, d).
        key: It is consumed.
        train: Features of more real examples, for the floor. Without them the real
            ones are halved: reference and floor.
        resamples: Half-samples for the intervals.
        confidence: Level of the intervals.
        settings: Hyperparameters of the metrics.
        progress: Called with what is done now, how much of it and the total.

    Raises:
        InputError: The features cannot be used, or are too few.
    """
    check_key(key)
    show = progress or _silent
    measures.check_options(confidence, resamples)
    real = check_features("real", real, least=8)
    generated = check_features("generated", generated, least=4)
    rng = numpy_generator(stream(key, "order"))
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
            progress=lambda what: show(f"{name}: {what}", 0, None),
        )

    floor, found = compare("floor", two, None), compare("generated", own, both)
    return Evaluation(
        measures.measures(found, floor, (), images="generated", confidence=confidence),
        measures.protocol([], count, resamples, train is not None, settings),
        confidence,
        {f"features: {REAL}": floor.curve, "features: generated": found.curve},
        {},
    )


def _paired(one: Measure) -> Measure:
    note = "lower by order 1/n, since each image is compared with its own, too"
    return one._replace(note=note) if one.metric.startswith("KID") else one


def _silent(what: str, done: int, total: int | None) -> None:
    pass


def _counted(
    show: Progress, what: str, total: int | None = None
) -> Callable[[int], None]:
    """Returns a function that adds up what is done, and tells it."""
    done = 0
    show(what, 0, total)

    def add(more: int) -> None:
        nonlocal done
        done += more
        show(what, done, total)

    return add


def _pictured(chosen: Chosen) -> np.ndarray:
    return chosen.read(chosen.shown(_PICTURES))["image"]
