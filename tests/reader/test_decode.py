"""Formats of real life, and files that are none."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests import bombs, images
from tests.reader.pictures import VIN, encoded, plate
from vindrop.domain.vin import check_digit_holds
from vinocr.reader import ImageError, Reader
from vinocr.reader.decode import WORKING_PIXELS, decode


def code_of(data: bytes, **options: Any) -> str:
    with pytest.raises(ImageError) as caught:
        decode(data, **options)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return caught.value.code


GREY = plate().convert("L")
ALPHA = plate().convert("RGBA")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("progressive", encoded(plate(), progressive=True)),
        ("CMYK", encoded(plate().convert("CMYK"))),
        ("grey JPEG", encoded(GREY)),
        ("4:4:4", encoded(plate(), subsampling=0, quality=95)),
        ("palette", encoded(plate().quantize(16), "PNG")),
        ("palette, one colour clear", encoded(plate().quantize(16), "PNG", transparency=0)),
        ("alpha", encoded(ALPHA, "PNG")),
        ("grey and alpha", encoded(ALPHA.convert("LA"), "PNG")),
        ("black and white", encoded(GREY.convert("1", dither=Image.Dither.NONE), "PNG")),
        ("16-bit", encoded(Image.fromarray(np.asarray(GREY).astype(np.uint16) * 257), "PNG")),
        ("interlaced", encoded(plate(), "PNG", interlace=1)),
    ],
)
def test_every_mode_of_png_and_jpeg_is_read(reader: Reader, name: str, data: bytes) -> None:
    assert reader.read(data).vin == VIN, name


def test_what_is_transparent_counts_as_white() -> None:
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    assert decode(encoded(clear, "PNG")).image.getpixel((5, 5)) == (255, 255, 255)


def test_nothing_at_all() -> None:
    assert code_of(b"") == "empty"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "BMP", "TIFF", "ICO"])
def test_other_formats_are_named(kind: str) -> None:
    data = encoded(plate(size=(128, 128), letters=10), kind)
    with pytest.raises(ImageError, match=f"(?i){kind}.*PNG or JPEG") as caught:
        decode(data)
    assert caught.value.code == "unsupported_format"


def test_heic_and_avif_are_told_by_their_brand() -> None:
    for brand in (b"heic", b"mif1", b"avif"):
        assert code_of(b"\0\0\0\x18ftyp" + brand + bytes(32)) == "unsupported_format"


@pytest.mark.parametrize(
    "data", [b"%!PS", b"hello", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", bytes(99)]
)
def test_no_image(data: bytes) -> None:
    assert code_of(data) == "undecodable"


def test_a_name_says_nothing_the_content_does(reader: Reader) -> None:
    assert reader.read(encoded(plate(), "PNG")).vin == VIN


def test_half_a_file_is_damaged() -> None:
    for kind in ("JPEG", "PNG"):
        data = encoded(plate(), kind)
        assert code_of(data[: len(data) // 2]) == "undecodable"


def test_odd_exif_of_every_tag_and_type_costs_at_most_a_turn() -> None:
    small = plate(size=(96, 64), letters=8)
    large = encoded(small.resize((2_700, 1_800), Image.Resampling.NEAREST), quality=20)
    data = encoded(small)
    for number, (name, found) in enumerate(images.odd_exifs()):
        turned = {(64, 96)} if "tag 0x112 " not in name else {(64, 96), (96, 64)}
        assert decode(images.app(data, found)).image.size in turned, name
        if number % 311 == 0:  # a large one is shrunk, which is another path
            assert decode(images.app(large, found)).image.size[1] > 1_500, name


def test_metadata_that_is_broken_costs_nothing(reader: Reader) -> None:
    jpeg, png = encoded(plate()), encoded(plate(), "PNG")
    large = zlib.compress(bytes(70_000_000), 1)
    for data in (
        images.app(jpeg, b"Exif\0\0" + bytes(400)),
        images.app(jpeg, b"Exif\0\0II*\0" + bytes(40), length=9_000),
        images.app(jpeg, images.exif((0x0112, 2, 2, b"3\0"))),
        images.in_png(png, images.chunk(b"eXIf", bytes(8))),
        images.in_png(png, images.chunk(b"pHYs", bytes(9), crc=1)),
        images.in_png(png, images.chunk(b"iCCP", b"name\0\0" + large)),
        images.in_png(png, images.chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + large)),
    ):
        assert reader.read(data).vin == VIN


def test_a_jpeg_that_lacks_its_end_is_read_and_one_that_lacks_more_is_refused(
    reader: Reader,
) -> None:
    for options in ({}, {"progressive": True}, {"restart_marker_rows": 1}):
        whole = encoded(images.photo(640, 480), **options)
        for cut in (0.35, 0.6, 0.85, 0.97):
            assert code_of(whole[: int(len(whole) * cut)]) == "undecodable"
        data = encoded(plate(), **options)
        assert decode(data[:-2]).image.tobytes() == decode(data).image.tobytes()
        assert reader.read(data[:-2]).vin == VIN


@pytest.mark.parametrize("size", [(1, 49_900_000), (49_900_000, 1), (16, 3_000_000)])
def test_a_picture_longer_than_any_photo_is_refused_from_its_header(size: tuple[int, int]) -> None:
    assert code_of(png_of(*size)) == "too_many_pixels"


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "I;16"])
def test_a_picture_is_converted_without_a_copy_of_its_whole(mode: str) -> None:
    """A child's memory grows by the picture, and by little more."""
    picture = Image.new(mode, (6_000, 5_000))
    child = (
        "import sys; from vinocr.reader.decode import decode; data = sys.stdin.buffer.read()\n"
        "def said(name): return int(next(x for x in open('/proc/self/status') if name in x).split()[1])\n"
        "before = said('VmRSS'); decode(data); print((said('VmHWM') - before) * 1024 / 1e6)"
    )
    data = encoded(picture, "PNG", compress_level=1)
    done = subprocess.run(
        [sys.executable, "-c", child], input=data, capture_output=True, check=True
    )
    pixel = {"P": 1, "1": 1, "I;16": 2}.get(mode, 4)
    assert float(done.stdout) < 30 * pixel + 75


