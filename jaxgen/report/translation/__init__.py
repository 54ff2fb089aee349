"""Figures of image translation: functions from arrays of images to a figure.

Health, scores and terms are drawn from the records of a run: `translation.jsonl` has a
record for each look and direction (or model) with `step`, `epoch`, `split`; the
readings `inversion`, `collapse`, `critic` and `idle`, each with `_low`, `_high`,
`_expected` and `_threshold` where there are any; scores by name. `metrics.jsonl` has
the terms of training, where one is `critic_sum`.
"""

from jaxgen.report.translation.images import (
    cycles,
    held_out_figures,
    over_training,
    pairs,
    triples,
)

__all__ = ["cycles", "held_out_figures", "over_training", "pairs", "triples"]
