"""Strips with a VIN, or something like one, drawn from a seed: printed, stencilled, struck, dotted."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from photo_generator.dice import between, chance, pick
from photo_generator.faces import DOTTED, PRINTED, STAMPED, Face, line
from photo_generator.relief import struck
from photo_generator.textures import Floats, clouds
from photo_generator.vins import random_vin
from vindrop.domain.vin import ALPHABET, CHECK_POSITION, LENGTH, check_digit

_CAP: Final = 30.0
"""Height in pixels at which letters are drawn."""
_FURTHER: Final = tuple(
    Face(f"{package}:{style}.ttf", 0.0, tracking=0.06)
    for package, styles in {
        "font_roboto": ("Roboto-Regular", "Roboto-Medium", "Roboto-Bold", "Roboto-Light"),
        "font_lato": ("Lato-Regular", "Lato-Bold"),
        "font_fjallaone": ("FjallaOne-Regular",),
        "font_rhd": ("RedHatDisplay-Medium", "RedHatDisplay-Bold"),
        "font_manrope": ("Manrope-Medium", "Manrope-Bold"),
    }.items()
    for style in styles
)
"""Faces that no generated photo has: those would be measured on what was trained on."""
_ORNAMENTS: Final = "*****-#+<>"
_LABELS: Final = ("VIN ", "VIN: ", "VIN:", "No. ", "N ", "CHASSIS NO ", "FRAME NO.", "ID:")


@dataclass(frozen=True)
class Drawn:
    """A strip and what it says."""

    image: Image.Image
    """Mode RGB, letters of some 30 pixels."""
    text: str
    letter: float
    """Height of its letters, in pixels."""


def draw(rng: np.random.Generator, patterns: Sequence[str]) -> Drawn:
    """Draw one strip.

    :param patterns: VINs after whose makers and positions of digits some are made up.
    """
    return strip_of(rng, made_up(rng, patterns))


def strip_of(rng: np.random.Generator, vin: str) -> Drawn:
    """Draw one strip that shows a VIN."""
    kind = pick(
        rng, ("print", "print", "print", "print", "stencil", "stencil", "struck", "struck", "dots")
    )
    face = _face(rng, kind)
    text = _with_ends(rng, vin, metal=kind in ("struck", "dots"))
    cap = _CAP * between(rng, 0.8, 1.2)
    mask = _warped(rng, _tight(line(text, face, cap)), cap)
    if kind == "stencil":
        mask = _bridged(rng, mask, cap)
    values = _placed(rng, mask, cap, kind, face)
    colour = 1 + np.array((between(rng, -0.1, 0.1), 0.0, between(rng, -0.1, 0.1)), np.float32)
    pixels = np.clip(values[:, :, None] * colour, 0, 1) * 255
    return Drawn(Image.fromarray(pixels.astype(np.uint8)), text, cap)


def made_up(rng: np.random.Generator, patterns: Sequence[str]) -> str:
    """Return 17 characters: like a maker's, as the generator's, or any, so that none is learnt by heart."""
    share = rng.random()
    if share < 0.25 or not patterns:
        return random_vin(rng)
    if share < 0.45:
        return "".join(pick(rng, ALPHABET) for _ in range(LENGTH))
    letters = list(pick(rng, patterns))
    for i, old in enumerate(letters):
        changed = 0.9 if i >= LENGTH - 5 else 0.45 if i > 2 else 0.08
        if chance(rng, changed):
            letters[i] = pick(rng, "0123456789" if old.isdigit() else ALPHABET[10:])
            if chance(rng, 0.1):
                letters[i] = pick(rng, ALPHABET)
    vin = "".join(letters)
    if chance(rng, 0.4):
        vin = vin[:CHECK_POSITION] + check_digit(vin) + vin[CHECK_POSITION + 1 :]
    return vin


def _face(rng: np.random.Generator, kind: str) -> Face:
    printed = (*PRINTED, *_FURTHER)
    faces = {"print": printed, "stencil": printed, "struck": STAMPED, "dots": DOTTED}[kind]
    face = pick(rng, faces)
    narrow = (0.5, 0.8) if kind == "stencil" else (0.65, 1.2)
    return dataclasses.replace(
        face,
        width=face.width * between(rng, *narrow),
        weight=face.weight * between(rng, 0.8, 1.3) + between(rng, 0, 0.03) * (kind == "print"),
        tracking=face.tracking + between(rng, -0.04, 0.14),
        slant=between(rng, 0, 0.18) if chance(rng, 0.12) else face.slant,
    )


def _with_ends(rng: np.random.Generator, vin: str, *, metal: bool) -> str:
    if chance(rng, 0.3 if metal else 0.06):
        end = pick(rng, _ORNAMENTS)
        before, after = pick(rng, ((end, end), (end, end), (end, ""), ("", end)))
        gap = pick(rng, ("", "", " "))
        return f"{before}{gap if before else ''}{vin}{gap if after else ''}{after}"
    if chance(rng, 0.05):
        return pick(rng, _LABELS) + vin
    if chance(rng, 0.05):
        return f"{vin[:3]} {vin[3:9]} {vin[9:]}"
    return vin


def _tight(mask: Image.Image) -> Image.Image:
    box = mask.getbbox()
    return mask.crop((box[0], 0, box[2], box[3])) if box else mask


def _warped(rng: np.random.Generator, mask: Image.Image, cap: float) -> Image.Image:
    """Turn a little, as boxes are never quite straight."""
    lean = between(rng, -0.03, 0.03) if chance(rng, 0.6) else 0.0
    room = math.ceil(abs(lean) * mask.width) + 2
    out = Image.new("L", (mask.width, mask.height + room), 0)
    out.paste(mask, (0, room // 2))
    shift = -lean * mask.width / 2
    shear = between(rng, -0.12, 0.12) if chance(rng, 0.3) else 0.0
    return out.transform(
        out.size, Image.Transform.AFFINE, (1, shear, -shear * cap / 2, lean, 1, shift),
        Image.Resampling.BILINEAR,
    )  # fmt: skip


def _bridged(rng: np.random.Generator, mask: Image.Image, cap: float) -> Image.Image:
    """Cut the strokes where a stencil's bridges are: one or two thin lines, across or upright."""
    out = mask.copy()
    pen = ImageDraw.Draw(out)
    wide = max(1, round(cap * between(rng, 0.03, 0.09)))
    if chance(rng, 0.6):
        y = round(mask.height * between(rng, 0.35, 0.65))
        pen.line((0, y, mask.width, y), fill=0, width=wide)
    else:
        step = cap * between(rng, 0.5, 0.75)
        for i in range(int(mask.width / step) + 1):
            pen.line((i * step, 0, i * step, mask.height), fill=0, width=wide)
    return out


