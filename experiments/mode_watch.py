"""Which modes every seed of an ensemble has, watched over its training."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import scipy

from jaxgen import metrics, run
from jaxgen.data.mixtures import Mixture
from jaxgen.files import write_npz
from jaxgen.metrics.collapse_monitor import PATIENCE, modes_warning
from jaxgen.models import Ensemble
from jaxgen.progress import print_line
from jaxgen.run_files import read_arrays
from jaxgen.typing import PRNGKeyArray

NUM_SAMPLES = 2500
"""Samples that modes are counted in, as in the published figures."""

SHOWN = 800
"""Samples of each seed that are kept for the pictures."""


class Watched(NamedTuple):
    """What was seen of an ensemble; frames are the steps at which it was looked at.

    Attributes:
        label: Its name on the page.
        step: Shape (frames,).
        samples: From the same latents in every frame, (frames, seeds, points, 2).
        captured: Modes, shape (frames, seeds); all 0 where there are none to count.
        high_quality: Share of good samples, likewise.
        reverse_kl: Nats, infinite where no sample is good, likewise.
        milliseconds: Of a step of all seeds, the median; None where none was timed.
    """

    label: str
    step: np.ndarray
    samples: np.ndarray
    captured: np.ndarray
    high_quality: np.ndarray
    reverse_kl: np.ndarray
    milliseconds: float | None

    @property
    def middle_seed(self) -> int:
        """The seed with the median number of modes at the end."""
        order = np.lexsort((self.high_quality[-1], self.captured[-1]))
        return int(order[(len(order) - 1) // 2])


class ModeWatch:
    """A callback that samples all seeds from the same latents each time.

    Args:
        path: The file that keeps what was seen: a run that is resumed goes on in it.
        model: The ensemble.
        mixture: Of the data.
        key: Of the latents; it is consumed.
        label: What the model is called.
        warn: Called once, with a warning that most seeds collapse; by default it
            prints a line to stderr.
    """

    def __init__(
        self,
        path: Path,
        model: Ensemble,
        mixture: Mixture,
        key: PRNGKeyArray,
        *,
        label: str,
        warn: Callable[[str], None] = print_line,
    ):
        """Compiles the sampling of all members."""
        sample = jax.jit(lambda state, key: model.sample(state, key, NUM_SAMPLES))
        self._sample = lambda state: sample(state, jax.random.clone(key))
        self._path, self._mixture, self._label = path, mixture, label
        self._warn, self._told = warn, False

    def __call__(self, state: Any, step: int) -> None:
        """Adds a frame; those of later steps belong to a run cut off."""
        samples = np.asarray(self._sample(state))
        counts = np.array([_counted(own, self._mixture) for own in samples])
        frame = {
            "step": np.array(step),
            "samples": samples[:, :SHOWN],
            **dict(zip(_COUNTS, counts.T, strict=True)),
        }
        frames = {name: value[None] for name, value in frame.items()}
        if self._path.exists():
            before = read_arrays(self._path)
            kept = before["step"] < step
            frames = {
                name: np.concatenate([before[name][kept], value])
                for name, value in frames.items()
            }
        write_npz(self._path, **frames)
        self.tell(frames["captured"])

    def tell(self, captured: np.ndarray) -> None:
        """Warns where the median seed has lacked modes for some looks.

        Args:
            captured: Modes at every look, shape (frames, seeds).
        """
        if self._told or self._mixture.means is None:
            return
        latest = np.median(captured[-PATIENCE:], axis=1)
        modes = len(self._mixture.means)
        found = [modes_warning(int(own), modes) for own in latest]
        if len(found) == PATIENCE and all(found):
            self._warn(f"{self._label}, the median seed: {found[-1]}")
            self._told = True

    def watched(self, milliseconds: float | None) -> Watched:
        """Returns all that was seen.

        Args:
            milliseconds: See `Watched`.
        """
        frames: dict[str, Any] = read_arrays(self._path)
        return Watched(label=self._label, milliseconds=milliseconds, **frames)


_COUNTS = ("captured", "high_quality", "reverse_kl")


def _counted(samples: np.ndarray, mixture: Mixture) -> tuple[float, float, float]:
    if mixture.means is None:
        return 0.0, 0.0, 0.0
    if not np.isfinite(samples).all():
        return 0.0, 0.0, np.inf
    found = metrics.gaussian_modes(samples, mixture.means, mixture.standard_deviation)
    return found.captured, found.high_quality or 0.0, found.reverse_kl


def mode_table(rows: Sequence[Watched], mixture: Mixture, note: str) -> run.Table:
    """Returns the table of the page: means over seeds with their standard errors."""
    assert mixture.means is not None
    modes = len(mixture.means)
    return run.Table(
        title=f"Modes of {mixture.name}",
        note=note,
        columns=[
            "model",
            f"modes of {modes}",
            "high quality",
            "reverse KL",
            "all modes",
            "95 % interval",
            "ms per step",
        ],
        words=1,
        rows=[_table_row(row, modes) for row in rows],
    )


def _table_row(row: Watched, modes: int) -> list[str]:
    captured = row.captured[-1]
    full = int((captured == modes).sum())
    share = metrics.wilson_interval(full, len(captured))
    infinite = int(np.isinf(row.reverse_kl[-1]).sum())
    return [
        row.label,
        _plus_minus(captured, 1),
        _plus_minus(100 * row.high_quality[-1], 1) + " %",
        f"∞ in {infinite}" if infinite else _plus_minus(row.reverse_kl[-1], 2),
        f"{full} of {len(captured)}",
        f"{share.low:.2f} to {share.high:.2f}",
        "–" if row.milliseconds is None else f"{row.milliseconds:.1f}",
    ]


def write_mode_arrays(
    folder: Path, rows: Sequence[Watched], mixture: Mixture, real: np.ndarray
) -> None:
    """Writes what the figures are drawn from.

    Args:
        folder: Where the `.npz` files go.
        rows: One for each model.
        mixture: Of the data.
        real: Points of the data, shape (n, 2).
    """
    shown = [row.samples[:, row.middle_seed] for row in rows]
    names = [row.label for row in rows]
    common = {"names": names, "step": rows[0].step}
    means = {} if mixture.means is None else {"means": mixture.means}
    samples = np.stack(shown)
    write_npz(
        folder / "mode_samples.npz", **common, samples=samples, real=real, **means
    )
    if mixture.means is None:
        return
    modes = len(mixture.means)
    write_npz(
        folder / "mode_table.npz",
        **common,
        modes=modes,
        captured=np.stack([row.captured for row in rows]),
        high_quality=np.stack([row.high_quality for row in rows]),
        captured_interval=np.stack(
            [_interval(row.captured[-1], modes) for row in rows]
        ),
        high_quality_interval=np.stack(
            [_interval(row.high_quality[-1], 1.0) for row in rows]
        ),
        full_interval=np.stack([_full(row, modes) for row in rows]),
    )


def _interval(values: np.ndarray, most: float) -> np.ndarray:
    """The mean over seeds and the ends of its 95 % interval, shape (3,)."""
    if len(values) < 2:
        return np.full(3, float(np.mean(values)))
    return np.array(metrics.mean_interval(values, bounds=(0.0, most)))


def _full(row: Watched, modes: int) -> np.ndarray:
    captured = row.captured[-1]
    share = metrics.wilson_interval(int((captured == modes).sum()), len(captured))
    return np.array([share.value, share.low, share.high])


def _plus_minus(values: np.ndarray, digits: int) -> str:
    error = scipy.stats.sem(values) if len(values) > 1 else 0.0
    return f"{np.mean(values):.{digits}f} ± {error:.{digits}f}"
