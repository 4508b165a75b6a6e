"""Riveted type plates of aluminium or black lacquer, printed, engraved or stamped."""

from __future__ import annotations

import numpy as np

from photo_generator.dice import between, chance, pick
from photo_generator.faces import DOTTED, PRINTED, SMALL_PRINT, STAMPED
from photo_generator.grounds import BODY, CHASSIS, paint
from photo_generator.scene import Scene, draw_pose
from photo_generator.sheet import (
    Colour,
    Finish,
    Sheet,
    aim_at,
    ends_of,
    fitting_height,
    lay,
    scale_of,
    text_width,
)
from photo_generator.textures import Size
from vindrop.domain import vin as rules

_PLATES: tuple[tuple[Colour, Colour], ...] = (
    ((172, 174, 172), (22, 24, 28)),
    ((190, 188, 180), (20, 30, 70)),
    ((30, 31, 33), (200, 202, 200)),
    ((40, 44, 50), (190, 194, 190)),
    ((158, 160, 162), (120, 16, 18)),
)


def plate(rng: np.random.Generator, vin: str, size: Size, *, hard: bool) -> Scene:
    """A type plate held by rivets; its fixed text printed, its VIN often struck."""
    pose = draw_pose(rng, hard=hard, fraction=(0.38, 0.62) if hard else (0.48, 0.7))
    sheet = _type_plate(rng, vin, pose.fraction * size[0])
    view = aim_at(sheet, size, pose)
    light = between(rng, 0.9, 2.2) * pick(rng, (-1, 1))
    finish = Finish(
        gloss=between(rng, 0.0, 0.2 if hard else 0.1),
        thickness=between(rng, 1.5, 4.0),
        wear=between(rng, 0.2, 0.85) if hard else between(rng, 0.05, 0.35),
        depth=between(rng, 0.75, 1.1) if hard else between(rng, 1.0, 1.4),
    )
    ground = paint(rng, size, pick(rng, CHASSIS + BODY), wear=between(rng, 0.1, 0.6))
    scene = lay(ground, sheet, view, finish, rng, light)
    return Scene(scene, sheet.glyph * scale_of(view, sheet), ends_of(view, sheet))


def _type_plate(rng: np.random.Generator, vin: str, width: float) -> Sheet:
    ground, ink = pick(rng, _PLATES)
    way = pick(rng, ("printed", "struck", "struck", "dotted"))
    face = pick(rng, {"printed": PRINTED, "struck": STAMPED, "dotted": DOTTED}[way])
    cap = fitting_height(vin, face, width)
    small = cap * between(rng, 0.42, 0.6)
    side = cap * between(rng, 1.6, 2.4)
    title = (rules.maker(vin) or "MOTOR COMPANY").upper()
    title_cap = min(cap * between(rng, 0.8, 1.2), fitting_height(title, PRINTED[1], width * 0.9))
    rows: tuple[tuple[str, str], ...] = (
        ("TYPE", f"{vin[3:8]}"),
        ("ENGINE NO.", f"{pick(rng, 'DGKRM')}{rng.integers(10, 99)}B {rng.integers(10**5, 10**6)}"),
        ("MAX. MASS", f"{rng.integers(150, 350) * 10} KG"),
        ("COLOUR", f"{pick(rng, 'ABKNR')}{rng.integers(10, 99)}P"),
    )
    rows = rows[: int(rng.integers(2, 5))]
    row_step = small * 2.0
    height = side * 1.2 + title_cap * 1.8 + cap * 2.6 + row_step * len(rows)
    total = (round(width + 2 * side), round(height))
    sheet = Sheet.blank(total, ground, cap * between(rng, 0.05, 0.6))
    draw = sheet.draw()
    y = side * 0.6
    sheet.write((side, y), title, PRINTED[1], title_cap, ink)
    y += title_cap * 1.5
    draw.line((side * 0.7, y, total[0] - side * 0.7, y), fill=ink, width=max(1, round(cap * 0.07)))
    y += cap * 0.45
    if chance(rng, 0.6):
        caption = pick(rng, ("CHASSIS NO.", "V.I.N.", "VEHICLE IDENTIFICATION NUMBER"))
        sheet.write((side, y), caption, SMALL_PRINT, small * 0.8, ink)
        y += small * 1.25
    if way == "struck":
        box = sheet.strike((side, y), vin, face, cap)
        if chance(rng, 0.7) or sum(ground) < 300:  # colour rubbed into the strokes
            sheet.write((side, y), vin, face, cap, _between(ground, ink, between(rng, 0.4, 0.8)))
    elif way == "dotted":
        sheet.strike((side, y), vin, face, cap)
        box = sheet.write((side, y), vin, face, cap, _between(ground, ink, between(rng, 0.5, 0.9)))
    else:
        box = sheet.write((side, y), vin, face, cap, ink)
    sheet.vin(box, cap)
    y += cap * 1.75
    for name, value in rows:
        sheet.write((side, y), name, SMALL_PRINT, small * 0.8, ink)
        at = side + max(text_width(name, SMALL_PRINT, small * 0.8) + small, width * 0.35)
        sheet.write((at, y), value, pick(rng, (SMALL_PRINT, STAMPED[0])), small, ink)
        y += row_step
    _rivets(sheet, rng, cap, side)
    if chance(rng, 0.6):
        edge = cap * 0.22
        draw.rounded_rectangle(
            (edge, edge, total[0] - edge, total[1] - edge), cap * 0.3, outline=ink,
            width=max(1, round(cap * 0.06)),
        )  # fmt: skip
    return sheet


def _rivets(sheet: Sheet, rng: np.random.Generator, cap: float, side: float) -> None:
    radius = cap * between(rng, 0.3, 0.45)
    w, h = sheet.colour.size
    inset = side * 0.42
    spots = [(inset, inset), (w - inset, inset), (inset, h - inset), (w - inset, h - inset)]
    if chance(rng, 0.4):
        spots = [(inset, h / 2), (w - inset, h / 2)]
    draw = sheet.draw()
    for x, y in spots:
        # A dome: ring of shadow, body, and a small light off the middle.
        for grow, tone in ((1.15, 70), (1.0, 150), (0.7, 176), (0.3, 225)):
            r, off = radius * grow, radius * (1.15 - grow) * 0.35
            draw.ellipse((x - r - off, y - r - off, x + r - off, y + r - off), fill=(tone,) * 3)


def _between(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (round(p + (q - p) * share) for p, q in zip(a, b, strict=True))
    return red, green, blue
