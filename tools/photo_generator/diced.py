"""VINs with a real maker's code and dice behind it: those of what is kept in ``events/photos``.

They follow no maker's patterns; `photo_generator.vins` draws those that do. Photos that are kept, and
photos without a whole VIN, stay with these: another VIN would make another photo of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from photo_generator.dice import chance, pick
from vindrop.domain import vin as rules

MAKERS: Final = (
    # North America and China: a right check digit is law.
    *("1FT", "1G1", "1GC", "1HG", "1N4", "1C4", "2HG", "2T1", "2C3", "3VW", "3FA", "3N1"),
    *("4T1", "4JG", "5UX", "5YJ", "5NP", "5TD"),
    *("LBV", "LSV", "LVS", "LFV", "LGB", "LSG", "LFM", "LHG"),
    # Europe, Japan, Korea, India: whatever the maker likes.
    *("WVW", "WBA", "WDD", "WAU", "W0L", "WP0", "WF0", "VF1", "VF3", "VF7", "VSS", "TMB"),
    *("SAL", "SHH", "SJN", "ZFA", "ZAR", "MAL", "MA3", "MAT", "KMH", "KNA", "KNE"),
    *("JHM", "JTD", "JN1", "JMZ", "JF1", "XW8", "YV1", "UU1"),
)
"""World manufacturer identifiers, mixed so that about half of all VINs must check."""

_YEAR_CODES: Final = "ABCDEFGHJKLMNPRSTV3456789"
_VOLKSWAGEN: Final = frozenset({"WVW", "WAU", "WP0", "TMB", "VSS", "XW8", "3VW"})
_LETTERS: Final = "ABCDEFGHJKLMNPRSTUVWXYZ"
_DIGITS: Final = "0123456789"


def diced_vin(rng: np.random.Generator) -> str:
    """Return a well-formed VIN whose check digit is right wherever law asks for one."""
    maker = pick(rng, MAKERS)
    european = not rules.check_digit_required(maker + "0" * (rules.LENGTH - 3))
    if european and maker in _VOLKSWAGEN:
        model = pick(rng, ("1J", "1K", "3B", "5N", "8K", "AU", "9N", "NE", "CK", "6R"))
        attributes, check = "ZZZ" + model, "Z"
    else:
        attributes, check = _attributes(rng), pick(rng, rules.ALPHABET)
    year = pick(rng, _YEAR_CODES)
    plant = pick(rng, _LETTERS if chance(rng, 0.75) else _DIGITS)
    digits = "".join(pick(rng, _DIGITS) for _ in range(6))
    if chance(rng, 0.15):  # some makers keep a letter at the head of the serial
        digits = pick(rng, _LETTERS) + digits[1:]
    whole = f"{maker}{attributes}{check}{year}{plant}{digits}"
    if not european or chance(rng, 0.3):
        right = rules.check_digit(whole)
        whole = whole[: rules.CHECK_POSITION] + right + whole[rules.CHECK_POSITION + 1 :]
    return whole


def _attributes(rng: np.random.Generator) -> str:
    """Positions 4 to 8: digits and letters mixed; a letter at 7, as cars from 2010 on have."""
    drawn = [pick(rng, _LETTERS if chance(rng, 0.45) else _DIGITS) for _ in range(5)]
    drawn[3] = pick(rng, _LETTERS)
    return "".join(drawn)
