"""Who built it, in which country, in which year: for every code of every source at hand."""

from __future__ import annotations

import csv
import datetime as dt
import functools
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vindrop.domain import check_digit, manufacturers, model_year, regions, vin

TODAY = dt.date(2026, 11, 26)
WORLD = Path(__file__).with_name("vins_of_the_world.csv")


def with_code(code: str) -> str:
    """Return a well-formed VIN with this world manufacturer identifier of 2, 3 or 6 characters."""
    start = code[:3] if len(code) > 2 else code + other_third(code)
    return f"{start}AAAAA0R0{code[3:] or '000'}001"


@functools.cache
def other_third(two: str) -> str:
    """Return a third character that makes no code of its own of these two."""
    codes = set(manufacturers.codes())
    return next(third for third in "XYZ87654321WVU" if two + third not in codes)


def world() -> list[dict[str, str]]:
    with WORLD.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_table_is_sorted_whole_and_names_everybody() -> None:
    lines = [
        line
        for line in manufacturers.TABLE.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    codes = manufacturers.codes()
    assert codes == sorted(set(codes))
    assert len(codes) == len(lines) > 13_000
    for code in codes:
        assert set(code) <= set(vin.ALPHABET)
        assert len(code) in {2, 3, 6}
        assert len(code) == 2 or (code[2] == "9") == (len(code) == 6)
        found = manufacturers.find(with_code(code))
        assert found is not None
        assert found.wmi == code
        assert found.brand.strip()
        assert 2 <= found.volume <= 6


def test_every_code_of_vininfo_has_a_maker() -> None:
    """But those that no vehicle can have: given to no country, a 9 at the end, an O, XXX.

    Two characters name a maker only where he has them all.
    """
    wmi = pytest.importorskip("vininfo.dicts").WMI
    codes = [code for code in wmi if len(code) == 3 and code[2] != "9"]
    codes = [code for code in codes if set(code) <= set(vin.ALPHABET) and regions.country(code)]
    codes.remove("XXX")
    assert len(codes) > 580
    assert [code for code in codes if manufacturers.find(with_code(code)) is None] == []


def test_every_code_of_vpic_has_a_maker() -> None:
    """Asked of the compiled vPIC: whatever it knows, the table knows."""
    ultravin = pytest.importorskip("ultravin", reason="the extra `vehicle` is not installed")
    month = ultravin.provenance()["data_month"]
    if month > "2026_10":
        pytest.skip(f"vPIC of {month} is newer than the table: run tools/manufacturers")
    codes = [a + b + c for a in vin.ALPHABET for b in vin.ALPHABET for c in vin.ALPHABET]
    codes = [code for code in codes if code[2] != "9"]
    codes += [code for code in manufacturers.codes() if len(code) == 6]
    decoded = ultravin.decode_batch([with_code(code) for code in codes])
    registered = [
        code for code, says in zip(codes, decoded, strict=True) if 7 not in says["error_codes"]
    ]
    assert len(registered) > 12_500
    assert [code for code in registered if manufacturers.find(with_code(code)) is None] == []


@pytest.mark.parametrize(
    ("code", "brand"),
    [
        *(("1FT", "Ford"), ("1HG", "Honda"), ("JN1", "Nissan"), ("2T1", "Toyota")),
        *(("4T1", "Toyota"), ("4JG", "Mercedes-Benz"), ("KND", "Kia"), ("5UX", "BMW")),
        *(("WVW", "Volkswagen"), ("TMB", "Škoda"), ("VF7", "Citroën"), ("UU1", "Dacia")),
        *(("LSG", "SAIC General Motors"), ("MA3", "Maruti Suzuki"), ("WMW", "MINI")),
        *(
            ("1HD", "Harley-Davidson"),
            ("VF9795", "Bugatti"),
            ("5YJ", "Tesla"),
            ("1GC", "Chevrolet"),
        ),
        *(("Z94", "Hyundai"), ("MAK", "Honda"), ("MEX", "Volkswagen"), ("LZS", "Zongshen")),
        *(("1UY", "Utility"), ("TRA", "Ikarus"), ("MA6", "Chevrolet"), ("4P1", "Pierce")),
    ],
)
def test_a_brand_is_what_a_person_would_say(code: str, brand: str) -> None:
    assert vin.maker(with_code(code)) == brand


def test_no_brand_says_what_company_it_is_or_where() -> None:
    """But where that is the name: Trailers USA."""
    company = re.compile(
        r" (Motor Manufacturing|Manufacturing|Manufacturer|Automotive Industry|Cars India|Rus|"
        r"India|North America|Brasil|Ltd|GmbH|Inc)$"
    )
    ordinary = re.compile(r"(?:&|\b(?:and|of)) Manufactur|^\W?..? Manufacturing$|of Terminal")
    brands = manufacturers.brands()
    assert [b for b in sorted(brands) if company.search(b) and not ordinary.search(b)] == []


def test_the_registered_name_stands_beside_the_brand() -> None:
    found = vin.parse("1HGCM82633A004352", today=TODAY)
    assert (found.maker, found.manufacturer) == ("Honda", "AMERICAN HONDA MOTOR CO., INC.")
    assert vin.parse("WDF63970513000001").manufacturer is None  # vininfo has no registered names


def test_vins_of_the_world() -> None:
    """200 vehicles of 46 countries: maker at least 198, year right or null, region right."""
    rows = world()
    assert len(rows) == 200
    assert len({row["country"] for row in rows}) >= 40
    assert all(row["source"] for row in rows)
    found = {row["vin"]: vin.parse(row["vin"], today=TODAY) for row in rows}
    wrong = [row for row in rows if found[row["vin"]].maker != row["maker"]]
    assert len(wrong) <= 2, wrong
    assert [r for r in rows if found[r["vin"]].model_year not in {None, _int(r["year"])}] == []
    assert [row for row in rows if found[row["vin"]].region != row["region"]] == []
    assert [row for row in rows if found[row["vin"]].country != row["country"]] == []
    told = Counter(
        found[row["vin"]].model_year is not None for row in rows if row["region"] == "North America"
    )
    assert told[True] > 4 * told[False], "light North American vehicles have a year"


def _int(text: str) -> int | None:
    return int(text) if text else None


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("4DRBUC8NXGB000001", {None, 2016}),  # a school bus
        ("1XPBD49X5FD000001", {None, 2015}),  # a tractor
        ("1GRAA0624FB000001", {None, 2015}),  # a trailer
        ("1HD1KB41XFB000001", {None, 2015}),  # a motorcycle
        ("7JRZSL1VDNG000001", {None, 2022}),  # a car for export: its digit at 7 is no year's
    ],
)
def test_case_07_no_year_is_30_years_too_old(text: str, years: set[int | None]) -> None:
    assert vin.model_year(text, today=TODAY) in years


