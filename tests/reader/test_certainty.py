"""How sure the reader is, and of what: clear prints, several VINs, calibration."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from tests.reader.pictures import encoded, plate
from tests.reader.test_search import frames
from vindrop.domain.vin import check_digit_holds
from vinocr.reader import Reader, calibration
from vinocr.reader.barcode import vins_in
from vinocr.reader.calibration import Features
from vinocr.reader.decode import Picture
from vinocr.reader.detect import Box
from vinocr.reader.hypotheses import Hypotheses
from vinocr.reader.lines import Line
from vinocr.reader.prior import evidence, habits
from vinocr.reader.recognize import Frames, spelling

TAMPERED = ("5YJWNZM96TU276140", "3VWB94A605K825700", "LFV2X6H71NV721425", "1HG3FJDH66Y887941")


@pytest.mark.parametrize("vin", TAMPERED)
@pytest.mark.parametrize("letters", [22, 44])
def test_a_clear_print_with_a_wrong_check_digit_comes_back_as_printed(
    reader: Reader, vin: str, letters: int
) -> None:
    assert not check_digit_holds(vin)
    assert reader.read(encoded(plate(vin, letters=letters))).vin in (vin, None)


def test_most_clear_prints_with_a_wrong_check_digit_are_given(reader: Reader) -> None:
    given = [reader.read(encoded(plate(vin))).vin for vin in TAMPERED]
    assert sum(one is not None for one in given) >= 3


def line_of(letters: np.ndarray, *, height: float) -> Line:
    """A line with one strip; boxes are some 1.7 letters high."""
    spelt, certainty = spelling(letters)
    line = Line((Box(0, 0, 17 * height, height / 0.6, 0.0, 1.0),))
    line.strips.append(Frames(letters, spelt, spelt, certainty))
    return line


def test_evidence_overrules_no_clear_picture_and_decides_where_it_is_open() -> None:
    right, wrong = "1M8GDM9AXKP042788", "1MBGDM9AXKP042788"
    assert evidence(right) > evidence(wrong)
    sure = [{"B": 0.97, "8": 0.03} if i == 2 else c for i, c in enumerate(wrong)]
    scores = line_of(frames(*sure), height=20.0).scores()
    assert max(scores, key=lambda vin: scores[vin]) == wrong
    in_doubt = [{"B": 0.6, "8": 0.4} if i == 2 else c for i, c in enumerate(wrong)]
    scores = line_of(frames(*in_doubt), height=20.0).scores()
    assert max(scores, key=lambda vin: scores[vin]) == right


def test_small_letters_are_never_clear() -> None:
    assert line_of(frames(*TAMPERED[0]), height=20.0).printed == TAMPERED[0]
    assert line_of(frames(*TAMPERED[0]), height=6.0).printed is None


def test_the_least_certain_letter_counts() -> None:
    doubt = [{"8": 0.7, "B": 0.3} if i == 2 else c for i, c in enumerate("1M8GDM9AXKP042788")]
    spelt, certainty = spelling(frames(*doubt))
    assert spelt == "1M8GDM9AXKP042788"
    assert certainty == pytest.approx(0.7)


def test_two_vins_in_one_photo_leave_doubt_and_both_are_named(reader: Reader) -> None:
    one, other = "LBV1KBY3493930226", "LGBNKVVH0HM571495"
    image = Image.new("RGB", (800, 700), (96, 104, 110))
    image.paste(plate(one, size=(800, 350)), (0, 0))
    image.paste(plate(other, size=(800, 350)), (0, 350))
    answer = reader.read(encoded(image))
    assert answer.vin is None
    assert {a.vin for a in answer.alternatives[:2]} == {one, other}


@pytest.mark.parametrize(("large", "small"), [(44, 24), (24, 44), (60, 30)])
def test_a_second_vin_counts_though_it_is_smaller_or_larger(
    reader: Reader, large: int, small: int
) -> None:
    one, other = "LBV1KBY3493930226", "LGBNKVVH0HM571495"
    image = Image.new("RGB", (1000, 700), (96, 104, 110))
    image.paste(plate(one, size=(1000, 350), letters=large), (0, 0))
    image.paste(plate(other, size=(1000, 350), letters=small), (0, 350))
    assert reader.read(encoded(image)).vin is None


@pytest.mark.parametrize("other", ["WBA3A5C58CF256651", "YV1DZ8256C2271234", "1FTFW1ET5DFC10312"])
@pytest.mark.parametrize("first", [True, False])
def test_a_second_vin_counts_though_nothing_speaks_for_it(
    reader: Reader, other: str, first: bool
) -> None:
    """A European number has no check digit, a tampered one a wrong one: it is another car's all the same."""
    one = "LBV1KBY3493930226"
    image = Image.new("RGB", (800, 700), (96, 104, 110))
    image.paste(plate(one, size=(800, 350)), (0, 350 * first))
    image.paste(plate(other, size=(800, 350)), (0, 350 * (not first)))
    answer = reader.read(encoded(image))
    assert answer.vin is None
    assert {a.vin for a in answer.alternatives[:2]} == {one, other}


