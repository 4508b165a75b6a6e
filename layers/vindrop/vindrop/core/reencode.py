"""Makes a JPEG that VinOCR takes out of one that it does not: too large, HEIC, WebP, TIFF, BMP, JPEG 2000.

Needs Pillow (and pillow-heif for HEIC), which only this file and those it imports late need: the
layer `photo`. One image is decoded at a time, whatever the number of threads: memory is counted for one.
"""

from __future__ import annotations

import functools
import io
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vindrop.core import image_memory, photo
from vindrop.core.store_errors import StoreSettingError, load_client
from vindrop.domain import error_codes, ifd, image_metadata
from vindrop.domain.failures import FailureError

if TYPE_CHECKING:
    from PIL import Image

LONGEST_SIDE: Final = 4_000
"""Pixels kept: a VIN that fills a tenth of the picture still has some 20 px a character."""
MOST_PAGES: Final = 4
"""Pages of a TIFF that are put side by side; more would leave too few pixels for each."""
_PAGE_SIDES: Final = {2: 2_800, 3: 2_000, 4: 2_000}
"""Pages on one sheet → the longest side of each, in pixels."""
_GAP: Final = 24
"""White pixels between two pages."""
_STEPS: Final = (
    (LONGEST_SIDE, 90),
    (LONGEST_SIDE, 80),
    (3_000, 80),
    (2_200, 75),
    (1_600, 70),
    (1_200, 65),
)
"""Longest side in pixels and JPEG quality, tried in turn until the result fits."""
_MOST_VALUES: Final = 300_000
"""Numbers that one tag of a TIFF may have: Pillow makes objects of them. A row a strip is a fifth of it."""
_MOST_TAG_BYTES: Final = 16_000_000
"""Bytes that the tags of all pages may hold: Pillow copies each."""
_MOST_RUN_PIXELS: Final = 8_000_000
_MOST_RUN_BYTES: Final = 8_000_000
"""Of a run-length coded BMP: Pillow decodes it in Python, a run or an odd pixel in half a microsecond."""
_PILLOWS: Final = {
    "jpeg": ("JPEG", "MPO"), "png": ("PNG",), "webp": ("WEBP",), "tiff": ("TIFF",), "bmp": ("BMP",),
    "heif": ("HEIF", "AVIF"), "jpeg 2000": ("JPEG2000",),
}  # fmt: skip
"""Format by the first bytes → what Pillow may try: a file that is one thing to us is no other to it."""
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Reencoded:
    """A JPEG made of another image."""

    data: bytes
    note: str = ""
    """What a person should know who wonders why no VIN was found; empty for a single picture."""


def to_jpeg(
    data: bytes,
    *,
    max_bytes: int,
    check_size: Callable[[int, int], None],
    memory_mb: float = 0,
    longest: int = LONGEST_SIDE,
) -> Reencoded:
    """Return the image as an upright RGB JPEG of at most ``max_bytes``.

    :param check_size: raises FailureError for a width and a height in pixels that are too much,
        before anything is decoded.
    :param memory_mb: what the function has, in megabytes; 0: unknown.
    :param longest: pixels that the longer side may have.
    :raises FailureError: it cannot be decoded, has too many pixels, or would fill the memory.
    """
    try:
        pillow: Any = load_client("PIL.Image", "A photo that must be shrunk or converted")
        if data[4:8] == b"ftyp":
            load_client("pillow_heif", "A HEIC photo").register_heif_opener()
    except StoreSettingError as error:
        raise FailureError(error_codes.UNSUPPORTED_FORMAT, str(error)) from error
    pillow.MAX_IMAGE_PIXELS = None  # our own limit, checked before anything is decoded
    with _one_at_a_time:
        try:
            return _to_jpeg(data, max_bytes, check_size, memory_mb, longest)
        except FailureError:
            raise
        except MemoryError as error:
            raise FailureError(
                error_codes.TOO_MANY_PIXELS,
                "the image takes more memory to decode than there is: scale it down, or give the "
                "function more memory",
            ) from error
        except Exception as error:
            # Decoders raise whatever their format's parser trips over: OSError, SyntaxError,
            # struct.error, EOFError, ValueError, ZeroDivisionError have all been seen.
            raise FailureError(
                error_codes.UNDECODABLE, f"the image cannot be decoded ({type(error).__name__})"
            ) from error


