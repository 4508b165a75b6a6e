"""What makers write where: how often a check digit holds, letters or digits at each position.

    python -m training.habits --readings readings.jsonl --hold truth.csv --out habits.json

Learnt from readings that became labels; a VIN kept for measuring, or like one, is left out.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from training.admit import admitted, readings
from vindrop.vin import LENGTH, check_digit_holds

ENOUGH: Final = 6
"""Cars of a maker from which its positions are listed."""
SEEN: Final = 2
"""Cars of a maker from which it counts as known."""
USUAL: Final = 0.93
"""Share of a maker's cars that makes letter or digit usual at a position."""


def habits(vins: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return maker → ``cars``, ``check`` (cars whose check digit holds), ``kinds``.

    ``kinds`` has per position L (letter), D (digit) or ? (either); empty for few cars.
    """
    by_maker: dict[str, set[str]] = defaultdict(set)
    for vin in vins:
        by_maker[vin[:3]].add(vin)
    out: dict[str, dict[str, Any]] = {}
    for maker, some in sorted(by_maker.items()):
        if len(some) < SEEN:
            continue
        kinds = ""
        if len(some) >= ENOUGH:
            for i in range(LENGTH):
                digits = sum(vin[i].isdigit() for vin in some) / len(some)
                kinds += "D" if digits >= USUAL else "L" if digits <= 1 - USUAL else "?"
        holding = sum(check_digit_holds(vin) for vin in some)
        out[maker] = {"cars": len(some), "check": holding, "kinds": kinds}
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="training.habits", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--readings", type=Path, nargs="+", required=True)
    parser.add_argument("--hold", type=Path, action="append", default=[])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    held: set[str] = set()
    for truth in options.hold:
        with truth.open(encoding="utf-8", newline="") as lines:
            held |= {row["vin"] for row in csv.DictReader(lines) if row["vin"]}
    some = admitted((r for path in options.readings for r in readings(path)), held)
    found = habits(r.vin for r in some)
    rows = ",\n".join(f"  {json.dumps(maker)}: {json.dumps(row)}" for maker, row in found.items())
    options.out.write_text("{\n" + rows + "\n}\n", encoding="utf-8")
    print(len(found), "makers of", len({r.vin for r in some}), "cars")
    return 0


if __name__ == "__main__":
    sys.exit(main())
