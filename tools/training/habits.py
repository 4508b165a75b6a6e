"""What makers write where: how often a check digit holds, what stands at each position.

    python -m training.habits --readings readings.jsonl --hold truth.csv --out habits.json

Learnt from readings that became labels; a VIN kept for measuring, or like one, is left out.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from training.admit import chosen, readings
from vindrop.domain.vin import ALPHABET, LENGTH, check_digit_holds

ENOUGH: Final = 10
"""Cars of a maker from which its positions are listed."""
LEAST, MOST = -2.5, -0.3
"""Bounds of the log weight of a character that was not seen twice."""
MODEL: Final = (3, 4, 5, 6, 7, 10)
"""Where they may stand: model and plant, never the serial number."""
FAMILIES: Final = (("WDB", "WDC", "WDD", "WDF"), ("LVT", "LVV"))
"""Codes of one maker that build their VINs alike: Mercedes-Benz, Chery."""
CODE: Final = 3
"""Positions of the maker's code: known, not learnt."""
SEEN: Final = 2
"""Cars of a maker from which it counts as known."""
USUAL: Final = 0.93
"""Share of a maker's cars that makes letter or digit usual at a position."""


def habits(vins: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return maker → ``cars``, ``check`` (cars whose check digit holds), ``kinds``, ``seen``.

    ``kinds`` has per position L (letter), D (digit) or ? (either); ``seen`` has for positions 4
    to 8 and 11 (as indices) the characters that more than one car has, and the log weight of any
    other. Both are empty for few cars.
    """
    by_maker: dict[str, set[str]] = defaultdict(set)
    for vin in vins:
        by_maker[vin[:3]].add(vin)
    out: dict[str, dict[str, Any]] = {}
    for maker in sorted({*by_maker, *(one for family in FAMILIES for one in family)}):
        own = by_maker[maker]
        relatives = next((family for family in FAMILIES if maker in family), (maker,))
        some = set().union(*(by_maker[one] for one in relatives))
        if len(own) < SEEN and len(some) < ENOUGH:
            continue
        kinds, seen = "", {}
        if len(some) >= ENOUGH:
            for i in range(LENGTH):
                digits = sum(vin[i].isdigit() for vin in some) / len(some)
                kind = "D" if digits >= USUAL else "L" if digits <= 1 - USUAL else "?"
                kinds += "?" if i < CODE else kind
            seen = {str(i): _seen([vin[i] for vin in some]) for i in MODEL}
        holding = sum(check_digit_holds(vin) for vin in own)
        out[maker] = {"cars": len(own), "check": holding, "kinds": kinds, "seen": seen}
    return out


def _seen(characters: list[str]) -> tuple[str, float]:
    """Return the characters that occur more than once, and the log weight of the others.

    Their share is that of those that occur once (Good and Turing), against that by chance.
    """
    counts = Counter(characters)
    often = "".join(sorted(c for c, n in counts.items() if n > 1))
    share = (sum(n == 1 for n in counts.values()) + 0.5) / (len(characters) + 1)
    chance = 1 - len(often) / len(ALPHABET)
    return often, round(min(max(math.log(share / chance), LEAST), MOST), 2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="training.habits", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--readings", type=Path, nargs="+", required=True)
    parser.add_argument("--hold", type=Path, action="append", default=[])
    parser.add_argument("--seen", type=Path, help="CSV of file and vin: labels by eye")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    held: set[str] = set()
    for truth in options.hold:
        with truth.open(encoding="utf-8", newline="") as lines:
            held |= {row["vin"] for row in csv.DictReader(lines) if row["vin"]}
    latest = {r.file: r for path in options.readings for r in readings(path)}
    some = chosen(sorted(latest.values(), key=lambda r: r.file), options.seen, held)
    found = habits(r.vin for r in some)
    rows = ",\n".join(f"  {json.dumps(maker)}: {json.dumps(row)}" for maker, row in found.items())
    options.out.write_text("{\n" + rows + "\n}\n", encoding="utf-8")
    print(len(found), "makers of", len({r.vin for r in some}), "cars")
    return 0


if __name__ == "__main__":
    sys.exit(main())
