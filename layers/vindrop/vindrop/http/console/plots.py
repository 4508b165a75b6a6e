"""Small plots as the parts of an SVG: the page draws them, no library does."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from vindrop.core.console import Day

WIDTH: Final = 360
HEIGHT: Final = 96
_GAP: Final = 0.22
"""Of a day's room, between two bars."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a day's bar."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """Figures joined by a line; days without any interrupt it."""

    kind: str
    path: str
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One day, wherever the pointer stands in its column."""

    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn, in a box of `WIDTH` by `HEIGHT`."""

    most: float
    """The value at the top: a round number."""
    columns: tuple[Column, ...]
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()
    kinds: tuple[str, ...] = ()
    """Those that there are, for the legend."""
    first: str = ""
    last: str = ""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.kinds


def stacked(
    days: Sequence[Day],
    layers: Sequence[tuple[str, Sequence[int]]],
    named: Callable[[str], str],
    comma: str = ", ",
) -> Plot:
    """Return bars, one a day, of the layers from the ground up.

    :param named: returns the reader's word for a layer.
    """
    totals = [sum(values[at] for _, values in layers) for at in range(len(days))]
    most = round_up(max(totals, default=0))
    step = WIDTH / max(len(days), 1)
    bars: list[Bar] = []
    for at in range(len(days)):
        ground = float(HEIGHT)
        for kind, values in layers:
            if not values[at]:
                continue
            height = max(HEIGHT * values[at] / most, 0.75)  # one of a thousand is still seen
            ground -= height
            x = at * step + step * _GAP / 2
            bars.append(
                Bar(
                    kind,
                    round(x, 2),
                    round(ground, 2),
                    round(step * (1 - _GAP), 2),
                    round(height, 2),
                )
            )
    kinds = tuple(kind for kind, values in layers if any(values))
    said = [
        comma.join(f"{named(kind)} {values[at]}" for kind, values in layers if values[at]) or "0"
        for at in range(len(days))
    ]
    return Plot(most, _columns(days, said), tuple(bars), (), kinds, *_ends(days))


def lines(
    days: Sequence[Day],
    series: Sequence[tuple[str, Sequence[float | None]]],
    named: Callable[[str], str],
    comma: str = ", ",
    unit: str = " s",
) -> Plot:
    """Return a line for each of ``series``.

    :param named: returns the reader's word for a series.
    """
    known = [value for _, values in series for value in values if value is not None]
    most = round_up(max(known, default=0))
    step = WIDTH / max(len(days), 1)
    drawn: list[Line] = []
    for kind, values in series:
        dots = [
            None
            if value is None
            else (round((at + 0.5) * step, 2), round(HEIGHT - HEIGHT * min(value / most, 1), 2))
            for at, value in enumerate(values)
        ]
        path, pen_up = "", True
        for dot in dots:
            if dot is not None:
                path += f"{'M' if pen_up else 'L'}{dot[0]} {dot[1]}"
            pen_up = dot is None
        drawn.append(Line(kind, path, tuple(dot for dot in dots if dot is not None)))
    said = [
        comma.join(
            f"{named(kind)} {values[at]:.1f}{unit}"
            for kind, values in series
            if values[at] is not None
        )
        or "–"
        for at in range(len(days))
    ]
    kinds = tuple(kind for kind, values in series if any(v is not None for v in values))
    return Plot(most, _columns(days, said), (), tuple(drawn), kinds, *_ends(days))


def round_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20 … that is not below ``value``."""
    if value <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))


def _columns(days: Sequence[Day], said: Sequence[str]) -> tuple[Column, ...]:
    step = WIDTH / max(len(days), 1)
    return tuple(
        Column(round(at * step, 2), round(step, 2), f"{day.day.isoformat()}: {text}")
        for at, (day, text) in enumerate(zip(days, said, strict=True))
    )


def _ends(days: Sequence[Day]) -> tuple[str, str]:
    return (days[0].day.isoformat(), days[-1].day.isoformat()) if days else ("", "")
