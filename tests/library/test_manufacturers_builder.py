"""How the table of manufacturers is made: names as people say them, patterns read right."""

from __future__ import annotations

import pytest

from tools.manufacturers import entries, naming
from tools.manufacturers.patterns import Patterns, characters
from tools.manufacturers.sources import Registered
from vindrop.domain.manufacturers import TABLE


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("TRAIL KING INDUSTRIES, INC.", "Trail King Industries"),
        ("GREAT DANE TRAILERS", "Great Dane Trailers"),
        ("Kalmar Industries LLC", "Kalmar"),
        ("GMC", "GMC"),
        ("BMW", "BMW"),
        ("Mercedes Benz", "Mercedes-Benz"),
        ("Citroen", "Citroën"),
        ("  two   words , Ltd. ", "Two words"),
        ("Honda Cars India", "Honda"),
        ("HYUNDAI MOTOR MANUFACTURING RUS", "Hyundai"),
        ("Utility Trailer Manufacturer", "Utility"),
        ("Pierce Manufacturing Inc.", "Pierce"),
        ("Ikarus USA", "Ikarus"),
        ("Bushmaster of Mexico", "Bushmaster"),
        ("Walinga (USA) Inc.", "Walinga"),
        ("Trailers USA", "Trailers USA"),  # without the place no name is left
        ("Spirit of America", "Spirit of America"),
        ("Mountain Equipment of New Mexico", "Mountain Equipment of New Mexico"),
        ("Design and Manufacturing", "Design and Manufacturing"),
        ("C.V. INC", "C.V."),  # initials are no legal form, and keep their last dot
        ("BENELLI Q.J. SRL", "Benelli Q.J."),
        ("TRAIL CREEK RV. LLC", "Trail Creek RV"),
        ("E.C.S.A. Ensambladora Cacanilla, S.A. de C.V.", "E.C.S.A. Ensambladora Cacanilla"),
        ("DAKOTA MOTORCYCLES U.S.A. INC", "Dakota Motorcycles"),
    ],
)
def test_names_are_what_people_say(written: str, said: str) -> None:
    assert naming.said(written) == said


@pytest.mark.parametrize(
    ("make", "company", "said"),
    [
        ("UNIV", "ZHEJIANG UNIVERSAL MACHINERY CO., LTD", "Universal"),
        ("APA", "APACHE TRAILERS INC.", "Apache"),
        ("RAS Internation LLC", "RAS INTERNATIONAL LLC", "RAS International"),
        ("DUNN RITE FAB", "DUNN RITE FABRICATION LLC", "Dunn Rite Fabrication"),
        ("Superior & Engineering Cor", "SUPERIOR AND ENGINEERING CORPORATION", "Superior & Engineering"),
        ("NABI", "North American Bus Industries Inc., LLC", "NABI"),
        ("ELMS", "ELECTRIC LAST MILE SOLUTIONS, INC.", "ELMS"),
        # whole as they are: a part of a name that is one by itself
        ("Beta", "BETAMOTOR S.P.A.", "Beta"),
        ("Rage", "RAGEUSA, LLC", "Rage"),
        ("Orion Bus", "DAIMLERCHRYSLER COMMERCIAL BUSES NORTH AMERICA", "Orion Bus"),
        ("Iron Stag", "STAGHORN INDUSTRIES, LLC", "Iron Stag"),
        ("DEMA", "DEMA MOTORS EAST", "Dema"),
        ("FORD", "FORD MOTOR COMPANY", "Ford"),
    ],
)  # fmt: skip
def test_a_make_that_a_list_has_cut_is_whole(make: str, company: str, said: str) -> None:
    assert naming.of(make, company) == said


def test_no_brand_of_the_table_is_the_cut_form_of_its_companys_name() -> None:
    """Names of makers that no person would say."""
    cut = []
    for line in TABLE.read_text("utf-8").splitlines():
        cells = line.split("\t")
        if line.startswith("#") or cells[7] != "vpic":
            continue
        if naming.of(cells[1], cells[2]) not in {cells[1], naming.said(cells[1])}:
            cut.append(cells[:3])
    assert not cut


