"""Objects in a folder: written whole or not at all, announced once, never outside the folder.

temp file ── intent in the journal ── rename ── journal entry + event, one transaction
                                         ╰─ killed here: `adopt` finds the file, announces it
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import mimetypes
import os
import shutil
import signal
import stat
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

from vindrop_local.bucket import events, keys
from vindrop_local.bucket.errors import CosError
from vindrop_local.bucket.events import Sent
from vindrop_local.bucket.journal import Entry, Intent, Journal
from vindrop_local.bucket.spec import RESERVED, Bucket
from vindrop_local.platform import Trigger

CHUNK: Final = 256 * 1024
"""Bytes read or written at once."""
_QUIET_SECONDS: Final = 2.0


class Writing:
    """A file not yet in the bucket: written bytes, their number and MD5 so far."""

    def __init__(self, folder: Path) -> None:
        number, name = tempfile.mkstemp(dir=folder)
        self.file: BinaryIO = os.fdopen(number, "wb")
        self.path = Path(name)
        self.size = 0
        self.md5 = hashlib.md5(usedforsecurity=False)

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        self.file.write(data)
        self.md5.update(data)
        self.size += len(data)

    def copy_from(self, source: BinaryIO, length: int | None = None) -> None:
        """Append ``length`` bytes of ``source``, or all that is left of it."""
        left = length
        while left is None or left > 0:
            data = source.read(CHUNK if left is None else min(CHUNK, left))
            if not data:
                return
            self.write(data)
            left = None if left is None else left - len(data)

    def sync(self) -> None:
        """Have the bytes on disk."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()

    def __enter__(self) -> Writing:  # noqa: PYI034 - Self is of 3.11, and nobody inherits
        return self

    def __exit__(self, *exc: object) -> None:
        """Forget it; nothing happens if it is in its place already."""
        self.file.close()
        self.path.unlink(missing_ok=True)


