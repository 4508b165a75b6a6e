"""``/v1/reviews``: what waits for a person, and what they decide.

    GET  /v1/reviews            → {"items": […], "next": cursor or null}
    GET  /v1/reviews/{id}       → one item, whatever its state
    POST /v1/reviews/{id}       {"vin" or "reason", "after", "seconds", "wrong_check_digit"}
    POST /v1/reviews/{id}/undo  {"after"}

A decision may be sent again: the same one of the same person counts once, and is answered alike.
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vindrop.core.console import Entry
from vindrop.core.review import (
    AlreadyDecided,
    Decided,
    Decision,
    Outcome,
    RefusedDecisionError,
    Undecidable,
)
from vindrop.domain.records import DeadLetter, Reading
from vindrop.domain.review import Review
from vindrop.http import doubts
from vindrop.http.console import filters, judged, parts, photo
from vindrop.http.console.asked import Asked
from vindrop.http.language import told
from vindrop.http.problems import ProblemError, of_validation
from vindrop.http.response import Response

MOST: Final = 50
_SURE: Final = 0.9
"""A character whose confidence is below this share of the surest one's is marked: a photo on which all
are small would mark them all, and point nowhere."""
_LIKELY: Final = 0.02
"""An alternative below this is not offered."""
_MOST_CANDIDATES: Final = 4


class Said(BaseModel):
    """The body of a decision."""

    model_config = ConfigDict(extra="forbid")

    vin: str = Field(default="", max_length=64)
    reason: Literal["no_vin", "no_photo", "new_photo_wanted"] | None = None
    after: int = Field(default=0, ge=0)
    seconds: float | None = Field(default=None, ge=0, le=1e9)
    wrong_check_digit: bool = False


class Undone(BaseModel):
    """The body of an undo."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(ge=1)


def items(asked: Asked) -> Response:
    """Answer with the next items of the queue."""
    chosen = filters.of(filters.given(asked.request.query))
    page = parts.console(asked).review_queue(
        chosen, asked.request.query.get("cursor", ""), asked.number("limit", 20, MOST)
    )
    return _json(200, {"items": [item(asked, each) for each in page.entries], "next": page.next})


def one(asked: Asked) -> Response:
    """Answer with one item; or take a decision on it."""
    if asked.request.method == "POST":
        return _decide(asked)
    life = parts.console(asked).upload(asked.upload_id)
    if life is None:
        raise ProblemError("not-found", "the ledger never saw this upload")
    return _json(200, item(asked, life.entry))


def undo(asked: Asked) -> Response:
    """Take a review back."""
    given = _body(asked, Undone)
    try:
        outcome = parts.reviewer(asked).undo(asked.upload_id, asked.who.name, given.after)
    except RefusedDecisionError as error:
        raise _refused(error) from None
    return _answer(outcome)


def _decide(asked: Asked) -> Response:
    given = _body(asked, Said)
    decision = Decision(
        upload_id=asked.upload_id,
        vin=given.vin.strip().upper(),
        reason=given.reason,
        reviewer=asked.who.name,
        seconds=given.seconds,
        after=given.after,
        wrong_check_digit=given.wrong_check_digit,
    )
    try:
        outcome = parts.reviewer(asked).decide(decision)
    except RefusedDecisionError as error:
        raise _refused(error) from None
    return _answer(outcome)


def _answer(outcome: Outcome) -> Response:
    """Say what became of a decision. One that was kept is in the log, with its name."""
    if isinstance(outcome, Decided):
        review = outcome.review
        said = {
            "review": of_review(review),
            "delivered": outcome.delivered,
            "repeated": outcome.repeated,
        }
        return _json(200 if outcome.repeated else 201, said)
    if isinstance(outcome, AlreadyDecided):
        first = outcome.review
        said_vin = first.vin or first.reason
        raise ProblemError(
            "already-decided",
            f"the first was {first.reviewer}, with {said_vin}",
            more={"review": of_review(first)},
        )
    raise _undecidable(outcome)


def _undecidable(outcome: Undecidable) -> ProblemError:
    sentences = {
        "unknown": "the ledger never saw this upload",
        "in_progress": "the upload is being read again: it comes back here if it must",
        "changed": "the upload has ended otherwise meanwhile: look at it again",
    }
    if outcome.why == "unknown":
        return ProblemError("not-found", sentences["unknown"])
    return ProblemError("not-decidable", sentences[outcome.why], more={"why": outcome.why})


