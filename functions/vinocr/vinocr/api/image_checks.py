"""Checks of an image before it is read: Base64, size, and its format by its first bytes."""

from __future__ import annotations

from typing import Final

from vindrop.domain import base64_text
from vinocr.api.codes import ApiError

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_OTHERS: Final = (
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (0, b"%PDF-", "PDF"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"II\xbc\x01", "JPEG XR"),
    (0, b"II+\x00", "BigTIFF"),
    (0, b"MM\x00+", "BigTIFF"),
    (0, b"8BPS", "Photoshop"),
    (8, b"WEBP", "WebP"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypavif", "AVIF"),
)
# Start-of-frame markers of codings that baseline and progressive decoders do not know.
_UNSUPPORTED_FRAMES: Final = {
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "hierarchical lossless",
    0xCB: "arithmetic lossless",
    0xCD: "arithmetic hierarchical",
    0xCE: "arithmetic hierarchical",
    0xCF: "arithmetic hierarchical lossless",
}


def largest_image(max_base64: int) -> int:
    """Return the largest image, in bytes, that has at most ``max_base64`` after Base64."""
    return max_base64 // 4 * 3


def from_base64(text: str, max_base64: int) -> bytes:
    """Decode ImageBase64. Line breaks are skipped, blanks are the plus signs that a form's decoder made
    them of; any other character outside the alphabet is refused.

    :raises ApiError: TooLargeFileError, ImageDecodeFailed.
    """
    bare = base64_text.without_layout(text)
    if len(bare) > max_base64:
        raise ApiError("LimitExceeded.TooLargeFileError", limit=max_base64)
    try:
        return base64_text.decode(bare)
    except ValueError:
        why = "ImageBase64 is not Base64"
        if text[:5].lower() == "data:":
            why = "ImageBase64 must not begin with data:"
        raise ApiError("FailedOperation.ImageDecodeFailed", why=why) from None


def check(image: bytes) -> None:
    """Check what an image is by its content; its name and Content-Type say nothing.

    :raises ApiError: EmptyImageError (billed!), ImageDecodeFailed (an image, but neither PNG nor
        JPEG), UnKnowFileTypeError (not an image), EngineImageDecodeFailed (a JPEG of a coding that
        no common decoder knows).
    """
    if not image:
        raise ApiError("FailedOperation.EmptyImageError")
    if image.startswith(_PNG):
        return
    if image.startswith(_JPEG):
        coding = unsupported_coding(image)
        if coding is not None:
            raise ApiError("InvalidParameter.EngineImageDecodeFailed", why=coding)
        return
    for offset, magic, name in _OTHERS:
        if image.startswith(magic, offset):
            raise ApiError(
                "FailedOperation.ImageDecodeFailed", why="{name} is not supported", name=name
            )
    raise ApiError("FailedOperation.UnKnowFileTypeError")


def unsupported_coding(jpeg: bytes) -> str | None:
    """Return the name of a JPEG's coding if decoders do not know it, else None.

    Walks the marker segments up to the first start of frame (ITU-T T.81, table B.1).
    """
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker = jpeg[at + 1]
        if marker == 0xFF:  # fill bytes may precede any marker
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return _UNSUPPORTED_FRAMES.get(marker)
        if marker in (0xD9, 0xDA):
            return None
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return None
