"""A photo that lacks its end is read if every pixel is there, and refused if one is missing."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from PIL import Image

from bench import mutate
from tests import images
from tests.images import encoded
from vindrop.core import image_memory, pixels, reencode
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


@pytest.mark.parametrize(
    ("kind", "options"),
    [("WEBP", {}), ("WEBP", {"lossless": True}), ("WEBP", {"exif": images.exif()}), ("HEIF", {}),
     ("AVIF", {"speed": 9}), ("BMP", {}), ("JPEG2000", {}), ("JPEG2000", {"no_jp2": True}),
     ("JPEG2000", {"tile_size": (128, 128)})],
)  # fmt: skip
def test_a_photo_of_another_format_that_is_cut_is_refused(
    kind: str, options: dict[str, Any]
) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    whole = encoded(PHOTO, kind, **options)
    assert not refused(whole)
    for part in (0.2, 0.4, 0.6, 0.8, 0.97):
        assert refused(whole[: int(len(whole) * part)]), part


@pytest.mark.parametrize("options", [{}, {"no_jp2": True}, {"tile_size": (128, 128)}])
def test_a_jpeg_2000_without_its_end_is_whole(options: dict[str, Any]) -> None:
    whole = encoded(PHOTO, "JPEG2000", **options)
    for lost in (1, 2):
        assert as_pixels(whole[:-lost]) == as_pixels(whole)
    for lost in (3, 4, 20, 300):
        assert refused(whole[:-lost])


def test_damaged_files_are_converted_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else comes out, whatever was done to a file; `bench.mutate` does it by the thousand."""
    # It converts as a function of 512 MB: what the tests before this one have left is no part of it.
    monkeypatch.setattr(image_memory, "resident_mb", lambda: 160.0)
    dice = random.Random(19)
    originals = [one for kind in mutate.bases() for one in kind]
    ended = Counter[str]()
    for _ in range(400):
        try:
            mutate.convert(mutate.mutated(dice.choice(originals), dice))
            ended["converted"] += 1
        except FailureError as error:
            ended[error.failure.code] += 1
    assert set(ended) <= {"converted", error_codes.UNDECODABLE, error_codes.TOO_MANY_PIXELS}
    assert min(ended["converted"], ended[error_codes.UNDECODABLE]) > 40


def with_scans(more: int) -> bytes:
    """Return a progressive JPEG whose last scan comes again: each time a pass over all pixels."""
    whole = encoded(Image.new("L", (640, 480), 128), progressive=True)
    last = whole[whole.rfind(b"\xff\xda") : -2]
    return whole[:-2] + last * more + b"\xff\xd9"


def test_a_jpeg_of_passes_without_end_is_refused_before_it_is_decoded() -> None:
    """A few bytes ask for a pass over all pixels: 400 KB would hold a processor for minutes."""
    assert not refused(with_scans(0))
    assert not refused(with_scans(80))
    for more in (pixels.MOST_SCANS, 5_000):
        opened: list[Image.Image] = []
        with pytest.raises(OSError, match="scans"):
            pixels.decode(with_scans(more), opened.append)
        assert not opened
        assert refused(with_scans(more))


@pytest.mark.parametrize("name", KINDS)
def test_what_only_looks_like_scans_is_none(name: str) -> None:
    """Behind a phone's photo may lie a film; in a comment, anything."""
    picture, options = KINDS[name]
    noise = b"\xff\xda\x00\x02" * 5_000
    whole = encoded(picture, **options, comment=noise[:60_000])
    assert as_pixels(whole + noise) == as_pixels(encoded(picture, **options))
