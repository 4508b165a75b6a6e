"""No image fills the memory: it is decoded within what there is, or refused from its header."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from tests.images import chunk, encoded, exif
from vindrop import wiring
from vindrop.core import image_memory, invocation, pixels, reencode
from vindrop.core.photo import LONGEST_SIDE, check_size, read_header
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError

CHILD = """
import json, resource, sys
from vindrop.core import image_memory, photo, pixels, reencode
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
import pillow_heif
data, spares = sys.stdin.buffer.read(), [float(text) for text in sys.argv[1:]]
def peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6
pages = int(open("/proc/self/statm").read().split()[0])
# Address space, not memory: decoders map stacks for threads that they never touch.
most = pages * resource.getpagesize() + int(max(spares) * 1.6e6) + 300_000_000
resource.setrlimit(resource.RLIMIT_AS, (most, most))
for spare in spares:
    before = image_memory.resident_mb()
    try:
        made = reencode.to_jpeg(
            data, max_bytes=5_000_000, memory_mb=(before + spare) / 0.92,
            check_size=lambda width, height: photo.check_size(width, height, 200.0),
        )
        end = "picture"
    except FailureError as error:
        end = f"{error.failure.code} {error.failure.message}"
    print(json.dumps({"end": end, "grew": peak() - before}), flush=True)
