"""Metadata never decides over pixels: whatever stands there, the picture is the same; a turn is kept."""

from __future__ import annotations

import io
import struct
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from tests import images
from tests.images import (
    SIX,
    app,
    broken_exifs,
    chunk,
    encoded,
    exif,
    in_png,
    in_webp,
    odd_exifs,
    six,
)
from vindrop.core import reencode
from vindrop.domain.image_metadata import bare

PICTURE = images.striped()
JPEG, PNG = encoded(PICTURE, quality=90), encoded(PICTURE, "PNG")
WEBP = encoded(PICTURE, "WEBP", lossless=True)
TURNED = PICTURE.transpose(Image.Transpose.ROTATE_270)


def converted(data: bytes) -> Image.Image:
    """What `vindrop` would send, were this photo to be re-encoded."""
    made = reencode.to_jpeg(data, max_bytes=10**6, check_size=lambda width, height: None)
    return Image.open(io.BytesIO(made.data))


def alike(one: Image.Image, other: Image.Image) -> bool:
    if one.size != other.size:
        return False
    difference = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    return max(difference.resize((12, 8)).tobytes()) < 40


def test_every_odd_tag_of_exif_leaves_the_file_as_if_it_were_not_there() -> None:
    plain = {name: bare(data).data for name, data in (("jpeg", JPEG), ("png", PNG))}
    count = 0
    for name, found in odd_exifs():
        count += 1
        turn = {6} if "tag 0x112" not in name else set(range(1, 9))
        for kind, data in (
            ("jpeg", app(JPEG, found)),
            ("png", in_png(PNG, chunk(b"eXIf", found[6:]))),
        ):
            done = bare(data)
            assert done.data == plain[kind], (kind, name)
            assert done.orientation in turn, (kind, name)
        webp = bare(in_webp(WEBP, b"EXIF", found[6:]))
        assert webp.orientation in turn, name
        assert b"EXIF" not in webp.data
    assert count > 3_000


def test_the_decoders_take_odd_exif_in_every_format() -> None:
    for number, (name, found) in enumerate(odd_exifs()):
        if number % 23 and "tag 0x112 " not in name:
            continue  # the test above holds them all; this one shows that the decoders agree
        for data in (
            app(JPEG, found),
            in_png(PNG, chunk(b"eXIf", found[6:])),
            in_webp(WEBP, b"EXIF", found[6:]),
        ):
            picture = converted(data)
            assert alike(picture, TURNED) or ("tag 0x112" in name and picture.size), name


def test_exif_that_is_none_is_passed_over() -> None:
    for name, found in broken_exifs():
        for data in (
            app(JPEG, found),
            in_png(PNG, chunk(b"eXIf", found[6:])),
            in_webp(WEBP, b"EXIF", found[6:]),
        ):
            picture = converted(data)
            assert alike(picture, PICTURE) or alike(picture, TURNED), name


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", SIX)
def test_a_turn_is_kept_whatever_its_type(kind: int, order: str) -> None:
    found = exif((0x0112, kind, 2 if kind == 2 else 1, six(kind, order)), order=order)
    for data in (
        app(JPEG, found),
        in_png(PNG, chunk(b"eXIf", found[6:])),
        in_webp(WEBP, b"EXIF", found[6:]),
        in_webp(WEBP, b"EXIF", found),  # as some editors write it
    ):
        assert bare(data).orientation == 6
        assert alike(converted(data), TURNED)


def test_each_turn_is_that_of_exif() -> None:
    for value in range(10):
        found = exif((0x0112, 3, 1, struct.pack("<H", value)))
        with Image.open(io.BytesIO(app(JPEG, found))) as image:
            from PIL import ImageOps

            upright = ImageOps.exif_transpose(image)
        assert alike(converted(app(JPEG, found)), upright), value


def test_a_turn_in_xmp_or_in_an_editors_text_is_kept() -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    other = b"<tiff:Orientation>6</tiff:Orientation>"
    raw = exif((0x0112, 3, 1, b"\6\0")).hex().encode()
    text = b"\nexif\n%8d\n" % (len(raw) // 2) + raw
    for data in (
        app(JPEG, b"http://ns.adobe.com/xap/1.0/\0" + xmp),
        in_png(PNG, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + other)),
        in_png(PNG, chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp))),
        in_png(PNG, chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))),
        in_png(PNG, chunk(b"tEXt", b"Raw profile type APP1\0" + text)),
        in_webp(WEBP, b"XMP ", xmp),
    ):
        assert alike(converted(data), TURNED)