def test_a_number_of_another_kind_is_no_second_vin(reader: Reader) -> None:
    one = "LBV1KBY3493930226"
    image = Image.new("RGB", (800, 700), (96, 104, 110))
    image.paste(plate(one, size=(800, 350)), (0, 0))
    image.paste(plate("00340434161234567", size=(800, 350)), (0, 350))  # a parcel's
    assert reader.read(encoded(image)).vin == one


def test_a_second_vin_counts_though_it_stands_in_two_lines(reader: Reader) -> None:
    one, other = "LBV1KBY3493930226", "LGBNKVVH0HM571495"
    image = Image.new("RGB", (1000, 700), (96, 104, 110))
    image.paste(plate(one, size=(1000, 350)), (0, 0))
    for n, part in enumerate((other[:9], other[9:])):
        line = plate(part, size=(1000, 350)).crop((0, 150, 1000, 210))
        image.paste(line, (0, 440 + 60 * n))
    answer = reader.read(encoded(image))
    assert answer.vin is None
    assert {a.vin for a in answer.alternatives[:2]} == {one, other}


@pytest.mark.parametrize("same", [True, False])
def test_a_barcode_that_says_another_vin_than_the_text_leaves_doubt(
    reader: Reader, same: bool
) -> None:
    printed, other = "LBV1KBY3493930226", "LGBNKVVH0HM571495"
    coded = printed if same else other
    image = Image.new("RGB", (1000, 800), (255, 255, 255))
    image.paste(plate(printed, size=(1000, 400)), (0, 0))
    symbol = zxingcpp.create_barcode(coded, zxingcpp.BarcodeFormat.QRCode)
    image.paste(Image.fromarray(np.array(symbol.to_image(scale=8))).convert("RGB"), (300, 450))
    answer = reader.read(encoded(image))
    assert answer.vin == (printed if same else None)
    assert {printed, coded} <= {answer.vin, *(a.vin for a in answer.alternatives)}


def test_a_barcode_may_hold_several_vins() -> None:
    one, other = "LBV1KBY3493930226", "LGBNKVVH0HM571495"
    assert vins_in(f"{one};{other};{one}") == [one, other]


def test_habits_are_of_makers_that_were_seen() -> None:
    assert habits()["XWE"].check < 0.1 * habits()["XWE"].cars
    assert habits()["XZG"].check > 0.9 * habits()["XZG"].cars
    assert all(len(habit.kinds) in (0, 17) for habit in habits().values())
    assert evidence("LVVDB11B6MD246122") > evidence("LVV0811B6M9246122")


