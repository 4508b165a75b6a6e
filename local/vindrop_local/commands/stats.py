"""``vindrop stats``: what has been read, what waits, and what the calls cost."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import urlsplit

import typer

from vindrop.core.console import Day
from vindrop.core.ledger import Ledger, OpenCircuit
from vindrop.domain.engines import Engine, unbilled
from vindrop.domain.recognition import TENCENT
from vindrop.domain.records import DeadLetter, End, Reading, Record, is_review
from vindrop.stores import open_console
from vindrop_local import show
from vindrop_local.commands import sources
from vindrop_local.commands.options import Json
from vindrop_local.commands.sources import From, LedgerURL
from vindrop_local.errors import UserError
from vindrop_local.foreign import holds_ledger
from vindrop_local.stats_lines import WHEN, lines
from vindrop_local.terminal import console

if TYPE_CHECKING:
    from vindrop.stores.ledger.sql import SQLLedger

_CALLS = {
    "today": "billed_today",
    "this_month": "billed_this_month",
    "last_month": "billed_last_month",
    "all": "billed",
}
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
    price: Annotated[
        float | None,
        typer.Option(min=0, help=f"Price of a billed call. Default: {sources.PRICE}."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Count uploads by state, readings by verdict, dead letters by code, and what calls were billed.

    Of several recognizers (VINDROP_RECOGNIZERS) each has its own price; calls of one with price=0 are
    answered, not billed. In JSON, `billed` counts answered calls of all of them, as the ledger does.

    Days and months are those of UTC; a call counts where its upload ended. What a month costs beside
    VinOCR, and where prices stand: `vindrop cost`.
    """
    readings = sources.in_force(sources.destinations(source, "VINDROP_RESULTS"), "readings")
    dead = sources.records(
        sources.destinations(letters or source, "VINDROP_DEAD_LETTERS"), "dead_letters"
    )
    book = _book(ledger, source)
    hosts: set[str] = set()
    read = _noting(hosts, readings or ())
    counted = count(read, dead or (), dt.datetime.now(dt.timezone.utc))
    uploads = dict(sorted(book.counts().items())) if book is not None else {}
    prices = _prices(price)
    several = counted.get("recognizers", {})
    told = several.keys() & {each.name for each in _engines()}
    if several and not told:  # one price is not that of all of them
        prices = {"": 0.0}
    free = sorted(unbilled(_engines()) & several.keys())
    if several:
        counted["not_billed"] = {
            when: sum(several[who][name] for who in free) for when, name in _CALLS.items()
        }
    counted["by_day"] = _by_day(counted["by_day"], days, prices)
    found = _overview(book, days, prices) if book is not None and book.durable else None
    report: dict[str, Any] = {
        "uploads": uploads,
        **counted,
        **_cost(counted, prices),
        "overview": found,
    }
    if as_json:
        sys.stdout.write(json.dumps(report) + "\n")
        return
    known = not several or bool(told)
    left_out = book is None and bool(source)
    own = not several and not any(prices.values()) and _is_own(hosts, ledger or source)
    shown = lines(report, free, known=known, left_out=left_out, own=own)
    console().print(show.totals_table(list(shown)))


def _noting(
    hosts: set[str], readings: Iterable[tuple[End, Record]]
) -> Iterator[tuple[End, Record]]:
    """Yield the readings, and put into ``hosts`` who gave each: the same whichever way they are named."""
    for record, counts in readings:
        if isinstance(record, Reading) and record.vinocr.endpoint:  # a person's has none
            hosts.add(record.vinocr.endpoint.partition(":")[0])
        yield record, counts


def _is_own(hosts: set[str], named: str) -> bool:
    """Whether the one VinOCR is known to be one's own.

    :param hosts: who gave the readings. Where there are none: that of the settings, or of the local stack.
    """
    if hosts:
        return not any(host.endswith(TENCENT) for host in hosts)
    endpoint = os.environ.get("VINDROP_VINOCR_ENDPOINT", "").strip()
    if endpoint:
        return not (urlsplit(f"//{endpoint.rpartition('://')[2]}").hostname or "").endswith(TENCENT)
    elsewhere = named or any(
        os.environ.get(f"VINDROP_{each}") for each in ("RESULTS", "LEDGER", "RECOGNIZERS")
    )
    return not elsewhere


def _book(ledger: str, source: str) -> Ledger | None:
    """Open the ledger that was named, else the one in the database that is asked, else none.

    Where nothing is named at all, it is the local stack's.
    """
    if ledger or os.environ.get("VINDROP_LEDGER") or not source:
        return sources.ledger(ledger)
    return sources.ledger(source) if holds_ledger(source) else None


def count(
    readings: Iterable[tuple[End, Record]], letters: Iterable[End], now: dt.datetime
) -> dict[str, Any]:
    """Return the figures of what has ended, in one pass over the records.

    :param readings: each as it was delivered, which has its calls, and what counts of it.
    :param now: which day and month are this day and this month (UTC).
    """
    verdicts, codes = Counter[str](), Counter[str]()
    billed, maybe = Counter[str](), 0
    by_recognizer: dict[str, Counter[str]] = {}
    by_day: dict[dt.date, Counter[str]] = {}
    for record, counts in itertools.chain(readings, ((each, each) for each in letters)):
        if isinstance(record, Reading):
            verdicts[_verdict(counts)] += 1
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
        spans += ["last month"] if (day.year, day.month) == _before(now) else []
        spans += ["today"] if day == now.date() else []
        for span in spans:
            billed[span] += calls
            for call in told:
                by_recognizer.setdefault(call.name, Counter())[span] += call.billed
        maybe += perhaps
        of_day = by_day.setdefault(day, Counter())
        for who, its in [(c.name, c.billed) for c in told] or [("vinocr", calls)]:
            of_day[who] += its
    return {
        "readings": dict(sorted(verdicts.items())),
        "dead_letters": dict(codes.most_common()),
        "billed_today": billed["today"],
        "billed_this_month": billed["month"],
        "billed_last_month": billed["last month"],
        "billed": billed["all"],
        "maybe_billed": maybe,
        "by_day": by_day,
        **(_by_recognizer(by_recognizer) if len(by_recognizer) > 1 else {}),
    }


