"""What a wrong VIN could have been: the one slip of eye or hand that makes the check digit hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vindrop.domain import manufacturers, model_year
from vindrop.domain import vin as vins

MOST: Final = 12

_ALIKE: Final = (
    *(
        "0D",
        "0U",
        "08",
        "06",
        "1L",
        "17",
        "1T",
        "1J",
        "2Z",
        "27",
        "38",
        "35",
        "3B",
        "4A",
        "4H",
        "5S",
    ),
    *(
        "56",
        "6G",
        "68",
        "6B",
        "7T",
        "7Z",
        "8B",
        "8S",
        "9P",
        "9G",
        "CG",
        "EF",
        "EB",
        "FP",
        "HM",
        "HN",
    ),
    *(
        "HA",
        "KX",
        "MN",
        "MW",
        "NW",
        "PR",
        "RK",
        "UV",
        "VY",
        "XY",
        "TY",
        "DP",
        "JU",
        "LT",
        "RB",
        "BD",
    ),
)
"""Pairs that people and readers take for one another, on plates, stamped metal and by hand."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A VIN whose check digit holds, one slip away from what was read."""

    vin: str
    change: str
    """What would stand where: ``position 10: G, not 6``."""


def alternatives(text: str) -> list[Alternative]:
    """Return at most `MOST` VINs that may have been meant, likeliest first.

    Only where the law of the maker's country requires a check digit: elsewhere a number that
    does not check is no fault, and nothing can be told.

    :param text: what was read, as `vindrop.domain.vin.normalize` writes it.
    """
    if set(text) - vins.VALUES.keys():
        return []
    if len(text) == vins.LENGTH + 1:
        found = [each for each in _without_one(text) if vins.check_digit_holds(each.vin)]
    elif len(text) == vins.LENGTH and not vins.check_digit_holds(text):
        found = [*_one_other(text), *_swapped(text)]
    else:
        return []
    unique: dict[str, Alternative] = {}
    for each in found:
        if vins.check_digit_required(each.vin):
            unique.setdefault(each.vin, each)
    return sorted(unique.values(), key=_doubts)[:MOST]


def suggestion(text: str, suggested: str) -> Alternative:
    """Return the register's own suggestion: it differs in one position."""
    at = next(at for at, pair in enumerate(zip(text, suggested, strict=True)) if len(set(pair)) > 1)
    return Alternative(suggested, f"position {at + 1}: {suggested[at]}, not {text[at]}")


def _doubts(each: Alternative) -> tuple[bool, bool, int, int]:
    """Return what speaks against it: sorts the likeliest first."""
    built = manufacturers.find(each.vin)
    year = each.vin[model_year.POSITION] in model_year.CODES
    letters = sum(character.isalpha() for character in each.vin[-4:])  # ISO 3779 wants digits
    return built is None, not year, letters, -(built.volume if built else 0)


def _one_other(text: str) -> Iterator[Alternative]:
    """Yield what holds with one character replaced by one that looks like it."""
    total = _sum(text)
    for at, (character, weight) in enumerate(zip(text, vins.WEIGHTS, strict=True)):
        for other in _LOOKS_LIKE.get(character, ""):
            change = (vins.VALUES[other] - vins.VALUES[character]) * weight
            digit = other if at == vins.CHECK_POSITION else text[vins.CHECK_POSITION]
            if _digit(total + change) == digit:
                said = f"position {at + 1}: {other}, not {character}"
                yield Alternative(text[:at] + other + text[at + 1 :], said)


def _swapped(text: str) -> Iterator[Alternative]:
    """Yield what holds with two neighbours changed about."""
    for at in range(len(text) - 1):
        a, b = text[at], text[at + 1]
        other = text[:at] + b + a + text[at + 2 :]
        if a != b and vins.check_digit_holds(other):
            yield Alternative(other, f"positions {at + 1} and {at + 2}: {b}{a}, not {a}{b}")


def _without_one(text: str) -> Iterator[Alternative]:
    """Yield what is left without one character of eighteen."""
    for at, character in enumerate(text):
        if at and text[at - 1] == character:
            continue  # the same VIN as without the one before
        said = f"position {at + 1}: {character} is too much"
        yield Alternative(text[:at] + text[at + 1 :], said)


def _sum(text: str) -> int:
    return sum(vins.VALUES[c] * w for c, w in zip(text, vins.WEIGHTS, strict=True))


def _digit(total: int) -> str:
    return "X" if total % 11 == 10 else str(total % 11)


_LOOKS_LIKE: Final = {
    character: "".join(
        sorted({pair.replace(character, "", 1) for pair in _ALIKE if character in pair})
    )
    for character in vins.ALPHABET
}
