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
LettersFrom = Annotated[
    str,
    typer.Option("--dead-letters-from", help="The same for dead letters. Default: --from."),
]


def stats(
    *,
    source: From = "",
    letters: LettersFrom = "",
    ledger: LedgerURL = "",
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
    report = {"uploads": uploads, **counted, **_cost(counted, _prices())}
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
    by_recognizer: dict[str, Counter[str]] = {}
    for record in itertools.chain(readings, letters):
        if isinstance(record, Reading):
            verdicts[record.verdict.value] += 1
            told = record.recognizers
            calls, perhaps = record.vinocr.billed, record.vinocr.maybe_billed
        elif isinstance(record, DeadLetter):
            codes[record.code] += 1
            told, calls, perhaps = record.recognizers, record.billed, record.maybe_billed
        if told:  # of several recognizers; `vinocr` is the deciding call alone
            calls = sum(call.billed for call in told)
            perhaps = sum(call.maybe_billed for call in told)
        day = record.time.astimezone(dt.timezone.utc).date()
        spans = ["all"]
        spans += ["month"] if (day.year, day.month) == (now.year, now.month) else []
        spans += ["today"] if day == now.date() else []
        for span in spans:
            billed[span] += calls
            for call in told:
                by_recognizer.setdefault(call.name, Counter())[span] += call.billed
        maybe += perhaps
    return {
        "readings": dict(sorted(verdicts.items())),
        "dead_letters": dict(codes.most_common()),
        "billed_today": billed["today"],
        "billed_this_month": billed["month"],
        "billed": billed["all"],
        "maybe_billed": maybe,
        **(_by_recognizer(by_recognizer) if len(by_recognizer) > 1 else {}),
    }


def _by_recognizer(billed: dict[str, Counter[str]]) -> dict[str, Any]:
    names = {"today": "billed_today", "month": "billed_this_month", "all": "billed"}
    return {
        "recognizers": {
            name: {told: found[span] for span, told in names.items()}
            for name, found in sorted(billed.items())
        }
    }


def _prices() -> dict[str, float]:
    """Return the price of a call by recognizer; under the empty name, of all others.

    :raises UserError: a setting is wrong.
    """
    text = os.environ.get(PRICE, "").strip()
    try:
        prices = {"": float(text or 0)}
    except ValueError:
        raise UserError(f"{PRICE} is {text!r}: it takes a number") from None
    recognizers = os.environ.get("VINDROP_RECOGNIZERS", "").strip()
    if recognizers:
        from vindrop.domain import engines

        try:
            named = engines.parse(recognizers)
        except engines.EngineError as error:
            raise UserError(f"VINDROP_RECOGNIZERS {error}") from None
        prices |= {each.name: each.price for each in named if each.price is not None}
    return prices


def _cost(counted: dict[str, Any], prices: dict[str, float]) -> dict[str, float | None]:
    """Return what the calls cost; None where the price of a call is not set."""
    found: dict[str, float | None] = {}
    names = (("cost_today", "billed_today"), ("cost_this_month", "billed_this_month"))
    for name, calls in names:
        by_recognizer = counted.get("recognizers", {})
        others = counted[calls] - sum(each[calls] for each in by_recognizer.values())
        cost = others * prices[""] + sum(
            each[calls] * prices.get(who, prices[""]) for who, each in by_recognizer.items()
        )
        found[name] = round(cost, 2) if any(prices.values()) else None
    return found


def _lines(report: dict[str, Any]) -> Iterable[tuple[str, object]]:
    for title, group in (("uploads", "uploads"), ("readings", "readings"), ("", "dead_letters")):
        for name, number in report[group].items():
            yield f"{title or 'dead letters'}: {name}", number
        if not report[group]:
            yield title or "dead letters", 0
    for name in ("billed_today", "billed_this_month", "billed", "maybe_billed"):
        yield f"calls {name.replace('_', ' ')}", report[name]
    for who, found in report.get("recognizers", {}).items():
        yield f"calls billed by {who}", found["billed"]
    for name in ("cost_today", "cost_this_month"):
        if report[name] is not None:
            yield name.replace("_", " "), f"{report[name]:,.2f}"
