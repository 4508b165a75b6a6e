"""Records as lines of JSON in a file: ``file:///absolute/path.jsonl``.

One write per record, under a lock, synced before it counts. A record that comes twice is one
line: the identities in the file are read once, and then only what others appended since. A line
that a crash cut short is dropped; its record comes again.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from vindrop.destinations import Kind
from vindrop.records import Reading, Record, from_json, to_json
from vindrop.stores import StoreError, StoreSettingError


class FileDestination:
    """See `vindrop.destinations.Destination`."""

    database = None

    def __init__(self, url: str) -> None:
        split = urlsplit(url)
        if split.netloc or not split.path.strip("/"):
            raise StoreSettingError(f"{url} names no file: write file:///absolute/path.jsonl")
        self._path = Path(unquote(split.path))
        self._seen: set[str] = set()
        self._read_to = 0
        self._inode = 0
        self._lock = threading.Lock()

    def put(self, record: Record) -> None:
        """Append the line, unless it is there."""
        line = to_json(record).encode() + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, self._path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                self._catch_up(file)
                if _identity(line) in self._seen:
                    return
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
                self._seen.add(_identity(line))
                self._read_to += len(line)
        except OSError as error:
            raise StoreError(f"cannot write {self._path}: {error.strerror or error}") from error

    def records(self, kind: Kind) -> Iterator[Record]:
        """Yield the records in the order in which they came."""
        if not self._path.exists():
            return
        try:
            with self._path.open("rb") as file:
                for line in file:
                    if not line.endswith(b"\n"):
                        return  # being written
                    record = from_json(line)
                    if isinstance(record, Reading) == (kind == "readings"):
                        yield record
        except (OSError, ValueError) as error:
            raise StoreError(f"cannot read {self._path}: {error}") from error

    def _catch_up(self, file: BinaryIO) -> None:
        status = os.fstat(file.fileno())
        if status.st_ino != self._inode or status.st_size < self._read_to:
            self._seen.clear()  # rotated or cut: another file now
            self._read_to, self._inode = 0, status.st_ino
        file.seek(self._read_to)
        for line in file:
            if not line.endswith(b"\n"):
                file.truncate(self._read_to)
                break
            self._read_to += len(line)
            try:
                self._seen.add(_identity(line))
            except ValueError:
                continue  # a line that is not ours stays where it is
        file.seek(0, os.SEEK_END)


def _identity(line: bytes) -> str:
    event = json.loads(line)
    if not isinstance(event, dict):
        raise ValueError("a line that is no object")  # noqa: TRY004  # as an undecodable line
    return f"{event.get('type')} {event.get('id')}"
