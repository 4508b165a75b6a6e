"""Image files without their metadata: whatever a camera or an editor wrote there, the pixels count.

`bare` cuts out what a decoder does not need for the pixels, so that no decoder trips over it, and
keeps the one thing that counts: which way is up. A file that is not understood comes back as it is.
Sources: ITU-T T.81 annex B (JPEG), PNG 3rd edition, RFC 9649 (WebP), ISO/IEC 14496-12 (HEIF, AVIF).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vindrop.domain import ifd

PNG: Final = b"\x89PNG\r\n\x1a\n"
JPEG: Final = b"\xff\xd8\xff"

_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without a segment."""
_MARKER: Final = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")
"""The next marker of a segment; fill bytes, stray markers and junk before it are passed over."""
_CHANCE: Final = re.compile(rb"\xff[\xc0-\xc2\xc4\xdb\xdd\xe0-\xef\xfe]")
"""Where a segment may begin, after one whose length is wrong."""
_APP0, _APP1, _APP14, _COMMENT = 0xE0, 0xE1, 0xEE, 0xFE
_APPLICATION: Final = frozenset({*range(0xE0, 0xF0), _COMMENT})
# No real file comes near these; a hostile one must not cost minutes.
_MOST_SEGMENTS: Final = 5_000
_MOST_CHUNKS: Final = 200_000
_MOST_REPAIRS: Final = 8
_MOST_CHANCES: Final = 512
_LONGEST_CHAIN: Final = 300
_LARGEST_TEXT: Final = 1 << 20
"""Bytes of unpacked text that are looked at for an orientation."""
_MOST_TEXTS: Final = 8
"""Texts that are unpacked in search of one. A file has one or two."""
_PIXEL_TAGS: Final = frozenset({
    254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324,
    325, 332, 334, 338, 339, 347, 512, 513, 514, 515, 519, 520, 521, 529, 530, 531, 532,
})  # fmt: skip
"""Tags of a TIFF that say how its pixels are kept."""


@dataclass(frozen=True, slots=True)
class Bare:
    """An image file without metadata."""

    data: bytes
    orientation: int
    """How the pixels must be turned, 1 to 8, as EXIF counts; 1: not at all."""


def bare(data: bytes) -> Bare:
    """Return ``data`` without metadata, and the turn that the metadata asked for."""
    if data.startswith(JPEG):
        return _jpeg(data)
    if data.startswith(PNG):
        return _png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data[4:8] == b"ftyp":
        return Bare(_isobmff(data), 1)  # which way is up is a property of the image there
    if data[:4] in {b"II*\0", b"MM\0*"}:
        return _tiff(data)
    return Bare(data, 1)


def _turn(exif: bytes, xmp: bytes) -> int:
    return ifd.orientation_in_exif(exif) or ifd.orientation_in_xmp(xmp) or 1