def _verdict(record: Record) -> str:
    """Return the verdict in force; where a person said that there is no VIN, why."""
    if is_review(record):
        return record.reason or "reviewed"
    return record.verdict.value if isinstance(record, Reading) else ""


def _overview(book: Ledger, days: int, prices: dict[str, float]) -> dict[str, Any]:
    """Return what the console's first page shows: days by when their uploads were first seen.

    :param prices: see `_prices`. Calls by the day are those of all recognizers, so that they have a
        cost only where one price is that of all.
    """
    same = set(prices.values()) if len(prices) == 1 else {v for name, v in prices.items() if name}
    console = open_console(book, None, same.pop() if len(same) == 1 else 0.0)
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
        "circuit": _circuit(book, found.circuit),
        "up_to_date": found.up_to_date,
    }


def _by_day(
    counted: dict[dt.date, Counter[str]], days: int, prices: dict[str, float]
) -> list[dict[str, Any]]:
    """Return what each day's calls cost, by recognizer and as a sum: days on which uploads ended (UTC).

    A cost is None where no price is set. The overview's days are those on which uploads came, and its
    calls are not told apart: they have a cost only where one price is that of all.
    """
    first = dt.datetime.now(dt.timezone.utc).date() - dt.timedelta(days=days - 1)
    known = any(prices.values())
    found = []
    for day, billed in sorted(counted.items()):
        if day < first:
            continue
        costs = {who: round(its * prices.get(who, prices[""]), 4) for who, its in billed.items()}
        found.append(
            {
                "day": day.isoformat(),
                "billed": sum(billed.values()),
                "cost": round(sum(costs.values()), 4) if known else None,
                "recognizers": {
                    who: {"billed": its, "cost": costs[who] if known else None}
                    for who, its in sorted(billed.items())
                },
            }
        )
    return found


def _circuit(book: Ledger, general: OpenCircuit | None) -> str:
    """Return why no calls are made, of several recognizers by name; ``closed``: they are made.

    A SQL ledger tells every open circuit that it keeps, whatever the recognizers of this
    environment are. DynamoDB is asked for those that the environment names.
    """
    account = os.environ.get("VINDROP_ACCOUNT", "").strip() or "vinocr"
    if book.database is not None:
        every = cast("SQLLedger", book).open_circuits()
        told = {each.account: each.name for each in _engines() if each.account}
        names = {who: told.get(who, who.removeprefix(f"{account}.")) for who in every}
        found = [
            each.failure.code if who == account else f"{names[who]}: {each.failure.code}"
            for who, each in every.items()
        ]
        return ", ".join(found) or "closed"
    engines = _engines()
    if not engines:
        return general.failure.code if general else "closed"
    found = []
    for each in engines:
        circuit = book.for_account(each.account or f"{account}.{each.name}").circuit(None)
        found += [f"{each.name}: {circuit.failure.code}"] if circuit else []
    return ", ".join(found) or "closed"


def _day(day: Day) -> dict[str, Any]:
    return {**dataclasses.asdict(day), "day": day.day.isoformat()}


def _by_recognizer(billed: dict[str, Counter[str]]) -> dict[str, Any]:
    names = {
        "today": "billed_today",
        "month": "billed_this_month",
        "last month": "billed_last_month",
        "all": "billed",
    }
    return {
        "recognizers": {
            name: {told: found[span] for span, told in names.items()}
            for name, found in sorted(billed.items())
        }
    }


def _prices(given: float | None) -> dict[str, float]:
    """Return the price of a call by recognizer; under the empty name, of all others.

    :param given: the price of a call; None: the environment's.
    :raises UserError: a setting is wrong.
    """
    prices = {"": sources.price() if given is None else given}
    general = prices[""]
    return prices | {
        each.name: general if each.price is None else each.price
        for each in _engines()
        if not each.is_inprocess
    }


def _engines() -> tuple[Engine, ...]:
    """Return the recognizers of the environment; none where it names one VinOCR alone.

    :raises UserError: the setting is wrong.
    """
    from vindrop.domain import engines

    text = os.environ.get("VINDROP_RECOGNIZERS", "").strip()
    try:
        return engines.parse(text) if text else ()
    except engines.EngineError as error:
        raise UserError(f"VINDROP_RECOGNIZERS {error}") from None


def _cost(counted: dict[str, Any], prices: dict[str, float]) -> dict[str, float | None]:
    """Return what the calls cost; None where the price of a call is not set."""
    found: dict[str, float | None] = {}
    for when in WHEN:
        calls = f"billed_{when}"
        by_recognizer = counted.get("recognizers", {})
        others = counted[calls] - sum(each[calls] for each in by_recognizer.values())
        cost = others * prices[""] + sum(
            each[calls] * prices.get(who, prices[""]) for who, each in by_recognizer.items()
        )
        found[f"cost_{when}"] = round(cost, 2) if any(prices.values()) else None
        for who, each in by_recognizer.items():
            its = round(each[calls] * prices.get(who, prices[""]), 2)
            each[f"cost_{when}"] = its if any(prices.values()) else None
    return found


def _before(now: dt.datetime) -> tuple[int, int]:
    last = now.replace(day=1) - dt.timedelta(days=1)
    return last.year, last.month
