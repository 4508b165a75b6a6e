"""Cursors of the console's lists: the last row seen, in characters that a URL may hold as they are.

A cursor belongs to its filter: with another one it would skip rows unseen, so it is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Final

from vindrop.core.console import BadCursorError, Filter

_VERSION: Final = 1
_LONGEST: Final = 2_000
_STALE: Final = "this page is out of date: begin at the first one again"
Place = tuple[str | int | float, ...]


def encode(list_name: str, chosen: Filter, place: Place) -> str:
    """Return the cursor of ``place`` in a list under a filter."""
    text = json.dumps([_VERSION, _mark(list_name, chosen), *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(list_name: str, chosen: Filter, cursor: str, kinds: tuple[type, ...]) -> Place | None:
    """Return the place that ``cursor`` names; None for an empty one: the beginning.

    :param kinds: of the place's parts; a float may also be written as an integer.
    :raises BadCursorError: it is none of ours, or of another list or filter.
    """
    if not cursor:
        return None
    if len(cursor) > _LONGEST:
        raise BadCursorError(_STALE)
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        version, mark, *place = json.loads(base64.b64decode(padded, b"-_", validate=True))
        fits = version == _VERSION and mark == _mark(list_name, chosen) and len(place) == len(kinds)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        fits, place = False, []
    if not fits or not all(_is(part, kind) for part, kind in zip(place, kinds, strict=True)):
        raise BadCursorError(_STALE)
    return tuple(kind(part) for part, kind in zip(place, kinds, strict=True))


def _is(part: object, kind: type) -> bool:
    if isinstance(part, bool):
        return False
    if kind is float:
        return isinstance(part, int | float) and abs(part) < 1e12
    return isinstance(part, kind) and not (isinstance(part, int) and abs(part) > 2**53)


def _mark(list_name: str, chosen: Filter) -> str:
    return hashlib.sha256(f"{list_name} {chosen!r}".encode()).hexdigest()[:12]
