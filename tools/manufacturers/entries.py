"""Merges the sources into one line per code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vindrop.domain.regions import country, region

from . import naming
from .patterns import LIGHT
from .sources import Registered

ALPHABET: Final = frozenset("0123456789ABCDEFGHJKLMNPRSTUVWXYZ")
VEHICLES: Final = {
    1: "motorcycle",
    2: "car",
    3: "truck",
    5: "bus",
    6: "trailer",
    7: "mpv",
    9: "low-speed",
    10: "incomplete",
    13: "off-road",
}
"""vPIC's VehicleType."""
COLUMNS: Final = (
    *(
        "wmi",
        "brand",
        "manufacturer",
        "vehicle",
        "since",
        "position 7",
        "volume",
        "source",
        "brands",
        "registered",
    ),
)

_MEXICO_UNTIL: Final = 1997
_SMALL: Final = 2  # ISO 3780: a third character 9 is for fewer than 1,000 vehicles a year
_ORDINARY: Final = 3
_ANY_THIRD: Final = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table."""

    wmi: str
    brand: str
    manufacturer: str = ""
    vehicle: str = ""
    since: str = ""
    position_7: str = ""
    volume: int = _ORDINARY
    source: str = "vpic"
    brands: str = ""
    registered: str = ""

    def line(self) -> str:
        """Return the columns with tabs between; empty ones at the end are left out."""
        cells = (
            *(self.wmi, self.brand, self.manufacturer, self.vehicle, self.since),
            *(self.position_7, str(self.volume), self.source, self.brands, self.registered),
        )
        return "\t".join(cells).rstrip("\t")


def header(vpic: str, vininfo: str) -> str:
    """Return the remarks at the table's head."""
    return f"""\
# World manufacturer identifiers (ISO 3780). Made by `python -m tools.manufacturers`; not by hand.
# source vpic: NHTSA's vPIC, a work of the United States Government, public domain (17 U.S.C. 105),
#   out of {vpic} (MIT). source vininfo: {vininfo} (BSD-3-Clause).
# source vindrop: our own, each with its source in tools/manufacturers/additions.tsv.
# {" | ".join(COLUMNS)}
# position 7: "+" where it tells 1980-2009 (a digit) from 2010-2039 (a letter); then the characters
#   that tell nothing. volume: power of ten of vehicles a year. brands: position:character=brand.
# registered: of Mexican codes older than 1998, what positions 4 to 8 hold in vehicles since 2010; - for none.
"""


def merge(vpic: list[Registered], vininfo: dict[str, str]) -> dict[str, Entry]:
    """Return every code that a VIN can begin with; own entries win over vPIC, vPIC over vininfo."""
    table = {each.wmi: _of_vpic(each) for each in vpic if set(each.wmi) <= ALPHABET}
    for code, name in vininfo.items():
        if code not in table and _can_be_a_code(code):
            brand = naming.said(name)
            volume = _SMALL if _doubtful(code) else naming.volumes().get(brand, _ORDINARY)
            table[code] = Entry(code, brand, volume=volume, source="vininfo")
    for row in naming.rows("additions.tsv"):
        table[row["wmi"]] = _own(table.get(row["wmi"]), row)
    for code in [code for code in table if len(code) == _ANY_THIRD]:
        if not _has_them_all(code, table):
            del table[code]
    return table


def _can_be_a_code(code: str) -> bool:
    """Whether a code of vininfo names a maker: some are misread (V0L), XXX and 000 are fillers.

    Three characters that end in 9 name nobody: positions 12 to 14 do (ISO 3780).
    """
    filler = code == code[0] * 3 and code[0] in "0X"
    in_form = set(code) <= ALPHABET and code[2:3] != "9"
    return in_form and not filler and country(code) is not None


def _has_them_all(two: str, table: dict[str, Entry]) -> bool:
    """Whether every code that begins with these two characters is the same maker's.

    JA is Isuzu's in lists, and JA3 Mitsubishi's in the register: an unknown JAX may be anybody's.
    """
    brand = table[two].brand
    maker = naming.MAKERS.get(brand, brand)
    others = (entry.brand for code, entry in table.items() if len(code) == 3 and code[:2] == two)
    return all(naming.MAKERS.get(other, other) == maker for other in others)


