"""An upload's life as a list of events, out of what its row, its records and its reviews say.

The ledger keeps one row per upload and no journal of its own: a write per step would cost the
upload path more than anybody asks of it. So the number of attempts is exact, and the time of each
but the last is not known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from vindrop.core.console import Entry, Event, Life
from vindrop.domain.records import DeadLetter, End, Reading
from vindrop.domain.review import Review


def life_of(
    entry: Entry,
    *,
    dead_letter: DeadLetter | None,
    ended_at: dt.datetime | None,
    reviews: Sequence[Review],
    undelivered: int,
) -> Life:
    """Return the life of an upload.

    :param dead_letter: an earlier end that another one replaced.
    :param ended_at: when every destination had its record; None: not yet, or before this was kept.
    """
    events = [*_before(entry, dead_letter), *_end(entry, ended_at)]
    events += [_reviewed(review) for review in reviews]
    return Life(entry, tuple(events), dead_letter, tuple(reviews), undelivered)


def _before(entry: Entry, dead_letter: DeadLetter | None) -> Iterator[Event]:
    if entry.upload.uploaded_at is not None:
        yield Event("uploaded", entry.upload.uploaded_at, {"size": entry.upload.size})
    yield Event("received", entry.first_seen)
    by_person = isinstance(entry.record, Reading) and entry.record.verdict.value == "reviewed"
    if dead_letter is not None and not by_person:
        yield from _calls(dead_letter)
        yield _answered(dead_letter)
    if entry.redriven:
        yield Event("redriven", None, {"times": entry.redriven})
    if entry.attempts:
        yield Event("claimed", None, {"attempts": entry.attempts})
    if entry.failure is not None and not (dead_letter and entry.failure.code == dead_letter.code):
        parked = entry.state == "parked"
        yield Event(
            "retry_scheduled",
            entry.last_seen if parked else None,
            {
                "code": entry.failure.code,
                "message": entry.failure.message,
                "request_id": entry.failure.request_id,
                "due_at": entry.due_at.isoformat() if parked and entry.due_at else None,
            },
        )
    if by_person and dead_letter is not None:
        yield from _calls(dead_letter)
        yield _answered(dead_letter)


def _end(entry: Entry, ended_at: dt.datetime | None) -> Iterator[Event]:
    record = entry.record
    if record is None:
        return
    if not (isinstance(record, Reading) and record.verdict.value == "reviewed"):
        yield from _calls(record)
        yield _answered(record)
    if entry.state in {"delivered", "dead"}:
        yield Event("delivered", ended_at, {"billed": entry.billed})


def _calls(record: End) -> Iterator[Event]:
    if isinstance(record, DeadLetter):
        if record.request_id:
            yield Event(
                "called",
                record.last_seen,
                {
                    "request_id": record.request_id,
                    "code": record.code,
                    "billed": record.billed,
                },
            )
        return
    for call in record.recognizers:
        yield Event(
            "called",
            record.read_at,
            {
                "recognizer": call.name,
                "request_id": call.request_id,
                "seconds": call.seconds,
                "billed": call.billed,
                "code": call.code,
                "vin": call.vin,
            },
        )
    if not record.recognizers:
        yield Event(
            "called",
            record.read_at,
            {
                "request_id": record.vinocr.request_id,
                "seconds": record.vinocr.seconds,
                "billed": record.vinocr.billed,
            },
        )


def _answered(record: End) -> Event:
    if isinstance(record, DeadLetter):
        return Event(
            "dead_letter",
            record.last_seen,
            {"code": record.code, "message": record.message, "attempts": record.attempts},
        )
    return Event("answered", record.read_at, {"vin": record.vin, "verdict": record.verdict.value})


def _reviewed(review: Review) -> Event:
    return Event(
        "reviewed",
        review.decided_at,
        {
            "reviewer": review.reviewer,
            "vin": review.vin,
            "reason": review.reason,
            "seconds": review.seconds,
            "sequence": review.sequence,
            "correction_of": review.correction_of,
        },
    )
