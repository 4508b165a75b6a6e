"""``vindrop review``: what waits for a person, and their decisions."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated, Literal

import typer

from vindrop.core.console import BadCursorError, Console, Filter
from vindrop.core.review import (
    AlreadyDecided,
    Decided,
    Decision,
    Outcome,
    RefusedDecisionError,
    Reviewer,
)
from vindrop.domain.records import to_cloudevent
from vindrop.domain.review import Review
from vindrop_local.commands import sources
from vindrop_local.commands.filters import filtered
from vindrop_local.commands.options import Json
from vindrop_local.commands.sources import From, LedgerURL
from vindrop_local.commands.uploads import Cursor, Limit, identity_of, print_page
from vindrop_local.errors import UserError
from vindrop_local.language import colon, said
from vindrop_local.terminal import console, json_text, shown

app = typer.Typer(rich_markup_mode=None)

Identity = Annotated[str, typer.Argument(help="The upload's identity, or how it begins.")]
As = Annotated[
    str, typer.Option("--as", help="Who decides: kept with the decision. Default: your login.")
]
After = Annotated[
    int | None,
    typer.Option(
        "--after",
        help="Sequence of the review that you have looked at and correct. Default: a first decision.",
        min=0,
    ),
]
_DECIDED = "{0} has decided it already: {1} ({2:%Y-%m-%d %H:%M} UTC). Correct it with --after {3}"
_WHY = {
    "unknown": "the ledger knows no such upload",
    "in_progress": "it has not ended yet: wait for its reading or dead letter",
    "changed": "it has changed meanwhile: look again (`vindrop uploads ID`)",
}


@app.callback(invoke_without_command=True)
def default(context: typer.Context, *, ledger: LedgerURL = "", as_json: Json = False) -> None:
    """List what waits for a person, or decide it. Alone: list."""
    if context.invoked_subcommand is None:
        _list(Filter(), ledger, 50, "", as_json=as_json)


@app.command("list")
@filtered
def list_(
    *,
    chosen: Filter,
    ledger: LedgerURL = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    as_json: Json = False,
) -> None:
    """List doubtful readings, then photos that a person may read; the oldest first."""
    _list(chosen, ledger, limit, cursor, as_json=as_json)


def _list(chosen: Filter, ledger: str, limit: int, cursor: str, *, as_json: bool) -> None:
    try:
        page = sources.console(ledger).review_queue(chosen, cursor, limit)
    except BadCursorError as error:
        raise UserError(f"--cursor: {error}") from None
    none = "nothing waits for a person" if chosen == Filter() else "no such uploads"
    print_page(page, as_json=as_json, none=none)


@app.command()
def decide(
    identity: Identity,
    vin: Annotated[str, typer.Argument(help="What the photo shows.")] = "",
    *,
    reason: Annotated[
        Literal["no_vin", "no_photo", "new_photo_wanted"] | None,
        typer.Option(
            "--reason",
            help="Why there is no VIN: the photo shows none, it is gone, or nobody can read it.",
        ),
    ] = None,
    wrong_check_digit: Annotated[
        bool, typer.Option("--wrong-check-digit", help="The vehicle really carries this number.")
    ] = False,
    after: After = None,
    reviewer: As = "",
    ledger: LedgerURL = "",
    source: From = "",
    as_json: Json = False,
) -> None:
    """Say which VIN a photo shows, or why there is none."""
    if reason is not None and vin:
        raise UserError("give one of both: a VIN, or --reason where there is none")
    if reason is None and not vin:
        raise UserError("give a VIN, or --reason no_vin, no_photo or new_photo_wanted")
    opened, desk = sources.reviewer(ledger, source)
    name = identity_of(opened, identity)
    sources.refuse_elsewhere(opened, name, source)
    decision = Decision(
        upload_id=name,
        vin=vin,
        reason=reason,
        reviewer=_who(reviewer),
        after=_latest_undone(opened, name) if after is None else after,
        wrong_check_digit=wrong_check_digit,
    )
    try:
        found = desk.decide(decision)
    except RefusedDecisionError as error:
        hint = " (--wrong-check-digit)" if error.kind == "check_digit" else ""
        raise UserError(f"{said(str(error))}{hint}") from None
    _tell(found, as_json=as_json)


@app.command()
def undo(
    identity: Identity,
    *,
    after: Annotated[
        int | None,
        typer.Option(
            "--after", min=1, help="Sequence of the review that you take back. Default: the newest."
        ),
    ] = None,
    reviewer: As = "",
    ledger: LedgerURL = "",
    source: From = "",
    as_json: Json = False,
) -> None:
    """Take a decision back: the upload stands as the machine left it, and waits again."""
    opened, desk = sources.reviewer(ledger, source)
    name = identity_of(opened, identity)
    sources.refuse_elsewhere(opened, name, source)
    history = opened.reviews(name)
    last = history[-1].sequence if history else 0
    _undo(desk, name, _who(reviewer), last if after is None else after, as_json=as_json)


def _undo(desk: Reviewer, name: str, reviewer: str, after: int, *, as_json: bool) -> None:
    try:
        found = desk.undo(name, reviewer, after)
    except RefusedDecisionError as error:
        raise UserError(str(error)) from None
    _tell(found, as_json=as_json)


def _latest_undone(opened: Console, name: str) -> int:
    """Return what a first decision follows: nothing, or an undo."""
    history = opened.reviews(name)
    return history[-1].sequence if history and not history[-1].in_force else 0


def _who(reviewer: str) -> str:
    if reviewer:
        return reviewer
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        raise UserError("say who you are with --as NAME: it is kept with the decision") from None


def _said(review: Review) -> str:
    return review.vin or (review.reason or "").replace("_", " ")


def _stands(review: Review) -> str:
    """Return in words what counts of the upload now."""
    if review.reason == "undone":
        return said(
            f"{review.reviewer} has taken the decision back: what the machine said stands again"
        )
    if review.vin:
        return said(f"{review.vin} is the VIN in force, given by {review.reviewer}")
    return said(f"no VIN: {said(_said(review))}, says {review.reviewer}")


def _tell(found: Outcome, *, as_json: bool) -> None:
    """Print what became of it; exit 1 where nothing was kept."""
    result = (
        "decided"
        if isinstance(found, Decided)
        else "already_decided"
        if isinstance(found, AlreadyDecided)
        else found.why
    )
    review = found.review if isinstance(found, Decided | AlreadyDecided) else None
    if as_json:
        line = {
            "result": result,
            "delivered": found.delivered if isinstance(found, Decided) else None,
            "review": to_cloudevent(review) if review is not None else None,
        }
        sys.stdout.write(json_text(line) + "\n")
    elif isinstance(found, Decided):
        where = "delivered" if found.delivered else "kept, and delivered by the next sweep"
        console().print(shown(f"{_stands(found.review)}{colon()}{said(where)}"), soft_wrap=True)
    else:
        sentence = (
            _DECIDED.format(review.reviewer, _said(review), review.decided_at, review.sequence)
            if review is not None
            else _WHY[result]
        )
        console(error=True).print(shown(sentence), style="red", soft_wrap=True)
    if not isinstance(found, Decided):
        raise typer.Exit(1)
