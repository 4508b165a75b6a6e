"""How processing an upload ended, for the caller and for the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from vindrop.core.ledger import ENDED, Standing
from vindrop.domain import records
from vindrop.domain.failures import Failure
from vindrop.domain.upload import Upload
from vindrop.telemetry import log

End = Literal[
    "reading", "dead_letter", "retry_scheduled", "undelivered", "in_progress", "not_retained"
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How processing an upload ended, for now or for good."""

    upload: Upload
    end: End
    """``reading`` and ``dead_letter`` are for good; ``retry_scheduled`` and ``undelivered`` are retried
    by the sweep; ``in_progress``: another worker has it; ``not_retained``: the photo came with a
    request, and its caller is told to send it again."""
    record: records.Record | None = None
    failure: Failure | None = None
    new: bool = False
    """Whether this run made the record; False where an earlier one had."""
    retry_in: float | None = None
    """Seconds until it is retried."""


def ended(upload: Upload, record: records.Record, *, new: bool) -> Outcome:
    """Return the outcome of an upload whose record has arrived at its destinations."""
    end: End = "reading" if isinstance(record, records.Reading) else "dead_letter"
    return Outcome(upload, end, record, new=new)


def standing_of(upload: Upload, standing: Standing | None) -> Outcome:
    """Return where an upload stands that another worker has, or had."""
    if standing is None:
        return Outcome(upload, "in_progress")
    if standing.state in ENDED and standing.record is not None:
        return ended(upload, standing.record, new=False)
    if standing.state == "parked":
        return Outcome(
            upload, "retry_scheduled", None, standing.failure, retry_in=standing.retry_in
        )
    return Outcome(upload, "in_progress", standing.record, retry_in=standing.retry_in)


def summary(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return how many ended how, for a function's answer."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        counts[outcome.end] = counts.get(outcome.end, 0) + 1
    return counts


METRICS: Final[dict[End, str]] = {
    "reading": "readings",
    "dead_letter": "dead_letters",
    "retry_scheduled": "retries_scheduled",
    "undelivered": "undelivered",
}
"""How an upload ended → the metric that counts it."""


def report(outcome: Outcome, measures: Mapping[str, float]) -> None:
    """Log the one line of an upload.

    :param measures: what this run has counted, and its seconds.
    """
    http = outcome.upload.cloud == "http"
    metrics = dict(measures)
    # What an earlier run had ended was counted then.
    if outcome.end in METRICS and (
        outcome.new or outcome.end in {"retry_scheduled", "undelivered"}
    ):
        name = "refused" if http and outcome.end == "dead_letter" else METRICS[outcome.end]
        metrics = {name: 1, **measures}
    record, failure = outcome.record, outcome.failure
    common: dict[str, Any] = {
        "cloud": outcome.upload.cloud,
        "bucket": outcome.upload.bucket,
        "key": outcome.upload.key,
        "new": outcome.new,
    }
    if outcome.end == "reading" and isinstance(record, records.Reading):
        log(
            "reading",
            metrics=metrics,
            by="verdict",
            **common,
            verdict=record.verdict.value,
            attempts=record.attempts,
            vinocr_request_id=record.vinocr.request_id,
            vinocr_seconds=record.vinocr.seconds,
        )
    elif outcome.end == "dead_letter" and isinstance(record, records.DeadLetter):
        log(
            # One whose caller was told by HTTP goes to no dead-letter destination.
            "refused" if http else "dead_letter",
            level="warning",
            metrics=metrics,
            by="code",
            **common,
            code=record.code,
            reason=record.message,
            attempts=record.attempts,
            vinocr_request_id=record.request_id,
        )
    else:
        log(
            outcome.end,
            metrics=metrics,
            by="code",
            **common,
            code=failure.code if failure else None,
            reason=failure.message if failure else None,
            vinocr_request_id=failure.request_id if failure else None,
            retry_in=outcome.retry_in,
        )
