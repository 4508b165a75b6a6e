"""The pixels of an image file: decoded where all are there, upright, RGB, in bounded memory.

Needs Pillow, so it is imported by what decodes and by nothing else. Metadata is cut out before
(`vindrop.domain.image_metadata`); Pillow's EXIF is never asked.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable
from typing import Final

from PIL import Image

from vindrop.domain.image_metadata import JPEG, PNG

_STRIP: Final = 1_000_000
"""Pixels that are converted at a time: the picture beside its result is all that is held."""
_NOISE: Final = bytes((254 - n * 73 + n * n // 7) % 255 for n in range(509))
"""Begins with ones: for bits that are missing, the decoder takes zeros."""
_SCAN: Final = b"\xff\xda"
_END: Final = b"\xff\xd9"
_ALONE: Final = frozenset((0x01, 0xD8))
"""Markers without a length behind them."""
_OTHER_END: Final = _NOISE + b"".join(bytes((0xFF, 0xD0 + n % 8)) + _NOISE for n in range(8)) + _END
"""More image data, restart markers and all, for a JPEG that should need none."""
_JPEG_2000: Final = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
_MARKER: Final = rb"\xff[\x01-\xcf\xd8-\xfe]"
"""In a scan's data a byte FF is followed by 00, or by a restart marker."""
MOST_SCANS: Final = 100
"""Of a JPEG: encoders write ten or so. Each is a pass over all pixels, and costs its sender a few bytes."""
_MOST_SEGMENTS: Final = 5_000
"""Of a JPEG before its first scan: Pillow keeps each, in Python. What is not metadata has ten or so."""
_MOST_JUNK: Final = 65_536
"""Bytes between these segments, which Pillow passes over one by one."""
_MOST_CHUNKS: Final = 200_000
"""Of a PNG. Encoders write 8 KB to each."""
_MOST_OTHER_CHUNKS: Final = 100
"""Of a PNG, besides its pixels. Those that hold metadata are gone before."""
_PADDING: Final = 256
"""Zeros in a row at a file's end that are taken for room that was never written to."""

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation → what turns the picture upright."""


def decode(
    data: bytes, prepare: Callable[[Image.Image], None], formats: tuple[str, ...] | None = None
) -> Image.Image:
    """Return a decoded image.

    A JPEG without its end is taken if every pixel is there; a JPEG 2000, too.

    :param data: the file, without metadata.
    :param prepare: gets the opened image before it is decoded, to look at its size or ask for a scale.
    :param formats: Pillow's names of those that may be tried; by default all.
    :raises OSError: damaged, or broken off inside the picture. Other formats raise what their
        decoders do: SyntaxError, ValueError, struct.error, EOFError …
    """

    def attempt(given: bytes) -> Image.Image:
        image: Image.Image
        with Image.open(io.BytesIO(given), formats=formats) as image:
            prepare(image)
            image.load()
        return image

    if data.startswith(JPEG) and not _has_short_head(data):
        raise OSError("the JPEG has no picture, or too much before it")
    if data.startswith(PNG) and not _has_few_chunks(data):
        raise OSError("the PNG has too many chunks")
    if data.startswith(JPEG) and _scans(data) > MOST_SCANS:
        raise OSError(f"the JPEG has more than {MOST_SCANS} scans")
    if data.startswith(JPEG) and data.rfind(_END) < data.find(_SCAN):
        return _completed(data, attempt)
    try:
        return attempt(data)
    except OSError:
        if not data.startswith(_JPEG_2000) or data.endswith(_END):
            raise
        # Its decoder is strict: it takes no end mark for a part of the picture.
        return attempt(data.removesuffix(_END[:1]) + _END)


def _has_short_head(data: bytes) -> bool:
    """Whether a JPEG's first scan comes before Pillow has spent seconds on what stands in front of it."""
    marker, at, junk = re.compile(_MARKER), 2, 0
    for _ in range(_MOST_SEGMENTS):
        found = marker.search(data, at)
        if found is None or found[0] == _SCAN:
            return found is not None
        junk += found.start() - at
        if junk > _MOST_JUNK:
            return False
        at = found.end()
        if found[0] != _END and found[0][1] not in _ALONE:
            at += max(int.from_bytes(data[at : at + 2], "big"), 2)
    return False


def _has_few_chunks(data: bytes) -> bool:
    at, others = len(PNG), 0
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            return True
        length, kind = struct.unpack_from(">I4s", data, at)
        others += kind != b"IDAT"
        if others > _MOST_OTHER_CHUNKS:
            return False
        at += 12 + length
    return False


def _scans(data: bytes) -> int:
    """Return how many scans a JPEG has, up to its first end; no more are counted than are too many."""
    marker, at, count = re.compile(_MARKER), 2, 0
    while count <= MOST_SCANS and (found := marker.search(data, at)) is not None:
        at, kind = found.end(), found[0]
        if kind == _END:
            break
        count += kind == _SCAN
        if kind[1] not in _ALONE:
            at += int.from_bytes(data[at : at + 2], "big")
    return count


def _completed(data: bytes, attempt: Callable[[bytes], Image.Image]) -> Image.Image:
    """Decode a JPEG that lacks its end.

    Whatever is put after a complete picture changes no pixel. Where some are missing, the decoder
    would make them of what follows.

    :raises OSError: a part of the picture is missing, too.
    """
    cut = data.rstrip(b"\0")
    if len(data) - len(cut) < _PADDING:
        cut = data.rstrip(b"\xff")  # half a marker
    elif cut.endswith(b"\xff"):
        cut += b"\0"  # in the picture's data this byte is written so
    other = _checksum(attempt(cut + _OTHER_END))
    image = attempt(cut + _END)
    if _checksum(image) != other:
        raise OSError("the image breaks off before its end")
    return image


def _checksum(image: Image.Image) -> int:
    rows = max(1, _STRIP // image.width)
    checksum = 0
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        checksum = zlib.crc32(strip.tobytes(), checksum)
    return checksum


def rgb(image: Image.Image, factor: int = 1) -> Image.Image:
    """Return a decoded image of any mode as RGB, what is transparent laid on white.

    :param factor: so many pixels in a row, and in a column, become one, their mean.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        small: Image.Image = Image.Image.reduce(image, factor) if factor > 1 else image
        return small
    width, height = image.size
    rows = max(1, _STRIP // width // factor) * factor
    whole = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    for top in range(0, height, rows):
        strip = _rgb(image.crop((0, top, width, min(top + rows, height))))
        whole.paste(strip.reduce(factor) if factor > 1 else strip, (0, top // factor))
    return whole


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits: Pillow would clip, not scale
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        layered = image.convert("RGBA")
        paper = Image.new("RGB", layered.size, "white")
        paper.paste(layered, mask=layered.getchannel("A"))
        return paper
    return image.convert("RGB")


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Return the picture upright; ``orientation`` is 1 to 8, as EXIF counts."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)
