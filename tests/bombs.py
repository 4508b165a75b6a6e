"""Small files that ask a decoder for much: memory, or processor time. Made by hand, byte by byte.

Each is of a kind that was tried on the function's converter and on the VinOCR service. The figures
of a photo stand beside what is claimed, so that a header alone does not give it away.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image

from tests.images import chunk, encoded

MEGABYTES = 6
"""Size of the files that cost by their length: what a call by bytes may hold."""
LENGTH = MEGABYTES * 1_000_000
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def picture(size: tuple[int, int] = (64, 64)) -> Image.Image:
    return Image.linear_gradient("L").resize(size).convert("RGB")


# JPEG


def jpeg_with(junk: bytes, count: int | None = None) -> bytes:
    """A JPEG with ``junk`` behind its first marker, as often as fits."""
    data = encoded(picture())
    return data[:2] + junk * (count or LENGTH // len(junk)) + data[2:]


def jpeg_with_junk(junk: bytes) -> bytes:
    """A JPEG with ``junk`` behind its first segment."""
    data = encoded(picture())
    at = 4 + int.from_bytes(data[4:6], "big")
    return data[:at] + junk * (LENGTH // len(junk)) + data[at:]


def jpeg_without_scan(junk: bytes) -> bytes:
    data = encoded(picture())
    return data[: data.find(b"\xff\xda")] + junk * (LENGTH // len(junk))


def jpeg_claiming(
    width: int, height: int, image: Image.Image | None = None, **options: Any
) -> bytes:
    data = bytearray(encoded(image or picture(), **options))
    frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    struct.pack_into(">HH", data, frame + 5, height, width)
    return bytes(data)


def jpeg_of_many_scans(width: int, height: int, scans: int) -> bytes:
    data = jpeg_claiming(width, height, progressive=True, subsampling=0)
    begin = data.rfind(b"\xff\xda")
    return data[:begin] + data[begin:-2] * scans + b"\xff\xd9"


def jpeg_of_many_tables() -> bytes:
    """Huffman tables between two scans, as many as fit."""
    data = encoded(picture(), progressive=True)
    begin = data.rfind(b"\xff\xda")
    table = b"\xff\xc4" + struct.pack(">H", 19) + b"\x1f" + bytes(16)
    good = data[data.find(b"\xff\xc4") :]
    good = good[: 2 + int.from_bytes(good[2:4], "big")]
    return data[:begin] + (table + good) * (LENGTH // len(table + good)) + data[begin:]


def jpeg_of_restarts(width: int, height: int) -> bytes:
    """A restart behind every block, and nothing but restarts for data."""
    data = jpeg_claiming(width, height)
    begin = data.find(b"\xff\xda")
    interval = b"\xff\xdd\0\4\0\1"
    scan = data[begin : begin + 14]
    restarts = b"".join(bytes((0xFF, 0xD0 + n % 8)) for n in range(8)) * (LENGTH // 16)
    return data[:begin] + interval + scan + restarts + b"\xff\xd9"


# PNG


def png(*chunks: bytes, size: tuple[int, int] = (64, 64)) -> bytes:
    """A good PNG with chunks behind its header."""
    data = encoded(picture(size), "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def png_of(width: int, height: int, colour: int = 2, bits: int = 8, interlace: int = 0) -> bytes:
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = -(-width * samples * bits // 8) + 1
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(row)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    palette = chunk(b"PLTE", bytes(6)) if colour == 3 else b""
    parts = chunk(b"IHDR", header) + palette + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return SIGNATURE + parts


def repeated(part: bytes) -> list[bytes]:
    return [part * (LENGTH // len(part))]


def png_of_empty_data() -> bytes:
    data = encoded(picture(), "PNG")
    at = data.find(b"IDAT") - 4
    empty = chunk(b"IDAT", b"")
    return data[:at] + empty * (LENGTH // len(empty)) + data[at:]


ZEROS = zlib.compress(bytes(50_000_000), 9)
MEGABYTE = zlib.compress(bytes(1_200_000), 9)
NO_STREAM = bytes((0, 1)) * 100


# TIFF


def tiff(
    *tags: tuple[int, int, int, int], data: bytes = b"", pages: int = 1, size: int = 64
) -> bytes:
    """A TIFF of raw pixels, with tags (tag, type, number of values, value or place) in each page."""
    begin = 8
    pixels = bytes(size * size)
    extra_at = begin + len(pixels)
    good = {
        256: (256, 4, 1, size), 257: (257, 4, 1, size), 258: (258, 3, 1, 8), 259: (259, 3, 1, 1),
        262: (262, 3, 1, 1), 273: (273, 4, 1, begin), 277: (277, 3, 1, 1), 278: (278, 4, 1, size),
        279: (279, 4, 1, size * size),
    }  # fmt: skip
    plain = [good[tag] for tag in good if tag not in {each[0] for each in tags}]
    entries = sorted([*plain, *tags])
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", *entry) for entry in entries)
    first = extra_at + len(data)
    length = len(directory) + 4
    chain = b"".join(
        directory + struct.pack("<I", first + (n + 1) * length if n + 1 < pages else 0)
        for n in range(pages)
    )
    return b"II*\0" + struct.pack("<I", first) + pixels + data + chain


TIFF_DATA = 8 + 64 * 64
"""Where `tiff` puts its data."""


def tiff_of_strips(kind: int, each: int) -> bytes:
    count = LENGTH // each
    data = bytes(count * each)
    return tiff((273, kind, count, TIFF_DATA), (279, kind, count, TIFF_DATA), data=data)


def tiff_of_long_tags(pages: int = 1) -> bytes:
    """Forty tags that all hold the whole file, once more."""
    tags = (266, 284, 292, 293, 317, 320, 332, 334, 338, 339, 347, 512, 513, 514, 515, 519, 520, 521,
            529, 530, 531, 532, 254, 322, 323, 324, 325)  # fmt: skip
    data = bytes(LENGTH)
    return tiff(*((tag, 7, LENGTH, TIFF_DATA) for tag in tags), data=data, pages=pages)


def tiff_of_repeated_tags() -> bytes:
    """A thousand times the same tag, in a thousand pages."""
    data = bytes(1_000_000)
    return tiff(*((320, 7, 1_000_000, TIFF_DATA) for _ in range(900)), data=data, pages=400)


# WebP


def webp_chunks(*parts: bytes, size: tuple[int, int] = (64, 64), flags: int = 0) -> bytes:
    extended = bytes((flags, 0, 0, 0)) + (size[0] - 1).to_bytes(3, "little")
    extended += (size[1] - 1).to_bytes(3, "little")
    content = b"WEBP" + struct.pack("<4sI", b"VP8X", 10) + extended + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def webp_frame(size: tuple[int, int]) -> bytes:
    """An animation's frame."""
    still = encoded(Image.new("RGB", size, "grey"), "WEBP", lossless=True)[12:]
    head = bytes(6) + (size[0] - 1).to_bytes(3, "little") + (size[1] - 1).to_bytes(3, "little")
    head += bytes(3) + b"\0"
    return struct.pack("<4sI", b"ANMF", len(head) + len(still)) + head + still


