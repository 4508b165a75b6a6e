"""Where a person should look: the characters of a reading that are in doubt, and why.

VinOCR gives no confidence for a character. What can be known without one: a character that no VIN
holds was corrected; the check digit does not hold; and which single look-alikes, put in place of
what was read, would make it hold.
"""

from __future__ import annotations

from typing import Any, Final

from vindrop.domain.records import Reading
from vindrop.domain.vin import CHECK_POSITION, check_digit_holds, normalize

PAIRS: Final = "0D 8B 5S 2Z 17 1L 6G UV 4A CG EF PR 38 56 MN HN KX VY TY".split()  # noqa: SIM905
"""Characters of a VIN that readers take for each other on stamped, pecked and worn ones."""
MOST_ALTERNATIVES: Final = 4
"""More would point nowhere."""


def of(reading: Reading) -> list[dict[str, Any]]:
    """Return the doubts, by position (counted from 1, as VINs are).

    ``why`` is ``corrected`` (``as_read`` says from what), ``check_digit``, or ``lookalike``
    (``alternative`` would make the check digit hold).
    """
    found = _corrected(reading)
    if reading.check_digit == "invalid":
        found += _alternatives(reading.vin)
        taken = {doubt["position"] for doubt in found}
        if CHECK_POSITION + 1 not in taken:
            found.append(_doubt(reading.vin, CHECK_POSITION, "check_digit"))
    return sorted(found, key=lambda doubt: int(doubt["position"]))


def _corrected(reading: Reading) -> list[dict[str, Any]]:
    read = [c for c in reading.as_read if normalize(c)[0]]  # without what only stands between
    if len(read) != len(reading.vin):
        return []
    return [
        _doubt(reading.vin, at, "corrected", as_read=read[at])
        for at, character in enumerate(reading.vin)
        if character not in {read[at], read[at].upper()}
    ]


def _alternatives(vin: str) -> list[dict[str, Any]]:
    found = []
    for at, character in enumerate(vin):
        for pair in PAIRS:
            if character not in pair:
                continue
            other = pair.replace(character, "")
            if check_digit_holds(vin[:at] + other + vin[at + 1 :]):
                found.append(_doubt(vin, at, "lookalike", alternative=other))
    return found if len(found) <= MOST_ALTERNATIVES else []


def _doubt(vin: str, at: int, why: str, **more: str) -> dict[str, Any]:
    return {"position": at + 1, "character": vin[at], "why": why, **more}
