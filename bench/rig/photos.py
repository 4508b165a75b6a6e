"""Photos that are known by heart: a small JPEG with a number behind its end, and the VIN it stands for."""

from __future__ import annotations

import io
from typing import Final

from vindrop.domain.vin import check_digit

_MARK: Final = b"\nvindrop-bench:"
_MAKER: Final = "1HGCM"  # Honda, North America: a VIN whose check digit is required


def photo(number: int) -> bytes:
    """Return a JPEG that stands for ``number``."""
    return _jpeg() + _MARK + str(number).encode()


def number_of(data: bytes) -> int | None:
    """Return the number behind the end of a JPEG, or None."""
    _, mark, text = data.rpartition(_MARK)
    return int(text) if mark and text.isdigit() else None


def vin_of(number: int) -> str:
    """Return the VIN of photo ``number``; its check digit holds."""
    bare = f"{_MAKER}826_3A{number % 1_000_000:06d}"
    return bare.replace("_", check_digit(bare.replace("_", "0")))


_made: list[bytes] = []


def _jpeg() -> bytes:
    if not _made:
        from PIL import Image

        buffer = io.BytesIO()
        Image.new("L", (64, 32), 200).save(buffer, "JPEG", quality=30)
        _made.append(buffer.getvalue())
    return _made[0]
