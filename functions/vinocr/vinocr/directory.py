"""The accounts in force: read at start, and again whenever their file changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vinocr import accounts, logs
from vinocr.accounts import Accounts, SettingsError


@dataclass(slots=True)
class Directory:
    """Hands out the accounts; a changed file counts from the next call on, a broken one not at all."""

    held: Accounts
    path: Path | None = None
    _stamp: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self._stamp = self._look()

    def current(self) -> Accounts:
        """Return the accounts of this moment."""
        stamp = self._look()
        if stamp is not None and stamp != self._stamp:
            self._stamp = stamp
            try:
                self.held = accounts.load(self.path) if self.path else self.held
            except SettingsError as error:
                logs.event("accounts_not_reloaded", why=str(error))
            else:
                logs.event("accounts_reloaded", accounts=len(self.held.accounts))
        return self.held

    def _look(self) -> tuple[int, int] | None:
        if self.path is None:
            return None
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size
