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
_CYCLE: Final = len(CODES)
_POSITION_7: Final = 6
_TURN: Final = _FIRST + _CYCLE


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
    years = _years(vin[POSITION], (today or dt.datetime.now(dt.timezone.utc).date()).year + 1)
    years = [year for year in years if year >= law.first_year] or years
    if law.position_7:
        told = _by_position_7(vin, years)
        return told if told is not None or len(years) > 1 else _only(vin, years)
    return years[0] if len(years) == 1 else None


def _years(code: str, latest: int) -> list[int]:
    index = CODES.find(code)
    return [] if index < 0 else list(range(_FIRST + index, latest + 1, _CYCLE))


def _only(vin: str, years: list[int]) -> int | None:
    """Return the one year there is, unless position 7 speaks against it."""
    return years[0] if years and not _tells(vin) else None


def _by_position_7(vin: str, years: list[int]) -> int | None:
    if not _tells(vin):
        return None
    later = vin[_POSITION_7].isalpha()
    fitting = [year for year in years if (year >= _TURN) == later]
    maker = manufacturers.find(vin)
    if len(fitting) != 1 or (maker and maker.since and fitting[0] < maker.since):
        return None  # the maker's code is younger than that: an export number, or a misreading
    return fitting[0]


def _tells(vin: str) -> bool:
    maker = manufacturers.find(vin)
    return (
        maker is not None
        and maker.position_7 is not None
        and vin[_POSITION_7] not in maker.position_7
    )
