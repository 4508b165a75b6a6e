"""Which VIN is in force of each photo: what a consumer of messages keeps. The other examples import it."""

import sqlite3
from typing import Any

InForce = tuple[str, str, str]
"""VIN, or - where there is none; verdict; object key. The verdict is ``reviewed`` where a person decided."""


class Vins:
    """A table with a row per upload. Yours is in your own database: it has to outlive this process."""

    def __init__(self, path: str = ":memory:") -> None:
        self._table = sqlite3.connect(path)
        self._table.execute(
            "CREATE TABLE IF NOT EXISTS vins (upload VARCHAR(64) PRIMARY KEY, object_key TEXT, vin TEXT, "
            "verdict TEXT, read_at TEXT, reviewed_vin TEXT, reason TEXT, sequence INTEGER DEFAULT 0)"
        )

    def take(self, identity: str, data: dict[str, Any]) -> InForce | None:
        """Keep one event; return what is in force now. None: nothing has changed, it was a copy or older.

        :param identity: the event's ``id``: the upload's, and of a review a slash and its sequence.
        """
        upload, _, sequence = identity.partition("/")
        before = self._in_force(upload)
        with self._table:
            if sequence:  # of reviews the highest sequence stands, whichever comes first
                self._table.execute(
                    "INSERT INTO vins (upload, object_key, reviewed_vin, reason, sequence) "
                    "VALUES (?, ?, ?, ?, ?) ON CONFLICT (upload) DO UPDATE SET reviewed_vin = "
                    "excluded.reviewed_vin, reason = excluded.reason, sequence = excluded.sequence "
                    "WHERE excluded.sequence > sequence",
                    [upload, data["upload"]["key"], data["vin"], data["reason"], int(sequence)],
                )
            elif "vin" in data:  # a reading; the others are dead letters
                self._table.execute(
                    "INSERT INTO vins (upload, object_key, vin, verdict, read_at) VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT (upload) DO UPDATE SET vin = excluded.vin, verdict = excluded.verdict, "
                    "read_at = excluded.read_at WHERE excluded.read_at > COALESCE(read_at, '')",
                    [upload, data["upload"]["key"], data["vin"], data["verdict"], data["read_at"]],
                )
        now = self._in_force(upload)
        return now if now != before else None

    def _in_force(self, upload: str) -> InForce | None:
        row = self._table.execute(
            "SELECT vin, verdict, reviewed_vin, reason, sequence, object_key FROM vins WHERE upload = ?",
            [upload],
        ).fetchone()
        if row is None:
            return None
        vin, verdict, reviewed_vin, reason, sequence, key = row
        if sequence and reason != "undone":
            return reviewed_vin or "-", "reviewed", key
        if vin is None or (verdict == "reviewed" and reason == "undone"):
            return "-", "undone", key  # a person had read a dead letter, which stands again
        return vin, verdict, key
