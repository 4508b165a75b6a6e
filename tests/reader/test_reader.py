"""Reading real pixels: what a caller of `Reader` relies on."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

from photo_generator import negatives, samples
from tests.reader.pictures import VIN, encoded, plate
from vinocr.reader import ImageError, Reader


def test_a_plain_plate_is_read_with_place_and_confidence(reader: Reader) -> None:
    answer = reader.read(encoded(plate()))
    assert answer.vin == VIN
    assert answer.as_read == VIN
    assert 0.95 < answer.confidence <= 1
    assert len(answer.characters) == 17
    assert all(0.95 < c <= 1 for c in answer.characters)
    assert answer.reason is None
    assert answer.looks == 1
    assert not answer.barcode
    assert sum(a.confidence for a in answer.alternatives) + answer.confidence <= 1 + 1e-9
    assert answer.quadrilateral is not None
    (left, top), (right, _), (_, bottom), _ = answer.quadrilateral
    assert 150 < left < 230
    assert 570 < right < 650
    assert top < 300 < bottom
    assert bottom - top < 100


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turn", [0, 180])
def test_each_character_has_its_place(reader: Reader, turn: int, mirrored: bool) -> None:
    """As it was drawn: the middle of each lies within its letter, the VIN's corners around all."""
    image = plate()
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(44)
    left = (image.width - draw.textlength(VIN, font)) / 2
    ends = [left + draw.textlength(VIN[:n], font) for n in range(18)]
    if mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        ends = [image.width - x for x in ends]
    if turn:
        ends = [image.width - x for x in ends]
    answer = reader.read(encoded(image.rotate(turn)))
    assert answer.vin == VIN
    assert len(answer.places) == 17
    for corners, begin, end in zip(answer.places, ends, ends[1:], strict=False):
        middle = sum(x for x, _ in corners) / 4
        assert min(begin, end) <= middle <= max(begin, end)
    assert answer.quadrilateral is not None
    across = [x for x, _ in answer.quadrilateral]
    assert min(across) < min(ends) + 6
    assert max(across) > max(ends) - 6


@pytest.mark.parametrize("turn", [90, 180, 270, 20, -35])
def test_every_turn_is_read_and_the_corners_follow(reader: Reader, turn: int) -> None:
    upright = plate(size=(900, 900))
    answer = reader.read(encoded(upright.rotate(turn, fillcolor=(96, 104, 110))))
    assert answer.vin == VIN
    assert answer.quadrilateral is not None
    first, second = answer.quadrilateral[:2]
    # The text runs from the first corner to the second: turned as the picture was.
    angle = math.degrees(math.atan2(second[1] - first[1], second[0] - first[0]))
    assert abs((angle + turn + 180) % 360 - 180) < 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_exif_turn_is_undone_and_corners_are_of_the_upright_photo(
    reader: Reader, orientation: int
) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    upright = plate()
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    answer = reader.read(encoded(stored, exif=exif))
    assert answer.vin == VIN
    assert answer.quadrilateral is not None
    assert 150 < answer.quadrilateral[0][0] < 230
    assert 570 < answer.quadrilateral[1][0] < 650


def test_a_mirrored_plate_is_read(reader: Reader) -> None:
    mirrored = plate("XW8ZZZ61ZCG026963").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert reader.read(encoded(mirrored)).vin == "XW8ZZZ61ZCG026963"


def test_stars_at_the_ends_and_words_before_are_left_out(reader: Reader) -> None:
    assert reader.read(encoded(plate(f"*{VIN}*"))).vin == VIN
    assert reader.read(encoded(plate(f"VIN {VIN}"))).vin == VIN


def test_a_vin_in_two_lines_is_read(reader: Reader) -> None:
    assert reader.read(encoded(plate("WDD213142\n6L004847", letters=60))).vin == VIN


def test_cyrillic_letters_of_the_same_shape_are_the_latin_ones() -> None:
    from vinocr.reader.recognize import SYMBOLS, class_of

    written = "".join(SYMBOLS[class_of(c)] for c in "АВСЕНКМРТХУОIQl%")
    assert written == "ABCEHKMPTXY0101~"


def test_what_may_be_another_letter_is_shared_out_and_nothing_is_lost_or_made() -> None:
    from vinocr.reader.recognize import SYMBOLS, meant

    shares = meant()
    for read, letter in ("2Z", "5S", "8B", "VM"):  # what metal makes alike
        assert 0 < shares[SYMBOLS.index(read), SYMBOLS.index(letter)] < 0.05
    assert (shares >= 0).all()
    assert shares.sum(axis=1) == pytest.approx(1.0)


def test_a_barcode_bears_witness(reader: Reader) -> None:
    bars = zxingcpp.create_barcode(f"I{VIN}", zxingcpp.BarcodeFormat.Code39)
    image = plate()
    drawn = Image.fromarray(bars.to_image(scale=2)).convert("RGB")
    image.paste(drawn.resize((drawn.width, 90)), (10, 450))
    answer = reader.read(encoded(image))
    assert answer.vin == VIN
    assert answer.barcode


