"""Image file directories: the tags of TIFF, and of EXIF, which is a TIFF without a picture.

Reads what is there as far as it can be read and raises nothing: a camera's odd tag must not cost a
photo whose pixels are whole. Source: TIFF 6.0, section 2; EXIF 2.32, section 4.6.2.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

ORIENTATION: Final = 0x0112
MOST_TAGS: Final = 1_000
MOST_PAGES: Final = 1_000

_FORMATS: Final = {
    1: "B", 2: "s", 3: "H", 4: "I", 5: "II", 6: "b", 7: "B", 8: "h", 9: "i", 10: "ii", 11: "f",
    12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q",
}  # fmt: skip
"""Type of a tag's values → how `struct` reads one."""
BYTES: Final = frozenset((1, 2, 7))
"""Types whose values stay together: bytes, text, anything."""
_XMP_ORIENTATION: Final = re.compile(rb"tiff:Orientation\s{0,9}(?:=\s{0,9}[\"']|>)\s{0,9}([1-8])\b")
_XMP_SEARCHED: Final = 65_536


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory: a page of a TIFF, or the main one of an EXIF."""

    data: bytes
    order: str
    """``<`` or ``>``: byte order, as `struct` writes it."""
    offset: int
    """Where it begins."""
    tags: tuple[tuple[int, int, int, int], ...]
    """Tag, type, number of values, and where its 12 bytes begin; in the file's order."""
    next: int
    """Where the next directory begins; 0: there is none."""

    def first(self, tag: int) -> int | None:
        """Return the first value of a tag as a whole number, whatever its type; None: unreadable."""
        return next(self._each(tag), None)

    def whole(self, tag: int, default: int) -> int:
        """Return the first value of a tag, or ``default`` where it is not there."""
        found = self.first(tag)
        return default if found is None else found

    def numbers(self, tag: int) -> list[int]:
        """Return all values of a tag that are whole numbers."""
        return list(self._each(tag, most=64))

    @property
    def orientation(self) -> int | None:
        """The turn that it asks for, 1 to 8, or None where none can be read."""
        return next((found for found in self._each(ORIENTATION) if 1 <= found <= 8), None)

    def _each(self, tag: int, most: int = 1) -> Iterator[int]:
        for found, kind, count, at in self.tags:
            if found != tag or kind not in _FORMATS:
                continue
            one = _FORMATS[kind]
            size = struct.calcsize(f"{self.order}{one}")
            total = size * max(count, 1)
            start = at + 8 if total <= 4 else self._number("I", at + 8)
            if kind == 2:
                text = self.data[start : start + min(total, 16)].partition(b"\0")[0].strip()
                if text.isdigit():
                    yield int(text)
                continue
            for n in range(min(max(count, 1), most)):
                place = start + n * size
                if place + size > len(self.data):
                    break
                value = _whole(*struct.unpack_from(f"{self.order}{one}", self.data, place))
                if value is not None:
                    yield value

    def _number(self, kind: str, at: int) -> int:
        value: int = struct.unpack_from(f"{self.order}{kind}", self.data, at)[0]
        return value


def _whole(value: float, divisor: float = 1) -> int | None:
    try:
        ratio = value / divisor
        return int(ratio) if ratio == int(ratio) else None
    except (ArithmeticError, ValueError):  # a rational of n/0, a float that is no number
        return None


def size_of(kind: int) -> int:
    """Return the bytes of one value of a tag's type; 0: no such type."""
    return struct.calcsize(f"<{_FORMATS[kind]}") if kind in _FORMATS else 0


def order_of(data: bytes) -> str | None:
    """Return the byte order that a TIFF header names, or None: it is none."""
    return {b"II": "<", b"MM": ">"}.get(data[:2]) if len(data) >= 8 else None


def directory(data: bytes, order: str, offset: int) -> Directory | None:
    """Read the directory at ``offset``, as far as it is there; None: there is none."""
    if not 8 <= offset <= len(data) - 2:
        return None
    (count,) = struct.unpack_from(f"{order}H", data, offset)
    first = offset + 2
    there = min(count, MOST_TAGS, (len(data) - first) // 12)
    tags = tuple(
        (*struct.unpack_from(f"{order}HHI", data, first + 12 * n), first + 12 * n)
        for n in range(there)
    )
    end = first + 12 * count
    (after,) = struct.unpack_from(f"{order}I", data, end) if end + 4 <= len(data) else (0,)
    return Directory(data, order, offset, tags, after)


def pages(data: bytes) -> list[Directory]:
    """Return the directories of a TIFF's chain of pages; empty: it is no TIFF."""
    order = order_of(data)
    found: list[Directory] = []
    if order is None:
        return found
    seen = {0}
    (offset,) = struct.unpack_from(f"{order}I", data, 4)
    while offset not in seen and len(found) < MOST_PAGES:
        seen.add(offset)
        page = directory(data, order, offset)
        if page is None:
            break
        found.append(page)
        offset = page.next
    return found


def orientation_in_exif(exif: bytes) -> int | None:
    """Return the EXIF orientation, 1 to 8, or None where it is not said in a way that can be read.

    :param exif: with or without the ``Exif`` marker in front, of either byte order.
    """
    exif = exif.removeprefix(b"Exif\0\0")
    order = order_of(exif)
    if order is None:
        return None
    main = directory(exif, order, struct.unpack_from(f"{order}I", exif, 4)[0])
    return main.orientation if main else None


def orientation_in_xmp(xmp: bytes) -> int | None:
    """Return the orientation that an XMP packet names, 1 to 8, or None."""
    found = _XMP_ORIENTATION.search(xmp[:_XMP_SEARCHED])
    return int(found.group(1)) if found else None
