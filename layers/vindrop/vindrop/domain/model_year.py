"""The model year, where law defines it and it can be told; None everywhere else."""

from __future__ import annotations

import datetime as dt
from typing import Final

from vindrop.domain import check_digit, manufacturers

POSITION: Final = 9
"""Index of the year's code (position 10)."""
CODES: Final = "ABCDEFGHJKLMNPRSTVWXY123456789"
"""The codes of 30 years in a row; then they begin again (49 CFR 565.15(d)(1), table VII)."""

_FIRST: Final = 1980
CYCLE: Final = len(CODES)
"""Years after which a code stands for another year."""
_POSITION_7: Final = 6
_TURN: Final = _FIRST + CYCLE


def model_year(vin: str, *, today: dt.date | None = None) -> int | None:
    """Return the model year of a well-formed VIN, or None where it cannot be told.

    The code repeats every 30 years, so a code has one, two or more years that can be: up to next
    year's models, which are sold this year. Of several, position 7 tells which, in North American
    cars, MPVs and trucks up to 10,000 lb only; elsewhere law's first year may leave one over.

    :param today: the date that is taken for now.
    """
    law = check_digit.law(vin[:2])
    if law is None or law.model_year is None:
        return None
    now = (today or dt.datetime.now(dt.timezone.utc).date()).year
    years = _years(vin[POSITION], latest(now))
    if not _older_register(vin, law.first_year):
        years = [year for year in years if year >= law.first_year] or years
    if check_digit.north_american(vin):
        years = _fitting(vin, years, position_7=law.position_7)
    return years[0] if len(years) == 1 else None


def latest(year: int) -> int:
    """Return the latest model year that can stand on a vehicle in the calendar year ``year``."""
    return year + 1


def _years(code: str, last: int) -> list[int]:
    index = CODES.find(code)
    return [] if index < 0 else list(range(_FIRST + index, last + 1, CYCLE))


def _older_register(vin: str, first_year: int) -> bool:
    """Whether the maker's code is older than the law: L was given to Taiwan before China."""
    maker = manufacturers.find(vin)
    return maker is not None and maker.since is not None and maker.since < first_year


def _fitting(vin: str, years: list[int], *, position_7: bool) -> list[int]:
    """Return the years that position 7 and the maker's register leave over.

    What the register says is used against a year only, and only when one is left: patterns of
    old vehicles may be missing there, so it proves nothing for the other year.
    """
    maker = manufacturers.find(vin)
    at_7 = vin[_POSITION_7]
    if position_7 and maker and maker.position_7 is not None and at_7 not in maker.position_7:
        told = [year for year in years if (year >= _TURN) == at_7.isalpha()]
        if len(years) == 1 or not at_7.isalpha() or _registered(vin, maker.registered):
            years = told
    if maker and maker.since and len(years) == 1 and years[0] < maker.since:
        return []  # an export number, or a misreading
    return years


def _registered(vin: str, since_2010: tuple[str, ...]) -> bool:
    """Whether positions 4 to 8 hold what registered vehicles since 2010 hold, where that is listed.

    It is for Mexico's makers: until 1997 they built numbers for Mexico itself with letters at
    position 7, which are not those of 30 years later.
    """
    return since_2010 != ("-",) and all(
        held == "*" or character in held
        for character, held in zip(vin[3:8], since_2010, strict=False)
    )
