"""What schemathesis sends as an image: now random bytes, now a real PNG, now a damaged one."""

from __future__ import annotations

import struct
import zlib

import schemathesis  # type: ignore[import-not-found, unused-ignore]
from hypothesis import strategies as st


def png(width: int, height: int, grey: int) -> bytes:
    """A plain picture, made by hand: Pillow is no part of this environment."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = zlib.compress((b"\0" + bytes([grey]) * width) * height)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


sizes = st.integers(min_value=1, max_value=64)
whole = st.builds(png, sizes, sizes, st.integers(min_value=0, max_value=255))
cut = st.builds(lambda data, at: data[:at], whole, st.integers(min_value=1, max_value=80))
images = st.one_of(st.binary(min_size=1, max_size=200), whole, cut)
for media_type in ("image/jpeg", "image/png", "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, images)
