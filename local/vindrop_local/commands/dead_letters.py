"""``vindrop dead-letters``: list the uploads that ended without a reading, show one, redrive them."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import sys
from collections import Counter
from typing import Annotated, Final

import typer

from vindrop.core import redrive as redriving
from vindrop.core.console import ConsoleUnavailableError
from vindrop.core.destination import Destination
from vindrop.core.ledger import Ledger
from vindrop.core.redrive import DEFAULT_RATE, Selection
from vindrop.domain.failures import Disposition
from vindrop.domain.records import DEAD_LETTER, DeadLetter, to_cloudevent
from vindrop.stores import open_console
from vindrop_local import show
from vindrop_local.commands import sources
from vindrop_local.commands.listing import print_json, print_lines
from vindrop_local.commands.options import Json
from vindrop_local.commands.sources import From, LedgerURL
from vindrop_local.errors import UserError
from vindrop_local.language import said
from vindrop_local.progress import Progress
from vindrop_local.terminal import console, json_text

app = typer.Typer(rich_markup_mode=None)

Codes = Annotated[
    list[str] | None,
    typer.Option(
        "--code", help="Only this code, or codes that begin with it and a dot; repeatable."
    ),
]
Dispositions = Annotated[
    list[Disposition] | None,
    typer.Option(
        "--disposition",
        help="Only what ended so; repeatable: retry (tried for too long), other_way (also by the "
        "fallback), dead_letter (the photo), hold (the open circuit), unknown.",
    ),
]
Since = Annotated[
    str, typer.Option("--since", help="Only what ended since: 90m, 12h, 3d, or 2026-11-22[T10:00].")
]

LEAST_OF_AN_IDENTITY: Final = 8
"""Characters by which one upload is meant, as everywhere."""
_AGO: Final = re.compile(r"(\d{1,6})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_SAID: Final = {
    "redriven": "redriven: a retry is scheduled, and the sweep reads them",
    "would_redrive": "would be redriven",
    "under_way": "in progress already",
    "answered": "have a reading by now",
    "reviewed": "are decided by a person: undo that first (`vindrop review`)",
    "names_no_object": "name no object: nothing could be read",
    "photo_gone": "came with a request, and only its caller has the photo",
    "unknown": "cannot be redriven without a ledger",
}


@app.callback(invoke_without_command=True)
def default(
    context: typer.Context, *, source: From = "", ledger: LedgerURL = "", as_json: Json = False
) -> None:
    """List, show or redrive the uploads that ended without a reading. Alone: list."""
    if context.invoked_subcommand is None:
        list_(source=source, ledger=ledger, as_json=as_json)


@app.command("list")
def list_(
    *,
    source: From = "",
    ledger: LedgerURL = "",
    code: Codes = None,
    disposition: Dispositions = None,
    since: Since = "",
    as_json: Json = False,
) -> None:
    """List them and why, oldest first."""
    selection = _selection(None, code, disposition, since)
    found = [letter for letter in _letters(source, ledger) if selection.takes(letter)]
    if as_json:
        print_json(found)
        return
    out = console()
    if not out.is_terminal:
        print_lines(DEAD_LETTER, found)
    else:
        out.print(show.dead_letters_table(found, ids=True) if found else "no dead letters")


@app.command("show")
def show_(
    identity: Annotated[str, typer.Argument(help="The upload's identity, or how it begins.")],
    *,
    source: From = "",
    ledger: LedgerURL = "",
    as_json: Json = False,
) -> None:
    """Show one in full, and where its upload stands now."""
    found = [letter for letter in _letters(source, ledger) if letter.id.startswith(identity)]
    opened = sources.ledger(ledger)
    if not found:
        raise _no_such(identity, opened)
    if len(found) > 1:
        raise UserError(f"{len(found)} dead letters begin with {identity}: give more of it")
    standing = opened.standing(found[0].id) if opened is not None else None
    event = to_cloudevent(found[0])
    found_now = {**event, "now": standing.state if standing else None}
    if as_json:
        sys.stdout.write(json_text(found_now) + "\n")
    else:
        console().print_json(json_text(found_now))


@app.command()
def redrive(
    identity: Annotated[
        list[str] | None, typer.Argument(help="Identities, or how they begin.")
    ] = None,
    *,
    source: From = "",
    ledger: LedgerURL = "",
    code: Codes = None,
    disposition: Dispositions = None,
    since: Since = "",
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    rate: Annotated[
        float, typer.Option("--rate", help="Retries per second that are scheduled.")
    ] = DEFAULT_RATE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Redrive them: the sweep reads them anew, and their history is kept.

    Safe to run twice, and to interrupt: an upload in progress stays so.
    """
    selection = _selection(identity, code, disposition, since)
    if selection == Selection() and not everything:
        raise UserError(
            "which ones? name identities, --code, --disposition or --since, or say --all; --dry-run "
            "shows what would be"
        )
    if not rate > 0:
        raise UserError(f"--rate is {rate:g}: it takes a number above 0")
    opened = sources.ledger(ledger)
    if opened is None or not opened.durable:
        raise UserError("a redrive needs a ledger: name one with --ledger")
    everyone = _letters(source, ledger)
    for each in selection.ids:
        _only_one(each, everyone, opened)
    letters = [letter for letter in everyone if selection.takes(letter)]
    targets = sources.destinations(source, "VINDROP_DEAD_LETTERS")
    _redrive(letters, opened, targets, rate=rate, dry_run=dry_run, as_json=as_json)


