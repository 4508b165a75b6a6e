"""Characters as points: the 5 by 7 matrix of marking machines and dot printers."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

COLUMNS: Final = 5
ROWS: Final = 7
PITCH: Final = 6.2
"""Columns from one character to the next."""

# Seven rows of five bits, as two hexadecimal digits each.
_GLYPHS: Final = {
    "0": "0e1113151911 0e", "1": "040c0404040 40e", "2": "0e11010204081f", "3": "1f02040201110e",
    "4": "02060a121f0202", "5": "1f101e0101110e", "6": "0608101e11110e", "7": "1f010204080808",
    "8": "0e11110e11110e", "9": "0e11110f01020c", "A": "0e1111111f1111", "B": "1e11111e11111e",
    "C": "0e11101010110e", "D": "1c12111111121c", "E": "1f10101e10101f", "F": "1f10101e101010",
    "G": "0e11101711110f", "H": "1111111f111111", "J": "0702020202120c", "K": "11121418141211",
    "L": "1010101010101f", "M": "111b1515111111", "N": "11111915131111", "P": "1e11111e101010",
    "R": "1e11111e141211", "S": "0f10100e01011e", "T": "1f040404040404", "U": "1111111111110e",
    "V": "111111110a0a04", "W": "1111111515150a", "X": "11110a040a1111", "Y": "11110a04040404",
    "Z": "1f01020408101f", "*": "0004150e150400", "-": "0000001f000000", " ": "00000000000000",
    "I": "0e04040404040e", "O": "0e11111111110e", "Q": "0e11111115120d", "/": "00010204081000",
    ".": "00000000000c0c", ":": "000c0c000c0c00",
}  # fmt: skip


def matrix_points(text: str, *, slashed_zero: bool) -> npt.NDArray[np.float64]:
    """Return the points (n, 2) of ``text``: x in columns, y in rows 0 to 6, top to bottom.

    :param slashed_zero: whether 0 carries its stroke; with it, 0 cannot be taken for D.
    """
    points: list[tuple[float, float]] = []
    for index, character in enumerate(text):
        key = character if character in _GLYPHS else " "
        if key == "0" and not slashed_zero:
            key = "O"
        rows = bytes.fromhex(_GLYPHS[key].replace(" ", ""))
        points.extend(
            (index * PITCH + column, float(row))
            for row, bits in enumerate(rows)
            for column in range(COLUMNS)
            if bits >> (COLUMNS - 1 - column) & 1
        )
    return np.array(points or [(0.0, 0.0)], np.float64)
