"""Records as lines of JSON in a file: ``file:///absolute/path.jsonl``.

One write per record, under a lock, synced before it counts. A record that comes twice is one
line: the identities in the file are read once, and then only what others appended since. A line
that a crash cut short is dropped; its record is redelivered.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import unquote, urlsplit

from vindrop.core.destination import Kind
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.domain.records import (
    DEAD_LETTER,
    READING,
    REVIEW,
    End,
    Record,
    end_from_cloudevent,
    from_cloudevent,
    is_review,
    to_json,
)

if TYPE_CHECKING:
    from vindrop.domain.review import Review

WITHDRAWN: Final = "vindrop.dead_letter.withdrawn.v1"
"""Type of the line that takes a dead letter back; it has no data."""
RETRACTED: Final = "vindrop.reading.retracted.v1"
"""Type of the line that takes a person's reading back: the dead letter before it stands again."""
_TAIL: Final = 1 << 16
"""Bytes of its end that are looked through at once for the last whole line."""


class FileDestination:
    """See `vindrop.core.destination.Destination`."""

    database = None

    def __init__(self, url: str, environment: Mapping[str, str] | None = None) -> None:  # noqa: ARG002  # as every opener
        try:
            split = urlsplit(url)
        except ValueError:  # a bracket where a host would stand
            split = urlsplit("file:")
        if split.netloc or not split.path.strip("/"):
            raise StoreSettingError("file://… names no file: write file:///absolute/path.jsonl")
        self._path = Path(unquote(split.path))
        if (
            not self._path.parent.exists()
        ):  # a typing error would else be a folder that nobody finds
            raise StoreSettingError(
                f"file://… names a file in the folder {self._path.parent}, which is not there: make it, "
                "or correct the URL"
            )
        self._seen: set[str] = set()
        self._read_to = 0
        self._inode = 0
        self._lock = threading.Lock()

    def put(self, record: Record, *, redelivered: bool = False) -> None:  # noqa: ARG002  # its lines tell
        """Append the line, unless it is there."""
        self._append(to_json(record).encode() + b"\n")

    def withdraw(self, record_id: str) -> None:
        """Append a line that takes the dead letter back, if there is one: nothing is rewritten."""
        if any(record.id == record_id for record in self.records("dead_letters")):
            self._take_back(record_id, WITHDRAWN)

    def retract(self, upload_id: str) -> None:
        """Append a line after which the dead letter counts again that a person had replaced.

        Nothing is written where no person has: a machine's reading stays.
        """
        last = self._ends().get(upload_id)
        if last == "" or (last or "").startswith(f"{READING} {upload_id} 2"):
            self._take_back(upload_id, RETRACTED)

    def _take_back(self, record_id: str, kind: str) -> None:
        event = {
            "specversion": "1.0",
            "id": record_id,
            "source": "/vindrop",
            "type": kind,
            "time": dt.datetime.now(dt.timezone.utc).isoformat().replace("+00:00", "Z"),
        }
        self._append(json.dumps(event, separators=(",", ":")).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, self._path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                self._catch_up(file)
                if _identity_of(line) in self._seen:
                    return
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
                self._note(line)
                self._read_to += len(line)
        except OSError as error:
            raise StoreError(f"cannot write {self._path}: {error.strerror or error}") from error

    def records(self, kind: Kind) -> Iterator[End]:
        """Yield the records in the order in which they came.

        Of several dead letters of one upload the last counts, and none once it has a reading here
        or was taken back. Of a person's readings the last counts, and none once it was taken back.
        """
        ends = self._ends()
        wanted = READING if kind == "readings" else DEAD_LETTER
        for event in self._events():
            name = str(event.get("id"))
            if event.get("type") == wanted and ends.get(name) == _identity(event):
                del ends[name]  # a dead letter that stands again is there twice
                try:
                    yield end_from_cloudevent(event)
                except ValueError as error:
                    raise StoreError(f"cannot read {self._path}: {error}") from error

    def reviewed(self, kind: Kind) -> Iterator[tuple[End, Review | None]]:
        """Yield the records, each with the last review of its upload, wherever in the file that is."""
        reviews = self._reviews()
        for record in self.records(kind):
            yield record, reviews.get(record.id)

    def _reviews(self) -> dict[str, Review]:
        found: dict[str, Review] = {}
        for event in self._events():
            if event.get("type") != REVIEW:
                continue
            try:
                review = from_cloudevent(event)
            except ValueError as error:
                raise StoreError(f"cannot read {self._path}: {error}") from error
            if not is_review(review):  # its type says that it is
                continue
            earlier = found.get(review.upload.id)
            if earlier is None or earlier.sequence < review.sequence:
                found[review.upload.id] = review
        return found

    def _ends(self) -> dict[str, str]:
        """Return upload → the identity of the line that counts; "" where none does."""
        ends: dict[str, str] = {}
        for event in self._events():
            name, kind = str(event.get("id")), event.get("type")
            read = ends.get(name, "").startswith(f"{READING} ")
            if kind == RETRACTED or (kind == WITHDRAWN and not read):
                ends[name] = ""
            elif kind == READING or (kind == DEAD_LETTER and not read):
                ends[name] = _identity(event)
        return ends

    def _events(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        try:
            with self._path.open("rb") as file:
                left = _whole(file)
                while left > 0 and (line := file.readline()):
                    left -= len(line)
                    event = _event_of(line)
                    if isinstance(event, dict):
                        yield event
        except (OSError, ValueError) as error:
            raise StoreError(f"cannot read {self._path}: {error}") from error

    def _note(self, line: bytes) -> None:
        """Remember that a line is there; a dead letter that was replaced may be written again."""
        identity = _identity_of(line)
        self._seen.add(identity)
        kind, _, rest = identity.partition(" ")
        if kind == RETRACTED:
            again = f"{DEAD_LETTER} {rest.partition(' ')[0]} "
            self._seen = {each for each in self._seen if not each.startswith(again)}

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
                self._note(line)
            except ValueError:
                continue  # a line that is not ours stays where it is
        file.seek(0, os.SEEK_END)


def _whole(file: BinaryIO) -> int:
    """Return where the last whole line ends: what stands before is never written again.

    What stands behind is being written; or a crash cut it short, and another line takes its place
    while we read: of the two one would be made.
    """
    end = os.fstat(file.fileno()).st_size
    while end:
        begin = max(0, end - _TAIL)
        at = os.pread(file.fileno(), end - begin, begin).rfind(b"\n")
        if at >= 0:
            return begin + at + 1
        end = begin
    return 0


def _event_of(line: bytes) -> Any:
    """Return the event in a line.

    :raises ValueError: it is not JSON, or nested too deeply to be ours.
    """
    try:
        return json.loads(line)
    except RecursionError:
        raise ValueError("a line is nested too deeply") from None


def _identity(event: dict[str, Any]) -> str:
    """Tell an upload's second dead letter, made after a redrive, from a copy of the first.

    So are a person's readings told apart: one may be corrected. Of a machine's there is one.
    """
    data = event.get("data")
    by_person = isinstance(data, dict) and data.get("verdict") == "reviewed"
    when = "" if event.get("type") == READING and not by_person else event.get("time")
    if isinstance(data, dict) and data.get("upload") is None:
        when = ""  # of a malformed event: each copy has a time of its own
    return f"{event.get('type')} {event.get('id')} {when}"


def _identity_of(line: bytes) -> str:
    event = _event_of(line)
    if not isinstance(event, dict):
        raise ValueError("a line that is not an object")  # noqa: TRY004  # as an undecodable line
    return _identity(event)
