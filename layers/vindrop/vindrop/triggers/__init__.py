"""Payload ─▶ uploads. One file per source; exactly one must recognise a payload as its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, Protocol, cast

from vindrop.triggers import cos, s3
from vindrop.triggers.common import Arrival, Ignored, Malformed

__all__ = ["Arrival", "Delivery", "Ignored", "Malformed", "UnknownEventError", "read"]


class UnknownEventError(ValueError):
    """No trigger, or more than one, recognises the payload. ``str()`` names what was found in it."""


class _Trigger(Protocol):
    def infer(self, payload: Mapping[str, Any]) -> bool:
        """Whether the payload is this source's, judged by fields that no other source has."""

    def arrivals(self, payload: Mapping[str, Any]) -> list[Arrival]:
        """What arrived, in the payload's order."""


SOURCES: Final[dict[str, ModuleType]] = {"cos": cos, "s3": s3}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A payload, understood."""

    source: str
    """Which trigger it came by, such as ``cos``."""
    arrivals: list[Arrival]


def read(payload: object) -> Delivery:
    """Understand what a platform delivered.

    :raises UnknownEventError: not exactly one source recognises it.
    """
    if not isinstance(payload, Mapping):
        raise UnknownEventError(f"the event is a {type(payload).__name__}, not an object")
    names = [name for name, module in SOURCES.items() if cast("_Trigger", module).infer(payload)]
    if len(names) != 1:
        fields = ", ".join(sorted(str(field)[:40] for field in list(payload)[:10])) or "none"
        which = " and ".join(names) if names else "no trigger of " + ", ".join(SOURCES)
        raise UnknownEventError(f"the event is recognised by {which}; its fields: {fields}")
    return Delivery(names[0], cast("_Trigger", SOURCES[names[0]]).arrivals(payload))
