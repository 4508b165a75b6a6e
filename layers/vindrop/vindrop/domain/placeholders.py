"""Numbers that no vehicle carries, though they are well-formed and their check digit may hold.

People type them to get past a form, and empty plates are read as them: one character over and
over, counting up or down, the same few characters again and again. None of 570 real VINs comes
near: they have seven different characters and more, and at most eight steps of counting.
"""

from __future__ import annotations

from itertools import pairwise
from operator import add
from typing import Final

from vindrop.domain.manufacturers import Manufacturer
from vindrop.domain.regions import country

_FEW: Final = 3
_STEPS: Final = 10
_UNIT: Final = 8
_CHECK: Final = 8

_UP: Final = frozenset(
    first + second
    for row in ("01234567890", "ABCDEFGHJKLMNPRSTUVWXYZA")
    for first, second in pairwise(row)
)
_DOWN: Final = frozenset(pair[::-1] for pair in _UP)


def why_doubtful(vin: str, built: Manufacturer | None) -> str | None:
    """Return why a well-formed VIN belongs to no vehicle, or None where nothing says so.

    :param built: who built it, as `vindrop.domain.manufacturers.find` says.
    """
    if is_placeholder(vin):
        return "no vehicle carries such a number: it is a placeholder, or a misreading"
    registered = built is not None and built.source != "vininfo"
    if country(vin) is None and not registered:
        return f"its first two characters, {vin[:2]}, are given to no country (ISO 3780)"
    return None


def is_placeholder(vin: str) -> bool:
    """Whether a well-formed VIN repeats itself or counts, as no maker's numbers do.

    The check digit, index 8, may be any: it is often put right by those who make such numbers up.

    >>> is_placeholder("11111111111111111"), is_placeholder("1M8GDM9AXKP042788")
    (True, False)
    """
    different = len(set(vin))
    if different <= _UNIT + 1 and (
        len(set(vin[:_CHECK] + vin[_CHECK + 1 :])) <= _FEW
        or len(set(vin[3:_CHECK] + vin[_CHECK + 1 :])) == 1
        or any(_repeats(vin, unit) for unit in range(1, _UNIT + 1))
    ):
        return True
    pairs = list(map(add, vin, vin[1:]))
    up, down = sum(map(_UP.__contains__, pairs)), sum(map(_DOWN.__contains__, pairs))
    return up >= _STEPS or down >= _STEPS


def _repeats(vin: str, unit: int) -> bool:
    """Whether each character is the one ``unit`` before; the check digit may be any."""
    return all(
        vin[at] == vin[at - unit] or _CHECK in {at, at - unit} for at in range(unit, len(vin))
    )
