"""The durable queue of asynchronous calls, and where the ones go that failed to the end.

waiting ──take──▶ running ──done──▶ (gone)
   ▲                 │ failed, retries left: due later
   ╰─────────────────┤ killed with the platform: at once, without using a retry
                     ╰ failed, none left ──▶ dead
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vindrop_local.platform.database import connect, transaction
from vindrop_local.platform.spec import MAX_ASYNC_EVENT_BYTES, DeadEvent

_SCHEMA = """
CREATE TABLE IF NOT EXISTS queue (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, function TEXT, id TEXT, request_id TEXT, event TEXT,
    attempts INTEGER DEFAULT 0, due REAL, running INTEGER DEFAULT 0,
    UNIQUE (function, id)
);
CREATE INDEX IF NOT EXISTS queue_due ON queue (function, running, due);
CREATE TABLE IF NOT EXISTS dead (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, function TEXT, id TEXT, request_id TEXT, event TEXT,
    attempts INTEGER, error_type TEXT, error_message TEXT, died_at REAL, told INTEGER DEFAULT 0
);
"""


_QUEUED: Final = ("sequence", "function", "id", "request_id", "event", "attempts")


class EventTooLargeError(ValueError):
    """An asynchronous event over the platforms' limit."""


@dataclass(frozen=True)
class Queued:
    """An event taken from the queue."""

    sequence: int
    function: str
    id: str
    request_id: str
    """The same in all its attempts, as on SCF."""
    event: Any
    attempts: int
    """How often it has failed."""


class Queue:
    """Any thread may call; several processes may add, one takes."""

    def __init__(self, file: Path) -> None:
        """Open the queue. What was running when the last process died is waiting again."""
        self._lock = threading.RLock()
        self._connection = connect(file)
        self._connection.executescript(_SCHEMA)
        self._connection.execute("UPDATE queue SET running = 0")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def add(self, function: str, event: Any, event_id: str) -> None:
        """Keep an event; one with the same id still in the queue is not added again.

        :raises EventTooLargeError: over 128 KB of JSON.
        :raises TypeError: not what JSON can hold.
        """
        text = encode(event)
        with self._lock:
            record(self._connection, function, text, event_id)

    def take(self, functions: Sequence[str]) -> Queued | None:
        """Take the oldest event due of one of these functions."""
        marks = ", ".join("?" * len(functions))
        with self._lock, transaction(self._connection):
            rows = self._do(
                f"SELECT {', '.join(_QUEUED)} FROM queue"  # noqa: S608 - names and marks only
                f" WHERE running = 0 AND due <= ? AND function IN ({marks})"
                " ORDER BY due, sequence LIMIT 1",
                *(time.time(), *functions),
            )
            if not rows:
                return None
            found = dict(zip(_QUEUED, rows[0], strict=True))
            self._do("UPDATE queue SET running = 1 WHERE sequence = ?", found["sequence"])
        return Queued(**found | {"event": json.loads(found["event"])})

    def next_due(self) -> float | None:
        """Return when (seconds since 1970) the next waiting event is due."""
        ((due,),) = self._do("SELECT min(due) FROM queue WHERE running = 0")
        return None if due is None else float(due)

    def done(self, taken: Queued) -> None:
        """The call succeeded."""
        self._do("DELETE FROM queue WHERE sequence = ?", taken.sequence)

    def give_back(self, taken: Queued) -> None:
        """It was not run, or not to its end, for no fault of its own: no retry is used up."""
        self._do("UPDATE queue SET running = 0 WHERE sequence = ?", taken.sequence)

    def failed(
        self, taken: Queued, delays: Sequence[float], error_type: str, error_message: str
    ) -> DeadEvent | None:
        """The call failed: try again later, or give up. Returns the dead event in that case."""
        with self._lock, transaction(self._connection):
            if taken.attempts < len(delays):
                self._do(
                    "UPDATE queue SET running = 0, attempts = attempts + 1, due = ?"
                    " WHERE sequence = ?",
                    *(time.time() + delays[taken.attempts], taken.sequence),
                )
                return None
            self.done(taken)
            self._do(
                "INSERT INTO dead (function, id, event, attempts, error_type, error_message,"
                " request_id, died_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                *(taken.function, taken.id, encode(taken.event), taken.attempts + 1),
                *(error_type, error_message, taken.request_id, time.time()),
            )
            return self.dead()[-1]

    def dead(self, *, untold: bool = False) -> list[DeadEvent]:
        """Return the dead events, oldest first; only those whose callback never returned if asked."""
        rows = self._do(
            "SELECT sequence, function, id, event, attempts, error_type, error_message,"
            " request_id, died_at FROM dead WHERE told <= ? ORDER BY sequence",
            0 if untold else 1,
        )
        return [DeadEvent(s, f, i, json.loads(e), *rest) for s, f, i, e, *rest in rows]

    def told(self, dead: DeadEvent) -> None:
        """The callback has returned: it need not be called again."""
        self._do("UPDATE dead SET told = 1 WHERE sequence = ?", dead.sequence)

    def redrive(self, dead: DeadEvent) -> None:
        """Move a dead event back into the queue, with all its retries."""
        with self._lock, transaction(self._connection) as connection:
            gone = connection.execute("DELETE FROM dead WHERE sequence = ?", (dead.sequence,))
            if gone.rowcount:
                record(connection, dead.function, encode(dead.event), dead.id)

    def counts(self) -> dict[str, int]:
        """Return how many events are ``waiting``, ``running`` and ``dead``."""
        (row,) = self._do(
            "SELECT (SELECT count(*) FROM queue WHERE running = 0) AS waiting,"
            " (SELECT count(*) FROM queue WHERE running = 1), (SELECT count(*) FROM dead)"
        )
        return dict(zip(("waiting", "running", "dead"), row, strict=True))

    def _do(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()


def encode(event: Any) -> str:
    """Return the event's JSON.

    :raises EventTooLargeError: over 128 KB.
    :raises TypeError: not what JSON can hold.
    """
    try:
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(text.encode())
    except ValueError as error:
        raise TypeError(f"the event cannot be written as JSON: {error}") from None
    if size > MAX_ASYNC_EVENT_BYTES:
        raise EventTooLargeError(
            f"the event has {size} bytes of JSON; asynchronously up to {MAX_ASYNC_EVENT_BYTES} fit"
        )
    return text


def record(connection: sqlite3.Connection, function: str, event: str, event_id: str) -> None:
    """Add an event through a connection (and transaction) of the caller's, if it is not there yet.

    Its request id follows from its id: announced again, it is the same request.
    """
    request_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{function}/{event_id}"))
    connection.execute(
        "INSERT OR IGNORE INTO queue (function, id, request_id, event, due) VALUES (?, ?, ?, ?, ?)",
        (function, event_id, request_id, event, time.time()),
    )


class Trigger:
    """Whom a bucket tells of a new object: puts its event into a function's queue."""

    def __init__(self, function: str, wake: Callable[[], None]) -> None:
        self.function = function
        self._wake = wake

    def record(
        self, connection: sqlite3.Connection, event_id: str, event: Mapping[str, Any]
    ) -> None:
        """Keep the event inside the caller's transaction on the queue's database."""
        record(connection, self.function, encode(event), event_id)

    def recorded(self) -> None:
        """Wake the platform: there is something to do."""
        self._wake()
