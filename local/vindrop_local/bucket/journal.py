"""What the bucket remembers: objects announced, writes under way, multipart uploads.

The files in the folder are the objects; this says which of them were announced, and what a
folder cannot hold (ETag, Content-Type, x-cos-meta-…).
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
        self.lock = threading.RLock()

    def close(self) -> None:
        """Close the file; nothing may be called afterwards."""
        with self.lock:
            self._connection.close()

    def transaction(self) -> _Turn:
        """Take the turn and a transaction; gives the connection, for `OnEvent.record`."""
        return _Turn(self)

    def get(self, bucket: str, key: str) -> Entry | None:
        """Return the object's entry."""
        row = self._one(
            "SELECT key, size, mtime_ns, etag, request_id, headers FROM objects"
            " WHERE bucket = ? AND key = ?",
            (bucket, key.encode()),
        )
        return _entry(row) if row else None

    def set(self, bucket: str, entry: Entry) -> None:
        """Keep an object's entry, and forget the intent that announced it."""
        self._connection.execute(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                bucket,
                entry.key.encode(),
                entry.size,
                entry.mtime_ns,
                entry.etag,
                entry.request_id,
                json.dumps(dict(entry.headers)),
            ),
        )
        self._connection.execute(
            "DELETE FROM writing WHERE bucket = ? AND key = ?", (bucket, entry.key.encode())
        )

    def remove(self, bucket: str, key: str) -> None:
        """Forget an object."""
        with self.lock:
            for sql in (
                "DELETE FROM objects WHERE bucket = ? AND key = ?",
                "DELETE FROM writing WHERE bucket = ? AND key = ?",
            ):
                self._connection.execute(sql, (bucket, key.encode()))

    def after(self, bucket: str, key: bytes, limit: int, *, inclusive: bool) -> list[Entry]:
        """Return up to ``limit`` entries from ``key`` on, in the order of COS (of UTF-8 bytes)."""
        with self.lock:
            rows = self._connection.execute(
                "SELECT key, size, mtime_ns, etag, request_id, headers FROM objects"
                " WHERE bucket = ? AND key >= ? AND (? OR key > ?) ORDER BY key LIMIT ?",
                (bucket, key, inclusive, key, limit),
            ).fetchall()
        return [_entry(row) for row in rows]

    def known(self, bucket: str) -> dict[str, tuple[int, int]]:
        """Return key → (size, mtime_ns) of everything that was announced."""
        with self.lock:
            rows = self._connection.execute(
                "SELECT key, size, mtime_ns FROM objects WHERE bucket = ?", (bucket,)
            ).fetchall()
        return {key.decode(): (size, mtime_ns) for key, size, mtime_ns in rows}

    def intend(self, bucket: str, key: str, intent: Intent) -> None:
        """Write down what is about to be renamed into place."""
        with self.lock:
            self._connection.execute(
                "INSERT OR REPLACE INTO writing VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    bucket,
                    key.encode(),
                    intent.size,
                    intent.mtime_ns,
                    intent.etag,
                    json.dumps(dict(intent.headers)),
                    intent.sent.event_name,
                    intent.sent.authorization,
                    intent.sent.source_ip,
                ),
            )

    def intent(self, bucket: str, key: str, size: int, mtime_ns: int) -> Intent | None:
        """Return what was intended for the file that now lies there, if it is that one."""
        row = self._one(
            "SELECT etag, headers, event_name, authorization, source_ip FROM writing"
            " WHERE bucket = ? AND key = ? AND size = ? AND mtime_ns = ?",
            (bucket, key.encode(), size, mtime_ns),
        )
        if row is None:
            return None
        etag, headers, *sent = row
        return Intent(size, mtime_ns, str(etag), json.loads(str(headers)), Sent(*map(str, sent)))

    def begin_upload(self, bucket: str, upload: MultipartUpload) -> None:
        """Keep a multipart upload."""
        with self.lock:
            self._connection.execute(
                "INSERT INTO uploads VALUES (?, ?, ?, ?, ?)",
                (
                    upload.id,
                    bucket,
                    upload.key.encode(),
                    json.dumps(dict(upload.headers)),
                    upload.started,
                ),
            )

    def uploads(self, bucket: str) -> list[MultipartUpload]:
        """Return the multipart uploads under way, by key and then by start."""
        with self.lock:
            rows = self._connection.execute(
                "SELECT id, key, headers, started FROM uploads WHERE bucket = ?"
                " ORDER BY key, started, id",
                (bucket,),
            ).fetchall()
        return [MultipartUpload(i, k.decode(), json.loads(h), s) for i, k, h, s in rows]

    def upload(self, bucket: str, key: str, upload_id: str) -> MultipartUpload | None:
        """Return one of them, if it is of this key."""
        row = self._one(
            "SELECT headers, started FROM uploads WHERE bucket = ? AND key = ? AND id = ?",
            (bucket, key.encode(), upload_id),
        )
        if row is None:
            return None
        return MultipartUpload(upload_id, key, json.loads(str(row[0])), float(str(row[1])))

    def end_upload(self, upload_id: str) -> None:
        """Forget a multipart upload and its parts."""
        with self.lock:
            self._connection.execute("DELETE FROM parts WHERE upload = ?", (upload_id,))
            self._connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))

    def set_part(self, upload_id: str, part: Part) -> None:
        """Keep a part; one sent again replaces the first."""
        with self.lock:
            self._connection.execute(
                "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?)",
                (upload_id, part.number, part.size, part.etag, part.written or time.time()),
            )

    def parts(self, upload_id: str) -> list[Part]:
        """Return the parts there are, by number."""
        with self.lock:
            rows = self._connection.execute(
                "SELECT number, size, etag, written FROM parts WHERE upload = ? ORDER BY number",
                (upload_id,),
            ).fetchall()
        return [Part(*row) for row in rows]

    def _one(self, sql: str, values: Sequence[object]) -> tuple[object, ...] | None:
        with self.lock:
            row: tuple[object, ...] | None = self._connection.execute(sql, values).fetchone()
        return row


class _Turn:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __enter__(self) -> sqlite3.Connection:
        self._journal.lock.acquire()
        try:
            self._inner = transaction(self._journal._connection)  # noqa: SLF001 - same module
            return self._inner.__enter__()
        except BaseException:
            self._journal.lock.release()
            raise

    def __exit__(self, *error: object) -> None:
        try:
            self._inner.__exit__(*error)  # type: ignore[arg-type]
        finally:
            self._journal.lock.release()


def _entry(row: Sequence[object]) -> Entry:
    key, size, mtime_ns, etag, request_id, headers = row
    assert isinstance(key, bytes)  # noqa: S101 - the column's type
    return Entry(
        key.decode(),
        int(str(size)),
        int(str(mtime_ns)),
        str(etag),
        str(request_id),
        json.loads(str(headers)),
    )
