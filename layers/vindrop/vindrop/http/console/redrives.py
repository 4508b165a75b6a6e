"""``POST /v1/redrives``: read again what ended as a dead letter, its price before it is done.

    {"ids": [ID, …]} or {"filter": {…}}, "dry_run": true or false, "cursor": where to go on
    → {"counts": {result: uploads}, "calls" and "price": at most, of what is (or would be) redriven;
       price is null where none is set; "next"}

A filtered set of any size goes in parts, each within the time of a request: the page adds up what
comes, shows the sum, and only then asks for the same without ``dry_run``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vindrop.core.app import App
from vindrop.core.console import Console
from vindrop.core.redrive import redrive
from vindrop.domain.records import DeadLetter
from vindrop.http.console import filters, parts
from vindrop.http.console.asked import Asked
from vindrop.http.problems import ProblemError, of_validation
from vindrop.http.response import Response
from vindrop.telemetry import log

_PART: Final = 200


class Wanted(BaseModel):
    """The body."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(default_factory=list, max_length=_PART)
    filter: dict[str, str] | None = None
    cursor: str = Field(default="", max_length=2_000)
    dry_run: bool = True
    before: int = Field(default=0, ge=0)
    """Redriven by earlier parts: the retries of this one are scheduled after theirs."""


def post(asked: Asked) -> Response:
    """Redrive, or only say what would be."""
    try:
        wanted = Wanted.model_validate_json(asked.request.body)
    except ValidationError as error:
        raise of_validation(error) from None
    if bool(wanted.ids) == (wanted.filter is not None):
        raise ProblemError("bad-request", "which ones? give ids, or a filter")
    app = asked.open_app()
    letters, following = _chosen(parts.console(asked), wanted)
    counts: Counter[str] = Counter()
    for done in redrive(
        letters,
        app.ledger,
        destinations=app.delivery.of_dead_letters,
        rate=app.settings.rate,
        dry_run=wanted.dry_run,
        before=wanted.before,
    ):
        counts[done.result] += 1
        if not wanted.dry_run:
            log(
                "redriven",
                upload=done.letter.id,
                who=asked.who.name,
                code=done.letter.code,
                result=done.result,
            )
    again = counts["redriven"] + counts["would_redrive"]
    calls, price = _dearest(app)
    answer = {
        "counts": counts,
        "calls": again * calls,
        "price": again * price if price else None,
        "next": following,
    }
    return Response(200, json.dumps(answer), {"Content-Type": "application/json"})


def _dearest(app: App) -> tuple[int, float]:
    """Return how many billed calls one upload takes at most, and what they cost: each may be asked."""
    if not app.engines:
        return 1, app.settings.price_per_call
    billing = [each for each in app.engines if each.recognizer.bills]
    return len(billing), sum(each.settings.price_per_call for each in billing)


def _chosen(console: Console, wanted: Wanted) -> tuple[list[DeadLetter], str | None]:
    if wanted.filter is None:
        return list(_named(console, wanted.ids)), None
    unknown = sorted(set(wanted.filter) - set(filters.NAMES))
    if unknown:
        raise ProblemError("bad-request", f"filter: has no {unknown[0][:40]}")
    chosen = filters.of({**filters.given(wanted.filter), "state": "dead"})
    page = console.uploads(chosen, wanted.cursor, _PART)
    found = [each.record for each in page.entries if isinstance(each.record, DeadLetter)]
    return found, page.next


def _named(console: Console, ids: list[str]) -> Iterator[DeadLetter]:
    for each in ids:
        life = console.upload(each)
        if life is None or not isinstance(life.entry.record, DeadLetter):
            raise ProblemError("not-decidable", "the upload is not a dead letter any more")
        yield life.entry.record
