"""Why there is no VIN: what to tell the person who took the photo."""

from __future__ import annotations

from typing import Final

from vindrop.domain.vin import LENGTH
from vinocr.reader.answer import NoReason
from vinocr.reader.hypotheses import Hypotheses
from vinocr.reader.lines import Line

PART_OF_A_VIN: Final = 8
"""VIN letters in a row, digits among them, that are likely a part of one."""
UNSURE: Final = 0.75
"""Mean certainty of a line's letters below which it counts as blurred."""


def reason(hypotheses: Hypotheses) -> NoReason:
    """Say why no VIN was given."""
    lines = [line for line in hypotheses.lines if len(line.boxes) == 1]
    if any(_is_part(line) and at_edge(line, hypotheses) for line in lines):
        return "cut_off"
    if any(_is_part(line) and line.certainty < UNSURE for line in lines):
        return "blurred"
    if not any(line.letters >= 3 for line in lines):
        return "no_text"
    return "no_vin"


def at_edge(line: Line, hypotheses: Hypotheses) -> bool:
    """Whether the line runs into the picture's edge at either end."""
    box = line.box
    width, height = hypotheses.picture.image.size
    near = box.height * 0.75
    ends = line.box.corners()
    for x, y in ((ends[0] + ends[3]) / 2, (ends[1] + ends[2]) / 2):
        if x < near or y < near or x > width - near or y > height - near:
            return True
    return False


def _is_part(line: Line) -> bool:
    text = line.text
    digits = sum(c.isdigit() for c in text)
    return PART_OF_A_VIN <= line.letters < LENGTH + 4 and digits >= 5
