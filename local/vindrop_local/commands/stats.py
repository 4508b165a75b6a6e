"""``vindrop stats``: what has been read, what waits, and what the calls cost."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from vindrop.domain.records import DeadLetter, Reading, Record
from vindrop_local import show
from vindrop_local.commands import sources
from vindrop_local.commands.options import Json
from vindrop_local.commands.sources import From, LedgerURL
from vindrop_local.errors import UserError
from vindrop_local.terminal import console

PRICE = "VINDROP_PRICE_PER_CALL"
_WHEN = ("today", "this_month", "last_month")
LettersFrom = Annotated[
    str,
    typer.Option("--dead-letters-from", help="The same for dead letters. Default: --from."),
]


def stats(
    *,
    source: From = "",
    letters: LettersFrom = "",
    ledger: LedgerURL = "",
    price: Annotated[
        float | None,
        typer.Option(min=0, help=f"Price of a billed call. Default: {PRICE}."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Count uploads by state, readings by verdict, dead letters by code, and what calls were billed.

    Days and months are those of UTC; a call counts where its upload ended. What a month costs beside
    VinOCR, and where prices stand: `vindrop cost`.
    """
    readings = sources.records(sources.destinations(source, "VINDROP_RESULTS"), "readings")
    dead = sources.records(
        sources.destinations(letters or source, "VINDROP_DEAD_LETTERS"), "dead_letters"
    )
    named = ledger or os.environ.get("VINDROP_LEDGER") or not source
    book = sources.ledger(ledger) if named else None
    counted = count(readings or (), dead or (), dt.datetime.now(dt.timezone.utc))
    uploads = dict(sorted(book.counts().items())) if book is not None else {}
    report = {"uploads": uploads, **counted, **_cost(counted, price)}
    if as_json:
        sys.stdout.write(json.dumps(report) + "\n")
        return
    console().print(show.totals_table(list(_lines(report))))


def count(
    readings: Iterable[Record], letters: Iterable[Record], now: dt.datetime
) -> dict[str, Any]:
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
        billed["last month"] += calls if (day.year, day.month) == _before(now) else 0
        billed["today"] += calls if day == now.date() else 0
        maybe += perhaps
    return {
        "readings": dict(sorted(verdicts.items())),
        "dead_letters": dict(codes.most_common()),
        "billed_today": billed["today"],
        "billed_this_month": billed["month"],
        "billed_last_month": billed["last month"],
        "billed": billed["all"],
        "maybe_billed": maybe,
    }


def _before(now: dt.datetime) -> tuple[int, int]:
    last = now.replace(day=1) - dt.timedelta(days=1)
    return last.year, last.month


def _cost(counted: dict[str, Any], given: float | None) -> dict[str, float | None]:
    """Return what the calls cost; None where the price of a call is not set.

    :param given: the price of a call; None: the environment's.
    """
    text = os.environ.get(PRICE, "").strip()
    try:
        price = float(text or 0) if given is None else given
    except ValueError:
        raise UserError(f"{PRICE} is {text!r}: it takes a number") from None
    return {
        f"cost_{when}": round(price * counted[f"billed_{when}"], 2) if price else None
        for when in _WHEN
    }


def _lines(report: dict[str, Any]) -> Iterable[tuple[str, object]]:
    for title, group in (("uploads", "uploads"), ("readings", "readings"), ("", "dead_letters")):
        for name, number in report[group].items():
            yield f"{title or 'dead letters'}: {name}", number
        if not report[group]:
            yield title or "dead letters", 0
    for name in (*(f"billed_{when}" for when in _WHEN), "billed", "maybe_billed"):
        yield f"calls {name.replace('_', ' ')}", report[name]
    for name in (f"cost_{when}" for when in _WHEN):
        if report[name] is None:
            yield "cost", f"set {PRICE} or --price"
            return
        yield name.replace("_", " "), f"{report[name]:,.2f}"
