"""Photos without a VIN, and files that must become dead letters or be mended."""

from __future__ import annotations

import base64
import io

import pytest
import zxingcpp
from PIL import Image, UnidentifiedImageError

from photo_generator import (
    NEGATIVE_KINDS,
    NO_VIN,
    OVERSIZE_LIMIT,
    READING,
    bad,
    negatives,
    oversize,
)
from photo_generator.dice import dice
from photo_generator.label import code39
from photo_generator.papers import iban, serial
from photo_generator.sample import Sample
from vindrop.domain import vin as rules


def test_negatives_are_decodable_photos_of_every_kind_and_claim_no_vin() -> None:
    made = list(negatives(4, len(NEGATIVE_KINDS)))
    assert {s.kind for s in made} == set(NEGATIVE_KINDS)
    for sample in made:
        assert sample.vin is None
        assert sample.expect == NO_VIN
        with Image.open(io.BytesIO(sample.data)) as picture:
            picture.load()
            assert max(picture.size) >= 200
    assert [s.data for s in negatives(4, 2)] == [s.data for s in made[:2]]


def test_a_negative_count_of_negatives_is_refused() -> None:
    with pytest.raises(ValueError, match="give 0 or more"):
        negatives(1, -2)


def test_serial_numbers_cannot_be_taken_for_a_verified_vin() -> None:
    for n in range(3000):
        text = serial(dice(9, n))
        assert not rules.is_well_formed(text)
        if len(text) == rules.LENGTH:
            assert rules.parse(text).verdict is rules.Verdict.DOUBTFUL
    assert all(len(iban(dice(9, n)).replace(" ", "")) >= 18 for n in range(50))


def test_bar_codes_can_be_scanned() -> None:
    bars = code39("WVWZZZ1JZ3W386752", 600, 80)
    page = Image.new("L", (bars.width + 80, bars.height + 80), 255)
    page.paste(0, (40, 40, 40 + bars.width, 40 + bars.height), bars)
    assert [b.text for b in zxingcpp.read_barcodes(page)] == ["WVWZZZ1JZ3W386752"]


@pytest.fixture(scope="module")
def made() -> dict[str, Sample]:
    return {s.name: s for s in bad(7)}


def test_each_bad_file_is_bad_in_the_way_it_says(made: dict[str, Sample]) -> None:
    assert made["empty.jpg"].data == b""
    assert made["animation.gif"].data.startswith(b"GIF8")
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(made["notes.jpg"].data))
    with pytest.raises(OSError, match="truncated"):
        Image.open(io.BytesIO(made["truncated.jpg"].data)).load()
    assert made["stamped.webp"].data[8:12] == b"WEBP"
    assert made["label.heic"].data[4:8] == b"ftyp"
    mended = {"stamped.webp", "label.heic", "oversize.jpg"}
    for name in mended:  # these are mended, and read
        assert made[name].expect == READING
        assert rules.is_well_formed(made[name].vin or "")
    for name in set(made) - mended:
        assert made[name].vin is None
        assert made[name].expect.startswith("dead_letter:")


def test_the_oversize_photo_is_over_the_limit_only_in_bytes(made: dict[str, Sample]) -> None:
    sample = made["oversize.jpg"]
    assert list(made)[-1] == "oversize.jpg"
    assert len(base64.b64encode(sample.data)) > OVERSIZE_LIMIT
    with Image.open(io.BytesIO(sample.data)) as picture:
        assert picture.format == "JPEG"
        assert picture.size == (4000, 3000)
    assert rules.check_digit_holds(sample.vin or "")
    assert oversize(7) == sample
