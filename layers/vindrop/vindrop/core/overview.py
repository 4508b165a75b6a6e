"""The overview's figures: counted by the hour, kept, and added up to days.

An hour is counted once it is asked for, and counted again while some of its uploads have not ended,
after a redrive or a review in it, and in any case after `KEPT_SECONDS`. So a page adds up some hundred small rows,
however many uploads there are.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

import msgspec

from vindrop.core.console import Day

HOUR: Final = 3600
FRESH_SECONDS: Final = 60.0
"""An hour in which uploads wait is counted again after this."""
KEPT_SECONDS: Final = 6 * 3600.0
"""Any other hour after this."""
NOW_SECONDS: Final = 2.0
"""The last two hours after this."""
BUDGET: Final = 0.1
"""Seconds per page that hours are counted for; what is left is counted with the next pages."""
_FEW: Final = 4_000
"""Uploads up to which more hours are counted with one statement."""
_WIDEST: Final = 168
_STEP: Final = math.log(1.1)


class Figures(msgspec.Struct):
    """Counts of the uploads that were first seen within one hour, or several."""

    uploads: int = 0
    readings: dict[str, int] = {}
    """Verdict in force → readings."""
    dead_letters: dict[str, int] = {}
    """Code → dead letters."""
    waiting: int = 0
    reviewed: int = 0
    billed: int = 0
    maybe_billed: int = 0
    took: dict[str, int] = {}
    """`bucket` of the seconds from first seen to reading → readings."""

    def add(
        self,
        state: str,
        outcome: str | None,
        uploads: int,
        *,
        billed: int = 0,
        maybe_billed: int = 0,
        reviewed: int = 0,
    ) -> None:
        """Count ``uploads`` that stand alike.

        :param outcome: verdict or code.
        """
        self.uploads += uploads
        self.billed += billed
        self.maybe_billed += maybe_billed
        self.reviewed += reviewed
        if state in {"claimed", "parked"}:
            self.waiting += uploads
            return
        group = self.readings if state in {"answered", "delivered"} else self.dead_letters
        name = outcome or "?"
        group[name] = group.get(name, 0) + uploads

    def add_seconds(self, seconds: float) -> None:
        """Count how long one reading took."""
        name = bucket(seconds)
        self.took[name] = self.took.get(name, 0) + 1

    def encoded(self) -> str:
        """Return it as it is kept."""
        return msgspec.json.encode(self).decode()


def decoded(text: str) -> Figures:
    """Return what `Figures.encoded` wrote."""
    return msgspec.json.decode(text, type=Figures)


def bucket(seconds: float) -> str:
    """Return the name of the range that ``seconds`` fall in; its middle is within 5 % of them."""
    return str(round(math.log(max(seconds, 0.001)) / _STEP))


def hour_of(moment: float) -> int:
    """Return the number of the hour (since 1970) that a moment (seconds since 1970) lies in."""
    return int(moment // HOUR)


class HourStore(Protocol):
    """What a ledger does for the overview."""

    def kept(self, first: int, last: int) -> Iterable[tuple[int, float, Figures]]:
        """Yield the hours that are kept: number, when they were counted, figures."""

    def count(self, first: int, last: int, now: float) -> dict[int, Figures]:
        """Count the hours from ``first`` to ``last``, keep them, and return them."""


def collect(
    store: HourStore, now: float, days: int, budget: float = BUDGET
) -> tuple[dict[int, Figures], bool]:
    """Return hour → its figures, those of ``days`` days up to ``now``, and whether none is missing.

    The last two hours are counted first, then those never counted, newest first, then the stale.

    :param budget: seconds that hours are counted for.
    """
    last = hour_of(now)
    first = last - last % 24 - 24 * (days - 1)
    found, stale = dict[int, Figures](), set[int]()
    for hour, made_at, figures in store.kept(first, last):
        found[hour] = figures
        if is_stale(hour, now, made_at, figures.waiting):
            stale.add(hour)
    wanted = [hour for hour in range(last, first - 1, -1) if hour not in found or hour in stale]
    wanted.sort(key=lambda hour: (hour < last - 1, hour in found, -hour))
    missing = set(range(first, last + 1)) - found.keys()
    began, width = time.monotonic(), 1
    # What is only stale can wait for the next page, or the sweep.
    while wanted and time.monotonic() - began < (budget if missing else budget / 3):
        run = _run(wanted, width)
        counted = store.count(run[-1], run[0], now)
        found |= counted
        few = sum(each.uploads for each in counted.values()) < _FEW
        width = min(width * 2, _WIDEST) if few else max(width // 2, 1)
        wanted = wanted[len(run) :]
        missing.difference_update(run)
    return found, not missing


def _run(hours: list[int], most: int) -> list[int]:
    """Return the hours at the list's head that follow each other backwards."""
    run = hours[:1]
    for hour in hours[1:most]:
        if hour != run[-1] - 1:
            break
        run.append(hour)
    return run


def is_stale(hour: int, now: float, made_at: float, waiting: int) -> bool:
    """Whether the figures of an hour, made at ``made_at``, are to be made again."""
    if hour >= hour_of(now) - 1:
        return now - made_at > NOW_SECONDS
    return now - made_at > (FRESH_SECONDS if waiting else KEPT_SECONDS)


def days(
    hours: Mapping[int, Figures], last: dt.date, count: int, price: float
) -> tuple[list[Day], Day]:
    """Return the days up to ``last``, oldest first, those without uploads included; and their sum.

    :param price: of a billed call; 0: not known.
    """
    first = last - dt.timedelta(days=count - 1)
    sums = [Figures() for _ in range(count)]
    beginning = hour_of(dt.datetime.combine(first, dt.time(), dt.timezone.utc).timestamp())
    for hour, figures in hours.items():
        at = (hour - beginning) // 24
        if 0 <= at < count:
            _add(sums[at], figures)
    total = Figures()
    for each in sums:
        _add(total, each)
    found = [_day(first + dt.timedelta(days=n), figures, price) for n, figures in enumerate(sums)]
    return found, _day(last, total, price)


def _add(total: Figures, part: Figures) -> None:
    if not part.uploads:
        return
    total.uploads += part.uploads
    total.waiting += part.waiting
    total.reviewed += part.reviewed
    total.billed += part.billed
    total.maybe_billed += part.maybe_billed
    for into, more in (
        (total.readings, part.readings),
        (total.dead_letters, part.dead_letters),
        (total.took, part.took),
    ):
        for name, number in more.items():
            into[name] = into.get(name, 0) + number


def _day(day: dt.date, sums: Figures, price: float) -> Day:
    by_number = sorted(sums.dead_letters.items(), key=lambda each: -each[1])
    return Day(
        day,
        sums.uploads,
        dict(sorted(sums.readings.items())),
        dict(by_number),
        sums.waiting,
        sums.reviewed,
        sums.billed,
        sums.maybe_billed,
        round(sums.billed * price, 4) if price else None,
        _quantile(sums.took, 0.5),
        _quantile(sums.took, 0.95),
    )


def _quantile(took: Mapping[str, int], share: float) -> float | None:
    wanted = math.ceil(sum(took.values()) * share)
    for name in sorted(took, key=int):
        wanted -= took[name]
        if wanted <= 0:
            return round(math.exp(int(name) * _STEP), 3)
    return None
