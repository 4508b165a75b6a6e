"""A photo that lacks its end is read if every pixel is there, and refused if one is missing."""

from __future__ import annotations

import random
from typing import Any

import pytest
from PIL import Image

from tests import images
from tests.images import encoded
from vindrop.core import pixels, reencode
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError

PHOTO = images.photo()
KINDS: dict[str, tuple[Image.Image, dict[str, Any]]] = {
    "4:2:0": (PHOTO, {}),
    "4:4:4": (PHOTO, {"subsampling": 0, "quality": 95}),
    "grey": (PHOTO.convert("L"), {}),
    "CMYK": (PHOTO.convert("CMYK"), {}),
    "progressive": (PHOTO, {"progressive": True}),
    "progressive 4:4:4": (PHOTO, {"progressive": True, "subsampling": 0}),
    "optimized": (PHOTO, {"optimize": True}),
    "restart markers by blocks": (PHOTO, {"restart_marker_blocks": 5}),
    "restart markers by rows": (PHOTO, {"restart_marker_rows": 1}),
    "one block": (PHOTO.crop((0, 0, 8, 8)), {}),
    "flat": (Image.new("RGB", (64, 48), (90, 90, 90)), {}),
}


def as_pixels(data: bytes) -> bytes:
    return pixels.decode(data, lambda image: None).tobytes()


def refused(data: bytes) -> bool:
    try:
        reencode.to_jpeg(data, max_bytes=10**6, check_size=lambda width, height: None)
    except FailureError as error:
        return error.failure.code == error_codes.UNDECODABLE
    return False


@pytest.mark.parametrize("name", KINDS)
def test_a_jpeg_without_its_end_is_whole(name: str) -> None:
    picture, options = KINDS[name]
    whole = encoded(picture, **options)
    wanted = as_pixels(whole)
    assert whole.endswith(b"\xff\xd9")
    for data in (
        whole[:-2],
        whole[:-1],
        *(whole[:-lost] + bytes(4096) for lost in (1, 2) if name != "flat"),  # it ends with zeros
        whole[:-2] + b"\xff" * 9,
        whole + bytes(700),
        whole + whole[:90],
    ):
        assert as_pixels(data) == wanted
        assert not refused(data)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in {"one block", "flat"}])
def test_a_jpeg_cut_inside_the_picture_is_refused(name: str) -> None:
    picture, options = KINDS[name]
    whole = encoded(picture, **options)
    wanted = as_pixels(whole)
    start = whole.rindex(b"\xff\xda") if "progressive" in name else whole.index(b"\xff\xda")
    dice = random.Random(name)
    cuts = [dice.randrange(start + 20, len(whole) - 12) for _ in range(12)]
    # The decoder itself waits for a restart marker there, and takes what comes for the rest.
    cuts += [n for n in range(start, len(whole) - 12) if whole[n : n + 2] == b"\xff\xd3"][:4]
    for cut in cuts:
        for end in (b"", bytes(2048)):
            data = whole[:cut] + end
            assert refused(data) or as_pixels(data) == wanted, cut


def test_a_picture_that_ends_with_a_stuffed_byte_is_whole() -> None:
    """A byte FF of the picture is written FF 00, which looks like half a marker and room never used."""
    dice = random.Random(4)
    found = 0
    while found < 3:
        whole = encoded(images.photo(48, 32), quality=dice.randrange(60, 96))
        if whole.endswith(b"\xff\x00\xff\xd9"):
            found += 1
            for data in (whole[:-2], whole[:-2] + bytes(999), whole[:-1] + bytes(999)):
                assert as_pixels(data) == as_pixels(whole)
            assert refused(whole[:-4]) or as_pixels(whole[:-4]) == as_pixels(whole)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
@pytest.mark.parametrize("options", [{}, {"interlace": 1}])
def test_a_png_without_its_end_is_whole_and_one_cut_inside_is_refused(
    mode: str, options: dict[str, Any]
) -> None:
    whole = encoded(PHOTO.convert(mode), "PNG", **options)
    wanted = as_pixels(whole)
    for lost in range(1, 21):  # IEND, the last checksum, and that of the packed pixels
        assert as_pixels(whole[:-lost]) == wanted, lost
        assert not refused(whole[:-lost]), lost
    for part in (0.3, 0.6, 0.9, 0.98):
        assert refused(whole[: int(len(whole) * part)])
    damaged = bytearray(whole)
    damaged[-18] ^= 0x55  # the checksum of the pixels: they are not what was written
    assert refused(bytes(damaged))
