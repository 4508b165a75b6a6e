"""A VIN is judged by the law of its maker's region, and never repaired in silence."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vindrop.domain import vin
from vindrop.domain.vin import NotAVinError, Verdict

TODAY = dt.date(2026, 11, 22)


@pytest.mark.parametrize(
    ("text", "digit"),
    [
        ("1M8GDM9AXKP042788", "X"),  # 49 CFR 565's own worked example
        ("11111111111111111", "1"),
        ("LSGPC52H9GF125161", "9"),
    ],
)
def test_check_digit_of_known_vins(text: str, digit: str) -> None:
    assert vin.check_digit(text) == digit
    assert vin.check_digit_holds(text)


@given(st.text(vin.ALPHABET, min_size=17, max_size=17), st.integers(0, 16), st.data())
def test_check_digit_notices_every_single_change_of_value(
    text: str, at: int, data: st.DataObject
) -> None:
    """Weights are not divisible by 11, so one changed character shows unless its value is equal."""
    right = text[:8] + vin.check_digit(text) + text[9:]
    other = data.draw(st.sampled_from(vin.ALPHABET))
    changed = right[:at] + other + right[at + 1 :]
    if at == vin.CHECK_POSITION:
        assert vin.check_digit_holds(changed) == (other == right[at])
    else:
        same_value = vin.VALUES[other] == vin.VALUES[right[at]]
        assert vin.check_digit_holds(changed) == same_value


@pytest.mark.parametrize(
    ("text", "verdict", "check"),
    [
        ("LSGPC52H9GF125161", Verdict.VERIFIED, "valid"),
        ("LSGPC52H8GF125161", Verdict.DOUBTFUL, "invalid"),  # China: required and wrong
        ("1M8GDM9A1KP042788", Verdict.DOUBTFUL, "invalid"),  # North America too
        ("WVWZZZ1KZAW123456", Verdict.PLAUSIBLE, "not_required"),  # Europe: Z in 9 is no fault
        ("LSGPC52H9GFI25I6I", Verdict.DOUBTFUL, "valid"),  # holds, but letters were corrected
        ("7SAYGDEE2NF000000", Verdict.DOUBTFUL, "invalid"),  # 7F to 70 is the United States
    ],
)
def test_verdict(text: str, verdict: Verdict, check: str) -> None:
    found = vin.parse(text, today=TODAY)
    assert (found.verdict, found.check_digit) == (verdict, check)
    assert found.as_read == text


@pytest.mark.parametrize(
    "text",
    [
        *(character * 17 for character in vin.ALPHABET),
        *("12345678901234567", "01234567890123456", "98765432109876543", "ABCDEFGHJKLMNPRST"),
        *("ZYXWVUTSRPNMLKJHG", "ABCDEFGHJ12345678", "12121212121212121", "12312312312312312"),
        *("1HG00000000000000", "LSGXXXXXXXXXXXXXX", "WVW11111111111111", "1HGC1HGC1HGC1HGC1"),
        *("1HGCM8261HGCM8261", "11111111100000000"),
    ],
)
def test_a_placeholder_is_doubtful_though_its_check_digit_holds(text: str) -> None:
    for each in (text, text[:8] + vin.check_digit(text) + text[9:]):
        assert vin.parse(each, today=TODAY).verdict is Verdict.DOUBTFUL


@given(st.text(vin.ALPHABET, min_size=17, max_size=17))
def test_characters_given_to_no_country_are_doubtful(text: str) -> None:
    """But of makers that a register has: 20D, A6A, RX2 …"""
    for first in ("0", "FX", "EA", "31", "3Y"):
        number = first + text[len(first) :]
        number = number[:8] + vin.check_digit(number) + number[9:]
        found = vin.parse(number, today=TODAY)
        assert (found.country, found.verdict) == (None, Verdict.DOUBTFUL)


def test_no_real_vin_is_taken_for_a_placeholder() -> None:
    with Path(__file__).with_name("vins_of_the_world.csv").open(encoding="utf-8") as file:
        real = [row["vin"] for row in csv.DictReader(file)]
    real += ["WVWZZZ1KZAW123456", "ZFA31200001234567", "1M8GDM9AXKP042788", "A6ACA0AA0RA000001"]
    for text in real:
        found = vin.parse(text, today=TODAY)
        assert (found.verdict is Verdict.DOUBTFUL) == (found.check_digit == "invalid"), text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("lsgpc52h9gf125161", "LSGPC52H9GF125161"),
        (" LSGPC52H9 GF125161\n", "LSGPC52H9GF125161"),
        ("*LSGPC52H9GF125161*", "LSGPC52H9GF125161"),
        ("LSGPC-52H9-GF125161", "LSGPC52H9GF125161"),
        ("ＬＳＧＰＣ５２Ｈ９ＧＦ１２５１６１", "LSGPC52H9GF125161"),
        ("ｌｓｇｐｃ５２ｈ９ｇｆ１２５１６１", "LSGPC52H9GF125161"),
        ("\ufeffLSGPC52H9\u3000GF\xa01251\u200b61\0", "LSGPC52H9GF125161"),
        ("＊LSGPC52H9‑GF125161＊", "LSGPC52H9GF125161"),
    ],
)
def test_spacing_and_case_are_no_correction(text: str, value: str) -> None:
    found = vin.parse(text, today=TODAY)
    assert found.value == value
    assert found.verdict is Verdict.VERIFIED


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("LSGPC52H9GF12516I", "LSGPC52H9GF125161"),
        ("LSGPC52H9GF12516l", "LSGPC52H9GF125161"),  # a small L among capitals is a one
        ("LSGРС52Н9GF125161", "LSGPC52H9GF125161"),  # Cyrillic Р, С, Н
        ("1O8GDM9AXKP042788", "108GDM9AXKP042788"),
        ("L\u017fGPC52H9GF125161", "LSGPC52H9GF125161"),  # a long s
        ("LßGPC52H9GF12516", "LSSGPC52H9GF12516"),  # two letters in capitals
    ],
)
def test_lookalikes_are_mended_and_marked_doubtful(text: str, value: str) -> None:
    found = vin.parse(text, today=TODAY)
    assert found.value == value
    assert found.verdict is Verdict.DOUBTFUL


@given(st.text(vin.ALPHABET + vin.ALPHABET.lower() + "IOQiolqА -*", min_size=17, max_size=19))
def test_what_was_corrected_is_named_with_its_position(text: str) -> None:
    value, corrected = vin.normalize(text)
    slips = vin.corrections(text)
    assert bool(slips) == corrected
    for at, typed, read in slips:
        assert typed in text
        assert value[at - 1] == read


@pytest.mark.parametrize(
    "text", ["", "LSGPC52H9GF12516", "LSGPC52H9GF1251611", "LSGPC52H9GF12516?"]
)
def test_what_is_no_vin_is_refused_with_its_reason(text: str) -> None:
    with pytest.raises(NotAVinError, match="VIN"):
        vin.parse(text)


@given(st.text(max_size=40))
def test_any_text_is_a_vin_or_a_clear_refusal(text: str) -> None:
    try:
        found = vin.parse(text, today=TODAY)
    except NotAVinError:
        return
    assert vin.is_well_formed(found.value)
    if found.verdict is Verdict.VERIFIED:
        assert vin.check_digit_holds(found.value)


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("LSGPC52H9GF125161", 2016),  # China: the latest G that is not in the future
        ("LSGPC52H9VF125161", None),  # China has VINs since 1997: 1997 or 2027
        ("LSGPC52H9TF125161", 2026),  # 1996 was before
        ("HJRPBGJB1VF000001", 2027),  # H is China's since 2019: never 1997
        ("3N1BEAB13V0000000", None),  # a Tsuru for Mexico itself, with a letter at 7: of 1997,
        ("3N1BEAB13S0000000", None),  # of 1995, not of 2025
        ("3N1BEAB13F0000000", None),  # nor of 2015: not registered since 2010
        ("3N1AB7AP5FY200001", 2015),  # a Sentra that is
        ("3VW2B5AJ9EH000001", 2014),
        ("3VW1671HMSM000001", 1995),  # a digit at 7: of the first cycle, as everywhere
        ("3B3AA4CA9FT000001", None),  # nothing registered of this code since 2010
        ("3KPFL4G84JE000001", 2018),  # a code that was given after 1997
        ("LSGPC52H9WF125161", 1998),
        ("1M8GDM9AXKP042788", None),  # a bus: position 7 tells nothing, 1989 or 2019
        ("1HGCM82633A004352", 2003),  # a car with a digit at position 7: from before 2010
        ("1HGCV1F3XKA000000", 2019),  # a letter there: from 2010 on
        ("WVWZZZ1KZAW123456", None),  # Europe promises no model year
        ("LSGPC52H9ZF125161", None),  # Z is no year's code
    ],
)
def test_model_year(text: str, year: int | None) -> None:
    assert vin.model_year(text, today=TODAY) == year


def test_region_and_maker_come_from_the_first_characters() -> None:
    found = vin.parse("LSGPC52H9GF125161", today=TODAY)
    assert (found.region, found.maker) == ("Asia", "SAIC General Motors")
    assert vin.maker("MAKGM252K9N032155") == "Honda"
    assert vin.maker("ZZ9AAAAAAAAAAAAAA"[:17]) is None
    assert (found.manufacturer, found.country) == ("SAIC GENERAL MOTORS CO., LTD.", "China")


def test_every_real_vin_is_well_formed_and_never_refused(shared: Path) -> None:
    with (shared / "photos" / "truth.csv").open() as file:
        vins = [row["vin"] for row in csv.DictReader(file) if row["vin"]]
    assert len(vins) > 50
    for text in vins:
        assert vin.parse(text).value == text
