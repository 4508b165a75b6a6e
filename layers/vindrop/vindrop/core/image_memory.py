"""How much memory an image takes to decode, reckoned before it is decoded, and how much there is.

A few kilobytes can claim hundreds of megapixels, and a function that runs out of memory is killed
without a word. The figures are those of Pillow 12 and 13, measured by tests/library/test_image_memory.py.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError

UNKNOWN_MB: Final = 2_048.0
"""Memory that a picture may take where no platform says how much there is, whatever is held already."""
_KEPT_BACK: Final = 0.08
"""Part of the memory that is left to everything else."""
_START_MB: Final = 160.0
"""What a function holds before it decodes, where the system does not tell."""
_BYTES: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""Bytes a pixel in Pillow's memory; four in all other modes."""
_ROW: Final = 24
"""Bytes for each row of a picture, besides its pixels."""
_DECODER: Final = {"WEBP": 6, "HEIF": 10, "AVIF": 12, "BMP": 2}
"""Bytes a pixel that the decoder itself holds while it decodes, besides the picture."""
_CANVASES: Final = 8
"""Bytes a pixel that a WebP's decoder keeps."""


_THREAD: Final = 8_388_608
"""Bytes of a thread's stack, which count as taken however little of it is used."""
_TILE, _TILE_PART = 5_900, 2_200
"""Bytes that OpenJPEG keeps for each tile, and for each component of it, before it decodes any."""
_CODE_BLOCK, _PRECINCT = 600, 300
"""Bytes that it keeps for each code block, and for each precinct, of the tile at hand."""


def check(image: Any, *, memory_mb: float, smaller: int, halvings: int = 0) -> None:
    """Refuse an opened image that would fill the memory.

    :param image: opened by Pillow, not decoded yet; after ``draft``.
    :param memory_mb: what the function has; 0: unknown.
    :param smaller: longest side of the picture that will be made of it, in pixels.
    :param halvings: how often a JPEG 2000's sides are halved as it is decoded.
    :raises FailureError: it would take more than is left.
    """
    check_bytes(needed(image, smaller, halvings), memory_mb)


def check_bytes(need: float, memory_mb: float) -> None:
    """Refuse what would take ``need`` bytes; see `check`."""
    left = left_mb(memory_mb)
    if need / 1e6 > left:
        raise FailureError(
            error_codes.TOO_MANY_PIXELS,
            f"the image takes {need / 1e6:.0f} MB of memory to decode, and of "
            f"{memory_mb or UNKNOWN_MB:.0f} MB {left:.0f} MB are left: "
            "scale it down, or give the function more memory",
        )


def left_mb(memory_mb: float) -> float:
    """Return what a picture may take; 0 where nothing is left.

    A process of which no platform says how much it may hold is a server's or a person's: what it
    holds already says nothing of what the machine has left.
    """
    held = resident_mb() if memory_mb else _START_MB
    return max((memory_mb or UNKNOWN_MB) * (1 - _KEPT_BACK) - held, 0)


@contextlib.contextmanager
def bounded(memory_mb: float, *, threads: bool = False) -> Iterator[None]:
    """Let no decoder take more than is left, whatever it finds behind the header.

    The coded picture of a HEIC may be larger than its boxes say, a JPEG 2000 may be cut into more
    pieces: decoders learn that late. Linux only (RLIMIT_DATA, since 4.7); elsewhere nothing is done.
    One thread at a time.

    :param threads: whether the decoder starts some, whose stacks count.
    """
    stacks = (4 + (os.cpu_count() or 1)) * _THREAD if threads else 0
    with held_to(left_mb(memory_mb) * 1e6 + stacks):
        yield


@contextlib.contextmanager
def held_to(more: float) -> Iterator[None]:
    """Let this process take ``more`` bytes than it holds, and no others; see `bounded`."""
    limits = _data_limits(more)
    if limits is None:
        yield
        return
    import resource

    before, new = limits
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, new)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, before)


def _data_limits(more: float) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return the limits there are, and those that leave what is left; None: no such system."""
    try:
        import resource

        status = Path("/proc/self/status").read_text()
        (held,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmData:"))
    except (ImportError, OSError, ValueError):
        return None
    most = int(held) * 1024 + int(more)
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [most, *(each for each in (soft, hard) if each != resource.RLIM_INFINITY)]
    return (soft, hard), (min(limits), hard)


def resident_mb() -> float:
    """Return the memory that this process holds now, in megabytes."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return _START_MB