# JPEG: a chain of segments up to the pixels.


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, begin, end) of each segment, the start of scan last.

    Ends without one where the chain is broken beyond repair.
    """
    at, repairs = 2, 0
    for _ in range(_MOST_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None or found.end() + 2 > len(data):
            return
        begin, marker = found.start(), data[found.start() + 1]
        end = begin + 2 + int.from_bytes(data[begin + 2 : begin + 4], "big")
        if marker in _APPLICATION and not _at_marker(data, end) and repairs < _MOST_REPAIRS:
            end = _real_end(data, begin + 4, end)
            repairs += 1
        yield marker, begin, end
        if marker in {0xDA, 0xD9}:
            return
        at = max(end, begin + 2)


def _at_marker(data: bytes, at: int) -> bool:
    """Whether a segment may begin here; an end of an image, which a thumbnail has, is none."""
    return _MARKER.match(data, at) is not None and data[at + 1] != 0xD9


def _real_end(data: bytes, begin: int, end: int) -> int:
    """Return where a segment with a wrong length ends: where the rest makes the largest picture.

    A thumbnail inside makes a picture too, but a small one.
    """
    best, place = 0, end
    reach = min(max(end, begin) + 65_536, len(data))
    for found, _ in zip(_CHANCE.finditer(data, begin, reach), range(_MOST_CHANCES), strict=False):
        area = _area(data, found.start())
        if area > best:
            best, place = area, found.start()
    return place


def _area(data: bytes, at: int) -> int:
    """Return the pixels of the picture whose unbroken chain of segments begins at ``at``; 0: none."""
    area = 0
    for _ in range(_LONGEST_CHAIN):
        if not _at_marker(data, at) or at + 9 > len(data):
            return 0
        marker = data[at + 1]
        if marker == 0xDA:
            return area
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            area = width * height
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2 or marker in _ALONE:
            return 0
        at += 2 + length
    return 0


def _jpeg(data: bytes) -> Bare:
    parts: list[bytes | memoryview] = [data[:2]]
    exif, xmp = b"", b""
    for marker, begin, end in _segments(data):
        if marker == 0xDA:
            parts.append(memoryview(data)[begin:])
            return Bare(b"".join(parts), _turn(exif, xmp))
        body = data[begin + 4 : end]
        if marker == _APP1 and body.startswith(b"Exif\0\0"):
            exif += body[6:]
        elif marker == _APP1 and body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            xmp = body
        elif marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 14:
            parts.append(_segment(marker, body[:12] + b"\0\0"))  # without a thumbnail
        elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
            parts.append(_segment(marker, body[:12]))
        elif marker not in _APPLICATION:
            parts.append(data[begin:end])
    return Bare(data, _turn(exif, xmp))


def _segment(marker: int, body: bytes) -> bytes:
    """Return a segment that says how colours are kept."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


# PNG: a chain of chunks, each with a checksum.


@dataclass(frozen=True, slots=True)
class _Chunk:
    data: memoryview
    kind: bytes
    begin: int
    end: int
    """Beyond the file's end where it is cut short."""

    @property
    def body(self) -> bytes:
        return bytes(self.data[self.begin + 8 : self.end - 4])

    @property
    def whole(self) -> memoryview:
        return self.data[self.begin : self.end]

    @property
    def sound(self) -> bool:
        crc = zlib.crc32(self.data[self.begin + 4 : self.end - 4])
        return self.data[self.end - 4 : self.end] == struct.pack(">I", crc)


def _chunks(data: bytes) -> Iterator[_Chunk]:
    at = skippable = len(PNG)
    repairs = 0
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        critical = kind in {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
        if not kind.isalpha() or (end > len(data) and not critical):
            # A length is wrong, here or in the chunk before: go on at the next one with pixels.
            places = [data.find(name, skippable + 8) for name in (b"PLTE", b"IDAT")]
            found = [place - 4 for place in places if place >= 0]
            repairs += 1
            if not found or repairs > _MOST_REPAIRS:
                return
            at = skippable = min(found)
            continue
        yield _Chunk(memoryview(data), kind, at, end)
        if kind == b"IEND":
            return
        skippable = end if critical else at
        at = end


def _png(data: bytes) -> Bare:
    parts: list[bytes | memoryview] = [PNG]
    exif, xmp, colour, ended, texts = b"", b"", -1, False, 0
    for chunk in _chunks(data):
        kind = chunk.kind
        if kind == b"IHDR":
            colour = chunk.body[9] if len(chunk.body) >= 13 else -1
        elif kind == b"eXIf":
            exif = chunk.body
        elif kind in {b"tEXt", b"zTXt", b"iTXt"} and texts < _MOST_TEXTS:
            name, _, text = chunk.body.partition(b"\0")
            if name == b"XML:com.adobe.xmp":
                texts += 1
                xmp = _unpacked(text[2:])
            elif name.startswith(b"Raw profile type ") and not exif:
                texts += 1
                exif = _raw_profile(_unpacked(text[1:]) if kind == b"zTXt" else text)
        elif kind[:1].isupper() and kind not in {b"PLTE", b"IDAT", b"IEND"}:
            return Bare(data, 1)  # a critical chunk that we do not know decides over the pixels
        needed = kind in {b"IHDR", b"IDAT", b"IEND"} or (kind == b"PLTE" and colour == 3)
        if needed or _transparency(chunk, colour):
            parts.append(chunk.whole)
        ended = kind == b"IEND"
    if not ended and colour < 0:
        return Bare(data, 1)
    return Bare(b"".join(parts), _turn(exif, xmp))


def _transparency(chunk: _Chunk, colour: int) -> bool:
    """Whether the chunk says what is transparent, in a form that a decoder takes."""
    sizes = {0: range(2, 3), 2: range(6, 7), 3: range(1, 257)}
    length = chunk.end - chunk.begin - 12
    return chunk.kind == b"tRNS" and length in sizes.get(colour, ()) and chunk.sound


def _unpacked(packed: bytes) -> bytes:
    """Return the text of a chunk, packed or not; for XMP its language and keyword stand before it."""
    for begin in (0, *(n + 1 for n, byte in enumerate(packed[:200]) if byte == 0)):
        try:
            return zlib.decompressobj().decompress(packed[begin:], _LARGEST_TEXT)
        except zlib.error:
            continue
    return packed


def _raw_profile(text: bytes) -> bytes:
    """Return what ImageMagick writes as text: a name, a length, and hexadecimal digits in lines."""
    lines = text.split(b"\n", 3)
    if len(lines) < 4:
        return b""
    digits = b"".join(lines[3].split())
    try:
        return bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))
    except ValueError:
        return b""


