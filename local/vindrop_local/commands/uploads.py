"""``vindrop uploads``: search what the ledger knows; show one upload's whole life."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.table import Table

from vindrop.core.console import BadCursorError, Console, Entry, Event, Filter, Page
from vindrop.domain.records import to_cloudevent
from vindrop_local.commands import sources
from vindrop_local.commands.filters import filtered
from vindrop_local.commands.options import Json
from vindrop_local.commands.sources import LedgerURL
from vindrop_local.errors import UserError
from vindrop_local.language import clause, comma, said, word
from vindrop_local.terminal import Foreign, console, json_text, shown

Limit = Annotated[int, typer.Option("--limit", help="Uploads of a page.", min=1, max=200)]
Cursor = Annotated[str, typer.Option("--cursor", help="Of the page before, which names it.")]
_HEADINGS = ("id", "first seen", "state", "VIN", "verdict or code", "photo")


@filtered
def uploads(
    identity: Annotated[
        str, typer.Argument(help="An upload's identity, or how it begins: show its whole life.")
    ] = "",
    *,
    chosen: Filter,
    ledger: LedgerURL = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    as_json: Json = False,
) -> None:
    """Search uploads by VIN, photo, day and more, newest first; or show one's whole life."""
    opened = sources.console(ledger)
    if identity:
        _show(opened, identity, as_json=as_json)
        return
    try:
        page = opened.uploads(chosen, cursor, limit)
    except BadCursorError as error:
        raise UserError(f"--cursor: {error}") from None
    print_page(page, as_json=as_json)


def print_page(page: Page, *, as_json: bool, none: str = "no such uploads") -> None:
    """Print a page of a list, and how to see the next one."""
    out = console()
    if as_json:
        for entry in page.entries:
            sys.stdout.write(json_text(line_of(entry)) + "\n")
    elif not out.is_terminal:
        sys.stdout.write("\t".join(_HEADINGS) + "\n")
        for entry in page.entries:
            sys.stdout.write("\t".join(shown(each) for each in _cells(entry, entry.id)) + "\n")
    elif page.entries:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in _HEADINGS:
            table.add_column(heading, overflow="fold", no_wrap=heading in {"id", "VIN"})
        for entry in page.entries:
            *cells, key = (shown(each) for each in _cells(entry, entry.id[:12]))
            table.add_row(*cells, Foreign(key))
        out.print(table)
    else:
        out.print(none if page.next is None else "none so far")
    if page.next is not None:
        more = f"more: --cursor {page.next}"
        if page.searched_to is not None:
            more = f"searched back to {page.searched_to:%Y-%m-%d %H:%M} UTC; {more}"
        console(error=True).print(more, style="dim", soft_wrap=True)


def line_of(entry: Entry) -> dict[str, Any]:
    """Return an upload as a program reads it."""
    record, review = entry.record, entry.review
    return {
        "id": entry.id,
        "state": entry.state,
        "vin": entry.vin,
        "verdict": entry.verdict,
        "code": entry.code,
        "first_seen": entry.first_seen.isoformat(),
        "last_seen": entry.last_seen.isoformat(),
        "due_at": entry.due_at.isoformat() if entry.due_at else None,
        "cloud": entry.upload.cloud,
        "bucket": entry.upload.bucket,
        "key": entry.upload.key,
        "attempts": entry.attempts,
        "billed": entry.billed,
        "maybe_billed": entry.maybe_billed,
        "redriven": entry.redriven,
        "queue": entry.waits_for_review,
        "sequence": entry.sequence,
        "review": to_cloudevent(review)["data"] if review else None,
        "record": to_cloudevent(record) if record else None,
    }


def _cells(entry: Entry, name: str) -> list[str]:
    return [
        name,
        f"{entry.first_seen:%Y-%m-%d %H:%M:%S}",
        entry.state,
        entry.vin or "–",
        entry.verdict or entry.code or "–",
        entry.upload.key,
    ]


def identity_of(opened: Console, beginning: str) -> str:
    """Return the one identity that begins so.

    :raises UserError: none does, or several do.
    """
    found = opened.find(beginning)
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(
            f"no upload's identity begins with {beginning}: give at least 8 characters of it (all 64 "
            "with DynamoDB); `vindrop uploads --json` shows them"
        )
    raise UserError(f"{len(found)} or more begin with {beginning}: give more of it")


def _show(opened: Console, beginning: str, *, as_json: bool) -> None:
    life = opened.upload(identity_of(opened, beginning))
    if life is None:
        raise UserError(f"the ledger knows no upload {beginning}")
    found = {
        **line_of(life.entry),
        "events": [_event(each) for each in life.events],
        "dead_letter": to_cloudevent(life.dead_letter) if life.dead_letter else None,
        "reviews": [to_cloudevent(each)["data"] for each in life.reviews],
        "undelivered_reviews": life.undelivered_reviews,
    }
    if as_json:
        sys.stdout.write(json_text(found) + "\n")
        return
    out = console()
    out.print(f"{shown(life.entry.upload.key)}  {life.entry.id}")
    out.print(_life_table(life.events))
    out.print("the whole record: --json", style="dim")


def _event(event: Event) -> dict[str, Any]:
    moment = event.at.astimezone(dt.timezone.utc).isoformat() if event.at else None
    return {"step": event.step, "at": moment, **dict(event.detail)}


def _for_people(event: Event) -> dict[str, Any]:
    """Return the details with moments as the rest of the table has them."""
    due = event.detail.get("due_at")
    moment = dt.datetime.fromisoformat(str(due)).astimezone(dt.timezone.utc) if due else None
    return {**event.detail, **({"due_at": f"{moment:%Y-%m-%d %H:%M:%S}"} if moment else {})}


def _life_table(events: Iterable[Event]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for event in events:
        when = f"{event.at.astimezone(dt.timezone.utc):%Y-%m-%d %H:%M:%S}" if event.at else ""
        detail = comma().join(
            f"{word('detail', k.replace('_', ' '))} {clause(shown(said(str(v))))}"
            for k, v in _for_people(event).items()
            if v not in {None, ""}
        )
        table.add_row(when, word("step", event.step.replace("_", " ")), detail)
    return table
