"""The VINs on generated photos: as makers build them, in the shares in which countries build cars."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from photo_generator import samples, vins
from photo_generator.dice import dice
from photo_generator.diced import MAKERS, diced_vin
from photo_generator.vins import drawn, random_vin
from vindrop.domain import manufacturers, model_year
from vindrop.domain import vin as rules
from vindrop.domain.regions import country, region
from vindrop.domain.vehicle import Pattern, vehicles

PUBLISHED = Path(__file__).parents[1] / "library/vins_of_the_world.csv"
COUNT = 4000


@pytest.fixture(scope="module")
def drawn_vins() -> list[str]:
    return [random_vin(dice(1, n)) for n in range(COUNT)]


def test_vins_follow_the_law_of_their_maker_and_differ(drawn_vins: list[str]) -> None:
    assert all(rules.is_well_formed(v) for v in drawn_vins)
    bound = [v for v in drawn_vins if rules.check_digit_required(v)]
    free = [v for v in drawn_vins if not rules.check_digit_required(v)]
    assert all(rules.check_digit_holds(v) for v in bound)
    assert any(rules.check_digit_holds(v) for v in free)
    assert any(not rules.check_digit_holds(v) for v in free)
    assert len(set(drawn_vins)) == len(drawn_vins)


def test_every_vin_has_a_maker_and_none_is_a_placeholder(drawn_vins: list[str]) -> None:
    assert [v for v in drawn_vins if manufacturers.find(v) is None] == []
    assert {rules.parse(v).verdict for v in drawn_vins} == {
        rules.Verdict.VERIFIED,
        rules.Verdict.PLAUSIBLE,
    }


def test_countries_have_the_shares_that_are_written_down(drawn_vins: list[str]) -> None:
    counted = Counter(country(v) for v in drawn_vins)
    written = vins._homes()
    total = sum(written.values())
    for name, thousands in written.items():
        share = thousands / total
        if share > 0.02 and name != "Spain":  # Opel and Renault build there under their own codes
            assert counted[name] / COUNT == pytest.approx(share, rel=0.35), name
    assert any(v[0] == "H" for v in (random_vin(dice(2, n)) for n in range(COUNT)))


def test_north_american_vins_are_registered_patterns() -> None:
    some = [random_vin(dice(3, n), "North America") for n in range(500)]
    assert {region(v) for v in some} == {"North America"}
    known = [each.pattern for each in vehicles(some)]
    assert known.count(Pattern.KNOWN) >= 0.98 * len(known)


def test_years_are_those_of_vehicles_on_the_road() -> None:
    years = [rules.model_year(random_vin(dice(4, n), "North America")) for n in range(500)]
    told = [year for year in years if year is not None]
    assert len(told) > 300
    assert min(told) >= 2000
    assert set(vins.YEAR_CODES) <= set(model_year.CODES)


def test_each_form_makes_vins_of_its_country_and_those_with_a_source_fit_it() -> None:
    with PUBLISHED.open(encoding="utf-8", newline="") as lines:
        published = [row["vin"] for row in csv.DictReader(lines)]
    for row in vins._rows("forms.tsv"):
        form = row["form"]
        if form == "vpic":
            assert vins.heads()[row["country"]]
            continue
        some = [drawn(dice(5, n), form) for n in range(50)]
        assert {country(v) for v in some} - {"China", row["country"]} <= BUILT_ABROAD, form
        assert row["source"] in {"csv", "counted", "uncited"}
        if row["source"] == "csv":
            assert any(re.fullmatch(expression(form), v) for v in published), form


BUILT_ABROAD = {"Germany", "France"}
"""Volkswagen, Opel and Renault give their own codes to what they build in Spain, Slovakia, Turkey."""


def expression(form: str) -> str:
    """A form as a regular expression."""
    out = ""
    for piece in vins._pieces(form):
        if piece[0] == "(":
            out += f"(?:{'|'.join(expression(each) for each in piece[1:-1].split('|'))})"
        elif piece[0] == "[":
            out += f"[{vins._listed(piece[1:-1])}]"
        elif piece == "^":
            out += f"[{model_year.CODES}]"
        else:
            out += f"[{vins._CLASSES.get(piece, '0-9X' if piece == '=' else piece)}]"
    return out


def test_a_form_that_makes_no_vin_is_refused() -> None:
    with pytest.raises(ValueError, match="is no VIN"):
        drawn(dice(1), "WVWZZZ1K######")
    with pytest.raises(ValueError, match="is no VIN"):
        drawn(dice(1), "LSVA=123########")


def test_photos_of_a_region_show_its_makers_in_the_same_scenes() -> None:
    (world,) = samples(8, 1, kinds=["label"])
    (american,) = samples(8, 1, kinds=["label"], within="North America")
    assert world.vin is not None
    assert american.vin is not None
    assert region(american.vin) == "North America"


def test_what_is_kept_stays_with_its_dice() -> None:
    assert {diced_vin(dice(1, n))[:3] for n in range(2000)} == set(MAKERS)
