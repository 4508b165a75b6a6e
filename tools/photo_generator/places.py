"""Places without a VIN: shop fronts, number plates, instruments, streets."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from photo_generator.dice import between, chance, pick
from photo_generator.faces import DOTTED, PRINTED, SMALL_PRINT, STAMPED
from photo_generator.grounds import BODY, dashboard, paint
from photo_generator.papers import digits, sentence
from photo_generator.sheet import Colour, Sheet, fitting_height
from photo_generator.textures import Floats, Size, clouds, mix, soft_step, tint

_SHOPS = (
    "BAKERY", "AUTO PARTS", "TYRES & RIMS", "HOTEL CENTRAL", "FLOWERS", "COFFEE 24H", "PHARMACY",
    "USED CARS", "BOOKS 1987", "SUPERMARKET", "BARBER SHOP", "CAR WASH", "PIZZERIA", "OPTICIAN",
)  # fmt: skip
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def shop_front(rng: np.random.Generator, width: float) -> Sheet:
    """A facade: a sign, windows with offers, opening hours, a phone number."""
    height = width * between(rng, 0.7, 0.9)
    wall: Colour = pick(rng, ((150, 120, 96), (188, 180, 164), (110, 116, 122), (200, 170, 130)))
    sheet = Sheet.blank((round(width), round(height)), wall, 0)
    draw = sheet.draw()
    for row in range(round(height / (width * 0.03))):  # bricks
        y = row * width * 0.03
        draw.line((0, y, width, y), fill=tuple(max(0, c - 22) for c in wall), width=1)
    board: Colour = pick(rng, ((140, 24, 28), (22, 60, 110), (24, 92, 52), (236, 232, 220)))
    ink: Colour = (30, 30, 32) if sum(board) > 500 else (244, 240, 226)
    draw.rectangle((width * 0.06, height * 0.06, width * 0.94, height * 0.25), fill=board)
    name = pick(rng, _SHOPS)
    face = pick(rng, PRINTED[:10])
    cap = min(fitting_height(name, face, width * 0.7), height * 0.11)
    sheet.write((width * 0.12, height * 0.1), name, face, cap, ink)
    for left in (0.08, 0.54):
        window = (width * left, height * 0.32, width * (left + 0.38), height * 0.9)
        draw.rectangle(
            window, fill=(38, 44, 52), outline=(220, 220, 214), width=round(width * 0.01)
        )
        y = height * 0.38
        while y < height * 0.84:
            text = pick(
                rng,
                (
                    f"{rng.integers(1, 99)}.{digits(rng, 2)} EUR",
                    f"MON-SAT {rng.integers(6, 11)}-{rng.integers(17, 23)}",
                    f"TEL {digits(rng, 4)} {digits(rng, 6)}",
                    sentence(rng, 2).upper(),
                    f"SALE -{rng.integers(10, 80)}%",
                    f"WWW.{pick(rng, _SHOPS).replace(' ', '')}{digits(rng, 2)}.COM",
                ),
            )
            size = min(width * between(rng, 0.018, 0.035), fitting_height(text, face, width * 0.33))
            sheet.write((width * (left + 0.025), y), text, face, size, (232, 228, 190))
            y += size * 2.4
    sheet.vin((0.0, 0.0, width, height), width * 0.02)
    return sheet


def number_plate(rng: np.random.Generator, width: float) -> Sheet:
    """A registration plate, European or American."""
    european = chance(rng, 0.6)
    height = width * (0.22 if european else 0.5)
    ground: Colour = (236, 236, 230) if european else pick(rng, ((226, 230, 238), (238, 226, 150)))
    sheet = Sheet.blank((round(width), round(height)), ground, height * 0.08)
    letters = "".join(pick(rng, _LETTERS) for _ in range(4))
    text = (
        f"{letters[:2]} {letters[2:]} {digits(rng, 4)}"
        if european
        else f"{digits(rng, 1)}{letters[:3]} {digits(rng, 3)}"
    )
    left = width * (0.11 if european else 0.08)
    face = pick(rng, (*PRINTED[1:4], STAMPED[1]))
    cap = min(fitting_height(text, face, width * 0.82), height * (0.62 if european else 0.42))
    sheet.write((left, (height - cap) / 2), text, face, cap, (20, 20, 40))
    if european:
        sheet.draw().rectangle((0, 0, width * 0.08, height), fill=(20, 50, 140))
        sheet.write((width * 0.025, height * 0.62), "D", PRINTED[1], height * 0.18, (240, 240, 240))
    else:
        state = pick(rng, ("CALIFORNIA", "TEXAS", "OHIO", "FLORIDA"))
        sheet.write((width * 0.3, height * 0.08), state, PRINTED[0], height * 0.11, (150, 30, 40))
    sheet.vin((0.0, 0.0, width, height), cap)
    return sheet


def instruments(rng: np.random.Generator, width: float) -> Sheet:
    """A car's instruments: dials, odometer, clock, warning texts."""
    height = width * 0.5
    sheet = Sheet.blank((round(width), round(height)), (14, 15, 18), height * 0.1)
    draw = sheet.draw()
    glow: Colour = pick(rng, ((235, 235, 240), (250, 180, 60), (120, 210, 250)))
    for middle, step in ((0.24, 1), (0.76, 30)):
        cx, cy, r = width * middle, height * 0.5, height * 0.4
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), outline=(130, 132, 136), width=3)
        for k in range(9):
            a = math.radians(140 + k * 32.5)
            draw.line((cx + r * 0.86 * math.cos(a), cy + r * 0.86 * math.sin(a),
                       cx + r * 0.97 * math.cos(a), cy + r * 0.97 * math.sin(a)), fill=glow, width=3)  # fmt: skip
            figure = str(k * step)
            at = (cx + r * 0.68 * math.cos(a) - r * 0.08, cy + r * 0.68 * math.sin(a) - r * 0.05)
            sheet.write(at, figure, SMALL_PRINT, height * 0.045, glow)
        a = math.radians(between(rng, 140, 380))
        draw.line(
            (cx, cy, cx + r * 0.8 * math.cos(a), cy + r * 0.8 * math.sin(a)),
            fill=(230, 60, 40),
            width=5,
        )
    rows = (
        f"{digits(rng, 6)} km",
        f"TRIP {rng.integers(1, 999)}.{digits(rng, 1)}",
        f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}   {rng.integers(-9, 35)} C",
        pick(rng, ("CHECK ENGINE", "SERVICE IN 1200 KM", "DOOR OPEN", "RANGE 412 KM")),
    )
    y = height * 0.3
    for row in rows:
        face = pick(rng, (*DOTTED[:2], *PRINTED[:3]))
        cap = min(height * 0.05, fitting_height(row, face, width * 0.14))
        sheet.write((width * 0.43, y), row, face, cap, glow)
        y += height * 0.12
    sheet.vin((0.0, 0.0, width, height), height * 0.045)
    return sheet


