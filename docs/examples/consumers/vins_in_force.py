"""The VIN in force of each upload: what was read, or what a person says of it since. Other examples use it.

Messages may come twice and late: the newest reading counts, and of reviews the highest sequence.
What vindrop did not write stops nobody: `pass_by` tells it on standard error, and the consumer goes on.
"""

import json
import re
import sqlite3
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

READING, REVIEW = "vindrop.reading.v1", "vindrop.review.v1"
_OTHERS = {
    "vindrop.dead_letter.v1",
    "vindrop.dead_letter.withdrawn.v1",
    "vindrop.reading.retracted.v1",
}
_TABLE = (
    "CREATE TABLE IF NOT EXISTS vins (id TEXT PRIMARY KEY, object_key TEXT, read_at REAL DEFAULT 0, "
    "vin TEXT, verdict TEXT, sequence INTEGER DEFAULT 0, reviewed_vin TEXT, reason TEXT)"
)
_READING = "UPDATE vins SET read_at = :time, vin = :vin, verdict = :verdict WHERE id = :id AND read_at < :time"
_REVIEW = (
    "UPDATE vins SET sequence = :sequence, reviewed_vin = :vin, reason = :reason "
    "WHERE id = :id AND sequence < :sequence"
)


def pass_by(_body: object, where: str, why: str) -> None:
    """Yours: keep the body, in a table or a queue of its own, if somebody is to look at it."""
    print(f"{where}: passed by, {why}", file=sys.stderr, flush=True)


def event_in(
    body: str | bytes | None,
    where: str,
    headers: Mapping[str, Any] | None = None,
    *,
    named: bool = True,
) -> dict[str, Any] | None:
    """Return the reading or review in a message, or None: it is another event, or was passed by.

    :param headers: those of a binary message, whose body is the data alone
    :param named: whether it needs vindrop's `id` and `time`
    """
    try:
        event = _unwrapped(body, headers or {})
        if event["type"] in _OTHERS:
            return None
        _check(event, named=named)
    except UnicodeError:
        pass_by(body, where, "not UTF-8")
    except json.JSONDecodeError:
        pass_by(body, where, "not JSON")
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        pass_by(body, where, "no event of vindrop's")
    else:
        return event
    return None


def _unwrapped(body: Any, headers: Mapping[str, Any]) -> dict[str, Any]:
    text = body.decode() if isinstance(body, bytes) else body
    found: dict[str, Any] = json.loads(text.removeprefix("\ufeff"))
    for prefix in ("ce_", "cloudEvents:"):  # Kafka, RabbitMQ
        if f"{prefix}id" in headers:
            named = {name: headers[prefix + name] for name in ("id", "type", "time")}
            return {**named, "data": found}
    if "TopicArn" in found:  # SNS without raw delivery
        found = json.loads(found["Message"])
    return found["detail"] if "detail-type" in found else found  # EventBridge on AWS


def _check(event: dict[str, Any], *, named: bool) -> None:
    """Raise where a field that a consumer needs is missing, or is not what docs/schemas says."""
    kind, data = event["type"], event["data"]
    vin, texts = data["vin"], [data["upload"]["key"]]
    if kind == READING:
        texts.append(data["verdict"])
    elif kind == REVIEW and isinstance(data["sequence"], int) and 0 < data["sequence"] < 2**63:
        texts.append("" if data["reason"] is None else data["reason"])
    else:
        raise ValueError("no type, or no sequence, of vindrop's")
    if not (vin is None and kind == REVIEW) and not re.fullmatch("[0-9A-HJ-NPR-Z]{17}", vin):
        raise ValueError("no VIN")
    if named:
        texts += [event["id"], event["time"]]
        _seconds(event["time"])
    "".join(texts).encode()  # raises where one is no text, or cannot be written


def _seconds(time: str) -> float:
    found = datetime.fromisoformat(time.replace("Z", "+00:00"))
    if found.tzinfo is None:
        raise ValueError("no time zone")
    return found.timestamp()


class VinsInForce:
    """Yours: a table of your own database instead of this file."""

    def __init__(self, path: str) -> None:
        self._file = sqlite3.connect(path)
        self._file.execute(_TABLE)

    def take(
        self, body: str | bytes | None, where: str, headers: Mapping[str, Any] | None = None
    ) -> tuple[str, str, str] | None:
        """Keep a message; return (VIN or none, verdict, object key) where it changed what is in force."""
        event = event_in(body, where, headers)
        if event is None:
            return None
        data, upload = event["data"], event["id"].partition("/")[0]
        with self._file:
            before = self._in_force(upload)
            self._file.execute(
                "INSERT OR IGNORE INTO vins (id, object_key) VALUES (?, ?)",
                [upload, data["upload"]["key"]],
            )
            names = ("vin", "verdict", "sequence", "reason")
            values = {name: data.get(name) for name in names}
            update = _READING if event["type"] == READING else _REVIEW
            self._file.execute(update, {**values, "id": upload, "time": _seconds(event["time"])})
            found = self._in_force(upload)
        return found if found != before else None

    def _in_force(self, upload: str) -> tuple[str, str, str] | None:
        row = self._file.execute(
            "SELECT object_key, vin, verdict, sequence, reviewed_vin, reason FROM vins WHERE id = ?",
            [upload],
        ).fetchone()
        if row is None:
            return None
        key, vin, verdict, sequence, reviewed_vin, reason = row
        if sequence and reason != "undone":
            return reviewed_vin or "none", "reviewed", key
        if sequence and verdict in {None, "reviewed"}:  # undone, and no machine had read a VIN
            return "none", "undone", key
        return vin, verdict, key
