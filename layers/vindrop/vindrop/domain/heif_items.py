"""HEIF and AVIF: how many pixels are decoded for a picture that is put together of others.

A grid names its tiles by number, and may name one tile, or one piece of data, a thousand times: a
kilobyte that takes minutes. Sources: ISO/IEC 14496-12 (8.11), ISO/IEC 23008-12 (6.5, 6.6).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_MOST_BOXES: Final = 5_000
_NOTHING: Final = (0, 0)
_Range = tuple[int, int]


def derived_pixels(data: bytes) -> int:
    """Return the pixels of all parts of the picture that is made of the most; 0: there is none."""
    try:
        meta = dict(_boxes(data, 0, len(data))).get(b"meta", _NOTHING)
        inside = dict(_boxes(data, meta[0] + 4, meta[1]))
        properties = dict(_boxes(data, *inside.get(b"iprp", _NOTHING)))
        areas = _areas(data, properties)
        made_of = _references(data, inside)
        return max((sum(areas.get(item, 0) for item in items) for items in made_of), default=0)
    except struct.error:  # breaks off: its decoder refuses it
        return 0


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, _Range]]:
    """Yield the kind of each box, and where its content lies."""
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        after = min(at + length, end) if length else end
        if after < at + head:
            return
        yield kind, (at + head, after)
        at = after


def _areas(data: bytes, properties: dict[bytes, _Range]) -> dict[int, int]:
    """Return item → pixels, as its property says them."""
    areas = []
    for kind, (begin, _) in _boxes(data, *properties.get(b"ipco", _NOTHING)):
        width, height = struct.unpack_from(">II", data, begin + 4) if kind == b"ispe" else _NOTHING
        areas.append(width * height)
    found: dict[int, int] = {}
    begin, end = properties.get(b"ipma", _NOTHING)
    if not end:
        return found
    version, large = data[begin], data[begin + 3] & 1
    (count,) = struct.unpack_from(">I", data, begin + 4)
    at = begin + 8
    for _ in range(min(count, end - begin)):
        if at >= end:
            break
        item, number = struct.unpack_from(">IB" if version else ">HB", data, at)
        at += 5 if version else 3
        listed = struct.unpack_from(f">{number}{'H' if large else 'B'}", data, at)
        at += number * (2 if large else 1)
        mask = 0x7FFF if large else 0x7F
        sizes = (areas[n - 1] for each in listed if 0 < (n := each & mask) <= len(areas))
        found[item] = max(found.get(item, 0), *sizes, 0)
    return found


def _references(data: bytes, inside: dict[bytes, _Range]) -> Iterator[tuple[int, ...]]:
    """Yield the items that each derived one is made of."""
    begin, end = inside.get(b"iref", _NOTHING)
    if not end:
        return
    form = "I" if data[begin] else "H"
    for kind, (at, _) in _boxes(data, begin + 4, end):
        if kind == b"dimg":
            _, count = struct.unpack_from(f">{form}H", data, at)
            yield struct.unpack_from(f">{count}{form}", data, at + struct.calcsize(f">{form}H"))
