"""The bookkeeping of a run: means of the terms since the last record, and its speed."""

import time
from typing import Any

import numpy as np

from jaxgen.training.writers import Record

__all__ = ["Clock", "Ledger"]


class Ledger:
    """Sums of the training terms since the last record, and what is still to be done.

    Args:
        progress: What to go on from, as `progress` gave it.

    Attributes:
        records: Records that no writer has yet.
        evaluation: Whether the last step is still to be evaluated.
        callbacks: Whether the callbacks of the last step are still to be called.
    """

    def __init__(self, progress: dict[str, Any] | None = None):
        """Starts from what was saved, or from nothing."""
        saved = progress or {}
        # Older versions saved the sums alone, which are lists.
        sums, pending = saved, {}
        if all(isinstance(value, dict) for value in saved.values()):
            sums, pending = saved.get("sums", {}), saved.get("pending", {})
        self.records: list[Record] = pending.get("records", [])
        self.evaluation: bool = pending.get("evaluation", False)
        self.callbacks: bool = pending.get("callbacks", False)
        self._sums = {k: (v[0], v[1]) for k, v in sums.items()}

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

    def progress(self) -> dict[str, Any]:
        """Returns what a resumed run needs, as JSON values."""
        sums = {name: list(sums) for name, sums in self._sums.items()}
        pending = {
            "records": self.records,
            "evaluation": self.evaluation,
            "callbacks": self.callbacks,
        }
        return {"sums": sums, "pending": pending}


class Clock:
    """Examples a second since the last record.

    The first call of a process compiles; the clock starts after it.
    """

    def __init__(self, batch_size: int):
        """Starts with no record."""
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
