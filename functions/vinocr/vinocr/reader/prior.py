"""What a VIN looks like, as log weights: evidence for or against, never a filter.

Each weight is a log-likelihood ratio: how much likelier is this feature in a VIN than in 17
characters that were misread or are something else. Those of the maker and of registered patterns
are fitted (``python -m training.prior``) and stand in `prior.json`.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from pathlib import Path
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
CHECK_RATE: Final = 0.4
"""Share of VINs with a check digit among those that need none; chance alone gives 1 in 11."""
CHECK_CARS: Final = 3.0
"""How many cars of a maker weigh as much as `CHECK_RATE`."""
HABIT_RATE: Final = 0.85
"""Share at makers known to write a check digit where no law asks them to."""
OTHER_KIND: Final = -2.5
"""A digit where a maker's cars have a letter, or the other way round."""
MOST_OTHER_KINDS: Final = -5.0
SERIAL: Final = 11
"""Index from which a VIN is a serial number."""
MOST_UNSEEN: Final = -4.0
"""All characters together that were not seen at their positions in a maker's cars."""
BIG: Final = 5
"""Vehicles a year, as a power of ten, from which a maker's code is likelier misread as another than
that other is seen; and what a maker of the photos trained on counts as, at least."""
MEXICO: Final = 0.5
"""Factor of a pattern that was never registered: cars for Mexico itself need not be."""
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
FEW_LETTERS_KNOWN: Final = (-7.0, -7.0, -3.0, -1.5, -0.5)
"""The same where the first three are a maker's."""

_HABIT: Final = ("TMB", "WBA", "WBS", "WBY", "WDC", "WDD", "WDF", "W1K", "W1N", "W1V", "WMW",
                 "YV1", "YV4")  # fmt: skip
"""Škoda, BMW, Mercedes-Benz since some 2005, Mini, Volvo: write a check digit where no law asks
them to."""
_ANY: Final = "A" * (LENGTH - 3)
"""What may follow a code of three characters."""
_CHANCE: Final = 1 / 11
_MEXICO: Final = "3"
LOOK_ALIKE: Final = ("VW", "VY", "UV", "2Z", "8B", "0D", "5S", "6G", "CG", "MN", "1J", "1T", "0U")
"""Pairs of letters that small print, dots and cut edges make alike."""

_RARE_FIRST_LETTERS: Final = "BCDEFG"
_YEAR_LETTERS: Final = "ABCDEFGHJKLMNPRSTVWXY123456789"


@dataclass(frozen=True, slots=True)
class Habit:
    """What a maker's cars have in common, counted in photos that were trained on."""

    cars: int
    check: int
    """Cars whose check digit holds."""
    kinds: str
    """Per position L (letter), D (digit) or ? (either); empty where too few cars were seen."""
    seen: tuple[tuple[int, str, float], ...]
    """Index, characters that more than one car has there, log weight of any other."""


@functools.cache
def habits() -> dict[str, Habit]:
    """Return what is known of makers, by the first three characters."""
    stored = json.loads(Path(__file__).with_name("habits.json").read_text(encoding="utf-8"))
    return {
        maker: Habit(
            row["cars"],
            row["check"],
            row["kinds"],
            tuple((int(i), often, weight) for i, (often, weight) in row["seen"].items()),
        )
        for maker, row in stored.items()
    }


@functools.lru_cache(maxsize=4096)
def evidence(vin: str) -> float:
    """Return the log weight of 17 well-formed characters being a VIN.

    >>> evidence("1M8GDM9AXKP042788") > evidence("1M8GDM9A1KP042788")
    True
    """
    fitted = weights()
    return form(vin) + sum(factor * fitted[name] for name, factor in factors(vin).items())


def without_luck(vin: str) -> float:
    """Return the evidence less what a check digit that must hold adds: in one of eleven texts it does.

    Of a longer number's parts one is a VIN by chance soon enough.
    """
    lucky = check_digit_required(vin) and check_digit_holds(vin)
    return evidence(vin) - (CHECK_HOLDS_BY_LAW if lucky else 0.0)


def factors(vin: str) -> dict[str, float]:
    """Return which of the fitted weights count for a VIN, and with which factor."""
    return {maker(vin): 1.0, **_looks(vin)}


def _looks(vin: str) -> dict[str, float]:
    looks = registered(vin)
    if looks is None:
        return {}
    return {looks: MEXICO if looks != KNOWN and vin[0] == _MEXICO else 1.0}


