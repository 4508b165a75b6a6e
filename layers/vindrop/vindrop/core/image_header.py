"""What the first bytes of a file tell: its format, and its size in pixels. Nothing is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError

_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that start a frame (SOF0 to SOF15 without DHT, JPG, DAC): they hold the size."""


@dataclass(frozen=True, slots=True)
class Header:
    """Format and size."""

    format: str | None
    """``jpeg``, ``png``, ``webp``, ``heif``, ``gif``, ``bmp``, ``tiff``, or None: no image known."""
    width: int | None = None
    """Pixels, where the bytes at hand say it."""
    height: int | None = None

    @property
    def megapixels(self) -> float | None:
        """Millions of pixels, where the size is known."""
        if self.width is None or self.height is None:
            return None
        return self.width * self.height / 1e6


def read(head: bytes) -> Header:
    """Read the header in the first bytes of a file; a name or a content type is never asked."""
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(head)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        if len(head) >= 24 and head[12:16] == b"IHDR":
            width, height = struct.unpack(">II", head[16:24])
            return Header("png", width, height)
        return Header("png")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Header("webp")
    if head[4:8] == b"ftyp" and _is_heif(head):
        return Header("heif")
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Header("gif")
    if head.startswith(b"BM") and len(head) > 26 and head[6:10] == b"\0\0\0\0":
        return Header("bmp")
    if head.startswith((b"II*\0", b"MM\0*")):
        return Header("tiff")
    return Header(None)


def check_pixels(megapixels: float, most: float) -> None:
    """Refuse an image that would fill the memory.

    :raises FailureError: more than ``most`` megapixels.
    """
    if megapixels > most:
        raise FailureError(
            error_codes.TOO_MANY_PIXELS,
            f"the image claims {megapixels:.0f} megapixels, the most taken is {most:g} "
            "(VINDROP_MAX_MEGAPIXELS)",
        )


def _jpeg(head: bytes) -> Header:
    at = 2
    while at + 4 <= len(head):
        if head[at] != 0xFF:
            return Header("jpeg")
        marker = head[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _FRAMES and at + 9 <= len(head):
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return Header("jpeg", width, height)
        if marker == 0xDA:  # the image data begins, and no size was said
            return Header("jpeg")
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return Header("jpeg")


def _is_heif(head: bytes) -> bool:
    size = min(int.from_bytes(head[:4], "big"), len(head), 64)
    brands = {head[8:12], *(head[i : i + 4] for i in range(16, size, 4))}
    return bool(brands & {b"heic", b"heix", b"heif", b"hevc", b"mif1", b"msf1", b"avif"})
