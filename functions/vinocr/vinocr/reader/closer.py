"""Which lines are worth a closer pass, and how it is made."""

from __future__ import annotations

from typing import Final

from vinocr.reader.augmentation import FIRST, FURTHER, Augmentation
from vinocr.reader.lines import Line

PROMISING: Final = 7
"""VIN letters that make a line worth a closer pass."""
ALMOST: Final = 4
"""Letters still missing for which a line is lengthened once more, and read in every augmentation."""
SENSIBLE: Final = 0.9
"""Mean certainty of its letters from which a line surely stood upright."""
LEGIBLE: Final = 0.8
"""The same from which more augmentations than one may make a VIN of a line."""


def worth(lines: list[Line], *, unread: bool = False) -> list[Line]:
    """Return the lines that may hold the VIN, most promising first.

    :param unread: only those that were read once.
    """
    found = [line for line in lines if line.letters >= PROMISING]
    if unread:
        found = [line for line in found if len(line.strips) == len(FIRST)]
    return sorted(found, key=promise, reverse=True)


def promise(line: Line) -> float:
    """Return how much a line promises to hold the VIN."""
    return max(line.scores().values(), default=line.letters - 100.0)


def augmentations(line: Line) -> tuple[Augmentation, ...]:
    """Return how else to read a line.

    What surely has too few letters is cut off, or none; of what is not legible none makes a VIN.
    """
    if line.certainty < LEGIBLE:
        return FURTHER[:1]
    almost = 1 if line.certainty > SENSIBLE else ALMOST
    return FURTHER if line.missing <= almost else FURTHER[:1]


def reach_out(line: Line) -> None:
    """Lengthen a box that missed an end, as far as 17 of its letters would go."""
    reached = line.box.width + (line.ends - 1) * line.box.height
    missing = line.missing * reached / line.letters
    line.ends = min(line.ends + 2 * missing / line.box.height, 20.0)
    line.forget()
