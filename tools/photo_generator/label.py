"""Door-jamb labels: the maker's sticker with a good deal of other text on it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from photo_generator.dice import between, chance, pick
from photo_generator.faces import DOTTED, PRINTED, SMALL_PRINT, Face
from photo_generator.grounds import door_frame
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

_PAPERS: tuple[tuple[Colour, Colour], ...] = (
    ((238, 238, 234), (18, 18, 20)),
    ((205, 208, 210), (16, 16, 20)),
    ((226, 222, 205), (22, 20, 20)),
    ((24, 25, 27), (222, 224, 224)),
    ((36, 38, 42), (205, 208, 205)),
)
_STANDARDS = (
    "THIS VEHICLE CONFORMS TO ALL APPLICABLE FEDERAL MOTOR",
    "VEHICLE SAFETY, BUMPER AND THEFT PREVENTION STANDARDS",
    "IN EFFECT ON THE DATE OF MANUFACTURE SHOWN ABOVE.",
)


def label(rng: np.random.Generator, vin: str, size: Size, *, hard: bool) -> Scene:
    """A sticker on the door pillar; a real Code 39 bar code of the VIN on some."""
    pose = draw_pose(rng, hard=hard, fraction=(0.34, 0.62) if hard else (0.45, 0.7))
    sheet = sticker(rng, vin, pose.fraction * size[0])
    view = aim_at(sheet, size, pose)
    light = between(rng, 0, 6.28)
    finish = Finish(
        gloss=between(rng, 0.0, 0.22 if hard else 0.1),
        thickness=between(rng, 1.0, 2.5),
        wear=between(rng, 0.1, 0.8) if hard else between(rng, 0.0, 0.25),
    )
    scene = lay(door_frame(rng, size), sheet, view, finish, rng, light)
    return Scene(scene, sheet.glyph * scale_of(view, sheet), ends_of(view, sheet))


def sticker(rng: np.random.Generator, vin: str, vin_width: float) -> Sheet:
    """Draw the sticker itself, its VIN ``vin_width`` pixels wide."""
    face = pick(rng, PRINTED + DOTTED[:2])
    paper, ink = pick(rng, _PAPERS)
    cap = fitting_height(vin, face, vin_width)
    american = rules.check_digit_required(vin) and vin[0] != "L"
    rows = _american(rng, vin) if american else _european(rng, vin)
    pad = cap * between(rng, 0.9, 1.4)
    small = cap * between(rng, 0.45, 0.62)
    gap = small * between(rng, 0.6, 0.9)
    bars = (
        code39(vin, vin_width * between(rng, 0.95, 1.15), cap * 1.7) if chance(rng, 0.45) else None
    )
    indent = pick(rng, (0.0, 0.0, cap * 2.2))
    lead = pick(rng, ("", "", "VIN: ", "VIN "))
    lead_width = text_width(lead, SMALL_PRINT, small) + cap * 0.4 if lead else 0.0
    widest = max(text_width(row, SMALL_PRINT, small) for row in rows)
    width = max(vin_width + lead_width + indent, widest, bars.width if bars else 0) + 2 * pad
    height = 2 * pad + len(rows) * (small + gap) + cap * 2.2 + (bars.height + gap if bars else 0)
    sheet = Sheet.blank((round(width), round(height)), paper, cap * between(rng, 0.1, 0.8))
    body = Face(SMALL_PRINT.source, pick(rng, (0.01, 0.04)), width=pick(rng, (0.8, 0.9, 1.0)))
    vin_after = int(rng.integers(1, max(2, len(rows) - 1)))
    y = pad
    for index, row in enumerate(rows):
        if index == vin_after:
            y += cap * 0.5
            if lead:
                sheet.write((pad + indent, y + cap - small), lead, SMALL_PRINT, small, ink)
            box = sheet.write((pad + indent + lead_width, y), vin, face, cap, ink)
            sheet.vin(box, cap)
            y += cap * 1.6
        sheet.write((pad, y), row, body, small, ink)
        y += small + gap
    if bars:
        bright = Image.new(
            "RGB", (bars.width + round(cap), bars.height + round(cap * 0.5)), "white"
        )
        spot = (round(pad), round(y))
        if sum(paper) < 300:  # bars need a light ground
            sheet.colour.paste(bright, (spot[0] - round(cap / 2), spot[1] - round(cap / 4)))
        sheet.colour.paste(Image.new("RGB", bars.size, (15, 15, 15)), spot, bars)
    if chance(rng, 0.5):
        edge = cap * 0.25
        sheet.draw().rounded_rectangle(
            (edge, edge, width - edge, height - edge), cap * 0.3, outline=ink,
            width=max(1, round(cap * 0.06)),
        )  # fmt: skip
    return sheet


def code39(text: str, width: float, height: float) -> Image.Image:
    """Return the bars of ``text`` as a mask (255 is a bar), about ``width`` pixels wide."""
    import zxingcpp

    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code39)
    row = np.array(code.to_image(scale=1))[0]
    dark = np.flatnonzero(row == 0)
    bars = np.asarray(255 - row[dark[0] : dark[-1] + 1], np.uint8)
    # Whole pixels first, so that narrow and wide bars keep their ratio.
    whole = max(1, round(width / bars.size))
    mask = Image.fromarray(np.repeat(bars, whole)[None, :])
    return mask.resize((bars.size * whole, max(1, round(height))))


def _maker(vin: str) -> str:
    return (rules.maker(vin) or "MOTOR CORPORATION").upper()


def _american(rng: np.random.Generator, vin: str) -> list[str]:
    pounds = int(rng.integers(320, 720)) * 10
    front, rear = int(rng.integers(180, 330)) * 10, int(rng.integers(180, 330)) * 10
    tyre = pick(rng, ("P215/55R17", "P225/60R16", "P265/70R17", "P205/65R15"))
    return [
        f"MFD. BY {_maker(vin)} INC.",
        f"DATE: {rng.integers(1, 13):02d}/{rng.integers(3, 26):02d}   "
        f"GVWR: {pounds} LBS ({round(pounds * 0.4536)} KG)",
        f"GAWR FRT: {front} LB   GAWR RR: {rear} LB",
        *(_STANDARDS if chance(rng, 0.7) else _STANDARDS[:1]),
        f"TIRES {tyre} {rng.integers(90, 110)}H   RIMS {rng.integers(15, 19)}X7J   "
        f"{rng.integers(30, 36)} PSI COLD",
        f"TYPE: {pick(rng, ('PASSENGER CAR', 'TRUCK', 'M.P.V.'))}   PAINT: "
        f"{pick(rng, ('NH731P', 'UX', 'G1E', '1F7', 'PW7'))}   TRIM: {rng.integers(10, 99)}",
    ]


def _european(rng: np.random.Generator, vin: str) -> list[str]:
    mass = int(rng.integers(140, 260)) * 10
    approval = (
        f"e{rng.integers(1, 28)}*{pick(rng, ('2001/116', '98/14', '2007/46', '70/156'))}"
        f"*{rng.integers(30, 1400):04d}*{rng.integers(0, 30):02d}"
    )
    return [
        _maker(vin),
        approval,
        f"{mass} kg",
        f"{round(mass * between(rng, 1.3, 1.9) / 10) * 10} kg",
        f"1- {rng.integers(80, 130) * 10} kg",
        f"2- {rng.integers(80, 130) * 10} kg",
        f"TYPE {vin[6:8]}   {pick(rng, ('CFNA', 'L147 XXCZ', '1,9 TDI 77KW', '0.50 X14'))}",
    ]
