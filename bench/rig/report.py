"""Figures for people: one table, ways or runs side by side."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value under which ``share`` of ``ordered`` (ascending) lies; 0 for none."""
    if not ordered:
        return 0.0
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 2)


def table(results: Sequence[Mapping[str, Any]]) -> None:
    """Print figures as rows and results as columns, on standard error."""
    drawn = Table(box=None, pad_edge=False, show_header=False)
    drawn.add_column(style="dim")
    for _ in results:
        drawn.add_column(justify="right")
    names = list(dict.fromkeys(name for result in results for name in result))
    for name in names:
        drawn.add_row(name, *(str(result.get(name, "–")) for result in results))
    Console(file=sys.stderr, highlight=False).print(drawn)