# WebP: RIFF chunks, padded to even lengths.


def _webp(data: bytes) -> Bare:
    parts: list[bytes | memoryview] = []
    exif, xmp, at, pixels = b"", b"", 12, False
    kept: set[bytes] = set()
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length
        if kind == b"EXIF":
            exif = data[at + 8 : end]
        elif kind == b"XMP ":
            xmp = data[at + 8 : end]
        elif kind == b"VP8X" and at + 18 <= len(data):
            flags = bytes([data[at + 8] & ~0x2C])  # no ICC profile, EXIF or XMP follows any more
            parts.append(kind + struct.pack("<I", 10) + flags + data[at + 9 : at + 18])
        elif kind in {b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"}:
            if kind not in kept:  # of an animation, the first picture
                parts.append(memoryview(data)[at : end + (length & 1)])
            kept.add(kind)
            pixels = pixels or kind in {b"VP8 ", b"VP8L", b"ANMF"}
        elif end > len(data) and not pixels:  # a wrong length before the pixels
            found = [p for name in (b"VP8 ", b"VP8L") if (p := data.find(name, at + 8)) >= 0]
            if not found:
                break
            end, length = min(found), 0
        at = end + (length & 1)
    if not pixels:
        return Bare(data, _turn(exif, xmp))
    content = b"WEBP" + b"".join(parts)
    return Bare(b"RIFF" + struct.pack("<I", len(content)) + content, _turn(exif, xmp))


# HEIF and AVIF: boxes in boxes. Items that are metadata get a type that nobody reads.


def _isobmff(data: bytes) -> bytes:
    begin = data.find(b"meta", 8, 65_536) - 4
    if begin < 0:
        return data
    end = min(begin + int.from_bytes(data[begin : begin + 4], "big"), len(data))
    changed = None
    at = data.find(b"infe", begin, end)
    while at >= 0:
        place = at + {2: 12, 3: 14}.get(data[at + 4] if at + 4 < end else 0, 0)
        if place > at and data[place : place + 4] in {b"Exif", b"mime", b"uri "}:
            changed = changed or bytearray(data)
            changed[place : place + 4] = b"skip"
        at = data.find(b"infe", at + 4, end)
    return data if changed is None else bytes(changed)


# TIFF: the directory of each page, with the tags about pixels moved together.


def _tiff(data: bytes) -> Bare:
    pages = ifd.pages(data)
    changed = bytearray(data)
    for page in pages:
        kept = [at for tag, _, _, at in page.tags if tag in _PIXEL_TAGS]
        struct.pack_into(f"{page.order}H", changed, page.offset, len(kept))
        for n, at in enumerate(kept):
            to = page.offset + 2 + 12 * n
            changed[to : to + 12] = data[at : at + 12]
        end = page.offset + 2 + 12 * len(kept)
        if end + 4 <= len(changed):
            struct.pack_into(f"{page.order}I", changed, end, page.next)
    return Bare(bytes(changed), (pages[0].orientation if pages else None) or 1)
