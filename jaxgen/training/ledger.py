"""The bookkeeping of a run: means of the terms since the last record, and its speed."""

import time

import numpy as np


class Ledger:
    """Sums of the training terms since the last record.

    Args:
        progress: Sums to go on from, as `progress` gave them.
    """

    def __init__(self, progress: dict[str, list] | None = None):
        """Starts from sums, or from nothing."""
        self._sums = {k: (v[0], v[1]) for k, v in (progress or {}).items()}

    def add(self, metrics: dict[str, np.ndarray]) -> None:
        """Adds the terms of some steps, an array each; a norm may have fewer steps."""
        for name, values in metrics.items():
            total, count = self._sums.get(name, (0.0, 0))
            total += float(np.sum(values, dtype=np.float64))
            self._sums[name] = (total, count + len(values))

    def means(self) -> dict[str, float]:
        """Returns the means so far."""
        return {name: total / count for name, (total, count) in self._sums.items()}

    def clear(self) -> None:
        """Begins the next record."""
        self._sums = {}

    def progress(self) -> dict[str, list]:
        """Returns what a resumed run needs, as JSON values."""
        return {name: list(sums) for name, sums in self._sums.items()}


class Clock:
    """Examples a second since the last record.

    The first call of a process compiles; the clock starts after it.
    """

    def __init__(self, batch_size: int):
        """Starts unwound."""
        self._batch_size = batch_size
        self._since: tuple[int, float] | None = None

    def rate(self, step: int) -> float:
        """Returns examples a second, 0 as long as nothing was measured."""
        if self._since is None:
            self.restart(step)
            return 0.0
        steps, seconds = step - self._since[0], time.monotonic() - self._since[1]
        return steps * self._batch_size / max(seconds, 1e-9)

    def restart(self, step: int) -> None:
        """Begins the next record."""
        self._since = (step, time.monotonic())
