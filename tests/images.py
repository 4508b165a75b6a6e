"""Image files as cameras, editors and broken transfers leave them, made byte by byte."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import Image, TiffTags

# EXIF's types, the last of BigTIFF: how one value that means 6 is written.
SIX = {
    1: "B", 2: "2s", 3: "H", 4: "I", 5: "II", 6: "b", 7: "B", 8: "h", 9: "i", 10: "ii", 11: "f",
    12: "d", 13: "I", 16: "Q", 17: "q",
}  # fmt: skip
ODD = b"\xff\xfe\xfd\xfc" * 64
"""What odd tags point into: numbers with a sign where none belongs, and no text of any encoding."""


def six(kind: int, order: str) -> bytes:
    values: tuple[Any, ...] = (b"6\0",) if kind == 2 else (12, 2) if kind in {5, 10} else (6,)
    return struct.pack(order + SIX[kind], *values)


def exif(*entries: tuple[int, int, int, bytes], order: str = "<", marker: bool = True) -> bytes:
    """An EXIF of (tag, type, number of values, the values or the four bytes that point at them)."""
    begin = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    directory, after = struct.pack(order + "H", len(entries)), b""
    data_at = 8 + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in sorted(entries):
        here = value
        if len(value) > 4:
            here = struct.pack(order + "I", data_at + len(after))
            after += value
        directory += struct.pack(order + "HHI", tag, kind, count) + here.ljust(4, b"\0")
    whole = begin + directory + bytes(4) + after + ODD
    return (b"Exif\0\0" if marker else b"") + whole


TAGS = sorted({
    *TiffTags.TAGS_V2, 0x0001, 0x8769, 0x8825, 0x9286, 0x927C, 0x9C9B, 0xA005, 0xA432, 0xA433,
    0xA434, 0xEA1C, 0x4746, 0x4749, 0x0201, 0x0202, 0xFFFF,
})  # fmt: skip


def odd_exifs() -> Iterator[tuple[str, bytes]]:
    """Every tag with every type, values that no reader expects, in both byte orders, beside a turn."""
    signed = {1: b"\xff", 3: b"\xff\xff", 6: b"\xff", 8: b"\xff\xfa", 9: b"\xff\xff\xff\xfa"}
    for order in "<>":
        for tag in TAGS:
            for kind in (*range(14), 16, 99):
                value = signed.get(kind, struct.pack(order + "I", 60))
                count = 4 if kind in {2, 7} else 0xFFFFFFFF if kind == 99 else 1
                entries = [(tag, kind, count, value)]
                if tag != 0x0112:
                    entries.append((0x0112, 3, 1, struct.pack(order + "H", 6)))
                yield f"{order} tag {tag:#x} type {kind}", exif(*entries, order=order)


def broken_exifs() -> Iterator[tuple[str, bytes]]:
    """EXIF that is none any more."""
    good = exif((0x0112, 3, 1, b"\6\0"))
    yield "empty", b""
    yield "the marker alone", b"Exif\0\0"
    yield "zeros", b"Exif\0\0" + bytes(200)
    yield "ones", b"Exif\0\0" + b"\xff" * 200
    yield "no such byte order", good.replace(b"II*\0", b"XX*\0")
    for length in range(7, 40):
        yield f"cut to {length} bytes", good[:length]
    yield "a directory beyond the end", good[:10] + b"\xff\xff\xff\x7f" + good[14:]
    yield "a directory that is its own next", exif() + b""
    yield "65,535 entries", good[:14] + b"\xff\xff" + good[16:]


def app(jpeg: bytes, body: bytes, marker: int = 0xE1, length: int | None = None) -> bytes:
    """Put a segment behind a JPEG's first marker."""
    size = len(body) + 2 if length is None else length
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, size) + body + jpeg[2:]


def chunk(kind: bytes, body: bytes, crc: int | None = None, length: int | None = None) -> bytes:
    check = zlib.crc32(kind + body) if crc is None else crc
    size = len(body) if length is None else length
    return struct.pack(">I", size) + kind + body + struct.pack(">I", check)


def in_png(png: bytes, *chunks: bytes) -> bytes:
    """Put chunks behind a PNG's header."""
    return png[:33] + b"".join(chunks) + png[33:]


def in_webp(webp: bytes, kind: bytes, body: bytes, length: int | None = None) -> bytes:
    """Make a simple WebP an extended one with a chunk of metadata."""
    with Image.open(io.BytesIO(webp)) as image:
        width, height = image.width, image.height
    flags = {b"EXIF": 0x08, b"XMP ": 0x04, b"ICCP": 0x20}[kind]
    extended: bytes = bytes((flags, 0, 0, 0)) + (width - 1).to_bytes(3, "little")
    extended += (height - 1).to_bytes(3, "little")
    extra = struct.pack("<4sI", kind, len(body) if length is None else length)
    extra += body + bytes(len(body) & 1)
    parts = (extra, webp[12:]) if kind == b"ICCP" else (webp[12:], extra)
    content = b"WEBP" + struct.pack("<4sI", b"VP8X", 10) + extended + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def striped(width: int = 48, height: int = 32) -> Image.Image:
    """A picture that looks different whichever way it is turned."""
    image = Image.new("RGB", (width, height), (200, 190, 180))
    image.paste((20, 30, 40), (0, 0, width // 3, height // 4))
    image.paste((220, 40, 40), (width // 2, height // 2, width, height * 3 // 4))
    return image


def photo(width: int = 320, height: int = 240) -> Image.Image:
    """A picture with detail everywhere: whatever part is missing is missed."""
    across = Image.linear_gradient("L").resize((width, height))
    noise = Image.effect_noise((width, height), 80)
    return Image.merge("RGB", (noise, across, noise.transpose(Image.Transpose.ROTATE_180)))
