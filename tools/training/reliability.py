"""How often answers are right, by how sure they are: a table and a diagram."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

EDGES: Final = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
_SIDE: Final = 320
_MARGIN: Final = 48

Row = tuple[float, float, float, float, int]
"""Lower and upper edge, mean of what was said, share that was right, how many."""


def bins(p: NDArray[np.float64], right: NDArray[np.bool_]) -> list[Row]:
    """Return the rows of a reliability table, empty ones left out."""
    rows: list[Row] = []
    for low, high in itertools.pairwise(EDGES):
        inside = (p >= low) & ((p < high) | (high == EDGES[-1]))
        if inside.any():
            rows.append(
                (low, high, float(p[inside].mean()), float(right[inside].mean()), int(inside.sum()))
            )
    return rows


def svg(rows: Sequence[Row]) -> str:
    """Return the diagram: said along, right up, a point's area by how many."""
    whole = _SIDE + 2 * _MARGIN

    def place(x: float, y: float) -> tuple[float, float]:
        return _MARGIN + x * _SIDE, _MARGIN + (1 - y) * _SIDE

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{whole}" height="{whole}" fill="white"/>',
        f'<rect x="{_MARGIN}" y="{_MARGIN}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#888"/>',
        f'<path d="M{_MARGIN} {_MARGIN + _SIDE}L{_MARGIN + _SIDE} {_MARGIN}" stroke="#bbb" '
        'stroke-dasharray="4 4"/>',
    ]
    most = max((row[4] for row in rows), default=1)
    for _, _, said, right, count in rows:
        x, y = place(said, right)
        radius = 3 + 11 * (count / most) ** 0.5
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="#2b6cb0" fill-opacity=".6"/>'
        )
        parts.append(f'<text x="{x + radius + 2:.1f}" y="{y + 4:.1f}">{count}</text>')
    for tick in (0, 0.5, 1):
        x, y = place(tick, tick)
        parts.append(
            f'<text x="{x:.0f}" y="{_MARGIN + _SIDE + 16}" text-anchor="middle">{tick:g}</text>'
        )
        parts.append(f'<text x="{_MARGIN - 8}" y="{y + 4:.0f}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<text x="{whole / 2}" y="{whole - 10}" text-anchor="middle">confidence</text>')
    parts.append(
        f'<text x="14" y="{whole / 2}" text-anchor="middle" '
        f'transform="rotate(-90 14 {whole / 2})">share that was right</text>'
    )
    return "\n".join([*parts, "</svg>", ""])