def _to_jpeg(
    data: bytes,
    max_bytes: int,
    check_size: Callable[[int, int], None],
    memory_mb: float,
    most: int,
) -> Reencoded:
    from PIL.Image import Resampling

    from vindrop.core import pixels

    bare = image_metadata.bare(data)
    image_memory.check_bytes(_canvas(bare.data), memory_mb)
    _check_tags(bare.data)
    _check_parts(bare.data, check_size)
    frames, count = _frames(bare.data)
    longest = min(most, _PAGE_SIDES.get(len(frames), LONGEST_SIDE))
    prepare = functools.partial(
        _prepare, data=bare.data, check_size=check_size, memory_mb=memory_mb, longest=longest
    )
    formats = _PILLOWS.get(photo.read_header(bare.data[:64]).format or "", ())
    pictures: list[Image.Image] = []
    for frame in frames:
        with image_memory.bounded(memory_mb, threads="HEIF" in formats):
            image = pixels.decode(bare.data, functools.partial(prepare, frame=frame), formats)
        orientation = _orientation(image) if image.format == "AVIF" else bare.orientation
        # What is RGB already is shrunk better in one step; what is not would be held twice.
        factor = 1 if image.mode == "RGB" else max(1, max(image.size) // longest)
        small = pixels.rgb(image, factor)
        del image
        small.thumbnail((longest, longest), Resampling.BICUBIC)
        pictures.append(pixels.turned(small, orientation))
    if len(pictures) == 1:
        return Reencoded(_fit(pictures[0], max_bytes))
    sent = "all of them" if count == len(frames) else f"the first {len(frames)} of them"
    note = f"the TIFF has {count} pages, and {sent} were sent as one picture"
    return Reencoded(_fit(_sheet(pictures), max_bytes), note)


def _prepare(
    image: Image.Image,
    *,
    frame: int,
    data: bytes,
    check_size: Callable[[int, int], None],
    memory_mb: float,
    longest: int,
) -> None:
    """Look at an opened image's size, and have it decoded at the smallest scale that is enough."""
    if frame:
        image.seek(frame)
    width, height = image.size
    check_size(width, height)
    _check_runs(image, len(data))
    halvings = next((n for n in (3, 2, 1) if max(width, height) >= longest << n), 0)
    if image.format == "JPEG2000":
        halvings = min(halvings, _levels(data))
        image.reduce = halvings  # type: ignore[method-assign, assignment]  # Pillow's setting there
    else:
        image.draft("RGB", (-(-width >> halvings), -(-height >> halvings)))  # JPEG only
        halvings = 0
    image_memory.check(image, memory_mb=memory_mb, smaller=longest, halvings=halvings)


def _check_runs(image: Image.Image, size: int) -> None:
    tiles: list[tuple[str]] = getattr(image, "tile", [])
    runs = image.format == "BMP" and bool(tiles) and tiles[0][0] == "bmp_rle"
    if runs and (image.width * image.height > _MOST_RUN_PIXELS or size > _MOST_RUN_BYTES):
        raise FailureError(
            error_codes.TOO_MANY_PIXELS,
            "the BMP is run-length coded, and has more than "
            f"{_MOST_RUN_PIXELS // 10**6} megapixels or megabytes: save it without compression",
        )


def _check_tags(data: bytes) -> None:
    """Refuse a TIFF whose tags alone would fill the memory: their numbers become Python's.

    :raises FailureError: one tag has too many numbers, or all hold too many bytes.
    """
    held = 0
    for page in ifd.pages(data) if data[:4] in {b"II*\0", b"MM\0*"} else []:
        for _, kind, number, _ in page.tags:
            held += min(number * ifd.size_of(kind), len(data))
            if held > _MOST_TAG_BYTES or (number > _MOST_VALUES and kind not in ifd.BYTES):
                raise FailureError(
                    error_codes.UNDECODABLE,
                    "the TIFF has more strips, tiles or other values than any real one: save it again",
                )


def _check_parts(data: bytes, check_size: Callable[[int, int], None]) -> None:
    """Refuse a HEIC or AVIF whose parts are more than a picture may be: each is decoded."""
    if data[4:8] == b"ftyp":
        from vindrop.domain import heif_items

        pixels = heif_items.derived_pixels(data)
        side = math.isqrt(pixels)
        check_size(side, pixels // max(side, 1))


def _canvas(data: bytes) -> int:
    """Return the bytes that Pillow takes for a WebP as soon as it is opened: two canvases, RGBA."""
    header = photo.read_header(data[:64])
    if header.format != "webp" or header.width is None or header.height is None:
        return 0
    return header.width * header.height * 8


def _levels(data: bytes) -> int:
    """Return how often the sides of a JPEG 2000 can be halved (ISO/IEC 15444-1, A.6.1)."""
    at = data.find(b"\xff\x4f\xff\x51") + 2
    for _ in range(64):
        if data[at : at + 2] == b"\xff\x52" and at + 9 < len(data):
            return data[at + 9]
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0


def _orientation(image: Image.Image) -> int:
    """Return the turn of an AVIF. Pillow makes EXIF of it; the file's own was cut out."""
    try:
        found: object = image.getexif().get(ifd.ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - a turn is the most that may be lost
        return 1
    return found if isinstance(found, int) else 1


def _frames(data: bytes) -> tuple[list[int], int]:
    """Return which pages of a TIFF are looked at, and how many it has; other formats have one."""
    pages = ifd.pages(data) if data[:4] in {b"II*\0", b"MM\0*"} else []
    areas = [page.whole(256, 0) * page.whole(257, 0) for page in pages]
    if len(pages) < 2:
        return [0], 1
    # Thumbnails are pages, too: marked as such (tag 254), or by their size.
    full = [
        n
        for n, page in enumerate(pages)
        if not page.whole(254, 0) & 1 and areas[n] * 100 > max(areas)
    ]
    if not full:
        return [areas.index(max(areas))], 1
    return full[:MOST_PAGES], len(full)


def _sheet(pictures: list[Image.Image]) -> Image.Image:
    """Put pages side by side and below each other, as near to a square as can be."""
    from PIL import Image

    across = max(picture.width for picture in pictures) + _GAP
    down = max(picture.height for picture in pictures) + _GAP
    columns = min(
        range(1, len(pictures) + 1),
        key=lambda n: max(n * across, -(-len(pictures) // n) * down),
    )
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * across, rows * down), "white")
    for n, picture in enumerate(pictures):
        sheet.paste(picture, (n % columns * across, n // columns * down))
    return sheet


def _fit(image: Image.Image, max_bytes: int) -> bytes:
    from PIL.Image import Resampling

    image.info.clear()  # nothing of it belongs into the new file
    for side, quality in _STEPS:
        if max(image.size) > side:
            image.thumbnail((side, side), Resampling.BICUBIC)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        if out.tell() <= max_bytes:
            return out.getvalue()
    raise FailureError(error_codes.TOO_LARGE, f"the image cannot be shrunk to {max_bytes} bytes")