@functools.cache
def weights() -> dict[str, float]:
    """Return the fitted log weights: class of maker, or of registered pattern → weight."""
    stored = json.loads(Path(__file__).with_name("prior.json").read_text(encoding="utf-8"))
    return {name: float(weight) for name, weight in stored.items()}


def form(vin: str) -> float:
    """Return the log weight of all but the maker's size and the registered patterns."""
    required, holds = check_digit_required(vin), check_digit_holds(vin)
    if required:
        weight = CHECK_HOLDS_BY_LAW if holds else CHECK_FAILS_BY_LAW
    else:
        rate = _check_rate(vin[:3])
        weight = math.log(rate / _CHANCE) if holds else math.log((1 - rate) / (1 - _CHANCE))
    known = maker(vin) not in {UNKNOWN, MISREAD}
    weight += pattern(vin) + _serial(vin)
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
        weight += (FEW_LETTERS_KNOWN if known else FEW_LETTERS)[LENGTH - digits]
    return weight


BIGGEST: Final = "10^6"
UNKNOWN: Final = "maker unknown"
MISREAD: Final = "maker misread"
KNOWN: Final = "registered"
STRANGE: Final = ("one strange pair", "strange pairs")


def maker(vin: str) -> str:
    """Return the class of a VIN's maker: by vehicles a year, ``10^2`` to ``10^6``, or unknown.

    `MISREAD` where no maker has the code, and one letter that looks alike makes it a big one's.
    """
    size = _size(vin[:3], vin[3:])
    if size:
        return f"10^{size}"
    return MISREAD if _misread(vin[:3]) else UNKNOWN


def registered(vin: str) -> str | None:
    """Return how a North American VIN agrees with registered ones; None where none is known."""
    from vinocr.reader import registered as patterns

    strange = patterns.strange(vin)
    if strange is None:
        return None
    return KNOWN if strange == 0 else STRANGE[min(strange, len(STRANGE)) - 1]


def maker_misread(vin: str) -> bool:
    """Whether no maker has this code, and one letter that looks alike makes it a big one's."""
    return maker(vin) == MISREAD


def _size(code: str, rest: str) -> int:
    """Return the power of ten of vehicles a year of a maker, 0 where nobody has the code."""
    from vindrop.domain import manufacturers  # the table is read when the first VIN is weighed

    found = manufacturers.find(code + rest)
    size = found.volume if found else 0
    return max(size, BIG) if code in habits() else size


@functools.lru_cache(maxsize=1024)
def _misread(code: str) -> bool:
    """Whether one letter that looks alike would make a big maker of an unknown one."""
    for a, b in LOOK_ALIKE:
        for one, other in ((a, b), (b, a)):
            for i, character in enumerate(code):
                if character == one and _size(code[:i] + other + code[i + 1 :], _ANY) >= BIG:
                    return True
    return False


def _check_rate(maker: str) -> float:
    """Return how often a maker's check digit holds, where no law asks for one."""
    prior = HABIT_RATE if maker in _HABIT else CHECK_RATE
    habit = habits().get(maker)
    if habit is None:
        return prior
    return (habit.check + CHECK_CARS * prior) / (habit.cars + CHECK_CARS)


def choosing(vin: str) -> float:
    """Return the part of the evidence that chooses between readings alone.

    A small maker's car, one of a model that was never seen, or one that is not registered is as
    much a car: this part is no evidence for a picture with no VIN in it.
    """
    fitted = weights()
    weight = pattern(vin) + sum(factor * fitted[name] for name, factor in _looks(vin).items())
    size = maker(vin)
    return weight if size in {UNKNOWN, MISREAD} else weight + fitted[size] - fitted[BIGGEST]


def pattern(vin: str) -> float:
    """Return the log weight, at most 0, of a model that none of a maker's other cars is."""
    habit = habits().get(vin[:3])
    if habit is None or not habit.kinds:
        return 0.0
    unseen = sum(weight for i, often, weight in habit.seen if vin[i] not in often)
    return max(unseen, MOST_UNSEEN) + _kinds(vin[:SERIAL], habit.kinds[:SERIAL])


def _serial(vin: str) -> float:
    """Return the log weight, at most 0, of letters and digits unlike the maker's serial numbers."""
    habit = habits().get(vin[:3])
    return _kinds(vin[SERIAL:], habit.kinds[SERIAL:]) if habit else 0.0


def _kinds(characters: str, kinds: str) -> float:
    others = sum(
        kind != "?" and character.isdigit() != (kind == "D")
        for character, kind in zip(characters, kinds, strict=False)
    )
    return max(OTHER_KIND * others, MOST_OTHER_KINDS)
