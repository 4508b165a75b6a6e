"""What the bucket remembers: objects announced, writes under way, multipart uploads.

The files in the folder are the objects; this says which of them were announced, and what a
folder cannot hold (ETag, Content-Type, x-cos-meta-…).
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

from vindrop_local.bucket.events import Sent
from vindrop_local.platform.database import connect, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT, key BLOB, size INTEGER, mtime_ns INTEGER, etag TEXT, request_id TEXT, headers TEXT,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS writing (
    bucket TEXT, key BLOB, size INTEGER, mtime_ns INTEGER, etag TEXT, headers TEXT,
    event_name TEXT, authorization TEXT, source_ip TEXT,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT, key BLOB, headers TEXT, started REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT, number INTEGER, size INTEGER, etag TEXT, written REAL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Entry:
    """An object as the journal knows it."""

    key: str
    size: int
    """Bytes."""
    mtime_ns: int
    """When it was written, nanoseconds since 1970."""
    etag: str
    """Without the quotes it is sent in."""
    request_id: str
    headers: Mapping[str, str]

    def matches(self, size: int, mtime_ns: int) -> bool:
        """Whether a file of this size and time is the object that was announced."""
        return (self.size, self.mtime_ns) == (size, mtime_ns)


@dataclass(frozen=True)
class Intent:
    """A write about to be made: what the event needs if we die before announcing it."""

    size: int
    mtime_ns: int
    etag: str
    headers: Mapping[str, str]
    sent: Sent


@dataclass(frozen=True)
class MultipartUpload:
    """A multipart upload under way."""

    id: str
    key: str
    headers: Mapping[str, str]
    started: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Part:
    """A part of one."""

    number: int
    size: int
    etag: str
    written: float
    """Seconds since 1970."""


class Journal:
    """All buckets' memory, in one SQLite file. Any thread may call; they take turns."""

    def __init__(self, file: Path) -> None:
        self._connection = connect(file)
        self._connection.executescript(_SCHEMA)
        self._lock = threading.RLock()

    def close(self) -> None:
        """Close the file; nothing may be called afterwards."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Take the turn and a transaction; gives the connection, for `Trigger.record`."""
        with self._lock, transaction(self._connection) as connection:
            yield connection

    def get(self, bucket: str, key: str) -> Entry | None:
        """Return the object's entry."""
        rows = self._do(f"{_ENTRIES} AND key = ?", bucket, key.encode())
        return _entry(rows[0]) if rows else None

    def set(self, bucket: str, entry: Entry) -> None:
        """Keep an object's entry, and forget the intent that announced it."""
        identity = (bucket, entry.key.encode())
        about = (entry.size, entry.mtime_ns, entry.etag, entry.request_id, _json(entry.headers))
        self._do("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)", *identity, *about)
        self._do("DELETE FROM writing WHERE bucket = ? AND key = ?", *identity)

    def remove(self, bucket: str, key: str) -> None:
        """Forget an object."""
        for table in ("objects", "writing"):
            self._do(f"DELETE FROM {table} WHERE bucket = ? AND key = ?", bucket, key.encode())  # noqa: S608 - our names

    def after(self, bucket: str, key: bytes, limit: int, *, inclusive: bool) -> list[Entry]:
        """Return up to ``limit`` entries from ``key`` on, in the order of COS (of UTF-8 bytes)."""
        further = f"{_ENTRIES} AND key >= ? AND (? OR key > ?) ORDER BY key LIMIT ?"
        return [_entry(row) for row in self._do(further, bucket, key, inclusive, key, limit)]

    def known(self, bucket: str) -> dict[str, tuple[int, int]]:
        """Return key → (size, mtime_ns) of everything that was announced."""
        rows = self._do("SELECT key, size, mtime_ns FROM objects WHERE bucket = ?", bucket)
        return {key.decode(): (size, mtime_ns) for key, size, mtime_ns in rows}

    def intend(self, bucket: str, key: str, intent: Intent) -> None:
        """Write down what is about to be renamed into place."""
        sent = intent.sent
        self._do(
            "INSERT OR REPLACE INTO writing VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(bucket, key.encode(), intent.size, intent.mtime_ns, intent.etag),
            *(_json(intent.headers), sent.event_name, sent.authorization, sent.source_ip),
        )

    def intent(self, bucket: str, key: str, size: int, mtime_ns: int) -> Intent | None:
        """Return what was intended for the file that now lies there, if it is that one."""
        rows = self._do(
            "SELECT etag, headers, event_name, authorization, source_ip FROM writing"
            " WHERE bucket = ? AND key = ? AND size = ? AND mtime_ns = ?",
            *(bucket, key.encode(), size, mtime_ns),
        )
        if not rows:
            return None
        etag, headers, *sent = rows[0]
        return Intent(size, mtime_ns, etag, json.loads(headers), Sent(*sent))

    def begin_upload(self, bucket: str, upload: MultipartUpload) -> None:
        """Keep a multipart upload."""
        self._do(
            "INSERT INTO uploads VALUES (?, ?, ?, ?, ?)",
            *(upload.id, bucket, upload.key.encode(), _json(upload.headers), upload.started),
        )

    def uploads(self, bucket: str) -> list[MultipartUpload]:
        """Return the multipart uploads under way, by key and then by id."""
        rows = self._do(
            "SELECT id, key, headers, started FROM uploads WHERE bucket = ? ORDER BY key, id",
            bucket,
        )
        return [MultipartUpload(i, k.decode(), json.loads(h), s) for i, k, h, s in rows]

    def upload(self, bucket: str, key: str, upload_id: str) -> MultipartUpload | None:
        """Return one of them, if it is of this key."""
        rows = self._do(
            "SELECT headers, started FROM uploads WHERE bucket = ? AND key = ? AND id = ?",
            *(bucket, key.encode(), upload_id),
        )
        return MultipartUpload(upload_id, key, json.loads(rows[0][0]), rows[0][1]) if rows else None

    def end_upload(self, upload_id: str) -> None:
        """Forget a multipart upload and its parts."""
        self._do("DELETE FROM parts WHERE upload = ?", upload_id)
        self._do("DELETE FROM uploads WHERE id = ?", upload_id)

    def set_part(self, upload_id: str, part: Part) -> None:
        """Keep a part; one sent again replaces the first."""
        self._do("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?)", upload_id, *astuple(part))

    def parts(self, upload_id: str) -> list[Part]:
        """Return the parts there are, by number."""
        rows = self._do(
            "SELECT number, size, etag, written FROM parts WHERE upload = ? ORDER BY number",
            upload_id,
        )
        return [Part(*row) for row in rows]

    def _do(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()


_ENTRIES: Final = (
    "SELECT key, size, mtime_ns, etag, request_id, headers FROM objects WHERE bucket = ?"
)


def _json(headers: Mapping[str, str]) -> str:
    return json.dumps(dict(headers))


def _entry(row: Sequence[Any]) -> Entry:
    key, size, mtime_ns, etag, request_id, headers = row
    return Entry(key.decode(), size, mtime_ns, etag, request_id, json.loads(headers))