@pytest.mark.parametrize("vehicle", ["truck", "bus", "trailer", "motorcycle", "incomplete"])
def test_case_07_of_every_heavy_kind(vehicle: str) -> None:
    """No North American maker whose vehicles position 7 does not tell gets one of two years."""
    asked = 0
    for code in manufacturers.codes():
        text = with_code(code)
        built = manufacturers.find(text)
        if built is None or built.vehicle != vehicle or built.position_7 is not None:
            continue
        if text[0] in "12345" and built.since is not None:
            asked += 1
            for at_7 in "1A":
                number = text[:6] + at_7 + text[7:9] + "F" + text[10:]
                assert vin.model_year(number, today=TODAY) is None, number
    assert asked > 30


@given(st.sampled_from(regions.SECOND), st.text(vin.ALPHABET, min_size=15, max_size=15))
def test_case_08_h_is_china_as_l_is(second: str, rest: str) -> None:
    for first in "HL":
        text = first + second + rest
        assert vin.region(text) == "Asia"
        assert regions.country(text) == "China"
        assert vin.check_digit_required(text)
    year = vin.model_year("H" + second + rest, today=TODAY)
    assert year is None or 1980 <= year <= TODAY.year + 1


def test_case_08_a_misread_number_from_china_is_doubtful() -> None:
    wrong, right = "HJRPBGJB4RF000001", "HJRPBGJB1RF000001"
    found = vin.parse(wrong, today=TODAY)
    assert (found.verdict, found.check_digit) == (vin.Verdict.DOUBTFUL, "invalid")
    assert (found.region, found.model_year) == ("Asia", 2024)
    assert vin.parse(right).verdict is vin.Verdict.VERIFIED


def test_two_characters_are_one_makers() -> None:
    """JA3, JA4 and JA7 are Mitsubishi: an unknown JAX is not said to be an Isuzu."""
    twos = [code for code in manufacturers.codes() if len(code) == 2]
    assert twos
    for two in twos:
        brands = {
            manufacturers.find(with_code(code)).brand  # type: ignore[union-attr]
            for code in manufacturers.codes()
            if len(code) == 3 and code.startswith(two)
        }
        assert len(brands - {"Lexus"}) == 1, (two, brands)
    for text in ("JAX", "19P", "2FX", "JNZ", "KMX", "WVX"):
        assert vin.maker(with_code(text)) is None