def needed(image: Any, smaller: int, halvings: int = 0) -> int:
    """Return the bytes that decoding and shrinking take at most, besides the file; see `check`."""
    width, height = (-(-side >> halvings) or 1 for side in image.size)
    pixels = width * height
    picture = pixels * _BYTES.get(image.mode, 4) + height * _ROW
    if image.format == "WEBP":
        picture += pixels * _CANVASES
    by = max(max(width, height) / smaller, 1.0)
    if image.mode == "RGB":
        return max(picture + _in_decoder(image, pixels), picture + _shrinking(width, height, by))
    copy = pixels // int(by) ** 2 * 4  # as RGB, averaged in the same step
    rest = by / int(by)
    shrinking = _shrinking(int(width / int(by)), int(height / int(by)), rest)
    return max(picture + _in_decoder(image, pixels), picture + copy, copy + shrinking)


def _shrinking(width: int, height: int, by: float) -> int:
    """Return the bytes that `PIL.Image.Image.thumbnail` takes, its result included."""
    if by <= 1:
        return 0
    before = int(by / 2) or 1  # first averaged by a whole number, then across, then down
    averaged = width * height // before**2 * 4 if before > 1 else 0
    across = int(width / by * height / before) * 4
    return averaged + across + int(width / by * height / by) * 4


def _in_decoder(image: Any, pixels: int) -> int:
    if image.format in {"JPEG", "MPO"}:
        return _coefficients(image)
    if image.format == "JPEG2000":
        # 32 bits a sample, what is made of them, and what is kept of their pieces.
        parts = len(image.getbands())
        return pixels * 6 * parts + _pieces(image.fp.getvalue(), parts)
    if image.format == "TIFF":
        return _strip(image)
    return pixels * int(_DECODER.get(image.format, 0))


def _pieces(data: bytes, parts: int) -> int:
    """Return what OpenJPEG keeps of a JPEG 2000's tiles and code blocks (ISO/IEC 15444-1, A.5 and A.6)."""
    begin = data.find(b"\xff\x4f\xff\x51")
    coding = data.find(b"\xff\x52", begin)
    if begin < 0 or begin + 40 > len(data) or coding < 0 or coding + 12 > len(data):
        return 0
    right, below, _, _, across, down, left, above = struct.unpack_from(">8I", data, begin + 8)
    across, down = max(across, 1), max(down, 1)
    tiles = max(-(-(right - left) // across), 1) * max(-(-(below - above) // down), 1)
    style, levels, *block = struct.unpack_from(">BxxxxBBB", data, coding + 4)
    wide, high = (min(each, 8) + 2 for each in block)
    area = min(across, right) * min(down, below) * parts * 4 // 3
    pieces = 0
    if style & 1:  # precincts have sizes of their own, and cut the blocks
        sizes = data[coding + 14 : coding + 14 + levels] or b"\xff"
        columns, rows = min(each & 15 for each in sizes), min(each >> 4 for each in sizes)
        pieces = area * _PRECINCT >> columns + rows
        wide, high = min(wide, max(columns - 1, 0)), min(high, max(rows - 1, 0))
    return int(tiles * (_TILE + _TILE_PART * parts) + pieces + (area * _CODE_BLOCK >> wide + high))


def _coefficients(image: Any) -> int:
    """Return what libjpeg keeps of a JPEG that comes in several scans: all of its coefficients."""
    parts = image.layer
    if not parts or not (image.info.get("progressive") or _several_scans(image, len(parts))):
        return 0
    across = max((1, *(part[1] for part in parts)))
    down = max((1, *(part[2] for part in parts)))
    scale = image.decoderconfig[0] if image.decoderconfig else 1
    whole = image.width * image.height * scale * scale
    return sum(2 * whole * part[1] * part[2] // (across * down) for part in parts)


def _several_scans(image: Any, parts: int) -> bool:
    """Whether the first scan, whose header was just read, lacks some of the colours."""
    length = 6 + 2 * parts
    begin = image.fp.tell() - length
    header = image.fp.getvalue()[max(begin, 0) : begin + 3]
    return bool(header != length.to_bytes(2, "big") + bytes((parts,)))


def _strip(image: Any) -> int:
    """Return what libtiff unpacks at a time: a strip or a tile."""
    tags = image.tag_v2
    width, height = image.size
    samples = _number(tags.get(277), len(image.getbands()))
    bits = max((tags.get(258) or (8,))[0], 1) if isinstance(tags.get(258), tuple) else 8
    across = _number(tags.get(322), width)
    down = _number(tags.get(323), _number(tags.get(278), height))
    area = min(across, 2 * width + 512) * min(down, 2 * height + 512)
    if not image.tile or image.tile[0][0] == "raw":
        return 0
    colours = 4 if tags.get(262) == 6 else 0  # YCbCr is made RGBA
    return int(area * (samples * bits / 8 + colours))


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) and value > 0 else default