def test_a_barcode_makes_no_vin_of_a_parcel_number(reader: Reader) -> None:
    number = "RR368691726436971"
    image = plate(number)
    bars = zxingcpp.create_barcode(number, zxingcpp.BarcodeFormat.Code128)
    drawn = Image.fromarray(bars.to_image(scale=2)).convert("RGB")
    image.paste(drawn.resize((drawn.width, 90)), (10, 450))
    assert reader.read(encoded(image)).vin is None


def test_why_nothing_was_read(reader: Reader) -> None:
    assert reader.read(encoded(Image.new("RGB", (640, 480), (90, 90, 90)))).reason == "no_text"
    words = reader.read(encoded(plate("ENGINE OIL\nCHANGE EVERY YEAR")))
    assert (words.vin, words.reason) == (None, "no_vin")
    cut = plate(letters=60).crop((330, 0, 800, 600))
    answer = reader.read(encoded(cut))
    assert (answer.vin, answer.reason) == (None, "cut_off")


def test_a_number_that_is_no_vin_is_not_given(reader: Reader) -> None:
    for text in ("RR368691726436971", "1234 5678 9012 34567", "DE89370400440532013000"):
        assert reader.read(encoded(plate(text))).vin is None


@pytest.mark.parametrize(
    "text", ["N0123214558B72273C6", "SC04L01XD131749K0RT8", "04T5AP21T00S022L11"]
)
def test_a_part_of_a_longer_number_is_no_vin_however_clear(reader: Reader, text: str) -> None:
    assert reader.read(encoded(plate(text, letters=34))).vin is None
    vin = "WDD2131426L004847"
    assert (
        reader.read(encoded(plate(f"{vin}051", letters=34))).vin == vin
    )  # something speaks for it


def test_a_letter_that_vins_leave_out_may_be_a_digit_but_many_make_another_number(
    reader: Reader,
) -> None:
    for text in ("1M8GDM9AXKPO42788", "WVWZZZIKZ5W59I8I2"):
        vin = reader.read(encoded(plate(text))).vin
        assert vin == text.replace("O", "0").replace("I", "1")
    for text in ("KG0RAQD82IO13QQ26", "J9A838ZRIOI2MQI32"):
        assert reader.read(encoded(plate(text))).vin is None


def test_below_the_threshold_nothing_is_given_but_the_candidate_is_named() -> None:
    strict = Reader(threads=2, threshold=1.0)
    answer = strict.read(encoded(plate()))
    assert answer.vin is None
    assert answer.alternatives[0].vin == VIN
    assert answer.alternatives[0].confidence == answer.confidence


def test_threads_may_share_a_reader(reader: Reader) -> None:
    texts = [VIN, "XW8ZZZ61ZCG026963", "LVVDB21B3MD111797"]
    read: dict[str, str | None] = {}

    def one(text: str) -> None:
        read[text] = reader.read(encoded(plate(text))).vin

    threads = [threading.Thread(target=one, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == {text: text for text in texts}


def test_importing_the_package_loads_no_network() -> None:
    code = "import sys, vinocr.reader; print(sorted({'numpy', 'onnxruntime', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_model_is_said_in_a_sentence(tmp_path: Path) -> None:
    from vinocr.reader import ModelsMissingError

    with pytest.raises(ModelsMissingError, match="pip install"):
        Reader(model_folder=tmp_path)


def test_generated_photos_are_read_and_no_wrong_vin_is_given(reader: Reader) -> None:
    answers = [(s.vin, reader.read(s.data).vin) for s in samples(41, 8)]
    assert sum(truth == vin for truth, vin in answers) >= 7
    assert not [pair for pair in answers if pair[1] not in (pair[0], None)]


def test_generated_photos_without_a_vin_yield_none(reader: Reader) -> None:
    given = []
    for sample in negatives(43, 10):
        try:
            given.append((sample.name, reader.read(sample.data).vin))
        except ImageError as e:
            given.append((sample.name, None if e.code else e))
    assert [pair for pair in given if pair[1]] == []


def test_real_photos_are_read_as_well_as_ever(reader: Reader, shared: Path) -> None:
    """The floor of one photo in four; bench/accuracy.py measures all."""
    with (shared / "photos" / "truth.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))[::4]
    right = wrong = false = 0
    for row in rows:
        vin = reader.read((shared / "photos" / row["file"]).read_bytes()).vin
        right += bool(vin) and vin == row["vin"]
        wrong += bool(vin) and bool(row["vin"]) and vin != row["vin"]
        false += bool(vin) and not row["vin"]
    n = sum(bool(row["vin"]) for row in rows)
    assert right / n >= 0.80
    assert wrong <= 1
    assert false == 0
