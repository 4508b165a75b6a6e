"""``vindrop readings``: what came out."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from vindrop.core.console import LARGEST_PAGE, Console, Filter
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.domain import in_force as rules
from vindrop.domain.records import READING, End, Reading, Record, to_json
from vindrop_local import show
from vindrop_local.commands import sources
from vindrop_local.commands.options import Json
from vindrop_local.commands.sources import From, LedgerURL
from vindrop_local.errors import UserError
from vindrop_local.rows import Row, row_of
from vindrop_local.terminal import console, json_shown

_DELIVERED: Final = Filter(state="delivered")
_FROM_LEDGER: Final = (
    "from the ledger{0}, which keeps each reading: a queue or topic cannot be listed"
)


def readings(*, source: From = "", ledger: LedgerURL = "", as_json: Json = False) -> None:
    """List the VINs in force, oldest first: what was read, and what a person made of it.

    Where readings go to a queue or topic only, they are listed from the ledger, which keeps each one;
    so they are with --ledger alone.
    """
    pairs, has_ledger = _pairs(source, ledger)
    if not _print(pairs, as_json=as_json):
        # Beside an answer that a program reads, even an empty one, stands no sentence of ours.
        out = console(error=as_json or not sys.stdout.isatty())
        out.print(_none(ledger) if has_ledger else "no readings yet", soft_wrap=True)


def _pairs(source: str, ledger: str) -> tuple[Iterator[tuple[End, Record]], bool]:
    """Return the readings with what counts of each, and whether a ledger of theirs is known."""
    named = ledger or os.environ.get("VINDROP_LEDGER", "")
    results = source or os.environ.get("VINDROP_RESULTS", "").strip()
    if not source and (ledger or (named not in {"", "none"} and not results)):
        return from_ledger(sources.console(ledger)), True
    found = sources.in_force(sources.destinations(source, "VINDROP_RESULTS"), "readings")
    known = named != "none" and bool(named or (not source and sources.has_local()))
    if found is not None:
        return found, known
    if not known:
        # What a queue of --from was sent is not guessed to be what this folder's ledger keeps.
        raise UserError(
            "readings go to a queue or topic, which cannot be listed: name the ledger, which keeps each "
            "one, with --ledger (or VINDROP_LEDGER), or a database or file that gets them with --from"
        )
    book = sources.console(ledger)
    # The settings name none: whose ledger of this folder it is, is no matter of course.
    where = "" if named else f" {sources.local_file()}"
    console(error=True).print(_FROM_LEDGER.format(where), style="dim", soft_wrap=True)
    return from_ledger(book), True


def _print(pairs: Iterator[tuple[End, Record]], *, as_json: bool) -> int:
    """Print the list; return of how many readings."""
    out = console()
    if as_json:
        return print_json(counts for _, counts in pairs)
    rows = (row_of(end, counts) for end, counts in pairs)
    if not out.is_terminal:
        return print_lines(READING, rows)
    if listed := list(rows):
        out.print(show.readings_table(listed, out.width), crop=False)
    return len(listed)


def from_ledger(book: Console) -> Iterator[tuple[End, Record]]:
    """Yield each delivered reading that a ledger keeps, first seen first, and what counts of it.

    The ledger lists the newest first. So its pages are looked through for where they end in time,
    and then read from the last to the first: memory holds one page, and a moment for each 200
    uploads. What is delivered meanwhile takes no place from another, since a part of time is read whole.
    """
    ends: list[dt.datetime] = []
    cursor: str | None = ""
    while cursor is not None:
        page = book.uploads(_DELIVERED, cursor, LARGEST_PAGE)
        if page.entries:
            ends.append(page.entries[-1].first_seen)
        cursor = page.next
    for since, until in itertools.pairwise([None, *reversed(ends), None]):
        part = list(book.export(replace(_DELIVERED, since=since, until=until)))
        for entry in reversed(part):
            if isinstance(entry.record, Reading):
                yield entry.record, rules.in_force(entry.record, entry.review)


def _none(ledger: str) -> str:
    """Say that no reading has come to where we looked, and what the ledger knows of uploads."""
    known = 0
    with contextlib.suppress(UserError, StoreError, StoreSettingError):  # this is but a hint
        book = sources.ledger(ledger)
        known = sum(book.counts().values()) if book is not None else 0
    if not known:
        return "no readings yet"
    if known == 1:
        return "no readings yet; the ledger knows 1 upload: `vindrop uploads` lists it with what became of it"
    return (
        f"no readings yet; the ledger knows {known} uploads: `vindrop uploads` lists them with what "
        "became of each"
    )


def print_lines(kind: str, records: Iterable[Row]) -> int:
    """Write a heading, and one record a line with tabs between; return how many records."""
    count = 0
    for line in show.lines(kind, records):
        sys.stdout.write(line + "\n")
        count += 1
    return count - 1


def print_json(records: Iterable[Record]) -> int:
    """Write one event a line; return how many."""
    count = 0
    for record in records:
        sys.stdout.write(json_shown(to_json(record)) + "\n")
        count += 1
    return count
