"""What `vindrop bootstrap tencent` makes of an empty account: bucket, deploying sub-account, database.

Everything is found again by its name, so what was half made is gone on with, and a second run
changes nothing. The functions, their roles, logs and alarms are made by `osls deploy`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

THERE: Final = "there"
WANTED: Final = "to be made"
MADE: Final = "made"


@dataclass(frozen=True)
class Step:
    """One thing that the account should have."""

    kind: str
    name: str
    look: Callable[[], str]
    """Changes nothing. Returns what is missing of it, in words; empty where all of it is there."""
    make: Callable[[], None]
    """Makes what is missing. Called right after `look` said that something is."""
    document: dict[str, Any] | None = None
    """The policy, as CAM is given it."""


@dataclass(frozen=True)
class Done:
    """What became of a step."""

    step: Step
    state: str
    """`there`, `to be made` or `made`."""
    detail: str

    def as_json(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        found = {"step": self.step.kind, "name": self.step.name, "state": self.state}
        more = {"detail": self.detail} if self.detail else {}
        return {**found, **more, **({"document": self.step.document} if self.step.document else {})}


def carry_out(steps: list[Step], *, dry_run: bool) -> Iterator[Done]:
    """Look at each step in order, and make what is missing unless ``dry_run``.

    :raises UserError: what the account refuses, and what to do about it.
    """
    for step in steps:
        missing = step.look()
        if not missing:
            yield Done(step, THERE, "")
        elif dry_run:
            yield Done(step, WANTED, missing)
        else:
            step.make()
            yield Done(step, MADE, missing)
