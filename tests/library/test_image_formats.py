"""Formats of scanners: JPEG 2000, and TIFF with more than one page. What is not read is named."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from tests import images
from tests.images import encoded
from vindrop import settings as settings_module
from vindrop.clouds import Stores
from vindrop.core import reencode
from vindrop.core.photo import Photographer
from vindrop.core.reencode import Reencoded
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError

PICTURE = images.photo(400, 300)


def photographer(**changes: str) -> Photographer:
    given = {"VINDROP_RESULTS": "file:///dev/null", "VINDROP_DEAD_LETTERS": "file:///dev/null"}
    settings = settings_module.load(given | {"VINDROP_LEDGER": "none", **changes})
    return Photographer(settings, Stores(settings, {}))


def converted(data: bytes, most: int = 10**6) -> Reencoded:
    return reencode.to_jpeg(data, max_bytes=most, check_size=lambda width, height: None)


def opened(made: Reencoded) -> Image.Image:
    return Image.open(io.BytesIO(made.data)).convert("RGB")


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"no_jp2": True},
        {"irreversible": True},
        {"tile_size": (128, 128)},
        {"num_resolutions": 1},
    ],
)
def test_jpeg_2000_is_converted(mode: str, options: dict[str, Any]) -> None:
    data = encoded(PICTURE.convert(mode), "JPEG2000", **options)
    made = photographer().from_bytes(data)
    assert made.form == "reencoded"
    assert made.data is not None
    assert Image.open(io.BytesIO(made.data)).size == (400, 300)


@pytest.mark.parametrize("resolutions", [1, 2, 6])
def test_a_large_jpeg_2000_is_decoded_at_a_smaller_scale(resolutions: int) -> None:
    large = Image.linear_gradient("L").resize((8_200, 400))
    data = encoded(large, "JPEG2000", num_resolutions=resolutions)
    assert opened(converted(data)).size == (4_000, 195)


def area_of(made: Reencoded, grey: int) -> int:
    """How many pixels of a sheet are about this grey."""
    return sum(opened(made).convert("L").histogram()[grey - 8 : grey + 9])


def pages_of(*sizes: tuple[int, int], **options: Any) -> bytes:
    """A TIFF whose page n is of grey 40 (n + 1)."""
    first, *others = [Image.new("L", size, 40 * (n + 1)) for n, size in enumerate(sizes)]
    return encoded(first, "TIFF", save_all=True, append_images=others, **options)


@pytest.mark.parametrize(
    "compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"]
)
@pytest.mark.parametrize("count", [2, 3, 4])
def test_every_page_of_a_tiff_is_on_the_sheet(count: int, compression: str) -> None:
    made = converted(pages_of(*[(300, 400)] * count, compression=compression))
    for n in range(count):
        assert area_of(made, 40 * (n + 1)) > 0.9 * 300 * 400, n
    assert made.note == f"the TIFF has {count} pages, and all of them were sent as one picture"


def test_pages_of_different_sizes_do_not_cover_each_other() -> None:
    made = converted(pages_of((300, 400), (700, 200), (100, 100)))
    for n, area in enumerate((300 * 400, 700 * 200, 100 * 100)):
        assert abs(area_of(made, 40 * (n + 1)) - area) < 0.15 * area, n


def test_of_many_pages_the_first_are_sent_and_all_are_named() -> None:
    made = converted(pages_of(*[(90, 120)] * 6))
    assert made.note == "the TIFF has 6 pages, and the first 4 of them were sent as one picture"


def test_large_pages_keep_what_can_be_read() -> None:
    made = opened(converted(pages_of(*[(2_480, 3_508)] * 2, compression="tiff_lzw")))
    assert max(made.size) <= reencode.LONGEST_SIDE
    assert made.width * made.height > 10_000_000


@pytest.mark.parametrize(
    "sizes", [[(800, 600), (80, 60)], [(80, 60), (800, 600)], [(80, 60), (800, 600), (40, 30)]]
)
def test_a_thumbnail_is_no_page(sizes: list[tuple[int, int]]) -> None:
    made = converted(pages_of(*sizes))
    assert opened(made).size == (800, 600)
    assert made.note == ""


def test_a_page_that_is_marked_as_a_smaller_copy_is_no_page() -> None:
    one, two = Image.new("L", (400, 300), 40), Image.new("L", (200, 150), 200)
    out = io.BytesIO()
    from PIL.TiffImagePlugin import AppendingTiffWriter

    with AppendingTiffWriter(out, new=True) as writer:
        for image, kind in ((two, 1), (one, 0), (two, 1)):
            image.save(writer, "TIFF", tiffinfo={254: kind})
            writer.newFrame()
    made = converted(out.getvalue())
    assert (opened(made).size, made.note) == ((400, 300), "")


def test_pages_that_follow_each_other_in_a_circle_are_read_once() -> None:
    data = bytearray(pages_of((90, 60), (90, 60)))
    first = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[first : first + 2], "little")
    after = first + 2 + 12 * count
    second = int.from_bytes(data[after : after + 4], "little")
    count = int.from_bytes(data[second : second + 2], "little")
    data[second + 2 + 12 * count : second + 6 + 12 * count] = first.to_bytes(4, "little")
    assert converted(bytes(data)).note.startswith("the TIFF has 2 pages")


@pytest.mark.parametrize(
    ("begin", "name"),
    [(b"\xff\x0a", "JPEG XL"), (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"), (b"II\xbc\x01", "JPEG XR"),
     (b"II+\0\x08\0\0\0", "BIGTIFF"), (b"MM\0+\0\x08\0\0", "BIGTIFF"), (b"8BPS\0\1", "PHOTOSHOP"),
     (b"\0\0\1\0\1\0", "ICON"), (b"GIF89a", "GIF")],
)  # fmt: skip
def test_other_images_are_named(begin: bytes, name: str) -> None:
    with pytest.raises(FailureError, match=f"(?i)the object is a {name}") as caught:
        photographer().from_bytes(begin + bytes(90))
    assert caught.value.failure.code == error_codes.UNSUPPORTED_FORMAT
