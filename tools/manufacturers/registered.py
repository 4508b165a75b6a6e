"""Make `vinocr/reader/registered.bin`: ``python -m tools.manufacturers.registered``.

Which characters stand beside which in vehicles that were registered with NHTSA, per North American
code of a maker of ten thousand vehicles a year and more. VINs are drawn by `ultravin` out of vPIC's
patterns until hardly one of a draw shows a pair that was not seen before. Deterministic: the same
package gives the same file. `vinocr.reader.registered` reads it and says what a pair is.
"""

from __future__ import annotations

import concurrent.futures
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import ultravin

from tools.manufacturers.heads import NOW, ON_ROADS, registered
from vindrop.domain import manufacturers
from vindrop.domain.regions import region
from vindrop.domain.vin import ALPHABET
from vinocr.reader.registered import PAIRS, ROW

OUTPUT: Final = (
    Path(__file__).resolve().parents[2] / "functions/vinocr/vinocr/reader/registered.bin"
)
FIRST: Final = 2000
"""Model year: fewer and fewer older cars are on the road."""
LAST: Final = 2027
LEAST: Final = 4
"""Vehicles a year of the maker, as a power of ten: small ones register what they like."""
DRAW: Final = 150
"""VINs of one code and model year at a time: drawn from all years, most would be of a few."""
MOST: Final = 8
"""Draws per code and model year."""
NEW: Final = 0.015
"""Share of a draw with a pair not seen before, below which no more is drawn."""
FEW: Final = 200
"""VINs that decode without a remark, below which a code is left out."""


def main() -> int:
    """Write the file and say what it holds."""
    rows = list(_rows())
    packed = zlib.compress(b"".join(rows), 9)
    OUTPUT.write_bytes(packed)
    sys.stdout.write(f"{OUTPUT}: {len(rows)} codes, {len(packed)} bytes\n")
    return 0


def _rows() -> Iterator[bytes]:
    workers = 2 * (os.cpu_count() or 1)
    codes = list(_codes())
    with concurrent.futures.ProcessPoolExecutor(workers) as pool:
        for code, row in zip(codes, pool.map(_row, codes, chunksize=4), strict=True):
            if row is not None:
                yield code.encode() + row


def _codes() -> Iterator[str]:
    for code in manufacturers.codes():
        maker = manufacturers.find(code + "A" * 14) if len(code) == 3 else None
        if maker is None or maker.wmi != code or region(code) != "North America":
            continue
        if maker.volume >= LEAST and maker.vehicle in ON_ROADS:
            yield code


def _row(code: str) -> bytes | None:
    """Return the bits of the pairs that were seen, or None where too few VINs could be drawn."""
    seen: set[int] = set()
    clean = 0
    for year in range(FIRST, LAST + 1):
        for seed in range(MOST):
            vins = ultravin.generate(DRAW, seed=seed, wmi=code, year=year, now=NOW)
            fresh = 0
            for vin in registered(vins):
                bits = set(_bits(vin))
                clean += 1
                fresh += not bits <= seen
                seen |= bits
            if fresh <= NEW * len(vins):
                break
    if clean < FEW:
        return None
    row = bytearray(ROW)
    for bit in seen:
        row[bit // 8] |= 1 << bit % 8
    return bytes(row)


def _bits(vin: str) -> Iterator[int]:
    size = len(ALPHABET)
    for number, (one, other) in enumerate(PAIRS):
        yield (number * size + ALPHABET.index(vin[one])) * size + ALPHABET.index(vin[other])


if __name__ == "__main__":
    sys.exit(main())
