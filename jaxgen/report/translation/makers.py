"""Figures of translators of few pairs, drawn from the arrays of a run.

`arrays/translation_shares.npz`: `names` [methods], `share` and `pairs` [shares],
`values` [shares, methods, seeds], `intervals` [shares, methods, 3] with value, low and
high, `metric` (its title) and `lower` (1 where less is better); `identity` and
`mean_image` where there are such baselines.
`arrays/few_pairs.npz`: `names` [methods], `pairs` [shares] and, [shares, methods,
seeds] with NaN where it is not known, `remembered` and `gaps` (see
`experiments.few_pairs`).
`arrays/few_pairs_pictures.npz`: `names` [methods], `pairs`, `inputs` [images, H, W, C],
`outputs` [methods, images, H', W', C'] and, where it is known, `truth`.
"""

from jaxgen.report.plate import Maker
from jaxgen.report.translation import few_pairs, shares

__all__ = ["MAKERS"]

MAKERS: tuple[Maker, ...] = (
    shares.shares,
    few_pairs.remembered,
    few_pairs.pictures,
)