ANIM = struct.pack("<4sI", b"ANIM", 6) + bytes(6)


def webp_animated(size: tuple[int, int], part: bytes) -> bytes:
    return webp_chunks(ANIM, *repeated(part), size=size, flags=2)


def webp_of_empty_chunks(kind: bytes) -> bytes:
    still = encoded(picture(), "WEBP")[12:]
    return webp_chunks(*repeated(struct.pack("<4sI", kind, 0)), still)


# BMP


def bmp_runs(width: int, height: int, body: bytes) -> bytes:
    """A BMP of eight bits, run-length coded: Pillow decodes these in Python."""
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 256, 0)
    start = 14 + len(head) + 1_024
    return b"BM" + struct.pack("<III", start + len(body), 0, start) + head + bytes(1_024) + body


# JPEG 2000


def jpeg_2000(
    width: int = 64, height: int = 64, *, tile: int = 0, precincts: int | None = None,
    blocks: int = 4, layers: int = 1, parts: int = 3, levels: int = 5, tile_parts: int = 1,
    head: tuple[int, int] | None = None, behind: bytes = b"",
) -> bytes:  # fmt: skip
    """A JPEG 2000 without data: its headers alone say what is to be built."""
    sizes = struct.pack(
        ">HIIIIIIIIH", 0, width, height, 0, 0, tile or width, tile or height, 0, 0, parts
    )
    sizes += b"\7\1\1" * parts
    per_level = (
        b""
        if precincts is None
        else bytes([max(precincts - 1, 0) * 17]) + bytes([precincts * 17]) * levels
    )
    coding = bytes([0 if precincts is None else 1, 0]) + struct.pack(">H", layers)
    coding += bytes([1 if parts == 3 else 0, levels, blocks, blocks, 0, 1]) + per_level
    steps = bytes([0x40]) + bytes([0x48]) * (3 * levels + 1)
    body = b"\xff\x4f"
    for marker, value in ((0x51, sizes), (0x52, coding), (0x5C, steps)):
        body += struct.pack(">BBH", 0xFF, marker, len(value) + 2) + value
    for n in range(tile_parts):
        empty = b"\0" * 8
        body += (
            struct.pack(">HHHIBB", 0xFF90, 10, n % 65_535, 14 + len(empty), 0, 1)
            + b"\xff\x93"
            + empty
        )
    body += behind + b"\xff\xd9"
    if head is None:
        return body
    ihdr = struct.pack(">I4sIIHBBBB", 22, b"ihdr", head[1], head[0], parts, 7, 7, 0, 0)
    colour = struct.pack(">I4sBBBI", 15, b"colr", 1, 0, 0, 16 if parts == 3 else 17)
    jp2h = struct.pack(">I4s", 8 + len(ihdr + colour), b"jp2h") + ihdr + colour
    ftyp = struct.pack(">I4s4sI4s", 20, b"ftyp", b"jp2 ", 0, b"jp2 ")
    jp2c = struct.pack(">I4s", 8 + len(body), b"jp2c") + body
    return b"\0\0\0\x0cjP  \r\n\x87\n" + ftyp + jp2h + jp2c


