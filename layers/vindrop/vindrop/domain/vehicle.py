"""What vehicle it is: make, model, year, body … out of the maker's own patterns, offline.

An optional extra (``pip install 'vindrop[vehicle]'``): the `ultravin` package (MIT) carries
NHTSA's vPIC, a work of the United States Government and so in the public domain. The wheel has
26 MB, on disk it is 99 MB, so it is imported when the first vehicle is asked for.

vPIC knows what makers have registered for sale in the United States. Outside of that nothing is
claimed: `Pattern.NOT_COVERED`, and every field None.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import importlib.util
import string
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from vindrop.domain import check_digit, manufacturers, model_year
from vindrop.domain.records import VehicleFacts


class Pattern(str, Enum):
    """Whether positions 4 to 11 are such as the maker has registered."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    """The maker is North American and registered no such pattern: a misreading, or younger data."""
    NOT_COVERED = "not_covered"
    """vPIC has no patterns of this code, or the vehicle was not built for the United States."""


class MissingExtraError(ImportError):
    """The extra `vehicle` is not installed. ``str()`` says how to get it."""

    def __init__(self) -> None:
        super().__init__("vehicle facts need the extra: pip install 'vindrop[vehicle]'")


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle as its maker registered it; None where the VIN does not say."""

    pattern: Pattern
    make: str | None = None
    model: str | None = None
    year: int | None = None
    """Model year."""
    body: str | None = None
    """vPIC's words: Pickup, Sedan/Saloon, Truck-Tractor …"""
    trim: str | None = None
    """Trim level, or the series where the maker names no trim."""
    fuel: str | None = None
    plant: str | None = None
    """City, state, country."""
    type: str | None = None
    """As in `vindrop.domain.manufacturers.Manufacturer.vehicle`."""
    suggested: str | None = None
    """Where the pattern is unknown: the VIN that differs in one position, is known and checks."""


NOTHING: Final = Vehicle(Pattern.NOT_COVERED)

_HARMLESS: Final = frozenset({0, 1, 9, 10, 12})
"""vPIC's error codes that say nothing against the pattern: clean, check digit (judged by ours),
glider, off-road, year other than asked for."""
_OTHER_YEAR: Final = 12
_NO_DATA: Final = frozenset({7, 8})
"""Not registered; no pattern. vPIC says the latter where none fits and where none is there at all:
the table tells, which has the year since when there are any."""
_TYPES: Final = {
    "PASSENGER CAR": "car",
    "MULTIPURPOSE PASSENGER VEHICLE (MPV)": "mpv",
    "LOW SPEED VEHICLE (LSV)": "low-speed",
    "INCOMPLETE VEHICLE": "incomplete",
    "OFF-ROAD VEHICLE": "off-road",
}


def available() -> bool:
    """Whether the extra is installed; imports nothing."""
    return importlib.util.find_spec("ultravin") is not None


def vehicle(vin: str, *, today: dt.date | None = None) -> Vehicle:
    """Return the vehicle of a well-formed VIN. See `vehicles`."""
    return vehicles([vin], today=today)[0]


def facts(vin: str) -> VehicleFacts:
    """Return the vehicle of a well-formed VIN as a reading says it.

    :raises MissingExtraError: the extra `vehicle` is not installed.
    """
    found = dataclasses.asdict(vehicle(vin))
    del found["suggested"]
    return VehicleFacts(**{**found, "pattern": found["pattern"].value})


