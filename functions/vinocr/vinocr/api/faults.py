"""Faults on demand, for tests and for whoever develops against VinOCR.

An operator's file (VINOCR_FAULTS, JSON or TOML) names calls and what goes wrong with them. No
header, parameter or path of a request can ask for a fault, and only a server that listens on
loopback takes the file. The file may be changed while the server runs.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vinocr.api import reloaded_file
from vinocr.api.reloaded_file import ReloadedFile


class Fault(BaseModel):
    """One rule: which calls, and what happens to them.

    Calls are counted from 1, from the file's last change, over those that passed authentication
    and rate. A rule without ``nth``, ``first``, ``every`` or ``probability`` means every call.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    nth: tuple[int, ...] = ()
    first: int | None = Field(default=None, ge=1)
    every: int | None = Field(default=None, ge=1)
    probability: float | None = Field(default=None, ge=0, le=1)
    account: str | None = None
    """The uin of the only account that it happens to."""

    wait: float = Field(default=0, ge=0, le=600)
    """Seconds before anything else happens."""
    code: str | None = Field(default=None, pattern=r"^[A-Za-z]+(\.[A-Za-z]+)*$")
    """Answer this code instead of reading; any code, also an unknown one."""
    message: str | None = None
    cut: Literal["before", "middle", "after"] | None = None
    """Close the connection: before reading; in the middle of the answer, or just before its first
    byte, both after reading (and billing)."""
    body: Literal["empty", "not_json", "no_response", "no_request_id", "html"] | None = None
    """Read (and bill), then send this instead of the answer."""
    status: int | None = Field(default=None, ge=100, le=599)
    """HTTP status instead of 200."""

    @model_validator(mode="after")
    def _does_something(self) -> Fault:
        if not (self.wait or self.code or self.cut or self.body or self.status):
            raise ValueError("nothing goes wrong: give wait, code, cut, body or status")
        return self

    def hits(self, call: int, uin: str, dice: random.Random) -> bool:
        """Whether the rule applies to call number ``call`` of account ``uin``."""
        if self.account is not None and self.account != uin:
            return False
        if self.probability is not None and dice.random() >= self.probability:
            return False
        if not (self.nth or self.first or self.every):
            return True
        return (
            call in self.nth
            or (self.first is not None and call <= self.first)
            or (self.every is not None and call % self.every == 0)
        )


NO_FAULT: Final = Fault.model_construct()
"""What happens to a call without a fault: nothing."""


class FaultFile(BaseModel):
    """The document that VINOCR_FAULTS names."""

    model_config = ConfigDict(extra="forbid")
    faults: tuple[Fault, ...]
    seed: int = 0


class Faults:
    """The rules of a file, read again when it changes; without a file, none.

    :raises SettingsError: the file cannot be read or has a wrong value.
    """

    def __init__(self, path: Path | None = None) -> None:
        start = FaultFile(faults=()) if path is None else reloaded_file.read(FaultFile, path)
        self._file = ReloadedFile(FaultFile, path, start, self._restart)
        self._restart()

    def _restart(self) -> None:
        self._calls = 0
        self._dice = random.Random(self._file.current().seed)  # noqa: S311 - repeatable on purpose

    def next(self, uin: str) -> Fault | None:
        """Count a call and return the first rule that applies to it, or None."""
        rules = self._file.current().faults
        self._calls += 1
        return next((rule for rule in rules if rule.hits(self._calls, uin, self._dice)), None)