"""


def decoded(data: bytes, *spares: float) -> list[dict[str, Any]]:
    """Have a child decode ``data`` with so many megabytes to spare, one after the other."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, spares)],
        input=data,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def png(width: int, height: int, colour: int = 6, bits: int = 8, interlace: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    rows = zlib.compress(bytes(1_000_000), 1)
    palette = chunk(b"PLTE", bytes(6)) if colour == 3 else b""
    parts = chunk(b"IHDR", header) + palette + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def tiff(width: int, height: int, samples: int, bits: int, compression: int, rows: int) -> bytes:
    packed = zlib.compress(bytes(100_000))
    tags: list[tuple[int, int, int, bytes]] = [
        (256, 4, 1, struct.pack("<I", width)), (257, 4, 1, struct.pack("<I", height)),
        (258, 3, samples, struct.pack("<H", bits) * samples),
        (259, 3, 1, struct.pack("<H", compression)),
        (262, 3, 1, struct.pack("<H", 2 if samples > 1 else 0)),
        (273, 4, 1, struct.pack("<I", 8)), (277, 3, 1, struct.pack("<H", samples)),
        (278, 4, 1, struct.pack("<I", rows)), (279, 4, 1, struct.pack("<I", len(packed))),
    ]  # fmt: skip
    if samples == 4:
        tags.append((338, 3, 1, struct.pack("<H", 2)))
    return exif(*tags, marker=False) + packed


def jpeg(width: int, height: int, **options: Any) -> bytes:
    data = bytearray(encoded(Image.new("RGB", (64, 64), "grey"), **options))
    frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    struct.pack_into(">HH", data, frame + 5, height, width)
    return bytes(data)


def webp(width: int, height: int) -> bytes:
    extended = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = encoded(Image.new("RGB", (64, 64)), "WEBP")[12:]
    content = b"WEBP" + struct.pack("<4sI", b"VP8X", 10) + extended + frame
    return b"RIFF" + struct.pack("<I", len(content)) + content


BOMBS: dict[str, Callable[[], bytes]] = {
    "PNG, RGBA": lambda: png(14_000, 14_000),
    "PNG, one bit": lambda: png(14_000, 14_000, 0, 1),
    "PNG, palette, interlaced": lambda: png(14_000, 14_000, 3, 8, 1),
    "PNG, 16 bits": lambda: png(14_000, 14_000, 0, 16),
    "PNG, one pixel wide": lambda: png(1, 49_900_000, 0, 8),
    "PNG, one pixel high": lambda: png(49_900_000, 1, 2, 8),
    "PNG, long": lambda: png(65_000, 3_000, 2),
    "TIFF, RGBA": lambda: tiff(14_000, 14_000, 4, 8, 8, 14_000),
    "TIFF, RGBA, raw": lambda: tiff(14_000, 14_000, 4, 8, 1, 10),
    "TIFF, one bit": lambda: tiff(14_000, 14_000, 1, 1, 8, 10),
    "TIFF, one wide strip": lambda: tiff(30_000, 6_000, 1, 1, 4, 6_000),
    "TIFF, 16 bits": lambda: tiff(14_000, 14_000, 3, 16, 8, 10),
    "JPEG": lambda: jpeg(14_000, 14_000),
    "JPEG, long": lambda: jpeg(65_500, 3_000),
    "JPEG, progressive": lambda: jpeg(14_000, 14_000, progressive=True, subsampling=0),
    "WebP": lambda: webp(14_000, 14_000),
    "BMP": lambda: b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 14_000, 14_000, 1, 24, 0, 0, 0, 0, 0, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_from_its_header(name: str) -> None:
    (found,) = decoded(BOMBS[name](), 20)
    assert found["end"].startswith("Vindrop.TooManyPixels the image "), found
    assert "more memory to decode than there is" not in found["end"]
    assert found["grew"] < 30


REAL: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "JPEG": ("RGB", "JPEG", {}, 120),
    "JPEG, progressive": ("RGB", "JPEG", {"progressive": True, "subsampling": 0}, 120),
    "PNG, RGBA": ("RGBA", "PNG", {}, 110),
    "PNG, palette": ("P", "PNG", {}, 90),
    "PNG, one bit": ("1", "PNG", {}, 90),
    "TIFF": ("RGBA", "TIFF", {"compression": "tiff_lzw"}, 110),
    "TIFF, one bit": ("1", "TIFF", {"compression": "group4"}, 90),
    "WebP": ("RGB", "WEBP", {"method": 0}, 230),
    "WebP, lossless": ("RGBA", "WEBP", {"lossless": True, "method": 0}, 230),
    "HEIC": ("RGB", "HEIF", {"quality": 30}, 190),
    "AVIF": ("RGB", "AVIF", {"speed": 10}, 200),
    "BMP": ("RGB", "BMP", {}, 120),
    "JPEG 2000": ("RGB", "JPEG2000", {"quality_mode": "rates", "quality_layers": [200]}, 240),
}
"""Mode, format, options, and megabytes that 9 megapixels take at most."""


@pytest.mark.parametrize("name", REAL)
def test_what_is_reckoned_is_enough_and_what_is_more_is_refused(name: str) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    mode, kind, options, most = REAL[name]
    picture = Image.linear_gradient("L").resize((3_600, 2_500)).convert(mode)
    data = encoded(picture, kind, **options)
    tight, ample = decoded(data, 6, most)
    assert tight["end"].startswith("Vindrop.TooManyPixels the image takes "), tight
    assert tight["grew"] < 6 + 40  # the file's own copy, and what its format's library brings along
    assert ample["end"] == "picture", ample
    assert ample["grew"] < most + 40


def test_a_panorama_fits_into_a_small_function() -> None:
    """A JPEG is decoded at the scale that is wanted, whatever its shape."""
    for size in ((20_000, 4_000), (4_000, 20_000), (60_000, 1_500)):
        data = encoded(Image.new("L", size, 77), quality=30)
        (found,) = decoded(data, 60)
        assert found["end"] == "picture", (size, found)


@pytest.mark.parametrize(
    ("width", "height", "fits"),
    [(14_000, 14_000, True), (15_000, 14_000, False), (LONGEST_SIDE, 3_000, True),
     (LONGEST_SIDE + 1, 1, False), (1, LONGEST_SIDE + 1, False), (0, 0, True)],
)  # fmt: skip
def test_the_limit_is_in_pixels_and_in_sides(width: int, height: int, fits: bool) -> None:
    if fits:
        check_size(width, height, 200.0)
    else:
        with pytest.raises(FailureError) as caught:
            check_size(width, height, 200.0)
        assert caught.value.failure.code == error_codes.TOO_MANY_PIXELS


def test_headers_tell_the_size_of_each_format() -> None:
    picture = Image.new("RGB", (321, 123))
    for kind, options in (
        ("JPEG", {}), ("PNG", {}), ("WEBP", {}), ("WEBP", {"lossless": True}), ("JPEG2000", {}),
        ("WEBP", {"exif": b"x"}), ("JPEG2000", {"no_jp2": True}),
    ):  # fmt: skip
        header = read_header(encoded(picture, kind, **options)[:4096])
        assert (header.width, header.height) == (321, 123), kind


@pytest.mark.parametrize(
    ("context", "megabytes"),
    [({"memory_limit_in_mb": 512}, 512), ({"memory_limit_in_mb": "1024"}, 1024), ({}, 0),
     ({"memory_limit_in_mb": None}, 0), ({"memory_limit_in_mb": "much"}, 0)],
)  # fmt: skip
def test_the_platform_says_how_much_there_is(context: dict[str, Any], megabytes: float) -> None:
    assert invocation.of(context).memory_mb == megabytes

    class Lambda:
        aws_request_id = function_name = ""
        memory_limit_in_mb = context.get("memory_limit_in_mb")

        def get_remaining_time_in_millis(self) -> int:
            return 3_000

    assert invocation.of(Lambda()).memory_mb == megabytes


def test_a_function_hands_on_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    app = SimpleNamespace(photographer=SimpleNamespace(memory_mb=0.0), engines=())
    monkeypatch.setattr(wiring, "from_environment", lambda: app)
    seen: list[float] = []

    def process(app: Any, *_: Any) -> dict[str, Any]:
        seen.append(app.photographer.memory_mb)
        return {}

    wiring.entry(process)({}, {"memory_limit_in_mb": 512})
    assert seen == [512]


def test_where_nothing_is_said_a_phones_photo_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much the process holds already: a server with a reader's models holds more than a function."""
    monkeypatch.setattr(image_memory, "resident_mb", lambda: 3_000.0)
    with Image.open(io.BytesIO(encoded(Image.new("RGB", (64, 48)), "PNG"))) as image:
        image._size = (8_064, 6_048)
        image_memory.check(image, memory_mb=0, smaller=4_000)
    data = encoded(Image.new("RGB", (640, 480)), "WEBP")
    assert reencode.to_jpeg(data, max_bytes=10**6, check_size=lambda *_: None).data


def test_threads_decode_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them was told that the memory left is its own."""
    inside, most = [0], [0]
    lock = threading.Lock()
    decode = pixels.decode

    def slow(*given: Any) -> Image.Image:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        image = decode(*given)
        time.sleep(0.02)
        with lock:
            inside[0] -= 1
        return image

    monkeypatch.setattr(pixels, "decode", slow)
    data = encoded(Image.new("RGB", (64, 48)), "PNG")
    with ThreadPoolExecutor(4) as threads:
        for done in [
            threads.submit(reencode.to_jpeg, data, max_bytes=10**6, check_size=lambda *_: None)
            for _ in range(8)
        ]:
            done.result()
    assert most[0] == 1