class Objects:
    """The objects of one bucket."""

    def __init__(self, bucket: Bucket, journal: Journal, on_event: Trigger | None = None) -> None:
        """Open the folder, making it where it is missing; what a killed process left half done goes.

        :raises OSError: the folder cannot be made or written to.
        """
        self.bucket = bucket
        self.folder = bucket.folder.absolute()
        self.journal = journal
        self._on_event = on_event
        self._lock = threading.RLock()
        self._own = self.folder / RESERVED
        self._temporary = self._own / "tmp"
        self.parts = self._own / "multipart"
        self.parts.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir()
        going = {upload.id for upload in journal.uploads(bucket.name)}
        for left in self.parts.iterdir():
            if left.name not in going:
                shutil.rmtree(left, ignore_errors=True)

    def begin(self) -> Writing:
        """Begin to write, in a ``with`` block: what was not `put` at its end is gone."""
        return Writing(self._temporary)

    def put(
        self,
        key: str,
        written: Writing,
        headers: Mapping[str, str],
        sent: Sent,
        etag: str = "",
        *,
        overwrite: bool = True,
    ) -> Entry:
        """Make ``written`` the object ``key``, and announce it.

        :param etag: where it is not the MD5 of the bytes (multipart uploads).
        :raises CosError: FileAlreadyExists, where it must not be overwritten.
        """
        keys.checked(key)
        if not key:
            raise CosError("InvalidURI", "An object needs a key.")
        etag = etag or written.md5.hexdigest()
        written.sync()
        with self._lock:
            before = self.journal.get(self.bucket.name, key)
            if not overwrite and self.file_of(key) is not None:
                raise CosError("FileAlreadyExists", "The object exists: choose another key.")
            # A later time than the last write's, whatever the clock does: it is part of the identity.
            wanted = max(time.time_ns(), before.mtime_ns + 1_000_000 if before else 0)
            os.utime(written.path, ns=(wanted, wanted))
            written.path.chmod(0o644)
            mtime_ns = written.path.stat().st_mtime_ns
            intent = Intent(written.size, mtime_ns, etag, headers, sent)
            self.journal.intend(self.bucket.name, key, intent)
            self._place(key, written.path)
            return self._announce(key, intent)

    def _place(self, key: str, source: Path) -> None:
        """Rename ``source`` to where ``key`` lies; an older place of it goes."""
        *plain, odd = keys.places(self.folder, key)
        target = plain[0] if plain and keys.can_hold_a_file(self.folder, plain[0]) else odd
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
        except OSError:
            # Somebody made a folder there this very moment, or the path is too long together.
            if target == odd:
                raise
            target = odd
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
        for other in (*plain, odd):
            if other != target and other.is_file():
                self._unlink(other)

    def _announce(self, key: str, intent: Intent, event_time: float | None = None) -> Entry:
        identity = (self.bucket.name, key, intent.size, intent.mtime_ns, intent.etag)
        request_id = events.request_id(*identity)
        entry = Entry(*identity[1:], request_id, dict(intent.headers))
        seconds = int(intent.mtime_ns // 1_000_000_000 if event_time is None else event_time)
        with self.journal.transaction() as connection:
            self.journal.set(self.bucket.name, entry)
            if self._on_event is not None:
                event = events.created(
                    self.bucket,
                    key,
                    size=intent.size,
                    mtime_ns=intent.mtime_ns,
                    etag=intent.etag,
                    headers=intent.headers,
                    sent=intent.sent,
                    function=self._on_event.function,
                    event_time=seconds,
                )
                self._on_event.record(connection, request_id, event)
        if self._on_event is not None:
            self._on_event.recorded()
        return entry

    def file_of(self, key: str) -> Path | None:
        """Return the file of ``key``, if there is one (announced or not)."""
        for place in keys.places(self.folder, key):
            with contextlib.suppress(OSError, ValueError):
                if stat.S_ISREG(place.lstat().st_mode):
                    return place
        return None

    def adopt(self, key: str, *, settled: bool) -> Entry | None:
        """Announce the file of ``key`` if it is whole and was not announced; return its entry.

        None if there is no such file, or if it is still being written.

        :param settled: the caller has seen that it stopped growing.
        """
        file = self.file_of(key)
        if file is None:
            return None
        try:
            with self._open(file) as opened:
                before = os.fstat(opened.fileno())
                entry = self.journal.get(self.bucket.name, key)
                if entry and entry.matches(before.st_size, before.st_mtime_ns):
                    return entry
                writing = _is_being_written(opened.fileno())
                if writing is None and not settled:
                    writing = time.time() - before.st_ctime < _QUIET_SECONDS
                if writing:
                    return None
                digest = hashlib.md5(usedforsecurity=False)
                while data := opened.read(CHUNK):
                    digest.update(data)
        except OSError:
            return None
        with self._lock:
            try:
                after = file.lstat()
            except OSError:
                return None
            size, mtime_ns = after.st_size, after.st_mtime_ns
            seen = (before.st_size, before.st_mtime_ns, before.st_ino)
            if (size, mtime_ns, after.st_ino) != seen:
                return None
            entry = self.journal.get(self.bucket.name, key)
            if entry and entry.matches(size, mtime_ns):
                return entry  # another thread was faster
            intent = self.journal.intent(self.bucket.name, key, size, mtime_ns)
            if intent is not None:
                return self._announce(key, intent)
            kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
            copied = Intent(size, mtime_ns, digest.hexdigest(), {"Content-Type": kind}, Sent())
            return self._announce(key, copied, time.time())

    def open(self, key: str) -> tuple[Entry, BinaryIO]:
        """Open an object for reading. A write to the key meanwhile does not change what is read.

        :raises CosError: NoSuchKey.
        """
        for _ in range(3):  # replaced between the two steps: look again
            entry = self.adopt(key, settled=False)
            file = self.file_of(key)
            if entry is None or file is None:
                break
            try:
                opened = self._open(file)
            except OSError:
                continue
            found = os.fstat(opened.fileno())
            if entry.matches(found.st_size, found.st_mtime_ns):
                return entry, opened
            opened.close()
        raise CosError("NoSuchKey", "The specified key does not exist.")

    def exists(self, entry: Entry) -> bool:
        """Whether the file of a journal entry is still there, unchanged."""
        file = self.file_of(entry.key)
        if file is None:
            return False
        with contextlib.suppress(OSError):
            found = file.lstat()
            return entry.matches(found.st_size, found.st_mtime_ns)
        return False

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none, as with COS."""
        with self._lock:
            for place in list(keys.places(self.folder, key)):
                with contextlib.suppress(OSError, ValueError):
                    if stat.S_ISREG(place.lstat().st_mode):
                        self._unlink(place)
            self.journal.remove(self.bucket.name, key)

    def forget(self, key: str) -> None:
        """Drop the journal's entry of a file that somebody removed from the folder."""
        with self._lock:
            for place in keys.places(self.folder, key):
                try:
                    if stat.S_ISREG(place.lstat().st_mode):
                        return
                except (FileNotFoundError, NotADirectoryError):
                    continue
                except OSError:
                    return  # cannot be looked at just now, which is not gone
            self.journal.remove(self.bucket.name, key)

    def _unlink(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        for parent in file.parents:  # a bucket has no empty folders
            if parent in (self.folder, self._own, self._own / "keys"):
                return
            try:
                parent.rmdir()
            except OSError:
                return

    @staticmethod
    def _open(file: Path) -> BinaryIO:
        return os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def _is_being_written(descriptor: int) -> bool | None:
    """Whether some process has the file open for writing; None where nobody can tell (not Linux).

    A read lease is refused exactly then (fcntl(2), F_SETLEASE). It is given back at once; for the
    moment in between its signal is made one that nothing listens to, since SIGIO would end us.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return None
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except (OSError, AttributeError):
        return None  # not our file, or a file system without leases
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