def _placed(
    rng: np.random.Generator, mask: Image.Image, cap: float, kind: str, face: Face
) -> Floats:
    """Return the strip's light, (height, width), 0 to 1: a ground, clutter, the letters on it."""
    left, right = (round(cap * between(rng, 0.15, 1.3)) for _ in range(2))
    above, below = (round(cap * between(rng, 0.05, 0.45)) for _ in range(2))
    size = (mask.width + left + right, mask.height + above + below)
    full = Image.new("L", size, 0)
    full.paste(mask, (left, above))
    _clutter(rng, full, cap)
    ink = np.asarray(full, np.float32) / 255
    tone = between(rng, 0.12, 0.9)
    ground = tone + between(rng, 0.0, 0.09) * clouds(rng, size, (size[0] / 3, size[1]), 3)
    ground = ground + between(rng, 0.0, 0.05) * clouds(rng, size, (3, 3), 2)
    if kind in ("struck", "dots") and chance(rng, 0.75):
        return _struck(rng, np.asarray(ground, np.float32), ink, max(1.6, face.weight * cap))
    away = between(rng, 0.22, 0.75)
    other = tone + away if (tone < 0.45) == chance(rng, 0.92) else tone - away
    wear = 1 - between(rng, 0, 0.3) * np.clip(clouds(rng, size, (cap, cap), 3), 0, 1)
    return np.asarray(ground * (1 - ink * wear) + np.clip(other, 0.02, 1) * ink * wear, np.float32)


def _struck(rng: np.random.Generator, ground: Floats, ink: Floats, pen: float) -> Floats:
    light = between(rng, 0.6, 2.5) * pick(rng, (-1, 1))
    relief = struck(ink, pen, between(rng, 0.6, 1.5), light, raised=chance(rng, 0.12))
    out = ground * (1 + relief) + np.maximum(relief, 0) * np.float32(0.16)
    filth = pick(rng, (0.08, 0.14, 0.75)) if float(ground.mean()) < 0.4 else 0.08
    share = ink * np.float32(between(rng, 0.0, 0.5))
    return np.asarray(out * (1 - share) + filth * share, np.float32)


def _clutter(rng: np.random.Generator, full: Image.Image, cap: float) -> None:
    """Draw what stands beside: the edge of another line, a rule, the bars of a barcode."""
    pen = ImageDraw.Draw(full)
    width, height = full.size
    if chance(rng, 0.22):
        words = "".join(pick(rng, ALPHABET + "    ") for _ in range(int(rng.integers(4, 24))))
        text = line(words, pick(rng, PRINTED), cap * between(rng, 0.5, 1.0))
        y = (
            height - round(cap * between(rng, 0.1, 0.35))
            if chance(rng, 0.5)
            else -text.height + round(cap * between(rng, 0.3, 0.55))
        )
        full.paste(text, (round(between(rng, -cap, width / 2)), y), text)
    if chance(rng, 0.2):
        y = pick(rng, (1, height - 2)) + round(between(rng, -2, 2))
        pen.line((0, y, width, y), fill=255, width=max(1, round(cap * between(rng, 0.03, 0.1))))
    if chance(rng, 0.1):
        top = height - round(cap * between(rng, 0.05, 0.25))
        x = 0.0
        while x < width:
            bar = cap * pick(rng, (0.06, 0.06, 0.15))
            pen.rectangle((x, top, x + bar, height), fill=255)
            x += bar + cap * pick(rng, (0.06, 0.06, 0.15))
