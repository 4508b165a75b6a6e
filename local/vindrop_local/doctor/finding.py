"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "wrong", "unsure"]
"""``unsure``: it could not be seen from here; not counted as wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    what: str
    """What was looked at."""
    state: State
    said: str
    """What was found; where it is wrong, what to do. Without secrets."""

    def as_json(self) -> dict[str, str]:
        """Return the fields for ``--json``."""
        return {"check": self.what, "state": self.state, "message": self.said}


def ok(what: str, said: str) -> Finding:
    """It works."""
    return Finding(what, "ok", said)


def wrong(what: str, said: str) -> Finding:
    """It does not; ``said`` tells what to do."""
    return Finding(what, "wrong", said)


def unsure(what: str, said: str) -> Finding:
    """It could not be seen from here."""
    return Finding(what, "unsure", said)
