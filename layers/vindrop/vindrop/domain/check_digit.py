"""What law says of positions 9 and 10: where the check digit is required, where the year is.

Two questions, not one: a country may ask for either without the other (Brazil defines the
model year and asks for no check digit).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

from vindrop.domain.regions import country


@dataclass(frozen=True, slots=True)
class Law:
    """What a country's law says of its makers' VINs."""

    check_digit: str | None = None
    """The law that requires position 9 to be the check digit."""
    model_year: str | None = None
    """The law that requires position 10 to be the model year."""
    first_year: int = 1980
    """No vehicle of an earlier model year can carry such a VIN."""
    position_7: bool = False
    """Position 7 tells 1980 to 2009 from 2010 to 2039, in light vehicles (49 CFR 565.15(d)(1))."""


_UNITED_STATES: Final = Law("49 CFR 565.15(c)", "49 CFR 565.15(d)(1)", position_7=True)
_UNITED_STATES_AT_7: Final = Law("49 CFR 565.15(c)", "49 CFR 565.15(d)(1)", first_year=1997)
"""7F to 70, which the United States were given when 1, 4 and 5 ran short: no first cycle."""

_CHINA_AT_H: Final = Law(*("GB 16735-2019",) * 2, first_year=2004)
"""H, which China was given when L ran short: GB 16735-2004 has only L."""

LAWS: Final = {
    "United States": _UNITED_STATES,
    "Puerto Rico": _UNITED_STATES,
    "Canada": Law(
        *("Motor Vehicle Safety Regulations (C.R.C., c. 1038), s. 115",) * 2, position_7=True
    ),
    "Mexico": Law(*("NOM-001-SSP-2008",) * 2, position_7=True),
    "China": Law(*("GB 16735-2019 (since 1997 as GB/T 16735)",) * 2, first_year=1997),
    "Brazil": Law(None, "CONTRAN Resolution 24/1998 (since 2025: 968/2022); ABNT NBR 6066"),
}
"""Country of the maker → its law. A country that is missing asks for neither."""


def required(vin: str) -> bool:
    """Whether law asks this maker for a check digit.

    Nowhere but in the countries of `LAWS`: a European VIN may hold anything at position 9, and
    is never refused for it.
    """
    found = law(vin[:2])
    return found is not None and found.check_digit is not None


def year_defined(vin: str) -> bool:
    """Whether law makes position 10 of this maker's VINs the model year."""
    found = law(vin[:2])
    return found is not None and found.model_year is not None


def north_american(vin: str) -> bool:
    """Whether the maker is of the United States, Canada or Mexico: the rules of 49 CFR 565."""
    return country(vin) in {"United States", "Puerto Rico", "Canada", "Mexico"}


@functools.cache
def law(first_two: str) -> Law | None:
    """Return what the law of the maker's country says, or None where it says nothing.

    :param first_two: the first two characters of a VIN.
    """
    name = country(first_two)
    if name == "United States" and first_two[0] == "7":
        return _UNITED_STATES_AT_7
    if name == "China" and first_two[0] == "H":
        return _CHINA_AT_H
    return LAWS.get(name) if name else None
