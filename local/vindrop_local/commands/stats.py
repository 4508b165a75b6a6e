"""``vindrop stats``: what has been read, what waits, and what the calls cost."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from vindrop.core.console import Day
from vindrop.core.ledger import Ledger
from vindrop.domain.records import DeadLetter, End, Reading
from vindrop.stores import open_console
from vindrop_local import show
from vindrop_local.commands import sources
from vindrop_local.commands.options import Json
from vindrop_local.commands.sources import From, LedgerURL
from vindrop_local.terminal import console

_ROUNDS = 200
"""Pages of a tenth of a second, at most, in which hours are counted that nobody has asked for yet."""
LettersFrom = Annotated[
    str,
    typer.Option("--dead-letters-from", help="The same for dead letters. Default: --from."),
]


def stats(
    *,
    source: From = "",
    letters: LettersFrom = "",
    ledger: LedgerURL = "",
    days: Annotated[
        int, typer.Option("--days", help="Days of the overview, today included.", min=1, max=366)
    ] = 30,
    as_json: Json = False,
) -> None:
    """Count uploads by state, readings by verdict, dead letters by code, and what calls were billed.

    Days and months are those of UTC; a call counts where its upload ended.
    """
    readings = sources.records(sources.destinations(source, "VINDROP_RESULTS"), "readings")
    dead = sources.records(
        sources.destinations(letters or source, "VINDROP_DEAD_LETTERS"), "dead_letters"
    )
    named = ledger or os.environ.get("VINDROP_LEDGER") or not source
    book = sources.ledger(ledger) if named else None
    counted = count(readings or (), dead or (), dt.datetime.now(dt.timezone.utc))
    uploads = dict(sorted(book.counts().items())) if book is not None else {}
    found = _overview(book, days) if book is not None and book.durable else None
    report = {"uploads": uploads, **counted, **_cost(counted), "overview": found}
    if as_json:
        sys.stdout.write(json.dumps(report) + "\n")
        return
    console().print(show.totals_table(list(_lines(report))))


def count(readings: Iterable[End], letters: Iterable[End], now: dt.datetime) -> dict[str, Any]:
    """Return the figures of what has ended, in one pass over the records.

    :param now: which day and month are this day and this month (UTC).
    """
    verdicts, codes = Counter[str](), Counter[str]()
    billed, maybe = Counter[str](), 0
    for record in itertools.chain(readings, letters):
        if isinstance(record, Reading):
            verdicts[record.verdict.value] += 1
            calls, perhaps = record.vinocr.billed, record.vinocr.maybe_billed
        elif isinstance(record, DeadLetter):
            codes[record.code] += 1
            calls, perhaps = record.billed, record.maybe_billed
        day = record.time.astimezone(dt.timezone.utc).date()
        billed["all"] += calls
        billed["month"] += calls if (day.year, day.month) == (now.year, now.month) else 0
        billed["today"] += calls if day == now.date() else 0
        maybe += perhaps
    return {
        "readings": dict(sorted(verdicts.items())),
        "dead_letters": dict(codes.most_common()),
        "billed_today": billed["today"],
        "billed_this_month": billed["month"],
        "billed": billed["all"],
        "maybe_billed": maybe,
    }


def _overview(book: Ledger, days: int) -> dict[str, Any]:
    """Return what the console's first page shows: days by when their uploads were first seen."""
    console = open_console(book, None, sources.price())
    found = console.overview(days)
    for _ in range(_ROUNDS):
        if found.up_to_date:
            break
        found = console.overview(days)
    return {
        "days": [_day(each) for each in found.days if each.uploads],
        "total": _day(found.total),
        "waiting": {
            state: {"uploads": each.uploads, "oldest_seconds": round(each.oldest, 1)}
            for state, each in found.waiting.items()
        },
        "to_review": dict(found.to_review),
        "oldest_to_review_seconds": found.oldest_to_review,
        "circuit": found.circuit.failure.code if found.circuit else "closed",
        "up_to_date": found.up_to_date,
    }


def _day(day: Day) -> dict[str, Any]:
    return {**dataclasses.asdict(day), "day": day.day.isoformat()}


def _cost(counted: dict[str, Any]) -> dict[str, float | None]:
    """Return what the calls cost; None where the price of a call is not set."""
    price = sources.price()
    names = (("cost_today", "billed_today"), ("cost_this_month", "billed_this_month"))
    return {name: round(price * counted[calls], 2) if price else None for name, calls in names}


def _lines(report: dict[str, Any]) -> Iterable[tuple[str, object]]:
    for title, group in (("uploads", "uploads"), ("readings", "readings"), ("", "dead_letters")):
        for name, number in report[group].items():
            yield f"{title or 'dead letters'}: {name}", number
        if not report[group]:
            yield title or "dead letters", 0
    for name in ("billed_today", "billed_this_month", "billed", "maybe_billed"):
        yield f"calls {name.replace('_', ' ')}", report[name]
    for name in ("cost_today", "cost_this_month"):
        if report[name] is not None:
            yield name.replace("_", " "), f"{report[name]:,.2f}"
    if report["overview"] is not None:
        yield from _overview_lines(report["overview"])


def _overview_lines(found: dict[str, Any]) -> Iterable[tuple[str, object]]:
    for name, number in found["to_review"].items():
        yield f"to review: {name.replace('_', ' ')}", number
    for state, each in found["waiting"].items():
        yield f"waiting: {state}", f"{each['uploads']}, oldest {each['oldest_seconds']:.0f} s"
    total = found["total"]
    if total["median_seconds"] is not None:
        yield "seconds to a reading: median", f"{total['median_seconds']:.1f}"
        yield "seconds to a reading: 95 %", f"{total['p95_seconds']:.1f}"
    yield "circuit breaker", found["circuit"]