def png_of(width: int, height: int) -> bytes:
    """A small file that unpacks to a huge picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(12_000, 12_000), (60_000, 60_000), (2_000_000_000, 2)])
def test_a_bomb_is_refused_before_it_is_unpacked(size: tuple[int, int]) -> None:
    data = png_of(*size)
    tracemalloc.start()
    assert code_of(data) == "too_many_pixels"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000


COSTLY: dict[str, Callable[[], bytes]] = {
    "a progressive JPEG": lambda: bombs.jpeg_claiming(
        12_000, 10_000, progressive=True, subsampling=0
    ),
    "one that lacks its end": lambda: bombs.jpeg_claiming(12_000, 10_000, progressive=True)[:-2],
    "a progressive JPEG of four colours": lambda: bombs.jpeg_claiming(
        12_000, 10_000, Image.new("CMYK", (64, 64)), progressive=True
    ),
    "a PNG": lambda: bombs.png_of(12_000, 10_000),
}


@pytest.mark.parametrize("name", COSTLY)
def test_what_would_fill_the_memory_is_refused_from_its_header(name: str) -> None:
    data = COSTLY[name]()
    with pytest.raises(ImageError, match=r"takes \d+ MB of memory.* 200 MB") as caught:
        decode(data, memory_mb=200)
    assert caught.value.code == "too_many_pixels"
    assert caught.value.limit is not None
    assert 20_000_000 < caught.value.limit < 120_000_000
    baseline = bombs.jpeg_claiming(12_000, 10_000)
    assert decode(baseline, memory_mb=200).width == 12_000  # decoded at a smaller scale


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA")
def test_a_reader_is_held_to_its_memory_whatever_a_header_says() -> None:
    """Should the reckoning be wrong, the system refuses the memory, and the picture with it."""
    child = (
        "import resource, sys; from vindrop.core import image_memory\n"
        "from vinocr.reader import ImageError; from vinocr.reader.decode import decode\n"
        "image_memory.needed = lambda *_: 0\n"
        "before = resource.getrlimit(resource.RLIMIT_DATA)\n"
        "try: decode(sys.stdin.buffer.read(), memory_mb=100, alone=True)\n"
        "except ImageError: pass\n"
        "assert resource.getrlimit(resource.RLIMIT_DATA) == before\n"
        "status = open('/proc/self/status').read()\n"  # ru_maxrss tells of its parent's past, too
        "print(int(status.split('VmHWM:')[1].split()[0]) // 1024)"
    )
    data = COSTLY["a progressive JPEG"]()
    done = subprocess.run(
        [sys.executable, "-c", child], input=data, capture_output=True, check=True
    )
    assert int(done.stdout) < 400


def test_the_limit_is_a_setting() -> None:
    data = encoded(plate())
    assert code_of(data, max_pixels=800 * 600 - 1) == "too_many_pixels"
    assert decode(data, max_pixels=800 * 600).width == 800


def test_a_large_photo_is_kept_small_and_its_own_size_known() -> None:
    large = plate().resize((8000, 6000), Image.Resampling.NEAREST)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(encoded(large, exif=exif, quality=50))
    assert (picture.width, picture.height) == (6000, 8000)
    assert picture.image.height > picture.image.width
    assert picture.image.width * picture.image.height <= 1.3 * WORKING_PIXELS


def test_corners_are_in_pixels_of_the_photo_that_was_sent(reader: Reader) -> None:
    large = plate().resize((4000, 3000), Image.Resampling.BICUBIC)
    answer = reader.read(encoded(large, quality=60))
    assert answer.vin == VIN
    assert answer.quadrilateral is not None
    assert 750 < answer.quadrilateral[0][0] < 1150
    assert 2850 < answer.quadrilateral[1][0] < 3250


def test_mutated_files_are_read_or_refused(reader: Reader) -> None:
    dice = random.Random(5)
    small = plate(size=(320, 200), letters=24)
    bases = [encoded(small), encoded(small, "PNG"), encoded(small, progressive=True)]
    ended = {"read": 0, "refused": 0}
    for _ in range(60):
        data = bytearray(dice.choice(bases))
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        if dice.random() < 0.3:
            del data[dice.randrange(len(data)) :]
        try:
            answer = reader.read(bytes(data))
        except ImageError as e:
            ended["refused"] += 1
            assert e.code != "empty"  # noqa: PT017 (either end is right)
        else:
            ended["read"] += 1
            # What is damaged may show other letters: never a VIN that passes for a right one.
            assert answer.vin in (VIN, None) or not check_digit_holds(answer.vin)
    assert min(ended.values()) > 5


def test_a_picture_of_one_pixel_holds_no_text(reader: Reader) -> None:
    for size in ((1, 1), (1, 900), (900, 1), (3, 3)):
        buffer = io.BytesIO()
        Image.new("RGB", size).save(buffer, "PNG")
        answer = reader.read(buffer.getvalue())
        assert (answer.vin, answer.reason) == (None, "no_text")
