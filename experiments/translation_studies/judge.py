"""What translations of held-out images are worth, beside doing nothing and the mean.

Where pairs are known: mean absolute difference (L1, pixels from 0 to 1), PSNR and SSIM,
each beside that of the input itself and of the mean training target, with the margin
per image. Always: Frechet and kernel distance of outputs from real images of the
domain, in the features of a network that the protocol names.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.translation_studies.distances import (
    SEEN,
    averaged,
    distances,
    random_nets,
    replicates_of,
    scale_of,
)
from jaxgen import metrics, random
from jaxgen.errors import InputError
from jaxgen.images import every_nth, scale, to_bytes
from jaxgen.metrics import (
    Halves,
    Interval,
    halves,
    interval,
    mean_interval,
    ssim_window,
)
from jaxgen.metrics.features import FeatureNet, extract
from jaxgen.typing import Array, PRNGKeyArray

Translate = Callable[[Any, PRNGKeyArray, Array], Array]
"""`(state, key, images) -> images`, both float32 in [0, 1]."""

LOWER = {"l1": True, "psnr": False, "ssim": False, "fd": True, "kid": True}
"""Whether less is better, by the name of a metric."""

TITLES = {"l1": "L1", "psnr": "PSNR, dB", "ssim": "SSIM", "fd": "FD", "kid": "KID"}

CEILING = 60.0
"""Of PSNR, in dB: what 8 bits can tell."""

RESAMPLES = 50
"""Half-samples behind the interval of a distance."""

LEAST = 8
"""Images of a domain that a distance needs."""

BLOCK = 16
"""Images translated at once."""


class NotFiniteError(ArithmeticError):
    """A model gave something else than numbers."""


class HeldOut(NamedTuple):
    """Images of both domains, as bytes.

    Attributes:
        a: Shape (n, height, width, channels).
        b: Shape (m, height', width', channels').
        aligned: Whether row i of both belongs together.
    """

    a: np.ndarray
    b: np.ndarray
    aligned: bool


class Judge(NamedTuple):
    """What translations in one direction are compared with.

    Attributes:
        inputs: Held-out images that are translated, bytes, shape (n, ...).
        targets: Held-out images of the other domain, bytes, shape (m, ...).
        aligned: Whether inputs and targets are pairs.
        mean_image: Mean of the training targets, bytes, shape (1, ...).
        nets: Feature networks, whose distances are averaged; empty for none.
        real: Features of the targets, one per network.
        floor: FD and KID of as many training targets, which are real too.
        protocol: What the numbers depend on, in words.
        cell: Pixels a side that are averaged before the networks see them.
        scales: Mean and scale of the features of each network over training targets,
            by which all weigh alike; empty where features are taken as they are.
    """

    inputs: np.ndarray
    targets: np.ndarray
    aligned: bool
    mean_image: np.ndarray
    nets: tuple[FeatureNet, ...]
    real: list[np.ndarray]
    floor: dict[str, float]
    protocol: dict[str, Any]
    cell: int = 1
    scales: tuple[tuple[np.ndarray, float], ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of what is measured at each look."""
        known = ("l1", "psnr", "ssim") if self.aligned else ()
        return known + (("fd", "kid") if self.nets else ())


def judge_of(
    test: HeldOut,
    train: HeldOut,
    *,
    reverse: bool = False,
    nets: Sequence[FeatureNet] | None = None,
) -> Judge:
    """Returns the judge of one direction.

    Args:
        test: Held-out images.
        train: Training images: for the mean target and for the floor.
        reverse: Whether b is translated to a.
        nets: Feature networks; by default random convolutions, which need no download;
            an empty sequence for no distances.
    """
    sides = ("b", "a") if reverse else ("a", "b")
    inputs, targets = (getattr(test, side) for side in sides)
    known = getattr(train, sides[1])
    if not len(inputs) or not len(targets) or not len(known):
        raise InputError(
            f"There are {len(inputs)} held-out inputs, {len(targets)} held-out and "
            f"{len(known)} training targets: expected at least one of each."
        )
    mean = to_bytes(jnp.asarray(known.mean(axis=0, dtype=np.float64) / 255)[None])
    if min(len(inputs), len(targets), len(known)) < LEAST:
        nets = ()
    chosen, cell = nets, 1
    if chosen is None:
        chosen, cell = random_nets(targets)
    judge = Judge(inputs, targets, test.aligned, mean, tuple(chosen), [], {}, {}, cell)
    if nets is None:
        found = features(judge, known, "training target")
        judge = judge._replace(scales=tuple(map(scale_of, found)))
    number = min(len(inputs), len(known))
    if chosen:
        others = features(judge, known[every_nth(len(known), number)], "target")
        judge = judge._replace(real=features(judge, targets, "target"))
        judge = judge._replace(floor=distances(judge.real, others))
    height, width, channels = targets.shape[1:]
    protocol = {
        "direction": "b to a" if reverse else "a to b",
        "held-out inputs": len(inputs),
        "held-out targets": len(targets),
        "size": f"{height} x {width} x {channels}",
        "pixels": "8 bit, from 0 to 1",
    }
    if test.aligned and min(height, width) >= 3:
        protocol["SSIM window"] = ssim_window(height, width)
    if chosen:
        told = f"{chosen[0].name}, {len(chosen)} networks averaged"
        if cell > 1:
            told += f", which see means over {cell} x {cell} pixels"
        protocol |= {
            "features": told,
            "feature networks": [net.identity for net in chosen],
            "floor": f"{number} training targets",
        }
    return judge._replace(protocol=protocol)


def features(judge: Judge, images: np.ndarray, name: str) -> list[np.ndarray]:
    """Returns the features of images, one array a network.

    Args:
        judge: The judge, whose networks see them.
        images: Bytes, shape (n, ...).
        name: What to call them in an error.
    """
    found = extract(
        judge.nets, averaged(images, judge.cell), name=name, batch_size=SEEN
    )
    if not judge.scales:
        return [one.features for one in found]
    return [
        (one.features - mean[None]) / scale
        for one, (mean, scale) in zip(found, judge.scales, strict=True)
    ]


def translated(
    translate: Translate,
    state: Any,
    images: np.ndarray,
    key: PRNGKeyArray,
    *,
    size: int = BLOCK,
) -> np.ndarray:
    """Translates images block by block; returns them as bytes.

    Args:
        translate: Compiled; see `Translate`.
        state: Of the model.
        images: Bytes, shape (n, ...).
        key: Of the noise; it is consumed.
        size: Images at once.

    Raises:
        NotFiniteError: A translation is not finite.
    """
    made = []
    for number, some in enumerate(blocks(images, size)):
        block = translate(state, jax.random.fold_in(key, number), scale(some))
        if not np.isfinite(block).all():
            raise NotFiniteError(f"The translations of block {number} are not finite.")
        made.append(to_bytes(block))
    return np.concatenate(made)[: len(images)]


def blocks(images: np.ndarray, size: int = BLOCK) -> list[np.ndarray]:
    """Cuts images into blocks of one size; the last is filled up with the first ones.

    Another size would be compiled anew, and images of zeros would be seen by the
    statistics of a batch.
    """
    size = min(size, len(images))
    rows = np.arange(-(-len(images) // size) * size) % len(images)
    return [images[some] for some in rows.reshape(-1, size)]


def quick_scores(judge: Judge, outputs: np.ndarray) -> dict[str, float]:
    """Returns the metrics of `judge.metrics`, without intervals.

    Args:
        judge: The judge.
        outputs: Translations of its inputs, bytes.
    """
    found: dict[str, float] = {}
    if judge.aligned:
        values = _by_pairs(outputs, judge.targets)
        found |= {name: float(one.mean()) for name, one in values.items()}
    if judge.nets:
        found |= distances(judge.real, features(judge, outputs, "translated"))
    return found


class Score(NamedTuple):
    """One metric of held-out translations, with 95 % intervals over images.

    Attributes:
        metric: Its name, a key of `LOWER`.
        model: Of the outputs.
        identity: Of the inputs as they are; None where they are of another kind.
        mean_image: Of the mean training target, whatever the input; None for distances.
        over_identity: By how much the model is better, per image; None likewise.
        over_mean_image: Likewise.
        floor: Of other real images, for distances.
    """

    metric: str
    model: Interval
    identity: Interval | None = None
    mean_image: Interval | None = None
    over_identity: Interval | None = None
    over_mean_image: Interval | None = None
    floor: float | None = None


def scores(key: PRNGKeyArray, judge: Judge, outputs: np.ndarray) -> dict[str, Score]:
    """Judges translations of all held-out inputs; returns scores by metric.

    Args:
        key: Of the half-samples; it is consumed.
        judge: The judge.
        outputs: Translations of its inputs, bytes, shape (n, ...).

    Raises:
        InputError: There is not one output for each input, of the targets' shape.
    """
    if outputs.shape != (len(judge.inputs), *judge.targets.shape[1:]):
        raise InputError(
            f"The outputs have shape {outputs.shape}: expected "
            f"{(len(judge.inputs), *judge.targets.shape[1:])}, a translation of each "
            "held-out input in the size of the targets."
        )
    found = _paired_scores(judge, outputs) if judge.aligned else {}
    return found | (_distance_scores(key, judge, outputs) if judge.nets else {})


def _paired_scores(judge: Judge, outputs: np.ndarray) -> dict[str, Score]:
    truth = judge.targets
    same = judge.inputs.shape == truth.shape
    own = _by_pairs(outputs, truth)
    copied = _by_pairs(judge.inputs, truth) if same else {}
    # Another copy of the mean image for each target would fill the memory.
    mean = _by_pairs(np.broadcast_to(judge.mean_image, truth.shape), truth)
    found = {}
    for metric, values in own.items():
        sign = 1.0 if LOWER[metric] else -1.0
        found[metric] = Score(
            metric,
            _over_images(values),
            _over_images(copied[metric]) if same else None,
            _over_images(mean[metric]),
            _over_images(sign * (copied[metric] - values)) if same else None,
            _over_images(sign * (mean[metric] - values)),
        )
    return found


def _distance_scores(
    key: PRNGKeyArray, judge: Judge, outputs: np.ndarray
) -> dict[str, Score]:
    made = features(judge, outputs, "translated")
    both = halves(
        random.stream(key, "halves"), RESAMPLES, len(judge.targets), len(outputs)
    )
    if judge.aligned:
        both = Halves(both.real, both.real)  # pairs stay together
    values, replicates = (
        distances(judge.real, made),
        replicates_of(judge.real, made, both),
    )
    same = judge.inputs.shape[1:] == judge.targets.shape[1:]
    copied = {}
    if same:
        copied = distances(judge.real, features(judge, judge.inputs, "input"))
    return {
        metric: Score(
            metric,
            interval(
                values[metric],
                replicates[metric],
                bounds=(0.0, np.inf) if metric == "fd" else (-np.inf, np.inf),
            ),
            Interval(copied[metric], *[copied[metric]] * 2) if same else None,
            floor=judge.floor[metric],
        )
        for metric in ("fd", "kid")
    }


def _by_pairs(images: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Returns each metric of pairs, shape (n,)."""
    found = {
        "l1": np.array(
            [
                np.abs(x.astype(np.int16) - y.astype(np.int16)).mean() / 255
                for x, y in zip(images, truth, strict=True)
            ]
        ),
        "psnr": metrics.psnr(images, truth, ceiling=CEILING),
    }
    if min(truth.shape[1:3]) >= 3:
        found["ssim"] = metrics.ssim(images, truth)
    return found


def _over_images(values: np.ndarray) -> Interval:
    if len(values) < 2:
        return Interval(*[float(values.mean())] * 3)
    return mean_interval(values)
