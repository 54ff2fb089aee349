"""Figures of image translation, drawn from the files of a run.

`experiments.translation_studies.findings` writes the arrays, one function a file;
images are bytes of 1 or 3 channels, and the pictures of one file may differ in size.

`arrays/translation_triples.npz`: `inputs`, `outputs` and `truth`, each of them
[images, H, W, C].
`arrays/translation_pairs.npz`: `inputs` and `outputs`, where no truth is known.
`arrays/translation_cycles.npz`: `a`, `a_to_b`, `a_again` [images, H, W, C] and `b`,
`b_to_a`, `b_again` [other images, H, W, C].
`arrays/translation_looks_a_to_b.npz` (and `_b_to_a`): `inputs` [images, H, W, C],
`outputs` [looks, images, H, W, C], `step` and `epoch` [looks]; `truth` where known.
`arrays/translation_shares.npz`: `names` [methods], `share` and `pairs` [shares],
`values` [shares, methods, seeds], `intervals` [shares, methods, 3] with value, low and
high, `metric` (its title) and `lower` (1 where less is better); `identity` and
`mean_image` where there are such baselines.
`arrays/few_pairs.npz`: `names` [methods], `pairs` [shares] and, [shares, methods,
seeds] with NaN where it is not known, `remembered` and `gaps` (see
`experiments.few_pairs`).
`arrays/few_pairs_pictures.npz`: `names` [methods], `pairs`, `inputs` [images, H, W, C],
`outputs` [methods, images, H', W', C'] and, where it is known, `truth`.
`translation.jsonl`: a record for each look and direction (or model) with `step`,
`epoch`, `split`; the readings `inversion`, `collapse`, `critic` and `idle`, each with
`_low`, `_high`, `_expected` and `_threshold` where there are any; scores by name.
`metrics.jsonl`: the terms of training, where one is `critic_sum`.
"""

from jaxgen.report.plate import Maker
from jaxgen.report.translation import (
    few_pairs,
    health,
    looks,
    pictured,
    shares,
    terms,
)

__all__ = ["MAKERS"]

MAKERS: tuple[Maker, ...] = (
    pictured.triples,
    pictured.cycles,
    pictured.pairs,
    looks.a_to_b,
    looks.b_to_a,
    shares.shares,
    few_pairs.remembered,
    few_pairs.pictures,
    health.health,
    terms.terms,
)
