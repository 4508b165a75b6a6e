"""Bytes → an upright RGB picture of a workable size, in bounded memory.

PNG and JPEG only, told by content, since that is what the API's contract takes. The size is
read from the header and judged before a single pixel is decoded. Metadata is cut out first and costs
at most a turn. What breaks off inside the picture is refused: the API's answer has no field that could
tell a reading of a part from one of the whole.
"""

from __future__ import annotations

import contextlib
import math
import struct
import warnings
from dataclasses import dataclass
from typing import Final

from PIL import Image, UnidentifiedImageError

from vindrop.core import image_memory, pixels
from vindrop.domain import image_metadata
from vinocr.reader.answer import ImageCode, ImageError

MAX_PIXELS: Final = 120_000_000
"""Phone panoramas reach 100 megapixels."""
LONGEST_SIDE: Final = 65_535
"""Pixels: what a JPEG can have. Each row of a picture costs memory, however narrow it is."""
MEMORY_MB: Final = 1_000.0
"""What the largest of them takes to decode in its costliest coding: a progressive JPEG of four colours."""
_BESIDES: Final = 64e6
"""Bytes for the file and all that is no pixel."""
WORKING_PIXELS: Final = 3_600_000
"""What is kept of a photo: some 2,200 pixels along the longer side; more reads no better."""

_OTHERS: Final = (
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"%PDF", "PDF"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftyphev", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypmsf1", "HEIC"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"II\xbc\x01", "JPEG XR"),
    (0, b"8BPS", "Photoshop"),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """An upright photo, ready to be looked at."""

    image: Image.Image
    """Mode RGB."""
    width: int
    """Pixels of the upright photo as it was sent."""
    height: int
    """Pixels of the upright photo as it was sent."""


def decode(
    data: bytes, *, max_pixels: int = MAX_PIXELS, memory_mb: float = MEMORY_MB, alone: bool = False
) -> Picture:
    """Decode a PNG or JPEG, turn it upright, and shrink it to `WORKING_PIXELS`.

    :param data: the file, as it was uploaded.
    :param max_pixels: above this many (width times height) it is refused undecoded.
    :param memory_mb: megabytes that decoding may take: what would take more by its header is refused
        undecoded, too.
    :param alone: whether nothing else works in this process, so that the system holds it to that.
    :raises ImageError: empty, another format, too many pixels, or damaged.
    """
    kind = _kind(data)
    with warnings.catch_warnings():
        # Pillow warns of more than 89 megapixels, where ours is the limit that counts.
        warnings.simplefilter("ignore")
        try:
            with (
                image_memory.held_to(memory_mb * 1e6 + _BESIDES)
                if alone
                else contextlib.nullcontext()
            ):
                return _decoded(data, kind, max_pixels, memory_mb)
        except Image.DecompressionBombError as e:
            raise _error("too_many_pixels", _too_many(max_pixels)) from e
        except ImageError:
            raise
        except (UnidentifiedImageError, *_DAMAGE) as e:
            raise _error("undecodable", _damaged(kind)) from e


def _decoded(data: bytes, kind: str, max_pixels: int, memory_mb: float) -> Picture:
    bare = image_metadata.bare(data)
    sizes: list[tuple[int, int]] = []

    def prepare(opened: Image.Image) -> None:
        width, height = opened.size
        if width * height > max_pixels or max(width, height) > LONGEST_SIDE:
            raise _error("too_many_pixels", _too_many(max_pixels))
        sizes.append((width, height))
        _draft(opened)
        need = image_memory.needed(opened, _longest(*opened.size)) / 1e6
        if need > memory_mb:
            limit = int(width * height * memory_mb / need)
            raise ImageError("too_many_pixels", _too_costly(need, memory_mb), limit)

    image = _shrunk(pixels.decode(bare.data, prepare, (kind,)))
    turned = pixels.turned(image, bare.orientation)
    width, height = sizes[0]
    if bare.orientation > 4:
        width, height = height, width
    return Picture(turned, width, height)


# What Pillow raises on damaged files, besides UnidentifiedImageError.
_DAMAGE: Final = (
    OSError,
    SyntaxError,
    ValueError,
    struct.error,
    IndexError,
    KeyError,
    EOFError,
    OverflowError,
    TypeError,
    MemoryError,
    AttributeError,
    ZeroDivisionError,
)


def _kind(data: bytes) -> str:
    if not data:
        raise _error("empty", "The image is empty: send the bytes of a PNG or JPEG file.")
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    for offset, magic, name in _OTHERS:
        if data[offset : offset + len(magic)] == magic:
            raise _error(
                "unsupported_format", f"The image is {name}: send it again as PNG or JPEG."
            )
    raise _error("undecodable", "These bytes are no image: send a PNG or JPEG file.")


def _draft(opened: Image.Image) -> None:
    """Ask for the smallest scale that keeps `WORKING_PIXELS`.

    JPEG only, and a no-op elsewhere: the decoder itself yields 1/2, 1/4 or 1/8. A little less than the
    working size (× 1.25) is still taken, for half the decoding time.
    """
    width, height = opened.size
    excess = math.sqrt(width * height / WORKING_PIXELS)
    if excess > 1:
        by = next((n for n in (8, 4, 2) if excess * 1.25 >= n), 1)
        opened.draft("RGB", (-(-width // by), -(-height // by)))


def _longest(width: int, height: int) -> int:
    excess = max(math.sqrt(width * height / WORKING_PIXELS), 1.0)
    return max(1, int(max(width, height) / excess))


def _shrunk(image: Image.Image) -> Image.Image:
    """Return a decoded picture as RGB, averaged down to `WORKING_PIXELS`."""
    excess = math.sqrt(image.width * image.height / WORKING_PIXELS)
    if image.mode not in {"RGB", "L"} or "transparency" in image.info:
        # Averages of palette indices mean nothing, and converted whole it would be held twice.
        image = pixels.rgb(image, max(1, int(excess)))
        excess = math.sqrt(image.width * image.height / WORKING_PIXELS)
    if excess > 1.1:
        size = (max(1, round(image.width / excess)), max(1, round(image.height / excess)))
        image = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    return image if image.mode == "RGB" else image.convert("RGB")


def _error(code: ImageCode, message: str) -> ImageError:
    return ImageError(code, message)


def _too_many(max_pixels: int) -> str:
    return (
        f"The image has more than {max_pixels / 1e6:.0f} megapixels: send it scaled down, "
        "4,000 pixels along the longer side are plenty."
    )


def _too_costly(need_mb: float, memory_mb: float) -> str:
    return (
        f"The image takes {need_mb:.0f} MB of memory to decode, and may take {memory_mb:.0f} MB: send "
        "it scaled down, or as a JPEG that is not progressive."
    )


def _damaged(kind: str) -> str:
    return f"The {kind} file is damaged and cannot be decoded: upload the photo again."
