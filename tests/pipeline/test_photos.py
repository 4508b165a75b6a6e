"""Photos as they come, from the bucket to the reading: odd metadata, no end, pages, other formats."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from tests import images
from tests.pipeline.conftest import SAMPLES, World, process
from vindrop.core.recognizer import Answer
from vindrop.domain import error_codes

VIN = "5NPEVYK97FD841835"
PLATE = (SAMPLES / "plate-04.jpg").read_bytes()


def plate() -> Image.Image:
    return Image.open(io.BytesIO(PLATE)).convert("RGB")


def scan(*pages: Image.Image) -> bytes:
    return images.encoded(
        pages[0], "TIFF", save_all=True, append_images=list(pages[1:]), compression="jpeg"
    )


def blank() -> Image.Image:
    return Image.new("RGB", plate().size, "white")


READ: dict[str, Callable[[], bytes]] = {
    "EXIF with an odd tag": lambda: images.app(PLATE, images.exif((0x0001, 9, 1, b"\xff" * 4))),
    "EXIF with a turn as text": lambda: images.app(PLATE, images.exif((0x0112, 2, 2, b"1\0"))),
    "EXIF of zeros": lambda: images.app(PLATE, b"Exif\0\0" + bytes(90)),
    "JPEG without its end": lambda: PLATE.rstrip(b"\xff\xd9"),
    "PNG with a damaged chunk": lambda: images.in_png(
        images.encoded(plate(), "PNG"), images.chunk(b"pHYs", bytes(9), crc=1)
    ),
    "WebP with odd EXIF": lambda: images.in_webp(
        images.encoded(plate(), "WEBP"), b"EXIF", b"II*\0"
    ),
    "JPEG 2000": lambda: images.encoded(plate(), "JPEG2000"),
    "TIFF, on its second page": lambda: scan(blank(), plate()),
    "TIFF, on its third page": lambda: scan(blank(), blank(), plate()),
}


@pytest.mark.parametrize("name", READ)
def test_a_photo_whose_pixels_are_whole_is_read(world: World, name: str) -> None:
    outcome = process(world.app(), world.upload(READ[name]()))
    assert not world.dead_letters()
    (reading,) = world.readings()
    assert reading.vin == VIN, outcome
    assert reading.vinocr.billed == 1
    assert (
        "TIFF" not in name or reading.vin_box is None
    )  # a place on the sheet is none in the photo


def test_a_place_on_a_sheet_of_pages_is_none_in_the_photo(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = world.app()
    box = ((0.1, 0.1), (0.2, 0.1), (0.2, 0.2), (0.1, 0.2))
    answer = Answer(VIN, "r-1", 0.1, vin_box=box)
    monkeypatch.setattr(app.recognizer, "recognize", lambda *_, **__: answer)
    process(app, world.upload(scan(blank(), plate())))
    process(app, world.upload(PLATE))
    assert {reading.vin_box for reading in world.readings()} == {None, box}


def test_a_scan_without_a_vin_says_how_many_pages_were_looked_at(world: World) -> None:
    process(world.app(), world.upload(scan(*[blank()] * 6)))
    (letter,) = world.dead_letters()
    assert letter.code == "FailedOperation.ImageNoText"
    assert letter.message.endswith(
        "(the TIFF has 6 pages, and the first 4 of them were sent as one picture)"
    )


def test_a_jpeg_cut_inside_the_picture_is_a_dead_letter(world: World) -> None:
    process(world.app(), world.upload(PLATE[: len(PLATE) * 2 // 3]))
    (letter,) = world.dead_letters()
    assert letter.code == "FailedOperation.ImageDecodeFailed"
    assert letter.billed == 0


def test_an_image_that_would_fill_the_function_is_refused_before_it_is_decoded(
    world: World,
) -> None:
    app = world.app(VINDROP_MEMORY_MB="64")
    process(app, world.upload(images.encoded(plate(), "WEBP")))
    (letter,) = world.dead_letters()
    assert letter.code == error_codes.TOO_MANY_PIXELS
    assert "of 64 MB" in letter.message
