"""What a VIN looks like, as log weights: evidence for or against, never a filter.

Each weight is a log-likelihood ratio: how much likelier is this feature in a VIN than in 17
characters that were misread or are something else.
"""

from __future__ import annotations

import functools
from typing import Final

from vindrop.domain.vin import (
    CHECK_POSITION,
    LENGTH,
    MODEL_YEAR_POSITION,
    check_digit_holds,
    check_digit_required,
    region,
)

CHECK_HOLDS_BY_LAW: Final = 4.0
CHECK_FAILS_BY_LAW: Final = -5.0
CHECK_HOLDS_BY_HABIT: Final = 3.0
CHECK_FAILS_BY_HABIT: Final = -1.5
CHECK_HOLDS: Final = 1.5
"""Some 40 % of the VINs that need none have one; chance alone gives 1 in 11."""
CHECK_FAILS: Final = -0.4
MAKER: Final = {6: 2.5, 5: 2.0, 4: 1.2, 3: 0.0, 2: -1.5}
"""By the power of ten of vehicles that its maker builds in a year."""
MAKER_BY_TWO: Final = 0.0
"""Known by its first two characters only: a third that no register has."""
MAKER_UNKNOWN: Final = -2.0
"""The table knows nearly every maker on the road."""
REGION_UNASSIGNED: Final = -3.0
RARE_FIRST: Final = -2.0
"""A first letter under which hardly a car was ever built."""
YEAR_IMPOSSIBLE_BY_LAW: Final = -3.0
YEAR_IMPOSSIBLE: Final = -0.3
FILLER: Final = 2.5
"""ZZZ at 4 to 6: how the Volkswagen group, and only it, fills its European VINs."""
FILLER_CHECK: Final = 1.0
"""… and then Z at 9."""
LETTER_AT_END: Final = (-0.3, -1.2, -2.5, -2.5, -2.5, -2.5)
"""A letter at positions 12 to 17; ISO 3779 wants the last four to be digits."""
FEW_DIGITS: Final = -4.0
"""Fewer than 5 digits: words, not a number."""
FEW_LETTERS: Final = (-7.0, -7.0, -7.0, -4.0, -1.5)
"""None to 4 letters: more likely a parcel's or an account's number."""

_HABIT: Final = ("TMB", "WBA", "WBS", "WBY", "WDB", "WDC", "WDD", "WDF", "W1K", "W1N", "W1V",
                 "WMW", "YV1", "YV4")  # fmt: skip
"""Škoda, BMW, Mercedes-Benz, Mini, Volvo: write a check digit where no law asks them to."""

_RARE_FIRST_LETTERS: Final = "BCDEFG"
_YEAR_LETTERS: Final = "ABCDEFGHJKLMNPRSTVWXY123456789"


@functools.lru_cache(maxsize=4096)
def evidence(vin: str) -> float:
    """Return the log weight of 17 well-formed characters being a VIN.

    >>> evidence("1M8GDM9AXKP042788") > evidence("1M8GDM9A1KP042788")
    True
    """
    required, holds = check_digit_required(vin), check_digit_holds(vin)
    if required:
        weight = CHECK_HOLDS_BY_LAW if holds else CHECK_FAILS_BY_LAW
    else:
        habit = vin.startswith(_HABIT)
        weight = (
            (CHECK_HOLDS_BY_HABIT if habit else CHECK_HOLDS)
            if holds
            else (CHECK_FAILS_BY_HABIT if habit else CHECK_FAILS)
        )
    weight += _maker(vin)
    if region(vin) is None:
        weight += REGION_UNASSIGNED
    if vin[0] in _RARE_FIRST_LETTERS:
        weight += RARE_FIRST
    if vin[MODEL_YEAR_POSITION] not in _YEAR_LETTERS:
        weight += YEAR_IMPOSSIBLE_BY_LAW if required else YEAR_IMPOSSIBLE
    if vin[3:6] == "ZZZ":
        weight += FILLER
        if vin[CHECK_POSITION] == "Z":
            weight += FILLER_CHECK
    weight += sum(cost for c, cost in zip(vin[11:], LETTER_AT_END, strict=True) if not c.isdigit())
    digits = sum(c.isdigit() for c in vin)
    if digits < 5:
        weight += FEW_DIGITS
    if LENGTH - digits < len(FEW_LETTERS):
        weight += FEW_LETTERS[LENGTH - digits]
    return weight


def _maker(vin: str) -> float:
    """Return the log weight of who would have built it."""
    from vindrop.domain import manufacturers

    found = manufacturers.find(vin)
    if found is None:
        return MAKER_UNKNOWN
    return MAKER_BY_TWO if len(found.wmi) == 2 else MAKER[found.volume]
