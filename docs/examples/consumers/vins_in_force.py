"""The VIN in force of each upload: what was read, or what a person says of it since. Other examples use it.

Messages may come twice and late: the newest reading counts, and of reviews the highest sequence.
"""

import sqlite3
from datetime import datetime
from typing import Any

_TABLE = (
    "CREATE TABLE IF NOT EXISTS vins (id TEXT PRIMARY KEY, object_key TEXT, read_at REAL DEFAULT 0, "
    "vin TEXT, verdict TEXT, sequence INTEGER DEFAULT 0, reviewed_vin TEXT, reason TEXT)"
)
_READING = "UPDATE vins SET read_at = :time, vin = :vin, verdict = :verdict WHERE id = :id AND read_at < :time"
_REVIEW = (
    "UPDATE vins SET sequence = :sequence, reviewed_vin = :vin, reason = :reason "
    "WHERE id = :id AND sequence < :sequence"
)


class VinsInForce:
    """Yours: a table of your own database instead of this file."""

    def __init__(self, path: str) -> None:
        self._file = sqlite3.connect(path)
        self._file.execute(_TABLE)

    def take(self, event: dict[str, Any]) -> tuple[str, str, str] | None:
        """Keep an event; return (VIN or none, verdict, object key) where it changed what is in force."""
        update = {"vindrop.reading.v1": _READING, "vindrop.review.v1": _REVIEW}.get(event["type"])
        if update is None:  # of a dead letter
            return None
        data, upload = event["data"], event["id"].partition("/")[0]
        made = datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()
        with self._file:
            before = self._in_force(upload)
            self._file.execute(
                "INSERT OR IGNORE INTO vins (id, object_key) VALUES (?, ?)",
                [upload, data["upload"]["key"]],
            )
            names = ("vin", "verdict", "sequence", "reason")
            values = {name: data.get(name) for name in names}
            self._file.execute(update, {**values, "id": upload, "time": made})
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
