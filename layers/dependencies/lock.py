"""Cuts the packages of one layer out of the lock, with their hashes.

The lock says after each package who asked for it (``# via``), so the closure of a layer needs no
resolver and no network: what is asked for, and whatever names one of those as its asker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BLOCK: Final = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;\\]+)", re.MULTILINE)
_HASH: Final = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_ASKER: Final = re.compile(r"^ +#(?: via)? +([a-z0-9][a-z0-9._-]*)(?: \(.*\))?$", re.MULTILINE)


class LockError(ValueError):
    """The lock lacks what a layer wants. ``str()`` says what to do."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One locked package."""

    name: str
    version: str
    text: str
    """Its lines in the lock, hashes included."""
    askers: frozenset[str]


def read(path: Path) -> list[Pin]:
    """Return every package of the lock; twice where two versions of Python need two of it.

    :raises LockError: it is no lock, or a package in it has no hash.
    """
    text = path.read_text()
    starts = list(_BLOCK.finditer(text))
    pins = []
    for number, match in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        block = text[match.start() : end].rstrip() + "\n"
        if not _HASH.search(block):
            raise LockError(f"{path.name}: {match['name']} has no hash; run `make lock-layers`")
        askers = frozenset(_ASKER.findall(block)) - {"via"}
        pins.append(Pin(match["name"], match["version"], block, askers))
    if not pins:
        raise LockError(f"{path} holds no locked packages; run `make lock-layers`")
    return pins


def closure(pins: list[Pin], roots: tuple[str, ...]) -> list[Pin]:
    """Return ``roots`` and all they need, sorted by name.

    :raises LockError: a root is not locked.
    """
    names = {pin.name for pin in pins}
    for root in roots:
        if root not in names:
            raise LockError(
                f"{root} is not in the lock: add it to pyproject.toml and run `make lock-layers`"
            )
    found = set(roots)
    while True:
        more = {pin.name for pin in pins if pin.askers & found} - found
        if not more:
            return [pin for pin in pins if pin.name in found]
        found |= more
