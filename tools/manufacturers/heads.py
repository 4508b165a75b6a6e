"""Make `photo_generator/heads.tsv`: ``python -m tools.manufacturers.heads``.

Beginnings of VINs (positions 1 to 8, 10 and 11) as they were registered with NHTSA, drawn by
`ultravin`, which carries vPIC: for the codes of North America, and of other countries' makers that
build for it. The more vehicles a maker builds, the more beginnings its codes have, so that an even
draw among them draws makers by what they build. Deterministic: the same package gives the same file.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import ultravin

from vindrop.domain import manufacturers
from vindrop.domain.regions import region

OUTPUT: Final = Path(__file__).resolve().parents[1] / "photo_generator/heads.tsv"
NOW: Final = dt.datetime(2026, 11, 1, tzinfo=dt.timezone.utc)
YEARS: Final = (2000, 2026)
"""Model years, first and last: those of vehicles on the road."""
OF: Final = {6: 24, 5: 12, 4: 5, 3: 1}
"""Beginnings per code, by the maker's vehicles a year as a power of ten."""
ON_ROADS: Final = frozenset({"car", "mpv", "truck", "bus", "motorcycle", "incomplete"})
ABROAD: Final = frozenset({"Japan", "South Korea", "Germany", "Italy", "United Kingdom", "India"})
SMALL: Final = 12
"""One in so many of the codes of small makers and of trailers, in order."""
TRIES: Final = 6
"""Numbers drawn per beginning kept: not all that vPIC's patterns make decode without a remark, and
a maker did not build in every year."""
STRIDE: Final = 11
"""Years from one beginning to the next, modulo the years: few beginnings are spread over all."""
HARMLESS: Final = frozenset({0, 9, 10, 12})
"""vPIC's error codes that say nothing against a pattern (`vindrop.domain.vehicle`)."""


def main() -> int:
    """Write the file and say what it holds."""
    lines = list(_lines())
    remark = (
        "# Beginnings of VINs, positions 1 to 8, 10 and 11: code, ends. Made by\n"
        f"# `python -m tools.manufacturers.heads` out of ultravin {ultravin.__version__}, which carries\n"
        "# NHTSA's vPIC: public domain (17 U.S.C. 105). Not by hand.\n"
    )
    OUTPUT.write_text(remark + "".join(lines), encoding="ascii")
    count = sum(line.count(" ") + 1 for line in lines)
    sys.stdout.write(f"{OUTPUT}: {len(lines)} codes, {count} beginnings\n")
    return 0


def _lines() -> Iterator[str]:
    small = 0
    for code in manufacturers.codes():
        maker = manufacturers.find(code + "A" * 14) if len(code) == 3 else None
        if maker is None or maker.wmi != code or maker.since is None:
            continue
        home = region(code) == "North America"
        if not home and (maker.country not in ABROAD or maker.volume <= 4):
            continue
        if maker.volume <= 3:
            small += 1
            if small % SMALL:
                continue
        elif maker.vehicle not in ON_ROADS:
            continue
        ends = _ends(code, OF.get(maker.volume, 1))
        if ends:
            yield f"{code}\t{' '.join(ends)}\n"


def _ends(code: str, most: int) -> list[str]:
    """Return ends of different model years: drawn from all years, most would be of a few."""
    first, last = YEARS
    years = [first + at * STRIDE % (last - first + 1) for at in range(most * TRIES)]
    ends: dict[str, None] = {}
    for seed, year in enumerate(years):
        vins = ultravin.generate(TRIES, seed=seed, wmi=code, year=year, now=NOW)
        ends.update(dict.fromkeys(vin[3:8] + vin[9:11] for vin in registered(vins)[:1]))
        if len(ends) == most:
            break
    return list(ends)


def registered(vins: list[str]) -> list[str]:
    """Return those VINs of which NHTSA knows the model, and has nothing to remark."""
    return [
        vin
        for vin, says in zip(vins, ultravin.decode_batch(vins, now=NOW), strict=True)
        if HARMLESS.issuperset(says["error_codes"]) and says["attributes"].get("Model")
    ]


if __name__ == "__main__":
    sys.exit(main())