@pytest.mark.parametrize("code", ["000", "XXX", "04W", "0VF", "G4G", "V0L", "USY", "FV1", "601"])
def test_fillers_and_misread_codes_name_nobody(code: str) -> None:
    assert code not in manufacturers.codes()
    assert vin.maker(with_code(code)) is None


@pytest.mark.parametrize("code", [code for code in manufacturers.codes() if len(code) == 2])
def test_case_09_two_characters_stand_for_any_third(code: str) -> None:
    two = manufacturers.find(with_code(code))
    assert two is not None
    assert two.wmi == code
    for third in vin.ALPHABET:
        found = manufacturers.find(with_code(code + third))
        if third == "9":
            assert found is None or len(found.wmi) == 6
        else:
            assert found is not None
            assert found.wmi == code + third or found.brand == two.brand


@pytest.mark.parametrize(
    ("text", "maker"),
    [
        ("ZA9BC10U3MLB12345", None),  # not Bugatti
        ("1F9AB1226M4340001", None),  # 1F9 with 340 at 12 to 14; 1F9434 is another maker
        ("VF9AAAAAAAA779001", None),
        ("VF9SA25C28M795001", "Bugatti"),
        ("ZA9AAAAAAAAA12001", "Lamborghini"),
    ],
)
def test_case_10_a_9_at_position_3_is_named_by_12_to_14(text: str, maker: str | None) -> None:
    assert vin.maker(text) == maker


@given(st.text(vin.ALPHABET, min_size=17, max_size=17))
def test_case_10_of_every_small_maker(text: str) -> None:
    small = text[:2] + "9" + text[3:]
    found = manufacturers.find(small)
    assert found is None or found.wmi == small[:3] + small[11:14]


@given(st.text(vin.ALPHABET, min_size=17, max_size=17), st.dates(dt.date(1990, 1, 1)))
def test_a_year_is_null_or_one_of_its_code(text: str, today: dt.date) -> None:
    year = vin.model_year(text, today=today)
    if year is not None:
        assert check_digit.year_defined(text)
        assert 1980 <= year <= today.year + 1
        assert model_year.CODES[(year - 1980) % 30] == text[model_year.POSITION]


@pytest.mark.parametrize(
    ("text", "digit", "year"),
    [
        ("1FTFW1EG1FF000001", True, True),
        ("2T1AAAAA0R0000001", True, True),
        ("3VWAAAAA0R0000001", True, True),
        ("LSGPC52H9GF125161", True, True),
        ("7SAYGDEE2NF000000", True, True),
        ("9BG116GW04C000001", False, True),  # Brazil: a year, and no check digit
        ("7A3ES14000W000001", False, False),  # 7A to 7E is New Zealand
        ("34AAAAAA0R0000001", False, False),  # Nicaragua
        ("MAKGM252K9N032155", False, False),
        ("WVWZZZ1KZAW000001", False, False),
        ("JN1AAAAA0R0000001", False, False),
    ],
)
def test_what_law_asks_for(text: str, digit: bool, year: bool) -> None:
    assert check_digit.required(text) == digit
    assert check_digit.year_defined(text) == year


def test_every_law_is_cited_and_its_country_has_codes() -> None:
    countries = {
        regions.country(first + second) for first in vin.ALPHABET for second in regions.SECOND
    }
    for country, law in check_digit.LAWS.items():
        assert country in countries
        assert law.check_digit or law.model_year


@pytest.mark.parametrize("first", vin.ALPHABET)
def test_every_country_lies_in_a_region(first: str) -> None:
    for second in regions.SECOND:
        if regions.country(first + second):
            assert regions.region(first + second)


def test_nothing_of_it_is_loaded_before_a_vin_is_judged() -> None:
    code = (
        "import sys, vindrop.domain.vin as vin, vindrop.domain.records\n"
        "assert not [name for name in sys.modules if name.startswith('vindrop.domain.m')]\n"
        "assert 'vininfo' not in sys.modules\n"
        "vin.parse('1HGCM82633A004352')\n"
        "assert 'vindrop.domain.manufacturers' in sys.modules\n"
        "assert 'ultravin' not in sys.modules and 'vininfo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
