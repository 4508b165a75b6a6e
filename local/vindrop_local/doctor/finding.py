"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

State = Literal["ok", "wrong", "unsure"]
"""``unsure``: it could not be seen from here; not counted as wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    what: str
    """What was looked at."""
    said: str
    """What was found; where it is wrong, what to do. Without secrets."""
    state: State

    def as_json(self) -> dict[str, str]:
        """Return the fields for ``--json``."""
        return {"check": self.what, "state": self.state, "message": self.said}


ok = partial(Finding, state="ok")
wrong = partial(Finding, state="wrong")
unsure = partial(Finding, state="unsure")
