"""Bytes → an upright RGB picture of a workable size, in bounded memory.

PNG and JPEG only, told by content, since that is what the API's contract takes. The size is
read from the header and judged before a single pixel is decoded.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from vinocr.reader.answer import ImageCode, ImageError

MAX_PIXELS: Final = 120_000_000
"""Phone panoramas reach 100 megapixels."""
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


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a PNG or JPEG, turn it upright, and shrink it to `WORKING_PIXELS`.

    :param data: the file, as it was uploaded.
    :param max_pixels: above this many (width times height) it is refused undecoded.
    :raises ImageError: empty, another format, too many pixels, or damaged.
    """
    kind = _kind(data)
    with warnings.catch_warnings():
        # Pillow warns of more than 89 megapixels, where ours is the limit that counts, and of
        # damaged EXIF, which costs at most a turn.
        warnings.simplefilter("ignore")
        try:
            return _decoded(data, kind, max_pixels)
        except Image.DecompressionBombError as e:
            raise _error("too_many_pixels", _too_many(max_pixels)) from e
        except ImageError:
            raise
        except (UnidentifiedImageError, *_DAMAGE) as e:
            raise _error("undecodable", _damaged(kind)) from e


def _decoded(data: bytes, kind: str, max_pixels: int) -> Picture:
    with Image.open(io.BytesIO(data), formats=(kind,)) as opened:
        width, height = opened.size
        if width * height > max_pixels:
            raise _error("too_many_pixels", _too_many(max_pixels))
        image = _rgb(_shrunk(opened))
        turned = ImageOps.exif_transpose(image)
    if (turned.width > turned.height) != (width > height) and turned.size != image.size:
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


def _shrunk(opened: ImageFile.ImageFile | Image.Image) -> Image.Image:
    """Decode at the smallest scale that keeps `WORKING_PIXELS`, then average down to it."""
    width, height = opened.size
    excess = math.sqrt(width * height / WORKING_PIXELS)
    if excess > 1:
        # JPEG only, and a no-op elsewhere: the decoder itself yields 1/2, 1/4 or 1/8. A little
        # less than the working size (× 1.25) is still taken, for half the decoding time.
        by = next((n for n in (8, 4, 2) if excess * 1.25 >= n), 1)
        opened.draft("RGB", (-(-width // by), -(-height // by)))
    opened.load()
    image: Image.Image = opened
    excess = math.sqrt(image.width * image.height / WORKING_PIXELS)
    if excess <= 1.1:
        return image
    if image.mode in ("P", "1", "PA"):  # averages of palette indices mean nothing
        image = _rgb(image)
    exif = opened.getexif()
    size = (max(1, round(image.width / excess)), max(1, round(image.height / excess)))
    if image.mode.startswith("I"):
        image = image.resize(size, Image.Resampling.NEAREST)
    else:
        image = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    if exif:
        image.info["exif"] = exif.tobytes()
    return image


def _rgb(image: Image.Image) -> Image.Image:
    """Any of the modes of PNG and JPEG as RGB, what is transparent laid on white."""
    exif = image.getexif()
    if image.mode.startswith("I"):  # 16-bit grey: Pillow would clip where it should scale
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGB", image.size, (255, 255, 255))
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    elif image.mode != "RGB":
        image = image.convert("RGB")
    if exif:
        image.info["exif"] = exif.tobytes()
    return image


def _error(code: ImageCode, message: str) -> ImageError:
    return ImageError(code, message)


def _too_many(max_pixels: int) -> str:
    return (
        f"The image has more than {max_pixels / 1e6:.0f} megapixels: send it scaled down, "
        "4,000 pixels along the longer side are plenty."
    )


def _damaged(kind: str) -> str:
    return f"The {kind} file is damaged and cannot be decoded: upload the photo again."
