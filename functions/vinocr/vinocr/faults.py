"""Faults on demand, for tests and for whoever develops against VinOCR.

An operator's file (VINOCR_FAULTS, JSON or TOML) names calls and what goes wrong with them. There
is no other way in: no header, parameter or path of a request can ask for a fault, and the file is
taken only by a server that listens on loopback. The file may be changed while the server runs.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vinocr import logs
from vinocr.accounts import SettingsError, read_document

Cut = Literal["before", "middle", "after"]
Broken = Literal["empty", "not_json", "no_response", "no_request_id", "html"]


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
    """Answer this code instead of reading; any code, also one that nobody knows."""
    message: str | None = None
    cut: Cut | None = None
    """Close the connection: before reading; in the middle of the answer, or just before its first
    byte, both after reading (and billing)."""
    body: Broken | None = None
    """Read (and bill), then send this instead of the answer."""
    status: int | None = Field(default=None, ge=100, le=599)
    """HTTP status instead of 200."""

    @model_validator(mode="after")
    def _does_something(self) -> Fault:
        if not (self.wait or self.code or self.cut or self.body or self.status):
            raise ValueError(
                "says nothing of what should go wrong: give wait, code, cut, body or status"
            )
        return self

    def hits(self, call: int, uin: str, dice: random.Random) -> bool:
        """Whether call number ``call`` of account ``uin`` is one of those meant."""
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


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    faults: tuple[Fault, ...]
    seed: int = 0


def parse(document: dict[str, Any], source: str) -> tuple[tuple[Fault, ...], int]:
    """Check a faults document; return its rules and its seed.

    :raises SettingsError: names the first thing that is wrong.
    """
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "faults"
        raise SettingsError(f"{source}: {place}: {first['msg']}") from None
    return file.faults, file.seed


@dataclass(slots=True)
class Faults:
    """The rules of a file, read again when it changes; without a file, none."""

    path: Path | None = None
    _rules: tuple[Fault, ...] = ()
    _stamp: tuple[int, int] | None = None
    _calls: int = 0
    _dice: random.Random = field(default_factory=random.Random)

    def load(self) -> None:
        """Read the file.

        :raises SettingsError: it cannot be read or says something wrong.
        """
        if self.path is None:
            return
        self._stamp = _stamp(self.path)
        self._rules, seed = parse(read_document(self.path), str(self.path))
        self._calls = 0
        self._dice = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def next(self, uin: str) -> Fault | None:
        """Count a call and return the first rule that means it, or None."""
        if self.path is None:
            return None
        if _stamp(self.path) != self._stamp:
            try:
                self.load()
            except SettingsError as error:  # keep the rules that were good
                logs.event("faults_not_reloaded", why=str(error))
        self._calls += 1
        return next((r for r in self._rules if r.hits(self._calls, uin, self._dice)), None)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
