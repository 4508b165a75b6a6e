"""Stores that go away and come back.

PostgreSQL is really stopped, as by a crash, and started again. SQLite has no server: a flag makes
every statement of every instance fail. The results' file loses its folder in one atomic step.
"""

from __future__ import annotations

import time
from pathlib import Path

from bench.rig.postgres import Postgres


class Outages:
    """The stores of one run."""

    def __init__(self, folder: Path, server: Postgres | None) -> None:
        self._server = server
        self.flag = folder / "ledger-is-away"
        self.count = 0
        """Of outages so far."""
        self._there, self._gone = folder / "results.there", folder / "results.gone"
        self._there.mkdir()
        self._gone.touch()
        self._link, self._new = folder / "results", folder / "results.new"
        self._link.symlink_to(self._there)

    @property
    def file_url(self) -> str:
        """A destination that can be away by itself."""
        return f"file://{self._link}/records.jsonl"

    def destination(self, seconds: float) -> None:
        """Take the file destination away for a while."""
        self.count += 1
        self._point(self._gone)
        time.sleep(seconds)
        self._point(self._there)

    def ledger(self, seconds: float) -> None:
        """Take the ledger away for a while."""
        self.count += 1
        if self._server is not None:
            self._server.stop()
            time.sleep(seconds)
            self._server.start()
            return
        self.flag.touch()
        time.sleep(seconds)
        self.flag.unlink()

    def _point(self, target: Path) -> None:
        self._new.symlink_to(target)
        self._new.replace(self._link)
