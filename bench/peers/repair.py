"""What a user would write around a general OCR: its lines of text → a VIN.

The best of what was tried: capitals only, look-alikes mended (I → 1, O and Q → 0), boxes joined
in reading order, every 17 characters in a row considered, a right check digit preferred, then
the most digits at the end.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from vindrop.vin import LENGTH, check_digit_holds, is_well_formed, normalize


def best_vin(lines: Sequence[str]) -> str | None:
    """Return the likeliest VIN in an OCR's lines, given in reading order."""
    found: list[tuple[tuple[int, ...], str]] = []
    for rank, text in enumerate(_texts(lines)):
        for vin, alone in _windows(text):
            digits = sum(c.isdigit() for c in vin)
            tail = sum(c.isdigit() for c in vin[-5:])
            if digits < 4 or tail < 3:
                continue
            found.append(((int(check_digit_holds(vin)), int(alone), tail, -rank), vin))
    return max(found)[1] if found else None


def _texts(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines, and after them neighbours joined."""
    yield from lines
    for first, second in itertools.pairwise(lines):
        yield first + second


def _windows(text: str) -> Iterator[tuple[str, bool]]:
    bare = "".join(c for c in normalize(text.upper())[0] if c.isalnum())
    for label in ("V1N", "VIN", "N0"):
        if bare.startswith(label) and len(bare) - len(label) >= LENGTH:
            bare = bare[len(label) :]
    for start in range(len(bare) - LENGTH + 1):
        window = bare[start : start + LENGTH]
        if is_well_formed(window):
            yield window, len(bare) == LENGTH
