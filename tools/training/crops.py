"""Crops of lines of text on disk: upright pictures with room around, and an index.

A folder holds ``index.csv`` and the PNG files that it names. Labelled crops, crops of lines that
are no VIN, and strips of generated scenes all have this form.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from vinocr.reader.crop import cut
from vinocr.reader.detect import Box

ROOM: Final = (1.6, 0.9)
"""How much wider and higher than the box a crop is kept, in heights of the box."""
_FIELDS: Final = ("file", "text", "width", "height", "letter", "weight", "group")


@dataclass(frozen=True)
class Crop:
    """One line of text, with room around."""

    image: Image.Image
    """Mode RGB, upright."""
    text: str
    """What it says; empty where nobody knows."""
    width: float
    """Of the line itself, in the middle of the picture, in its pixels."""
    height: float
    letter: float
    """Height of the letters in pixels of the picture."""
    weight: float = 1.0
    """How often it is to be drawn, beside others."""
    group: str = ""
    """Hash of the VIN, or what else keeps pictures of one thing on one side of a split."""
    cuts: tuple[float, ...] = ()
    """Where one letter of the VIN ends and the next begins, in pixels from the left, where known."""


def taken(
    image: Image.Image, box: Box, *, ends: float, text: str, letter: float, group: str = ""
) -> Crop:
    """Return the crop of a box.

    :param ends: heights of the box by which the reader lengthens it.
    :param letter: height of its letters, in pixels of ``image``.
    """
    upright = cut(image, box, grow=(ends + ROOM[0], ROOM[1]))
    scale = upright.height / (box.height * (1 + ROOM[1]))
    return Crop(
        upright,
        text,
        (box.width + ends * box.height) * scale,
        box.height * scale,
        letter * scale,
        group=group,
    )


def save(folder: Path, crops: Iterable[Crop]) -> int:
    """Write crops and their index; return how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with (folder / "index.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(_FIELDS)
        for count, crop in enumerate(crops, 1):
            name = f"{count:05d}.png"
            crop.image.save(folder / name)
            sizes = (f"{n:.1f}" for n in (crop.width, crop.height, crop.letter))
            rows.writerow((name, crop.text, *sizes, f"{crop.weight:g}", crop.group))
            file.flush()
    return count


def read(folder: Path) -> list[Crop]:
    """Return the crops of a folder."""
    out: list[Crop] = []
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            with Image.open(folder / row["file"]) as stored:
                image = stored.convert("RGB")
            sizes = (float(row[key]) for key in ("width", "height", "letter", "weight"))
            out.append(Crop(image, row["text"], *sizes, group=row["group"]))
    return out


def jittered(rng: np.random.Generator, crop: Crop) -> Image.Image:
    """Return the line cut a little differently each time: longer, higher, off centre, turned."""
    image = crop.image
    if rng.random() < 0.35:
        image = image.rotate(
            float(rng.normal(0, 0.8)), Image.Resampling.BILINEAR, fillcolor=_mean(image)
        )
    high = crop.height * (1.1 + rng.uniform(-0.14, 0.45))
    wide = crop.width + crop.height * rng.uniform(-0.35, 0.7)
    x = image.width / 2 + crop.height * rng.uniform(-0.3, 0.3)
    y = image.height / 2 + crop.height * rng.uniform(-0.1, 0.1)
    box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    return image.crop(tuple(round(n) for n in box))  # type: ignore[arg-type]


def plain(crop: Crop) -> Image.Image:
    """Return the line cut as the reader cuts it first."""
    wide, high = crop.width, crop.height * 1.1
    x, y = crop.image.width / 2, crop.image.height / 2
    return crop.image.crop(
        (round(x - wide / 2), round(y - high / 2), round(x + wide / 2), round(y + high / 2))
    )


def _mean(image: Image.Image) -> tuple[int, ...]:
    pixel = image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    return pixel if isinstance(pixel, tuple) else (128, 128, 128)
