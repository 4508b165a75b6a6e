"""The pages: overview, review, uploads, one upload, sign-in, and the one that says what went wrong."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from vindrop.core.console import Entry, Event, Life, Page
from vindrop.domain.records import DeadLetter, Reading
from vindrop.http.console import figures, filters, known, parts, photo, queue, templates
from vindrop.http.console.asked import Asked
from vindrop.http.language import reads_chinese
from vindrop.http.problems import ProblemError
from vindrop.http.response import Response

ROWS: Final = 50
"""Uploads on one page of the list."""
_REDRIVABLE: Final = "dead"


def sign_in(asked: Asked) -> Response:
    """Answer with the form for a key; a script sends it and goes where ``next`` says."""
    given = asked.request.query.get("next", "/")
    # Below this host only: two slashes, or one and a backslash, would lead to another.
    safe = given.startswith("/") and not given.startswith(("//", "/\\")) and given.isprintable()
    used = bool(asked.request.query.get("used"))
    return templates.page(asked, "sign_in", next=given if safe else "/", used=used)


def overview(asked: Asked) -> Response:
    """Answer with the figures; ``?part=1``: only what changes, for the script that renews it."""
    days = asked.number("days", 30, 366)
    shown = figures.shown(asked, days)
    name = "overview_part" if asked.request.query.get("part") else "overview"
    return templates.page(asked, name, days=days, **shown)


def review(asked: Asked) -> Response:
    """Answer with the place where a person decides. What there is to decide, its script fetches."""
    chosen = filters.given(asked.request.query)
    filters.of(chosen)
    single = asked.request.query.get("id", "")
    config = {
        "filter": chosen,
        "id": single,
        "reviewer": asked.who.name,
    }
    return templates.page(asked, "review", **_search(chosen), single=single, config=config)


def uploads(asked: Asked) -> Response:
    """Answer with a page of the list. A search that means nothing is shown again, with the reason."""
    chosen = filters.given(asked.request.query)
    wrong, page = "", Page((), None)
    try:
        page = parts.console(asked).uploads(
            filters.of(chosen), asked.request.query.get("cursor", ""), ROWS
        )
    except ProblemError as error:
        if error.name != "bad-request":
            raise
        wrong = error.told(chinese=reads_chinese(asked.request.headers))[1]
    return templates.page(
        asked,
        "uploads",
        400 if wrong else 200,
        **_search(chosen),
        wrong=wrong,
        rows=[row(each) for each in page.entries],
        more=page.next,
        searched_to=page.searched_to,
        cursor=asked.request.query.get("cursor", ""),
        verdicts=filters.VERDICTS,
        states=filters.STATES,
    )


def _search(chosen: dict[str, str]) -> dict[str, Any]:
    """Return what a search form shows: every field, filled in or not."""
    fields = {name: chosen.get(name, "") for name in filters.NAMES}
    narrowed = any(name not in {"vin", "photo"} for name in chosen)
    return {"chosen": fields, "filtered": bool(chosen), "narrowed": narrowed}


def row(entry: Entry) -> dict[str, Any]:
    """Return what a list shows of an upload."""
    record = entry.record
    review = entry.review
    return {
        "entry": entry,
        "name": entry.upload.key.rpartition("/")[2],
        "maker": (review.maker if review else None)
        or (record.maker if isinstance(record, Reading) else None),
        "year": (review.model_year if review else None)
        or (record.model_year if isinstance(record, Reading) else None),
        "reference": getattr(record, "reference", None),
        "has_photo": entry.upload.cloud != "http",
        "badge": badge(entry),
    }


def badge(entry: Entry) -> str:
    """Return the one word that tells where an upload stands."""
    if entry.review is not None:
        return "reviewed" if entry.review.vin else entry.review.reason or "reviewed"
    if isinstance(entry.record, Reading):
        return entry.record.verdict.value
    return "dead" if isinstance(entry.record, DeadLetter) else "waiting"


def upload(asked: Asked) -> Response:
    """Answer with one upload: its photo, what is known, and its life."""
    life = parts.console(asked).upload(asked.upload_id)
    if life is None:
        raise ProblemError("not-found", "the ledger never saw this upload")
    entry = life.entry
    item = queue.item(asked, entry)
    return templates.page(
        asked,
        "upload",
        life=life,
        row=row(entry),
        item=item,
        known=known.of(life, figures.unbilled(asked)),
        own=figures.is_own(asked),
        steps=[step(each) for each in life.events],
        redrivable=entry.state == _REDRIVABLE and entry.upload.cloud != "http",
        lost=photo.at_once(asked, entry.upload) is None,
        reviewable=_reviewable(life),
    )


def step(event: Event) -> dict[str, Any]:
    """Return a step of a life: its words, and its details in order."""
    return {
        "step": event.step,
        "at": event.at,
        "detail": [
            (
                name,
                f"{dt.datetime.fromisoformat(str(value)):%Y-%m-%d %H:%M:%S} UTC"
                if name == "due_at"
                else value,
            )
            for name, value in event.detail.items()
            if value is not None
        ],
    }


def _reviewable(life: Life) -> bool:
    """Whether a person may decide it now: it has ended."""
    return life.entry.state in {"delivered", "dead"}


def trouble(asked: Asked, problem: ProblemError) -> Response:
    """Answer a person with what went wrong, in a sentence, and where to go from there."""
    answer = templates.page(
        asked,
        "trouble",
        problem.kind.status,
        detail=problem.told(chinese=reads_chinese(asked.request.headers))[1],
        title=templates.say(templates.language_of(asked), f"js.problem.{problem.name}"),
    )
    return Response(answer.status, answer.body, {**answer.headers, **problem.headers})