def _redrive(
    letters: list[DeadLetter],
    opened: Ledger,
    targets: list[Destination],
    *,
    rate: float,
    dry_run: bool,
    as_json: bool,
) -> None:
    counts: Counter[str] = Counter()
    scrolls = as_json and sys.stdout.isatty()
    with Progress("redriving", len(letters), shown=not scrolls) as progress:
        for done in redriving.redrive(
            letters, opened, destinations=targets, rate=rate, dry_run=dry_run
        ):
            counts[done.result] += 1
            if as_json:
                line = {"id": done.letter.id, "code": done.letter.code, "result": done.result}
                sys.stdout.write(json.dumps(line) + "\n")
            progress.advance()
    if as_json:
        return
    for result, count in counts.most_common():
        console().print(f"{count} {said(_SAID[result])}")
    if not counts:
        console().print("no dead letter is selected")


def _no_such(identity: str, ledger: Ledger | None) -> UserError:
    """Return what to say of an identity that no dead letter has: what became of it, where it is known."""
    life = None
    if ledger is not None:
        with contextlib.suppress(ConsoleUnavailableError):
            known = open_console(ledger, None, 0.0)
            ids = known.find(identity)
            life = known.upload(ids[0]) if len(ids) == 1 else None
    if life is None:
        return UserError(
            f"no dead letter begins with {identity}: `vindrop dead-letters list --json` shows all"
        )
    review = life.entry.review
    if review is not None and review.vin:
        return UserError(
            f"{identity} is no dead letter any more: {review.reviewer} has read it. "
            f"`vindrop uploads {identity}` shows its life"
        )
    return UserError(
        f"{identity} is no dead letter: `vindrop uploads {identity}` shows where its upload stands"
    )


def _letters(source: str, ledger: str) -> list[DeadLetter]:
    """Return the dead letters, oldest first: from where they went, or from the ledger."""
    found = sources.records(sources.destinations(source, "VINDROP_DEAD_LETTERS"), "dead_letters")
    if found is None:
        opened = sources.ledger(ledger)
        if opened is None:
            raise UserError(
                "dead letters go to a queue or topic only, and there is no ledger that kept them: "
                "name one with --ledger"
            )
        found = opened.dead_letters()
    return sorted(
        (record for record in found if isinstance(record, DeadLetter)),
        key=lambda letter: letter.last_seen,
    )


def _only_one(identity: str, letters: list[DeadLetter], opened: Ledger) -> None:
    """Make sure that an identity, or how it begins, means one dead letter: each costs a call.

    :raises UserError: it is too short, means none, or several.
    """
    if len(identity) < LEAST_OF_AN_IDENTITY:
        raise UserError(
            f"{identity!r} is too short for an identity: give at least {LEAST_OF_AN_IDENTITY} characters "
            "of it, or say --all"
        )
    found = {letter.id for letter in letters if letter.id.startswith(identity)}
    if not found:
        raise _no_such(identity, opened)
    if len(found) > 1:
        raise UserError(f"{len(found)} dead letters begin with {identity}: give more of it")


def _selection(
    ids: list[str] | None,
    codes: list[str] | None,
    dispositions: list[Disposition] | None,
    since: str,
) -> Selection:
    return Selection(
        tuple(ids or ()), tuple(codes or ()), frozenset(dispositions or ()), _moment(since)
    )


def _moment(text: str) -> dt.datetime | None:
    if not text:
        return None
    now = dt.datetime.now(dt.timezone.utc)
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return now - dt.timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = dt.datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UserError(f"--since is {text}: write 90m, 12h, 3d, or 2026-11-22T10:00") from None
    return found if found.tzinfo else found.astimezone()
