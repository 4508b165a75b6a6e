"""The one SQLite file that the bucket's journal and the platform's queue share.

Shared so that an object's journal entry and its event are one transaction: killed at any
moment, either both are there or neither is.
"""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
from collections.abc import Iterator
from pathlib import Path


def connect(file: Path) -> sqlite3.Connection:
    """Open ``file``, for use by any thread that takes turns with a lock of its own.

    Write-ahead log with ``synchronous=NORMAL``: nothing committed is lost when a process is
    killed. Only a power cut can undo the last moments, and then object and event go together.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Everything in the block, or nothing; waits up to 30 s for another writer to finish."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class AlreadyRunningError(RuntimeError):
    """Another process works on the same state folder. ``str()`` says which."""


class FolderLock:
    """Keeps a second process off a state folder; the kernel lets go when we die."""

    def __init__(self, file: Path, what: str) -> None:
        """Take the lock.

        :raises AlreadyRunningError: somebody else holds it.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise AlreadyRunningError(
                f"{what} is already running on {file.parent}: stop it, or choose "
                "another folder with --state"
            ) from None

    def release(self) -> None:
        """Let the next process in."""
        self._file.close()

    def __enter__(self) -> FolderLock:  # noqa: PYI034 - Self is of 3.11, and nobody inherits
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()