@pytest.mark.parametrize("marker", [*range(0xE0, 0xF0), 0xFE])
def test_a_jpegs_segment_with_a_wrong_length_costs_nothing(marker: int) -> None:
    thumbnail = encoded(images.striped(24, 16), quality=40)
    for body in (bytes(40), exif((0x0112, 3, 1, b"\6\0")), b"Exif\0\0" + thumbnail * 2, b""):
        for wrong in (-9, -2, 5, 300, 20_000):
            length = max(0, len(body) + 2 + wrong)
            picture = converted(app(JPEG, body, marker, length))
            assert alike(picture, PICTURE) or alike(picture, TURNED), (body[:9], wrong)


ANCILLARY = {
    b"pHYs": bytes(9), b"gAMA": bytes(4), b"cHRM": bytes(32), b"sRGB": b"\0", b"iCCP": b"x\0\0x",
    b"tEXt": b"a\0b", b"zTXt": b"a\0\0x", b"iTXt": b"a\0\1\0\0\0x", b"tIME": bytes(7), b"bKGD": bytes(6),
    b"sBIT": bytes(3), b"hIST": bytes(2), b"eXIf": bytes(8), b"sPLT": bytes(9), b"acTL": bytes(8),
    b"fcTL": bytes(26), b"fdAT": bytes(9), b"vpAg": bytes(9), b"prVt": b"?", b"cICP": bytes(4),
    b"tRNS": bytes(6),
}  # fmt: skip


@pytest.mark.parametrize("kind", ANCILLARY)
def test_a_pngs_ancillary_chunk_costs_nothing(kind: bytes) -> None:
    body = ANCILLARY[kind]
    for damaged in (
        chunk(kind, body, crc=1),
        chunk(kind, b""),
        chunk(kind, bytes(70_000)),
        chunk(kind, b"\xff" * 50),
        chunk(kind, body, length=len(body) + 3),
        chunk(kind, body, length=2**31 + 5),
        chunk(kind, body) * 3,
        chunk(b"\x01\x02\x03\x04", body),
    ):
        assert alike(converted(in_png(PNG, damaged)), PICTURE)
        behind = PNG[:-12] + damaged + PNG[-12:]
        assert alike(converted(behind), PICTURE)


def test_text_and_profiles_of_any_size_cost_nothing() -> None:
    large = zlib.compress(bytes(70_000_000), 1)
    for kind, begin in (
        (b"iCCP", b"profile\0\0"),
        (b"zTXt", b"Comment\0\0"),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0"),
    ):
        one = chunk(kind, begin + large)
        assert alike(converted(in_png(PNG, one)), PICTURE)
    many = [chunk(b"zTXt", b"n%d\0\0" % n + zlib.compress(bytes(900_000))) for n in range(80)]
    assert alike(converted(in_png(PNG, *many)), PICTURE)


def test_pixels_stay_pixels() -> None:
    split = PNG.index(b"IDAT") - 4
    size = struct.unpack(">I", PNG[split : split + 4])[0]
    body = PNG[split + 8 : split + 8 + size]
    parts = chunk(b"IDAT", body[:40]), chunk(b"tEXt", b"a\0b"), chunk(b"IDAT", body[40:])
    assert alike(converted(PNG[:split] + b"".join(parts) + PNG[-12:]), PICTURE)
    assert alike(converted(PNG[:-12]), PICTURE)  # without IEND
    clear = PICTURE.copy().quantize(8)
    index = clear.getpixel((1, 1))
    see_through = converted(encoded(clear, "PNG", transparency=index))
    assert min(see_through.convert("RGB").getpixel((3, 3))) > 200  # type: ignore[arg-type]
    cmyk = PICTURE.convert("CMYK")
    assert alike(converted(app(encoded(cmyk, quality=95), bytes(99))), PICTURE)


