"""The bookkeeping of a run: means of the terms since the last record, and its speed."""

import time
from typing import Any

import numpy as np


class Ledger:
    """Sums of the training terms since the last record.

    Args:
        totals: Sums to go on from, as `progress` gave them.
        count: Steps they hold.
    """

    def __init__(self, totals: dict[str, float] | None = None, count: int = 0):
        """Starts from sums, or from nothing."""
        self._totals = dict(totals or {})
        self._count = count

    def add(self, metrics: dict[str, np.ndarray]) -> None:
        """Adds the terms of some steps, each of shape (steps,)."""
        for name, values in metrics.items():
            total = float(np.sum(values, dtype=np.float64))
            self._totals[name] = self._totals.get(name, 0.0) + total
        self._count += len(next(iter(metrics.values())))

    def means(self) -> dict[str, float]:
        """Returns the means so far."""
        return {name: total / self._count for name, total in self._totals.items()}

    def clear(self) -> None:
        """Begins the next record."""
        self._totals, self._count = {}, 0

    def progress(self) -> dict[str, Any]:
        """Returns what a resumed run needs, as JSON values."""
        return {"totals": self._totals, "count": self._count}


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
