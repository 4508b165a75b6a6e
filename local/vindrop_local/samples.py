"""The sample photos, with their truth: the folder in the repository and one made on demand."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from vindrop_local.errors import UserError
from vindrop_local.stack import ROOT


@dataclass(frozen=True, slots=True)
class Sample:
    """One photo and what must become of it."""

    key: str
    path: Path
    vin: str
    """The VIN in it; empty where there is none to read."""


def folder() -> Path:
    """Return where the committed samples lie."""
    return ROOT / "events" / "photos"


def samples(made: Path) -> list[Sample]:
    """Return all sample photos.

    :param made: folder for the one that is too large to be kept in the repository; it is drawn
        there when first asked for.
    :raises UserError: the samples are missing.
    """
    truth = folder() / "truth.csv"
    if not truth.is_file():
        raise UserError(f"{truth} is missing: the demo needs the repository's sample photos")
    with truth.open(newline="") as file:
        found = [
            Sample(row["file"], folder() / row["file"], row["vin"]) for row in csv.DictReader(file)
        ]
    large = _oversize(made)
    return [*found, large] if large else found


def _oversize(made: Path) -> Sample | None:
    """Return the photo that is too large for the repository; None where nothing draws it."""
    try:
        from photo_generator import oversize
    except ImportError:  # from the wheel: the generator and its faces are the clone's
        return None

    drawn = oversize(seed=7)
    path = made / drawn.name
    made.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.stat().st_size != len(drawn.data):
        path.write_bytes(drawn.data)
    return Sample(drawn.name, path, drawn.vin or "")
