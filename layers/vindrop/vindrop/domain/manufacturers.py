"""Who built it: world manufacturer identifiers (ISO 3780) → brand, registered name, vehicle.

`manufacturers.tsv` beside this file holds some 13,400 codes of two, three or six characters,
sorted; `tools/manufacturers` builds it and says from what. It is read when the first VIN is
looked up (bytes, one per line; a line is split when it is asked for).
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from vindrop.domain.regions import country

TABLE: Final = Path(__file__).with_name("manufacturers.tsv")

_COLUMNS: Final = 10
_POSITION_7: Final = 6
_SMALL_MAKER: Final = "9"


@dataclass(frozen=True, slots=True)
class Manufacturer:
    """What is known of a world manufacturer identifier."""

    wmi: str
    """The code: three characters; six where the third is 9; two where a maker has them all."""
    brand: str
    """As a person would say it: Ford, Toyota, Mercedes-Benz."""
    name: str | None
    """As registered: FORD MOTOR COMPANY. None where no register at hand has it."""
    country: str | None
    """To whose makers ISO 3780 gives the code."""
    vehicle: str | None
    """car, mpv, truck, bus, trailer, motorcycle, low-speed, off-road, incomplete; None: unknown."""
    since: int | None
    """First model year that NHTSA has patterns of."""
    position_7: str | None
    """Characters of position 7 that do not tell the cycle of the year; None where none tells."""
    volume: int
    """Vehicles a year, as a power of ten: 2 (a small maker's) to 6 (a million and more)."""
    source: Literal["vpic", "vininfo", "vindrop"]
    """NHTSA's vPIC, the vininfo package, or our own addition."""
    registered: tuple[str, ...] = ()
    """Of Mexican codes older than 1998: what positions 4 to 8 hold in vehicles since 2010; ``*``: any.
    A single ``-``: there are none."""


def find(vin: str) -> Manufacturer | None:
    """Return who built a well-formed VIN, or None if nobody knows.

    The third character 9 marks makers of fewer than 1,000 vehicles a year, told apart by
    positions 12 to 14 only. Everybody else has three characters, or two with any third.
    """
    if vin[2] == _SMALL_MAKER:
        return _found(vin[:3] + vin[11:14], "")
    return _found(vin[:3], vin[3:7]) or _found(vin[:2], "")


@functools.lru_cache(maxsize=4096)
def _found(code: str, attributes: str) -> Manufacturer | None:
    line = _line(code)
    if line is None:
        return None
    cells = line.decode().split("\t")
    cells += [""] * (_COLUMNS - len(cells))
    wmi, brand, name, vehicle, since, position_7, volume, source, brands, registered = cells
    return Manufacturer(
        wmi=wmi,
        brand=_of_several(brands, attributes) or brand,
        name=name or None,
        country=country(wmi),
        vehicle=vehicle or None,
        since=int(since) if since else None,
        position_7=position_7[1:] if position_7 else None,
        volume=int(volume),
        source=source,  # type: ignore[arg-type]
        registered=tuple(registered.split()),
    )


def _of_several(brands: str, attributes: str) -> str | None:
    """Return the brand that position 4 or 5 names, where a code is shared.

    Only in the patterns since model year 2010, which have a letter at position 7.
    """
    if not brands or not attributes[_POSITION_7 - 3 :].isalpha():
        return None
    for each in brands.split(";"):
        at, _, rest = each.partition(":")
        characters, _, brand = rest.partition("=")
        if attributes[int(at) - 4] in characters:
            return brand
    return None


def codes() -> list[str]:
    """Return every code of the table, sorted."""
    return [line.partition(b"\t")[0].decode() for line in _lines()]


def brands() -> set[str]:
    """Return every brand of the table: some 9,000."""
    return {line.split(b"\t", 2)[1].decode() for line in _lines()}


def _line(code: str) -> bytes | None:
    lines, start = _lines(), code.encode() + b"\t"
    at = bisect_left(lines, start)
    return lines[at] if at < len(lines) and lines[at].startswith(start) else None


@functools.cache
def _lines() -> list[bytes]:
    return [line for line in TABLE.read_bytes().splitlines() if not line.startswith(b"#")]
