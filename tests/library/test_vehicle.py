"""Vehicles out of vPIC: claimed where the maker registered them, and nowhere else."""

from __future__ import annotations

import datetime as dt

import pytest

from vindrop.domain import manufacturers, vehicle, vin
from vindrop.domain.vehicle import MissingExtraError, Pattern

TODAY = dt.date(2026, 11, 26)
needs_the_extra = pytest.mark.skipif(
    not vehicle.available(), reason="the extra `vehicle` is not installed"
)


@needs_the_extra
def test_a_registered_vehicle_says_what_it_is() -> None:
    found = vehicle.vehicle("1HGCM82633A004352", today=TODAY)
    assert (found.pattern, found.make, found.model) == (Pattern.KNOWN, "Honda", "Accord")
    assert (found.year, found.body, found.trim) == (2003, "Coupe", "EX-V6")
    assert (found.fuel, found.type) == ("Gasoline", "car")
    assert found.plant == "Marysville, Ohio, United States"


@needs_the_extra
@pytest.mark.parametrize(
    ("text", "make", "model"),
    [
        ("1GRAA0624FB000001", "Great Dane Trailers", "Great Dane Trailers"),
        ("3BKJHM8X2FF000001", "Kenworth", None),  # a C550 of 1985, or a K270 of 2015
        ("1JJV532D2FL000001", "Wabash", None),
    ],
)
def test_a_pattern_of_both_cycles_has_no_year_and_only_what_both_vehicles_share(
    text: str, make: str, model: str | None
) -> None:
    found = vehicle.vehicle(text, today=TODAY)
    assert (found.pattern, found.make, found.model) == (Pattern.KNOWN, make, model)
    assert found.year is None


@needs_the_extra
@pytest.mark.parametrize(
    ("text", "make", "year"),
    [
        ("4DRBUC8NXGB000001", "IC Bus", 2016),
        ("1XPBD49X5FD000001", "Peterbilt", 2015),
        ("1HD1KBM1XFB000001", "Harley-Davidson", 2015),
    ],
)
def test_patterns_tell_the_year_where_the_code_alone_does_not(
    text: str, make: str, year: int
) -> None:
    assert vin.model_year(text, today=TODAY) is None
    found = vehicle.vehicle(text, today=TODAY)
    assert (found.pattern, found.make, found.year) == (Pattern.KNOWN, make, year)


@needs_the_extra
def test_a_pattern_nobody_registered_is_no_doubtless_vin() -> None:
    text = "1FTXXXXX5DFC10312"
    text = text[:8] + vin.check_digit(text) + text[9:]
    assert vin.parse(text).verdict is vin.Verdict.VERIFIED
    found = vehicle.vehicle(text, today=TODAY)
    assert found == vehicle.Vehicle(Pattern.UNKNOWN, make="Ford", type="truck")


@needs_the_extra
@pytest.mark.parametrize(
    ("text", "make"),
    [
        ("5UX868A51MX141617", "BMW"),
        ("2HGS14RX4CW074936", "Honda"),
        ("2T1L51GD1N8D44419", "Toyota"),
        ("4T187MKA6L9320155", "Toyota"),
        ("5YJZZZZ07F0000000", "Tesla"),
    ],
)
def test_what_a_covered_maker_never_registered_is_unknown(text: str, make: str) -> None:
    """vPIC's "no detailed data" covers both: no pattern fits, or the code has none at all."""
    found = vehicle.vehicle(text, today=TODAY)
    assert (found.pattern, found.make, found.model) == (Pattern.UNKNOWN, make, None)


@needs_the_extra
def test_every_north_american_code_with_patterns_is_covered() -> None:
    """Half a pattern's characters are Z, which hardly anybody registered."""
    codes = [code for code in manufacturers.codes() if len(code) == 3 and code[0] in "1245"]
    texts = [f"{code}ZZZZZ0MZ000001" for code in codes]
    for text, found in zip(texts, vehicle.vehicles(texts, today=TODAY), strict=True):
        built = manufacturers.find(text)
        if built and built.since and built.country:
            assert found.pattern is not Pattern.NOT_COVERED, text
        elif built and built.source == "vininfo":
            assert found.pattern is Pattern.NOT_COVERED, text


@needs_the_extra
def test_no_year_is_later_than_next_years_models() -> None:
    """A pattern without an end is known in every year; W is 1998 or 2028."""
    for code, year in (("V", 2027), ("W", None)):
        found = vehicle.vehicle(f"5YJ3E1EA7{code}F000000", today=TODAY)
        assert (found.pattern, found.year) == (Pattern.KNOWN, year)


@needs_the_extra
@pytest.mark.parametrize(
    "text",
    [
        "WVWZZZ1KZAW123456",  # Germany, for Europe
        "MAKGM252K9N032155",  # no maker registered with NHTSA
        "LSGPC52H9GF125161",  # registered for what was exported; not this one
        "ZA9BC10U3MLB12345",
        "WBA3A5C50DF000001",  # its pattern is known, its check digit fails: another market
    ],
)
def test_nothing_is_claimed_elsewhere(text: str) -> None:
    assert vehicle.vehicle(text, today=TODAY) == vehicle.NOTHING


@needs_the_extra
def test_many_are_answered_in_their_order() -> None:
    found = vehicle.vehicles(["1HGCM82633A004352", "WVWZZZ1KZAW123456"], today=TODAY)
    assert [each.pattern for each in found] == [Pattern.KNOWN, Pattern.NOT_COVERED]
    assert vehicle.vehicles([]) == []


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ultravin", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'vindrop\[vehicle\]'"):
        vehicle.vehicle("1HGCM82633A004352")
