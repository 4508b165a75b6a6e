"""What vPIC's patterns say: which make, and whether position 7 tells the cycle of the year.

A pattern's keys stand for positions 4 to 8 (and, after ``|``, 10 to 17): a character, ``[A-FH]``
for several, ``*`` for any.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Final

POSITIONS: Final = (4, 5)
"""Where a maker of several brands names the brand; further on it is engines and restraints."""
LIGHT: Final = frozenset({1, 2, *range(10, 18)})
"""vPIC's classes of gross vehicle weight up to 10,000 lb."""

_TURN: Final = 2010
_CYCLE: Final = 3  # position 7 in the keys
_ATTRIBUTES: Final = 5  # positions 4 to 8
_PURE: Final = 0.98
_DIGITS: Final = frozenset("0123456789")


@cache
def characters(keys: str) -> tuple[frozenset[str] | None, ...]:
    """Return what each of positions 4 to 8 may hold; None for anything.

    >>> [sorted(each) if each else each for each in characters("*J[A-C]")]
    [None, ['J'], ['A', 'B', 'C']]
    """
    found: list[frozenset[str] | None] = []
    text = keys.partition("|")[0]
    while text:
        if text[0] == "[":
            inner, _, text = text[1:].partition("]")
            found.append(_several(inner))
        else:
            found.append(None if text[0] == "*" else frozenset(text[0]))
            text = text[1:]
    return tuple(found)


def _several(inner: str) -> frozenset[str]:
    several: set[str] = set()
    while inner:
        if len(inner) > 2 and inner[1] == "-":
            several.update(map(chr, range(ord(inner[0]), ord(inner[2]) + 1)))
            inner = inner[3:]
        else:
            several.add(inner[0])
            inner = inner[1:]
    return frozenset(several)


@dataclass(slots=True)
class Patterns:
    """All patterns of one world manufacturer identifier."""

    count: int = 0
    makes: Counter[str] = field(default_factory=Counter)
    weights: set[int] = field(default_factory=set)
    registered: tuple[set[str], ...] = field(
        default_factory=lambda: tuple(set[str]() for _ in range(_ATTRIBUTES))
    )
    """What positions 4 to 8 hold in vehicles since 2010; empty where no pattern says."""
    _before: set[str] = field(default_factory=set)
    _since: set[str] = field(default_factory=set)
    _by: dict[int, defaultdict[str, Counter[str]]] = field(
        default_factory=lambda: {at: defaultdict(Counter) for at in POSITIONS}
    )

    def add(
        self,
        makes: Iterable[tuple[str, str]],
        keys: Iterable[str],
        weights: set[int],
        first: int,
        last: int,
    ) -> None:
        """Add a schema that holds from model year ``first`` to ``last``."""
        for key, make in makes:
            self.makes[make] += 1
            if first < _TURN:
                continue  # older numbers name brands in other ways
            for at, may_be in zip(POSITIONS, characters(key), strict=False):
                for character in may_be or ():
                    self._by[at][character][make] += 1
        for key in keys:
            self.count += 1
            at_7 = (*characters(key), None, None, None, None)[_CYCLE]
            if at_7 and last < _TURN:
                self._before |= at_7
            elif at_7 and first >= _TURN:
                self._since |= at_7
            if last >= _TURN:
                for held, may_be in zip(self.registered, characters(key), strict=False):
                    held.update(may_be or ())
        self.weights |= weights

    def cycle(self, *, by_law: bool) -> str | None:
        """Return the characters of position 7 that do not tell the cycle, or None if none tell.

        :param by_law: of a vehicle where law lets position 7 tell: the patterns need not show it.
        """
        unclear = (self._before - _DIGITS) | (self._since & _DIGITS)
        if not by_law and (unclear or not self._before or not self._since):
            return None
        return "".join(sorted(unclear)) if len(unclear) <= 6 else None

    def by_position(self, makes: set[str]) -> tuple[int, dict[str, str]] | None:
        """Return the position that tells the makes apart and what each character there means.

        None where no single position tells at least 98 in 100 patterns right.
        """
        best: tuple[float, int, dict[str, str]] | None = None
        for at, by in self._by.items():
            told = {c: Counter({m: n for m, n in of.items() if m in makes}) for c, of in by.items()}
            told = {character: of for character, of in told.items() if of}
            total = sum(sum(of.values()) for of in told.values())
            if not total:
                continue
            right = sum(max(of.values()) for of in told.values()) / total
            means = {c: _most(of) for c, of in told.items()}
            if best is None or right > best[0]:
                best = (right, at, means)
        if best is None or best[0] < _PURE or len(set(best[2].values())) < 2:
            return None
        return best[1], best[2]


def _most(of: Counter[str]) -> str:
    return min(of, key=lambda make: (-of[make], make))