# HEIC and AVIF: what the boxes say, and what the coded picture says


def heif(size: tuple[int, int], kind: str, says: tuple[int, int] | None = None) -> bytes:
    """An evenly grey picture of ``size`` whose boxes say that it is another."""
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    options: dict[str, Any] = {"speed": 10} if kind == "AVIF" else {"quality": 10}
    data = encoded(Image.new("RGB", size, "grey"), kind, **options)
    if says is not None:
        wide = -(-size[0] // 2) * 2, -(-size[1] // 2) * 2
        changed = data
        for each in {size, wide, (-(-size[0] // 64) * 64, -(-size[1] // 64) * 64)}:
            changed = changed.replace(
                b"ispe" + struct.pack(">III", 0, *each), b"ispe" + struct.pack(">III", 0, *says)
            )
        assert changed != data
        data = changed
    return data


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + kind + content


def full_box(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    return box(kind, bytes((version, 0, 0, 0)), *parts)


def heic_of(
    derived: list[tuple[bytes, bytes, list[int]]], size: tuple[int, int], tile: int = 512
) -> bytes:
    """A HEIC whose last derived item is its picture.

    :param derived: items of other items: type, content, and the items that it is made of. The first
        is number 2; number 1 is a coded picture.
    """
    coded = heif((tile, tile), "HEIF")
    at = coded.find(b"hvcC") - 4
    configuration = coded[at : at + int.from_bytes(coded[at : at + 4], "big")]
    data = coded[coded.rfind(b"mdat") + 4 :]
    count = len(derived) + 1
    kinds = [b"hvc1", *(kind for kind, _, _ in derived)]
    items = b"".join(
        full_box(b"infe", struct.pack(">HH", n, 0), kind, b"\0", version=2)
        for n, kind in enumerate(kinds, 1)
    )
    references = b"".join(
        box(b"dimg", struct.pack(f">HH{len(of)}H", n, len(of), *of))
        for n, (_, _, of) in enumerate(derived, 2)
    )
    sizes = [full_box(b"ispe", struct.pack(">II", *each)) for each in ((tile, tile), size)]
    properties = box(b"ipco", configuration, *sizes)
    associated = struct.pack(">I", count) + struct.pack(">HBBB", 1, 2, 0x81, 2)
    associated += b"".join(struct.pack(">HBB", n, 1, 3) for n in range(2, count + 1))

    def whole(mdat_at: int) -> bytes:
        places = struct.pack(">BBH", 0x44, 0, count)
        places += struct.pack(">HHHHII", 1, 0, 0, 1, mdat_at, len(data))
        inside = 0
        for n, (_, content, _) in enumerate(derived, 2):
            places += struct.pack(">HHHHII", n, 1, 0, 1, inside, len(content))
            inside += len(content)
        meta = full_box(
            b"meta",
            full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
            full_box(b"pitm", struct.pack(">H", count)),
            full_box(b"iinf", struct.pack(">H", count), items),
            full_box(b"iref", references),
            box(b"iprp", properties, full_box(b"ipma", associated)),
            full_box(b"iloc", places, version=1),
            box(b"idat", *(content for _, content, _ in derived)),
        )
        return box(b"ftyp", b"heic", bytes(4), b"mif1heic") + meta + box(b"mdat", data)

    return whole(len(whole(0)) - len(data))


def heic_grid(across: int, down: int, size: tuple[int, int], tile: int = 512) -> bytes:
    """A grid that shows one tile again and again."""
    content = struct.pack(">BBBBHH", 0, 0, down - 1, across - 1, *size)
    return heic_of([(b"grid", content, [1] * (across * down))], size, tile)


def heic_overlays(depth: int, size: tuple[int, int] = (512, 512)) -> bytes:
    """Each of ``depth`` overlays shows the one below it twice."""
    content = struct.pack(">BB4HHH", 0, 0, 0, 0, 0, 0, *size) + bytes(8)
    return heic_of([(b"iovl", content, [n - 1] * 2) for n in range(2, depth + 2)], size)


def gif(width: int, height: int, frames: int, data: bytes) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + data
    return head + frame * frames + b";"


LZW = b"\2" + b"\xff" + b"\x84" * 255 + b"\0"


BOMBS: dict[str, Callable[[], bytes]] = {
    "JPEG, empty application segments": lambda: jpeg_with(b"\xff\xe5\0\2"),
    "JPEG, comments": lambda: jpeg_with(b"\xff\xfe\0\2"),
    "JPEG, fill bytes": lambda: jpeg_with(b"\xff"),
    "JPEG, junk": lambda: jpeg_with_junk(b"a"),
    "JPEG, junk with zeros": lambda: jpeg_with_junk(b"\xff\0"),
    "JPEG, empty quantization tables": lambda: jpeg_with(b"\xff\xdb\0\2"),
    "JPEG, restart markers in the header": lambda: jpeg_with(b"\xff\xd0"),
    "JPEG, starts": lambda: jpeg_with(b"\xff\xd8"),
    "JPEG, frames": lambda: jpeg_with(b"\xff\xc0\0\x0b\x08\0\x40\0\x40\1\1\x11\0"),
    "JPEG, ICC parts": lambda: jpeg_with(b"\xff\xe2\0\x10ICC_PROFILE\0\1\1"),
    "JPEG, Photoshop blocks": lambda: jpeg_with(b"\xff\xed\x80\0Photoshop 3.0\0" + (b"8BIM" + bytes(8)) * 2_728 + bytes(16)),
    "JPEG, no scan, fill bytes": lambda: jpeg_without_scan(b"\xff"),
    "JPEG, no scan, junk": lambda: jpeg_without_scan(b"a"),
    "JPEG, no scan, segments": lambda: jpeg_without_scan(b"\xff\xe5\0\2"),
    "JPEG, an end, then junk": lambda: encoded(picture())[:2] + b"\xff\xd9" + b"a" * LENGTH + encoded(picture())[2:],
    "JPEG, segments of wrong length": lambda: jpeg_with(b"\xff\xe5\xff\xff" + b"\xff\xc0\0\x0b\x08\0\x40\0\x40\1\1\x11\0" * 100),
    "JPEG, a hundred scans": lambda: jpeg_of_many_scans(5_000, 4_000, 90),
    "JPEG, Huffman tables between scans": jpeg_of_many_tables,
    "JPEG, restart markers": lambda: jpeg_of_restarts(9_000, 9_000),
    "JPEG, restart markers in a small picture": lambda: jpeg_of_restarts(640, 480),
    "PNG, empty chunks": lambda: png(*repeated(chunk(b"prVt", b""))),
    "PNG, empty chunks behind an unknown critical one": lambda: png(chunk(b"CRIT", b""), *repeated(chunk(b"prVt", b""))),
    "PNG, empty data": png_of_empty_data,
    "PNG, empty data behind an unknown critical chunk": lambda: png_of_empty_data()[:33] + chunk(b"CRIT", b"") + png_of_empty_data()[33:],
    "PNG, packed texts": lambda: png(*repeated(chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + MEGABYTE))),
    "PNG, packed international texts": lambda: png(*repeated(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + MEGABYTE))),
    "PNG, texts that are not packed": lambda: png(*repeated(chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + NO_STREAM))),
    "PNG, raw profiles": lambda: png(*repeated(chunk(b"zTXt", b"Raw profile type x\0\0" + MEGABYTE))),
    "PNG, packed colour profile": lambda: png(chunk(b"iCCP", b"a\0\0" + ZEROS)),
    "PNG, packed texts behind an unknown critical chunk": lambda: png(chunk(b"CRIT", b""), *repeated(chunk(b"zTXt", b"a\0\0" + MEGABYTE))),
    "PNG, colour profiles behind an unknown critical chunk": lambda: png(chunk(b"CRIT", b""), *repeated(chunk(b"iCCP", b"a\0\0" + MEGABYTE))),
    "PNG, palettes": lambda: png(*repeated(chunk(b"PLTE", bytes(3)))),
    "PNG, transparencies": lambda: png(*repeated(chunk(b"tRNS", bytes(6)))),
    "PNG, headers": lambda: png(*repeated(encoded(picture(), "PNG")[8:33])),
    "PNG, more data than pixels": lambda: png_of(64, 64)[:33] + chunk(b"IDAT", ZEROS) + chunk(b"IEND", b""),
    "PNG, 80 megapixels of two bytes": lambda: png_of(8_900, 8_900, 6, 16),
    "PNG, 80 megapixels interlaced": lambda: png_of(8_900, 8_900, 2, 8, 1),
    "TIFF, strips": lambda: tiff_of_strips(4, 4),
    "TIFF, strips as short numbers": lambda: tiff_of_strips(3, 2),
    "TIFF, strips as ratios": lambda: tiff_of_strips(5, 8),
    "TIFF, strips as signed bytes": lambda: tiff_of_strips(6, 1),
    "TIFF, strips as doubles": lambda: tiff_of_strips(12, 8),
    "TIFF, long tags": tiff_of_long_tags,
    "TIFF, long tags in many pages": lambda: tiff_of_long_tags(900),
    "TIFF, repeated tags": tiff_of_repeated_tags,
    "TIFF, 900 pages": lambda: tiff(pages=900),
    "TIFF, a count beyond the file": lambda: tiff((273, 4, 0xFFFFFFFF, 8), (279, 4, 0xFFFFFFFF, 8)),
    "TIFF, samples": lambda: tiff((277, 3, 1, 65_535), (258, 3, 1_000_000, TIFF_DATA), data=bytes(2_000_000)),
    "WebP, empty chunks": lambda: webp_of_empty_chunks(b"abcd"),
    "WebP, empty frames": lambda: webp_animated((64, 64), struct.pack("<4sI", b"ANMF", 0)),
    "WebP, frames": lambda: webp_animated((64, 64), webp_frame((64, 64))),
    "WebP, large frames": lambda: webp_animated((4_000, 4_000), webp_frame((4_000, 4_000))),
    "WebP, a canvas": lambda: webp_chunks(ANIM, webp_frame((64, 64)), size=(14_000, 14_000), flags=2),
    "WebP, the largest canvas": lambda: webp_chunks(ANIM, webp_frame((64, 64)), size=(2**24, 2**24), flags=2),
    "WebP, a picture larger than its canvas": lambda: webp_chunks(encoded(Image.new("RGB", (8_000, 8_000)), "WEBP", lossless=True)[12:]),
    "WebP, empty pictures": lambda: webp_chunks(*repeated(struct.pack("<4sI", b"VP8L", 0))),
    "BMP, rows of one run": lambda: bmp_runs(14_000, 14_000, b"\1\0\0\0" * 14_000),
    "BMP, runs of one pixel": lambda: bmp_runs(8_000, 8_000, b"\1\0" * (LENGTH // 2)),
    "BMP, ends of lines": lambda: bmp_runs(8_000, 8_000, b"\0\0" * (LENGTH // 2)),
    "BMP, steps": lambda: bmp_runs(14_000, 14_000, b"\0\2\1\xff" * 1_000),
    "BMP, steps to the side": lambda: bmp_runs(14_000, 14_000, b"\0\2\1\0" * (LENGTH // 4)),
    "JPEG 2000, tiles": lambda: jpeg_2000(65_000, 3_000, tile=55),
    "JPEG 2000, tiles with data": lambda: jpeg_2000(2_550, 2_550, tile=10, tile_parts=65_025),
    "JPEG 2000, precincts": lambda: jpeg_2000(2_500, 2_500, precincts=1),
    "JPEG 2000, small precincts": lambda: jpeg_2000(4_000, 4_000, precincts=3),
    "JPEG 2000, code blocks": lambda: jpeg_2000(2_500, 2_500, blocks=0),
    "JPEG 2000, grey code blocks": lambda: jpeg_2000(4_000, 4_000, blocks=0, parts=1),
    "JPEG 2000, layers": lambda: jpeg_2000(2_000, 2_000, layers=65_535),
    "JPEG 2000, layers and precincts": lambda: jpeg_2000(1_000, 1_000, layers=65_535, precincts=3),
    "JPEG 2000, a head that says less": lambda: jpeg_2000(14_000, 14_000, head=(64, 64)),
    "JPEG 2000, many components": lambda: jpeg_2000(1_000, 1_000, parts=16_384, head=(64, 64)),
    "JPEG 2000, tile parts": lambda: jpeg_2000(64, 64, tile_parts=LENGTH // 22),
    "AVIF, a head that says less": lambda: heif((16_000, 16_000), "AVIF", (64, 64)),
    "AVIF, a head that says more": lambda: heif((64, 64), "AVIF", (14_000, 14_000)),
    "HEIC, a head that says less": lambda: heif((2_048, 2_048), "HEIF", (64, 64)),
    "HEIC, a head that says more": lambda: heif((64, 64), "HEIF", (14_000, 14_000)),
    "HEIC, a grid": lambda: heic_grid(2, 2, (1_024, 1_024)),
    "HEIC, a grid of one tile": lambda: heic_grid(255, 255, (512, 512)),
    "HEIC, a grid of 65,025 tiles": lambda: heic_grid(255, 255, (13_000, 13_000), 64),
    "HEIC, a grid of one large tile": lambda: heic_grid(15, 15, (512, 512), 4_096),
    "HEIC, overlays": lambda: heic_overlays(4),
    "HEIC, nested overlays": lambda: heic_overlays(16),
    "GIF, frames": lambda: gif(64, 64, 10_000, LZW),
    "GIF, a screen": lambda: gif(65_535, 65_535, 1, LZW),
    "ICO, pictures": lambda: b"\0\0\1\0\xff\xff" + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, 9_999, 22) * 65_535,
    "PSD, layers": lambda: b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 56, 30_000, 30_000, 8, 3) + bytes(100_000),
}  # fmt: skip
"""What it is → makes the file."""
_ = io
