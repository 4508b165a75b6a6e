"""Where a person should look: the characters of a reading that are in doubt, and why.

A recognizer that tells its confidence of each character (ours does) says it itself: `UNCLEAR`. Of
one that tells none, Tencent's, this can be known: a character that no VIN holds was corrected; the
check digit does not hold; and which single look-alikes, put in place of what was read, would make
it hold.
"""

from __future__ import annotations

from typing import Any, Final

from vindrop.domain.records import Reading
from vindrop.domain.vin import CHECK_POSITION, check_digit_holds, normalize

PAIRS: Final = "0D 8B 5S 2Z 17 1L 6G UV 4A CG EF PR 38 56 MN HN KX VY TY".split()  # noqa: SIM905
"""Characters of a VIN that readers take for each other on stamped, pecked and worn ones."""
UNCLEAR: Final = 0.002
"""How far below the surest of the 17 the confidence of a character in doubt is. Chosen on the tuned
halves of the photos of docs/reading.md and 180 generated ones: the highest value that points at 2 of the
4 wrong characters, of best candidates from 0.3; no value points at more. It marks 18 of 333 right
readings there; on the other halves it points at 3 of 3, and marks 17 of 157
(``python -m bench.cascade_models --choose``)."""
MOST_ALTERNATIVES: Final = 4
"""More would point nowhere."""


def of(reading: Reading) -> list[dict[str, Any]]:
    """Return the doubts, by position (counted from 1, as VINs are).

    ``why`` is ``corrected`` (``as_read`` says from what), ``check_digit``, ``lookalike``
    (``alternative`` would make the check digit hold), or ``unclear`` (``confidence``; ``alternative``
    is the likeliest other character, where there is one).
    """
    found = _corrected(reading)
    unclear = _unclear(reading, {doubt["position"] for doubt in found})
    found += unclear
    if reading.check_digit == "invalid":
        found += [] if unclear else _alternatives(reading.vin)
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


def _unclear(reading: Reading, known: set[int]) -> list[dict[str, Any]]:
    told = reading.characters or ()
    if "".join(each.character for each in told) != reading.vin:
        return []
    surest = max(each.confidence for each in told)
    return [
        _doubt(
            reading.vin,
            at,
            "unclear",
            confidence=round(each.confidence, 3),
            **({"alternative": each.alternatives[0][0]} if each.alternatives else {}),
        )
        for at, each in enumerate(told)
        if each.confidence < surest - UNCLEAR and at + 1 not in known
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


def _doubt(vin: str, at: int, why: str, **more: str | float) -> dict[str, Any]:
    return {"position": at + 1, "character": vin[at], "why": why, **more}
