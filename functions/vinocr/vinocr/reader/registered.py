"""Whether a North American VIN looks like one that its maker has registered with NHTSA.

`registered.bin` beside this file (zlib) holds per maker's code, three characters, one bit per pair
of characters at `PAIRS`: set where a registered vehicle has both. `tools/manufacturers/registered.py`
makes it out of vPIC. It is read when the first such VIN is weighed.
"""

from __future__ import annotations

import functools
import zlib
from pathlib import Path
from typing import Final

from vindrop.domain.vin import ALPHABET

PAIRS: Final = ((3, 4), (4, 5), (5, 6), (6, 7), (4, 9), (6, 9), (7, 9), (9, 10))
"""Indices of a pair: model and engine beside each other, and with the model year; year and plant."""
ROW: Final = -(-len(PAIRS) * len(ALPHABET) ** 2 // 8)
"""Bytes of the bits of one code."""

_CODE: Final = 3
_PLACE: Final = {character: i for i, character in enumerate(ALPHABET)}


def strange(vin: str) -> int | None:
    """Return how many pairs of a well-formed VIN no registered vehicle of its maker has.

    None where nothing is known of the code: not North American, or a small maker's.

    >>> strange("1HGCM82633A004352"), strange("WVWZZZ1KZAW000001")
    (0, None)
    """
    row = _rows().get(vin[:_CODE])
    if row is None:
        return None
    size, missing = len(ALPHABET), 0
    for number, (one, other) in enumerate(PAIRS):
        bit = (number * size + _PLACE[vin[one]]) * size + _PLACE[vin[other]]
        missing += not row[bit >> 3] >> (bit & 7) & 1
    return missing


@functools.cache
def _rows() -> dict[str, bytes]:
    stored = zlib.decompress(Path(__file__).with_name("registered.bin").read_bytes())
    step = _CODE + ROW
    return {
        stored[at : at + _CODE].decode(): stored[at + _CODE : at + step]
        for at in range(0, len(stored), step)
    }
