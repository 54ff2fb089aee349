"""Pictures that belong together, in groups: an input and what is made of it."""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxgen.report.pictures import canvas, fitted, picture_size
from jaxgen.report.style import LIGHT, Figure, Theme
from jaxgen.report.translation.channels import viewable

__all__ = ["groups"]

_ACROSS = 1344  # dots of a row, the width of a page of paper
_WITHIN, _BETWEEN = 4, 28  # dots between pictures of a group, and between groups
_ABOVE = 96  # dots above a block that has a name


def groups(
    blocks: Mapping[str, Sequence[np.ndarray]],
    names: Mapping[str, Sequence[str]],
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draws blocks of groups, as many groups a row as there is room for.

    Args:
      blocks: by the name of a block (nothing for none) one array [N, H, W, C] uint8
        for each place in a group; sizes may differ, and all are drawn in one.
      names: by block what stands above each place.
      theme: the colours.

    Returns:
      The figure.
    """
    height, width = picture_size([part for parts in blocks.values() for part in parts])
    sheets, heads, top = [], [], 0
    for block, parts in blocks.items():
        pictures = [fitted(part, height, width) for part in parts]
        top += _ABOVE if block and sheets else 0
        if sheets:
            gap = _ABOVE if block else _BETWEEN
            sheets.append(np.zeros([gap, sheets[0].shape[1], 4], np.uint8))
        sheet, lefts = _sheet(pictures, _per_row(blocks, width))
        heads.append((block, top, lefts))
        sheets.append(sheet)
        top += len(sheet)
    across = max(sheet.shape[1] for sheet in sheets)
    sheets = [
        np.pad(sheet, [(0, 0), (0, across - sheet.shape[1]), (0, 0)])
        for sheet in sheets
    ]
    named = any(blocks)
    with theme.applied():
        figure, axes = canvas(np.concatenate(sheets), top=0.44 if named else 0.27)
        for block, at, lefts in heads:
            for left in lefts:
                for place, name in enumerate(names[block]):
                    axes.annotate(
                        name,
                        (left + place * (width + _WITHIN) + width / 2, at),
                        xytext=(0, 4),
                        textcoords="offset points",
                        ha="center",
                        fontsize=8,
                        color=theme.ink if place else theme.muted,
                    )
            axes.annotate(
                block,
                (0, at),
                xytext=(0, 16),
                textcoords="offset points",
                fontsize=9,
                fontweight="bold",
            )
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def _per_row(blocks: Mapping[str, Sequence[np.ndarray]], width: int) -> int:
    places = max(len(parts) for parts in blocks.values())
    most = max(len(parts[0]) for parts in blocks.values())
    group = places * (width + _WITHIN) + _BETWEEN
    return max(1, min(most, (_ACROSS + _BETWEEN) // group))


def _sheet(parts: Sequence[np.ndarray], per_row: int) -> tuple[np.ndarray, list[int]]:
    """Lays groups out; returns the sheet, and where the groups of a row start."""
    number, height, width = parts[0].shape[:3]
    group = len(parts) * (width + _WITHIN) - _WITHIN
    rows, across = -(-number // per_row), min(per_row, number)
    lefts = [column * (group + _BETWEEN) for column in range(across)]
    down = height + 2 * _WITHIN
    sheet = np.zeros([rows * down - 2 * _WITHIN, lefts[-1] + group, 4], np.uint8)
    for index in range(number):
        top, left = (index // per_row) * down, lefts[index % per_row]
        for place, part in enumerate(parts):
            start = left + place * (width + _WITHIN)
            sheet[top : top + height, start : start + width] = part[index]
    return sheet, lefts