def _doubtful(code: str) -> bool:
    """Whether vininfo alone has a code that vPIC would have: North American.

    Some stem from numbers misread in listings (115, 460); they keep their name.
    """
    return len(code) == 3 and code[0] in "123457"


def _own(base: Entry | None, row: dict[str, str]) -> Entry:
    """Return an own entry; what it leaves empty is taken from the other sources."""
    brand = row["brand"]
    keep = base or Entry(row["wmi"], brand)
    return Entry(
        wmi=row["wmi"],
        brand=brand,
        manufacturer=row["manufacturer"] or keep.manufacturer,
        vehicle=row["vehicle"] or keep.vehicle,
        since=keep.since,
        position_7=row["position 7"] or keep.position_7,
        volume=_SMALL if len(row["wmi"]) == 6 else naming.volumes().get(brand, _ORDINARY),
        source="vindrop",
        brands="" if row["brands"] == "-" else row["brands"] or keep.brands,
        registered=keep.registered,
    )


def _of_vpic(each: Registered) -> Entry:
    brand, brands = _brand(each)
    vehicle = VEHICLES.get(each.vehicle or 0, "")
    by_law = _position_7_by_law(each, brand, vehicle)
    unclear = each.patterns.cycle(by_law=by_law)
    return Entry(
        wmi=each.wmi,
        brand=brand,
        manufacturer=each.manufacturer,
        vehicle=vehicle,
        since=str(each.since or ""),
        position_7="" if unclear is None else "+" + unclear,
        volume=_volume(each, brand, vehicle),
        brands=brands,
        registered=_registered(each) if each.wmi[0] == "3" and unclear is not None else "",
    )


def _registered(each: Registered) -> str:
    """Return what positions 4 to 8 hold in vehicles since 2010: ``ABC 12 * 4 D``, ``*`` for any.

    Of Mexico's makers only: for Mexico itself they built numbers with letters at position 7 before
    1998, which must not be taken for those of 30 years later. Codes given since have none such. A code of
    which nothing is registered since 2010 has ``-``.
    """
    if each.since is None or each.since > _MEXICO_UNTIL:
        return ""
    held = ["".join(sorted(characters & ALPHABET)) for characters in each.patterns.registered]
    return " ".join(characters or "*" for characters in held) if any(held) else "-"


def _brand(each: Registered) -> tuple[str, str]:
    """Return the brand, and by which position it differs where several brands share the code."""
    if not each.makes:
        return naming.said(each.manufacturer), ""
    makes = {make: naming.of(make, each.manufacturer) for make in each.makes}
    if each.vehicle in {6, None} or len(set(makes.values())) == 1:
        return makes[each.makes[0]], ""
    counted = {make: n for make, n in each.patterns.makes.items() if make in makes}
    most = max(makes, key=lambda make: (counted.get(make, 0), make == each.makes[0]))
    told = each.patterns.by_position(set(makes)) if len(each.wmi) == 3 else None
    if told is None:
        return makes[most], ""
    at, means = told
    of: dict[str, str] = {}
    for character, make in sorted(means.items()):
        if makes[make] != makes[most] and character in ALPHABET:
            of[makes[make]] = of.get(makes[make], "") + character
    return makes[most], ";".join(f"{at}:{cs}={name}" for name, cs in sorted(of.items()))


def _position_7_by_law(each: Registered, brand: str, vehicle: str) -> bool:
    """Whether 49 CFR 565.15 lets position 7 tell the cycle: cars, MPVs and light trucks.

    Small makers do not keep to it (replicas, step vans): theirs must show in the patterns.
    """
    if naming.volumes().get(brand, _ORDINARY) <= _ORDINARY:
        return False
    weights = each.patterns.weights
    if vehicle == "mpv":  # codes share patterns with trucks: one light class is enough
        return not weights or bool(weights & LIGHT)
    return vehicle == "car" or (vehicle == "truck" and bool(weights) and weights <= LIGHT)


def _volume(each: Registered, brand: str, vehicle: str) -> int:
    if len(each.wmi) == 6:
        return _SMALL
    if vehicle in {"trailer", "low-speed", "off-road"}:
        return _ORDINARY
    volume = naming.volumes().get(brand, _ORDINARY)
    # Few patterns of a North American code: few vehicles. Of others they say what is sold there.
    few = each.patterns.count < 200 and region(each.wmi) == "North America"
    return max(volume - 1, _ORDINARY) if few else volume