@pytest.mark.parametrize("length", [3, 2**31, 2**32 - 1, 0])
def test_a_webps_metadata_of_a_wrong_length_costs_nothing(length: int) -> None:
    for kind in (b"EXIF", b"XMP ", b"ICCP"):
        if kind != b"ICCP" or length != 0:
            assert alike(converted(in_webp(WEBP, kind, b"a" * 40, length)), PICTURE)


def test_odd_tags_of_a_tiff_cost_nothing() -> None:
    for order in "<>":
        for kind in (*range(14), 99):
            for tag in (270, 282, 296, 305, 306, 700, 33432, 34665, 34675, 65000):
                found = exif(*_pixels_of(order), (tag, kind, 1, b"\xff\xff\xff\xff"),
                    (0x0112, 3, 1, struct.pack(order + "H", 6)), order=order, marker=False)  # fmt: skip
                assert converted(found).size == (8, 12), (tag, kind)


def _pixels_of(order: str) -> list[tuple[int, int, int, bytes]]:
    """A TIFF's own tags, for 12 x 8 grey pixels that are the bytes after the directory."""

    def short(value: int) -> bytes:
        return struct.pack(order + "H", value)

    return [
        (256, 3, 1, short(12)), (257, 3, 1, short(8)), (258, 3, 1, short(8)), (259, 3, 1, short(1)),
        (262, 3, 1, short(1)), (273, 4, 1, struct.pack(order + "I", 100)), (277, 3, 1, short(1)),
        (278, 3, 1, short(8)), (279, 4, 1, struct.pack(order + "I", 96)),
    ]  # fmt: skip


def test_heif_and_avif_lose_their_exif_and_keep_their_turn() -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    fair = exif((0x010E, 2, 60, bytes(60)))
    odd = exif(
        (0x0112, 2, 2, b"6\0"), (0x8825, 3, 1, b"\xff\xff"), (0x0110, 7, 4, b"\xff\xfe\xfd\xfc")
    )
    big = PICTURE.resize((192, 128))
    for kind in ("HEIF", "AVIF"):
        whole = encoded(big, kind, quality=90, exif=fair)
        assert fair[6:] in whole
        for found in (odd[6:], bytes(60), b"\xff" * 60, b"II*\0"):
            data = whole.replace(fair[6:], found.ljust(len(fair) - 6, b"\0")[: len(fair) - 6])
            with Image.open(io.BytesIO(bare(data).data)) as opened:
                assert not opened.info.get("exif")
            assert converted(data).size == (192, 128)
        turned = encoded(big, kind, quality=90, exif=exif((0x0112, 3, 1, b"\6\0")))
        assert converted(turned).size == (128, 192)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([JPEG, PNG, WEBP, app(JPEG, exif((0x0112, 3, 1, b"\6\0")))]), st.data())
def test_any_file_comes_back_as_a_file(data: bytes, draw: st.DataObject) -> None:
    """Nothing is raised, and nothing grows."""
    at = draw.draw(st.integers(0, len(data)))
    changed = (
        data[:at] + draw.draw(st.binary(max_size=40)) + data[at + draw.draw(st.integers(0, 9)) :]
    )
    done = bare(changed)
    assert 1 <= done.orientation <= 8
    assert len(done.data) <= len(changed) + 40


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff" * 3_000_000,
        b"\xff\xd8\xff" + b"\xe1\x00\x02\xff" * 700_000,
        b"\xff\xd8" + b"\xff\xe1\x00\x03" * 700_000,
        b"\xff\xd8" + (b"\xff\xe1\x40\x00" + b"\xff\xdb\x00\x02" * 300) * 2_000,
        b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", b"")[:-1] * 200_000,
        b"\x89PNG\r\n\x1a\n" + (chunk(b"tEXt", b"") + b"\0" * 9) * 100_000,
        b"RIFF\0\0\0\0WEBP" + b"EXIF\0\0\0\0" * 300_000,
        b"II*\0\x08\0\0\0" + b"\xff\xff" * 1_000_000,
    ],
    ids=range(8),
)
def test_a_hostile_file_costs_little(data: bytes) -> None:
    started = time.process_time()
    bare(data)
    assert time.process_time() - started < 5