def vehicles(vins: Sequence[str], *, today: dt.date | None = None) -> list[Vehicle]:
    """Return the vehicles of well-formed VINs, in their order.

    :param today: the date that is taken for now; it bounds the model year.
    :raises MissingExtraError: the extra `vehicle` is not installed.
    """
    try:
        import ultravin
    except ImportError:
        raise MissingExtraError from None
    now = dt.datetime.combine(today, dt.time()) if today else None
    found = ultravin.decode_batch(list(vins), now=now)
    latest = model_year.latest((today or dt.datetime.now(dt.timezone.utc).date()).year)
    vehicles = [_vehicle(vin, each, latest) for vin, each in zip(vins, found, strict=True)]
    # vPIC takes position 7 for the cycle of the year in every vehicle; law says so of light ones.
    open_ = [
        at
        for at, one in enumerate(vehicles)
        if one.year and model_year.model_year(vins[at], today=today) is None
    ]
    years: list[int | None] = [_other_cycle(vehicles[at].year or 0, latest) for at in open_]
    again = ultravin.decode_batch([vins[at] for at in open_], years=years, now=now) if open_ else []
    for at, year, each in zip(open_, years, again, strict=True):
        if each["model_year"] == year and _OTHER_YEAR not in each["error_codes"]:
            vehicles[at] = _agreed(vehicles[at], _vehicle(vins[at], each, latest))
    return vehicles


def _other_cycle(year: int, latest: int) -> int:
    """Return the year that has the same code, 30 years before or after."""
    later = year + model_year.CYCLE
    return later if later <= latest else year - model_year.CYCLE


def _agreed(one: Vehicle, other: Vehicle) -> Vehicle:
    """Return what two vehicles have in common, where the VIN may be either's."""
    if other.pattern is not Pattern.KNOWN:
        return one
    both = {
        each.name: getattr(one, each.name)
        for each in dataclasses.fields(Vehicle)
        if getattr(one, each.name) == getattr(other, each.name)
    }
    return Vehicle(**{**both, "pattern": Pattern.KNOWN})


def _vehicle(vin: str, decoded: dict[str, Any], latest: int) -> Vehicle:
    codes = set(decoded["error_codes"])
    says = decoded["attributes"]
    north_american = check_digit.north_american(vin)
    built = manufacturers.find(vin)
    if codes & _NO_DATA and not (built and built.since):
        return NOTHING
    if codes <= _HARMLESS and says.get("Make") and says.get("Model"):
        # A maker abroad writes the check digit where he builds for the United States. One that
        # fails is another market's number, where the same letters may mean another car.
        sure = north_american or decoded["check_digit_valid"]
        return _known(vin, decoded, latest) if sure else NOTHING
    if not north_american:
        return NOTHING
    make = _make(vin, says["Make"]) if says.get("Make") else built.brand if built else None
    return Vehicle(Pattern.UNKNOWN, make=make, type=_type(says), suggested=_suggested(decoded))


def _known(vin: str, decoded: dict[str, Any], latest: int) -> Vehicle:
    says, year = decoded["attributes"], decoded["model_year"]
    return Vehicle(
        pattern=Pattern.KNOWN,
        make=_make(vin, says["Make"]),
        model=says["Model"],
        year=year if year and year <= latest else None,
        body=says.get("Body Class") or None,
        trim=says.get("Trim") or says.get("Series") or None,
        fuel=says.get("Fuel Type - Primary") or None,
        plant=_plant(says),
        type=_type(says),
    )


def _suggested(decoded: dict[str, Any]) -> str | None:
    """Return vPIC's one correction; where it only marks a position (``!``), there is none."""
    corrected: str = decoded["corrected_vin"]
    return corrected if corrected.isalnum() and corrected != decoded["vin"] else None


def _type(says: dict[str, Any]) -> str | None:
    written = says.get("Vehicle Type")
    return _TYPES.get(written, written.lower()) if written else None


def _plant(says: dict[str, Any]) -> str | None:
    country = (says.get("Plant Country") or "").partition(" (")[0].title()
    state = says.get("Plant State") or ""
    city = (says.get("Plant City") or "").title()
    return ", ".join(part for part in (city, state.title(), country) if part) or None


def _make(vin: str, written: str) -> str:
    """Return a make that vPIC writes in capitals as people say it."""
    built = manufacturers.find(vin)
    if built and written.casefold().startswith(built.brand.casefold()):
        return built.brand
    return _brands().get(written.casefold(), string.capwords(written))


@functools.cache
def _brands() -> dict[str, str]:
    """Every brand of the table by its small letters; of two spellings, the less shouting one."""
    return {brand.casefold(): brand for brand in sorted(manufacturers.brands())}