def _refused(error: RefusedDecisionError) -> ProblemError:
    more = {"kind": error.kind, "position": error.position, "suggestion": error.suggestion}
    return ProblemError(
        "decision-refused",
        str(error),
        more={name: value for name, value in more.items() if value is not None},
    )


def item(asked: Asked, entry: Entry) -> dict[str, Any]:
    """Return what the review page shows of an upload."""
    record, review = entry.record, entry.review
    upload = entry.upload
    found: dict[str, Any] = {
        "id": entry.id,
        "name": upload.key.rpartition("/")[2],
        "key": upload.key,
        "bucket": upload.bucket,
        "cloud": upload.cloud,
        "state": entry.state,
        "first_seen": entry.first_seen.isoformat(timespec="seconds"),
        "queue": entry.waits_for_review,
        "sequence": entry.sequence,
        "photo": photo.at_once(asked, upload),
        "review": of_review(review) if review else None,
        "vin": entry.vin,
        "reference": getattr(record, "reference", None),
    }
    if isinstance(record, Reading):
        found |= {
            "as_read": record.as_read,
            "verdict": record.verdict.value,
            "cells": cells(record),
            "box": record.vin_box,
            "judged": judged.judged(record.vin, vehicle=asked.settings.vehicle),
        }
    elif isinstance(record, DeadLetter):
        found |= {"code": record.code, "message": record.message, "verdict": None}
        found["told"] = told(record.message, asked.request.headers)
        found["candidates"] = candidates(record)
    return found


def candidates(letter: DeadLetter) -> list[dict[str, Any]]:
    """Return the VINs that recognizers read or thought possible, though none of them went out.

    They are offered, not filled in: a person looks at the photo first.
    """
    found: dict[str, dict[str, Any]] = {}
    for call in letter.recognizers:
        told = [(call.vin, call.confidence)] if call.vin else []
        told += [(c.vin, c.confidence) for c in call.candidates if c.confidence >= _LIKELY]
        for vin, confidence in told:
            entry = found.setdefault(vin, {"vin": vin, "of": [], "confidence": None})
            entry["of"].append(call.name)
            if confidence is not None:
                entry["confidence"] = round(confidence, 3)
    return list(found.values())[:_MOST_CANDIDATES]


def cells(reading: Reading) -> list[dict[str, Any]]:
    """Return the 17 characters: what was read, how sure, and what else may stand there."""
    found: list[dict[str, Any]] = [
        {"character": each, "alternatives": [], "why": None} for each in reading.vin
    ]
    for doubt in doubts.of(reading):
        cell = found[int(doubt["position"]) - 1]
        cell["why"] = doubt["why"]
        cell["as_read"] = doubt.get("as_read")
        if "alternative" in doubt:
            cell["alternatives"].append(doubt["alternative"])
    characters = reading.characters or ()
    if len(characters) == len(found):
        least = _SURE * max(character.confidence for character in characters)
        for cell, character in zip(found, characters, strict=True):
            cell["confidence"] = round(character.confidence, 3)
            if character.confidence < least:
                cell["why"] = cell["why"] or "unsure"
            likely = [each for each, share in character.alternatives if share >= _LIKELY]
            cell["alternatives"] += [each for each in likely if each not in cell["alternatives"]]
    for other in reading.alternatives or ():
        for cell, character_ in zip(found, other.vin, strict=False):
            if character_ not in {cell["character"], *cell["alternatives"]} and cell["why"]:
                cell["alternatives"].append(character_)
    return found


def of_review(review: Review) -> dict[str, Any]:
    """Return a review as pages show it."""
    return {
        "vin": review.vin,
        "reason": review.reason,
        "reviewer": review.reviewer,
        "decided_at": review.decided_at.isoformat(timespec="seconds"),
        "sequence": review.sequence,
        "check_digit": review.check_digit,
    }


def _body(asked: Asked, model: type[Any]) -> Any:
    try:
        return model.model_validate_json(asked.request.body)
    except ValidationError as error:
        raise of_validation(error) from None


def _json(status: int, value: Any) -> Response:
    return Response(
        status, json.dumps(value, ensure_ascii=False), {"Content-Type": "application/json"}
    )