def test_keys_of_patterns_are_read_by_position() -> None:
    assert [sorted(each) if each else None for each in characters("A*[B-D2]|*U")] == [
        ["A"],
        None,
        ["2", "B", "C", "D"],
    ]


def _patterns(before: str, since: str, weights: set[int] | None = None) -> Patterns:
    patterns = Patterns()
    patterns.add([(f"**{before}", "Old")], [f"***{before}"], weights or set(), 1990, 2009)
    patterns.add([("*J**", "New"), ("*D**", "Other")], [f"***{since}"], set(), 2010, 9999)
    return patterns


@pytest.mark.parametrize(
    ("before", "since", "by_law", "unclear"),
    [
        ("[0-9]", "[A-F]", False, ""),
        ("[0-9]", "[A-F]", True, ""),
        ("[0-9E]", "[A-F]", True, "E"),  # E stands in both: it tells nothing
        ("[0-9E]", "[A-F]", False, None),
        ("[0-9]", "*", False, None),  # nothing shows that it tells
        ("[0-9]", "*", True, ""),
        ("[A-L]", "[0-9]", True, None),  # all of it unclear
    ],
)
def test_position_7_tells_only_what_patterns_or_law_say(
    before: str, since: str, by_law: bool, unclear: str | None
) -> None:
    assert _patterns(before, since).cycle(by_law=by_law) == unclear


def test_brands_that_share_a_code_are_told_by_position() -> None:
    assert _patterns("1", "A").by_position({"New", "Other"}) == (5, {"J": "New", "D": "Other"})
    assert _patterns("1", "A").by_position({"New"}) is None


def test_own_entries_win_over_vpic_and_vpic_over_vininfo() -> None:
    vpic = [
        Registered("1FT", "FORD MOTOR COMPANY", ("Ford",), 3, 1981, Patterns()),
        Registered("1OY", "HOLDS AN O", ("No VIN",), 3, 1981, Patterns()),
        Registered("UU1", "SOMEBODY", ("Else",), 2, 2001, Patterns()),
    ]
    table = entries.merge(vpic, {"1FT": "Wrong", "ZA9": "Bugatti", "WDF": "Mercedes-Benz"})
    assert table["1FT"].brand == "Ford"
    assert table["WDF"].source == "vininfo"
    assert (table["UU1"].brand, table["UU1"].since) == ("Dacia", "2001")
    assert {"1OY", "ZA9"}.isdisjoint(table)


def test_two_characters_stay_only_where_one_maker_has_them_all() -> None:
    vpic = [
        Registered("JA3", "MITSUBISHI", ("Mitsubishi",), 2, 1983, Patterns()),
        Registered("JYA", "YAMAHA", ("Yamaha",), 1, 1981, Patterns()),
        Registered("JT1", "TOYOTA", ("Toyota",), 2, 1981, Patterns()),
        Registered("JTH", "TOYOTA", ("Lexus",), 2, 1990, Patterns()),
    ]
    table = entries.merge(vpic, {"JA": "Isuzu", "JY": "Yamaha", "JT": "Toyota"})
    assert {code for code in table if len(code) == 2} == {"JY", "JT"}


def test_fillers_and_codes_of_no_country_are_left_out() -> None:
    junk = dict.fromkeys(("000", "XXX", "0VF", "G4G", "V0L"), "Maserati")
    assert junk.keys().isdisjoint(entries.merge([], {**junk, "WDF": "Mercedes-Benz"}))


def test_every_own_entry_has_a_source_and_is_named_once() -> None:
    rows = naming.rows("additions.tsv")
    assert all(row["source"] and row["brand"] for row in rows)
    assert len({row["wmi"] for row in rows}) == len(rows)