def street(rng: np.random.Generator, size: Size) -> Floats:
    """Sky, houses and road: the ground for shop fronts and plates, and a photo without text."""
    cover = soft_step(clouds(rng, size, (size[0] / 2, size[1] / 3), 5), 0.1, 1.4)
    blue = np.full((size[1], size[0], 3), (0.52, 0.68, 0.92), np.float32)
    out = mix(blue, (0.93, 0.94, 0.95), cover)
    picture = Image.fromarray(np.asarray(np.clip(out, 0, 1) * 255, np.uint8))
    draw = ImageDraw.Draw(picture)
    horizon = size[1] * between(rng, 0.5, 0.7)
    x = -10.0
    while x < size[0]:
        w, top = between(rng, 0.08, 0.25) * size[0], horizon - between(rng, 0.12, 0.5) * size[1]
        grey = int(rng.integers(90, 175))
        tone = (grey + int(rng.integers(0, 26)), grey, grey - int(rng.integers(0, 26)))
        draw.rectangle((x, top, x + w, horizon + 4), fill=tone)
        pane = max(6.0, w / between(rng, 4, 7))
        for wy in np.arange(top + pane, horizon - pane, pane * 1.6):
            for wx in np.arange(x + pane * 0.6, x + w - pane, pane * 1.5):
                draw.rectangle((wx, wy, wx + pane * 0.7, wy + pane), fill=(48, 56, 68))
        x += w + between(rng, 0, 0.02) * size[0]
    draw.rectangle((0, horizon, size[0], size[1]), fill=(92, 92, 94))
    for k in range(6):
        at = horizon + (size[1] - horizon) * (k + 0.4) / 6
        half = 3 + k * 2
        draw.rectangle(
            (size[0] * 0.5 - half * 9, at, size[0] * 0.5 + half * 9, at + half),
            fill=(200, 200, 196),
        )
    soft = picture.filter(ImageFilter.GaussianBlur(1.2))
    base = np.asarray(soft, np.float32) / np.float32(255)
    rough = 1 + 0.06 * clouds(rng, size, (12, 10), 3) + 0.08 * clouds(rng, size, (300, 200), 3)
    return np.asarray(base * np.asarray(rough, np.float32)[:, :, None], np.float32)


def table(rng: np.random.Generator, size: Size) -> Floats:
    """A wooden or grey table top."""
    veins = (
        clouds(rng, size, (size[0] / 1.5, 9), 4) * 0.09 + clouds(rng, size, (400, 300), 2) * 0.06
    )
    level = between(rng, 0.35, 0.7)
    tone = pick(rng, ((1.0, 0.76, 0.52), (0.8, 0.55, 0.36), (0.95, 0.95, 0.97)))
    return tint(np.asarray(level * (1 + veins), np.float32), tone)


def car_body(rng: np.random.Generator, size: Size) -> Floats:
    """A painted panel for number plates."""
    return paint(rng, size, pick(rng, BODY), wear=between(rng, 0, 0.3))


def cockpit(rng: np.random.Generator, size: Size) -> Floats:
    """Dark plastic around instruments."""
    return dashboard(rng, size)
