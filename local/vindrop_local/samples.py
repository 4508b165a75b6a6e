"""The photos of a demo, with their truth: the repository's and one made on demand, or the user's own."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vindrop.domain import vin as vins
from vindrop_local.errors import UserError
from vindrop_local.photo_files import photos_in
from vindrop_local.stack import ROOT

TRUTH: Final = "truth.csv"
"""Beside the photos: the columns ``file`` and ``vin``, a line a photo whose VIN is known."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One photo and what must become of it."""

    key: str
    path: Path
    vin: str | None
    """The VIN in it; empty where there is none to read; None where nobody has said."""
    doubtful: bool = False
    """Whether its VIN, though read as it stands there, has to be doubtful."""


def folder() -> Path:
    """Return where the committed samples lie."""
    return ROOT / "events" / "photos"


def samples(made: Path) -> list[Sample]:
    """Return all sample photos.

    :param made: folder for the one that is too large to be kept in the repository; it is drawn
        there when first asked for.
    :raises UserError: the samples are missing.
    """
    truth = folder() / TRUTH
    if not truth.is_file():
        raise UserError(f"{truth} is missing: the demo needs the repository's sample photos")
    with truth.open(newline="") as file:
        found = [
            Sample(
                row["file"],
                folder() / row["file"],
                row["vin"],
                doubtful=row["expect"].startswith("doubtful:"),
            )
            for row in csv.DictReader(file)
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


@dataclass(frozen=True, slots=True)
class Own:
    """The user's own photos in a folder, and what is said of them."""

    photos: list[Sample]
    left_out: dict[Path, str]
    """As in `vindrop_local.photo_files.Folder`."""
    has_truth: bool
    """Whether `TRUTH` lies beside them."""
    not_there: list[str]
    """Names in `TRUTH` that are none of the photos."""


def own(folder: Path) -> Own:
    """Return the user's own photos in ``folder``, with their truth where `TRUTH` lies beside them.

    Nothing in the folder is changed.

    :raises UserError: there is no photo in it, or the truth cannot be understood.
    """
    found = photos_in(folder)
    if not found.photos:
        raise UserError(found.without_photo())
    truth = _own_truth(folder / TRUTH)
    told = truth or {}
    names = {each.name for each in found.photos}
    return Own(
        [Sample(each.name, each, told.get(each.name)) for each in found.photos],
        found.left_out,
        truth is not None,
        [name for name in told if name not in names],
    )


def _own_truth(file: Path) -> dict[str, str] | None:
    """Return name of photo → its VIN, empty where it has none; None without the file."""
    if not file.is_file():
        return None
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot read {file}: {error}") from None
    found = {}
    for number, row in enumerate(rows, start=2):
        name, vin = row.get("file"), row.get("vin")
        if name is None or vin is None:
            raise UserError(f"{file}:{number}: it takes the columns file and vin")
        text = vin.strip().upper()
        if text and not vins.is_well_formed(text):
            raise UserError(
                f"{file}:{number}: {vin!r} is no VIN; leave it empty where there is none"
            )
        found[name.strip()] = text
    return found
