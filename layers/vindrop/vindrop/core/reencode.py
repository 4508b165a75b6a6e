"""Makes a JPEG that VinOCR takes out of one that it does not: too large, HEIC, WebP, TIFF, BMP.

Needs Pillow (and pillow-heif for HEIC), which only this file imports: the layer `photo`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final

from vindrop.core.store_errors import StoreSettingError, load_client
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError

LONGEST_SIDE: Final = 4_000
"""Pixels kept: a VIN that fills a tenth of the picture still has some 20 px a character."""
_STEPS: Final = (
    (LONGEST_SIDE, 90),
    (LONGEST_SIDE, 80),
    (3_000, 80),
    (2_200, 75),
    (1_600, 70),
    (1_200, 65),
)
"""Longest side in pixels and JPEG quality, tried in turn until the result fits."""


def to_jpeg(data: bytes, *, max_bytes: int, check_pixels: Callable[[float], None]) -> bytes:
    """Return the image as an upright RGB JPEG of at most ``max_bytes``.

    :param check_pixels: raises FailureError for too many megapixels, before anything is decoded.
    :raises FailureError: it cannot be decoded, or has too many pixels.
    """
    try:
        pillow: Any = load_client("PIL.Image", "A photo that must be shrunk or converted")
        ops: Any = load_client("PIL.ImageOps", "A photo that must be shrunk or converted")
        if data[4:8] == b"ftyp":
            load_client("pillow_heif", "A HEIC photo").register_heif_opener()
    except StoreSettingError as error:
        raise FailureError(error_codes.UNSUPPORTED_FORMAT, str(error)) from error

    pillow.MAX_IMAGE_PIXELS = None  # our own limit, checked below before anything is decoded
    try:
        with pillow.open(io.BytesIO(data)) as image:
            check_pixels(image.width * image.height / 1e6)
            # A JPEG is decoded at the smallest scale of 1, 1/2, 1/4, 1/8 that is still large enough.
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            upright = ops.exif_transpose(image)
            return _fit(_flatten(pillow, upright), max_bytes)
    except FailureError:
        raise
    except Exception as error:
        # Decoders raise whatever their format's parser trips over: OSError, SyntaxError,
        # struct.error, EOFError, ValueError, ZeroDivisionError have all been seen.
        raise FailureError(
            error_codes.UNDECODABLE, f"the image cannot be decoded ({type(error).__name__})"
        ) from error


def _flatten(pillow: Any, image: Any) -> Any:
    if image.mode in {"I", "I;16", "I;16B", "F"}:  # 16 bits: Pillow's own conversion would clip
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layered = image.convert("RGBA")
        paper = pillow.new("RGBA", layered.size, "white")
        return pillow.alpha_composite(paper, layered).convert("RGB")
    return image.convert("RGB")


def _fit(image: Any, max_bytes: int) -> bytes:
    for side, quality in _STEPS:
        if max(image.size) > side:
            image.thumbnail((side, side), resample=3)  # bicubic
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        if out.tell() <= max_bytes:
            return out.getvalue()
    raise FailureError(error_codes.TOO_LARGE, f"the image cannot be shrunk to {max_bytes} bytes")