def test_the_probability_rises_with_the_posterior_and_stays_one() -> None:
    def p(posterior: float) -> float:
        return calibration.probability(Features(posterior, 12.0, 8.0, 0.9))

    assert 0 < p(0.1) < p(0.6) < p(0.99) < p(1.0) < 1


def test_what_nobody_can_confirm_is_never_said_surely() -> None:
    clear = Features(0.999, 30.0, 20.0, 0.998)
    assert calibration.probability(clear) > 0.99
    too_close = dataclasses.replace(clear, pitch=4.4)
    read_otherwise = dataclasses.replace(clear, witness=-2.5, dissent=-2.5)
    beside_a_word = dataclasses.replace(clear, witness=-3.5)
    for doubted in (too_close, read_otherwise):
        assert calibration.probability(doubted) < 0.9
    assert calibration.probability(beside_a_word) > 0.99
    # It is given all the same, where nobody asked for more certainty than by default.
    assert calibration.threshold(calibration.MAX_ERROR) < calibration.UNCONFIRMED


def of_text(text: str, first: float = 1.0) -> Hypotheses:
    """What a photo with one line of clear text adds up to.

    :param first: probability of its first character; the rest is junk.
    """
    letters = ({text[0]: first, "~": 1 - first}, *text[1:])
    line = line_of(frames(*letters), height=20.0)
    hypotheses = Hypotheses(Picture(Image.new("RGB", (64, 64)), 64, 64), [line])
    hypotheses.weigh()
    return hypotheses


@pytest.mark.parametrize(
    ("text", "first", "part"),
    [
        # Another 17 of it may be the VIN, and its letters are the clearer.
        ("WWDF63960123017094", 0.6, "WWDF6396012301709"),
        # Only a check digit speaks for it, which holds in one of eleven texts.
        ("1Z771W300275276608", 1.0, "1Z771W30027527660"),
    ],
)
def test_a_part_of_a_longer_number_is_no_surer_than_its_posterior(
    text: str, first: float, part: str
) -> None:
    hypotheses = of_text(text, first)
    posterior, said = hypotheses.posterior[part], hypotheses.calibrated()[part]
    assert said <= posterior
    assert of_text(part).calibrated()[part] > 0.9


@pytest.mark.parametrize("at", [1, 5, 8, 13, 16])
def test_what_stands_behind_a_space_is_another_word(at: int) -> None:
    """Parts, dates and sizes stand beside numbers that are too short to be VINs."""
    vin = "WVWJL4ET7SPB52019"
    apart, whole = of_text(f"{vin[:at]} {vin[at:]}"), of_text(vin)
    threshold = calibration.threshold(calibration.MAX_ERROR)
    assert apart.calibrated().get(vin, 0.0) < threshold < whole.calibrated()[vin]


def test_a_vin_in_the_groups_that_makers_write_is_one() -> None:
    vin = "1M8GDM9AXKP042788"
    for text in (
        f"{vin[:3]} {vin[3:]}",
        f"{vin[:3]} {vin[3:9]} {vin[9:]}",
        f"{vin[:11]} {vin[11:]}",
    ):
        assert of_text(text).calibrated()[vin] > 0.9


def test_a_vin_with_a_colour_code_right_beside_it_is_as_sure_as_its_letters() -> None:
    vin = "WDD2131426L004847"
    for text in (f"{vin}051", f"051{vin}"):
        hypotheses = of_text(text)
        assert hypotheses.calibrated()[vin] > max(0.87, hypotheses.posterior[vin])


def test_a_smaller_error_asks_for_more_certainty() -> None:
    thresholds = [calibration.threshold(e) for e in (1e-6, 0.001, 0.003, 0.01, 0.3)]
    assert thresholds == sorted(thresholds, reverse=True)
    assert all(0 < t <= 1 for t in thresholds)
    for no_share in (0.0, 1.0, -0.1, math.inf):
        with pytest.raises(ValueError):
            calibration.threshold(no_share)
