"""What a user would write around a general OCR: its lines of text → a VIN.

The best of what was tried: capitals only, look-alikes mended (I → 1, O and Q → 0), every 17
characters in a row considered, lines of just 17 and right check digits preferred, then the most
digits at the end; boxes joined only where no line holds a VIN by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from vindrop.domain.vin import LENGTH, check_digit_holds, is_well_formed, normalize


def best_vin(lines: Sequence[str]) -> str | None:
    """Return the likeliest VIN in an OCR's lines, given in reading order."""
    one = [(found, -rank) for rank, line in enumerate(lines) for found in _windows(line)]
    if not one:
        # Neighbours joined, but only where they make up 17 characters exactly: longer ones
        # would find a right check digit by chance.
        joined = ("".join(pair) for pair in itertools.pairwise(lines))
        one = [(found, 0) for line in joined for found in _windows(line) if found[1]]
    if not one:
        return None
    ((vin, _), _) = max(one, key=lambda item: (_worth(*item[0]), item[1]))
    return vin


def _worth(vin: str, alone: bool) -> tuple[int, int, int]:
    digits_at_end = sum(c.isdigit() for c in vin[-5:])
    return int(alone) + int(check_digit_holds(vin)), int(alone), digits_at_end


def _windows(text: str) -> Iterator[tuple[str, bool]]:
    bare = "".join(c for c in normalize(text.upper())[0] if c.isalnum())
    for label in ("V1N", "VIN", "N0"):
        if bare.startswith(label) and len(bare) - len(label) >= LENGTH:
            bare = bare[len(label) :]
    for start in range(len(bare) - LENGTH + 1):
        window = bare[start : start + LENGTH]
        digits = sum(c.isdigit() for c in window)
        if is_well_formed(window) and digits >= 4 and sum(map(str.isdigit, window[-5:])) >= 3:
            yield window, len(bare) == LENGTH
