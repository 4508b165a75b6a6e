"""VINs struck into the body: stamped strokes and peened dots, lit from one side."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from photo_generator.dice import between, chance, pick
from photo_generator.faces import DOTTED, STAMPED, Face
from photo_generator.grounds import CHASSIS, bare_metal, bolt, paint
from photo_generator.relief import soften, struck
from photo_generator.scene import Scene, Struck, draw_pose
from photo_generator.sheet import Sheet, aim_at, ends_of, fitting_height, line_of, scale_of
from photo_generator.textures import Floats, Size, clouds, distance_along, mix, soft_step
from photo_generator.view import View

_ENDS = ("", "", "", "", "*", "*", "-")
_TWO_LINES = 0.05


def stamped(rng: np.random.Generator, vin: str, size: Size, *, hard: bool) -> Scene:
    """Dies struck into a frame rail or inner wing; seldom raised instead of sunk."""
    face = pick(rng, STAMPED)
    return _struck(rng, vin, size, face, hard=hard, raised=chance(rng, 0.12))


def peened(rng: np.random.Generator, vin: str, size: Size, *, hard: bool) -> Scene:
    """Rows of dots pecked into metal or paint."""
    return _struck(rng, vin, size, pick(rng, DOTTED), hard=hard, raised=False)


def _struck(
    rng: np.random.Generator, vin: str, size: Size, face: Face, *, hard: bool, raised: bool
) -> Scene:
    dotted = face.source.startswith("dots")
    wear = between(rng, 0.25, 0.75) if hard else between(rng, 0.05, 0.35)
    pose = draw_pose(rng, hard=hard, fraction=(0.5, 0.82) if hard else (0.6, 0.85))
    end = pick(rng, _ENDS)
    rows = [f"{end}{vin}{end}"]
    if hard and chance(rng, _TWO_LINES):
        rows = [vin[:9], vin[9:]]
    sheet = _line_sheet(rng, rows, face, pose.fraction * size[0])
    view = aim_at(sheet, size, pose)
    glyph = sheet.glyph * scale_of(view, sheet)
    light = between(rng, 0.9, 2.2) * pick(rng, (-1, 1))  # from above or below: strokes show best
    metal = chance(rng, 0.55 if dotted else 0.35)
    ground = (
        bare_metal(rng, size, wear=wear * 0.8)
        if metal
        else paint(rng, size, pick(rng, CHASSIS), wear=wear)
    )
    ground = _rail(ground, rng, size, view, sheet)
    bare, mask = ground, view.place_grey(sheet.dents)
    pen = max(1.6, face.weight * glyph)
    depth = between(rng, 1.0, 1.5) if dotted else between(rng, 0.95, 1.5)
    if hard:
        depth *= between(rng, 0.7, 1.0)
    lit = struck(mask, pen, depth, light, raised=raised)
    out = ground * (1 + lit)[:, :, None] + (np.maximum(lit, 0) * np.float32(0.16))[:, :, None]
    if not raised:
        # Dirt or rust settles in the grooves; on some they were wiped over with paint or chalk.
        filth = np.asarray(clouds(rng, size, (90, 60), 3) * 0.25 + 0.6, np.float32)
        inside = soften(mask, max(0.6, pen * 0.25)) * np.clip(filth, 0.2, 1)
        tone = pick(rng, ((0.09, 0.08, 0.07), (0.16, 0.11, 0.07), (0.78, 0.77, 0.73)))
        strength = between(rng, 0.25, 0.55) if hard else between(rng, 0.35, 0.7)
        if tone[0] > 0.5 and float(ground.mean()) > 0.4:
            tone = (0.09, 0.08, 0.07)  # chalk on a light ground would hide the strokes
        out = mix(np.asarray(out, np.float32), tone, inside * np.float32(strength))
    strokes = Image.fromarray(np.asarray(np.clip(mask, 0, 1) * 255, np.uint8))
    grooves = Struck(bare, strokes, pen)
    return Scene(np.asarray(out, np.float32), glyph, ends_of(view, sheet), grooves)


def _line_sheet(rng: np.random.Generator, rows: list[str], face: Face, width: float) -> Sheet:
    """The strokes alone, on a clear sheet; each letter a little off, as a hand tool sets it."""
    longest = max(rows, key=len)
    cap = fitting_height(longest, face, width)
    gap = cap * 0.55
    sheet = Sheet.blank(
        (round(width + cap * 2), round(len(rows) * (cap + gap) + cap * 2)), (0, 0, 0), 0
    )
    for index, row in enumerate(rows):
        sheet.strike((cap, cap + index * (cap + gap)), row, face, cap)
    if chance(rng, 0.4) and not face.source.startswith("dots"):
        sheet.dents = _jittered(sheet.dents, rng, cap)
    sheet.vin((cap, cap, cap + width, cap + len(rows) * (cap + gap) - gap), cap)
    return sheet


def _jittered(mask: Image.Image, rng: np.random.Generator, cap: float) -> Image.Image:
    """Shift columns up and down smoothly: the row of letters dances."""
    values = np.asarray(mask)
    steps = clouds(rng, (mask.width, 1), (cap * 1.2, 1), 1)[0] * cap * 0.035
    rows = np.arange(mask.height)[:, None] + np.round(steps)[None, :].astype(int)
    return Image.fromarray(values[np.clip(rows, 0, mask.height - 1), np.arange(mask.width)])


def _rail(ground: Floats, rng: np.random.Generator, size: Size, view: View, sheet: Sheet) -> Floats:
    """Bound the surface: edges that fall into the dark, a hole, a bolt; all clear of the VIN."""
    middle, angle = line_of(view, sheet)
    along = distance_along(size, angle + math.pi / 2, middle)
    clear = sheet.glyph * scale_of(view, sheet) * 2.2
    for side in (-1, 1):
        if chance(rng, 0.7):
            at = between(rng, clear + 0.04 * size[1], clear + 0.3 * size[1])
            outer = np.asarray(side * along, np.float32)
            bright = np.exp(-(((outer - at + 7) / 9) ** 2)).astype(np.float32)
            ground = ground * (1 + 0.4 * bright)[:, :, None]
            dark = np.asarray(
                0.05 + 0.04 * clouds(rng, size, (70, 50), 4) + 0.03 * clouds(rng, size, (12, 12), 2)
            )
            under = np.repeat(np.clip(dark, 0.01, 1)[:, :, None], 3, axis=2).astype(np.float32)
            ground = mix(ground, under, soft_step(outer, at, 10))
    if chance(rng, 0.4):
        ground = bolt(ground, rng, size, (pick(rng, (0.06, 0.94)), pick(rng, (0.12, 0.88))))
    return np.asarray(ground, np.float32)
