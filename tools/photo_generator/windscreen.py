"""The plate behind the windscreen: seen through glass that mirrors the sky."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from photo_generator.dice import between, chance, pick
from photo_generator.faces import DOTTED, PRINTED
from photo_generator.grounds import dashboard
from photo_generator.label import code39
from photo_generator.scene import Scene, draw_pose
from photo_generator.sheet import (
    Colour,
    Finish,
    Sheet,
    aim_at,
    ends_of,
    fitting_height,
    lay,
    line_of,
    scale_of,
)
from photo_generator.textures import (
    Floats,
    Size,
    clouds,
    distance_along,
    from_mask,
    grain,
    mix,
    soft_step,
    tint,
)
from photo_generator.view import View

_STRIPS: tuple[tuple[Colour, Colour], ...] = (
    ((20, 21, 23), (214, 216, 214)),
    ((28, 30, 34), (178, 182, 184)),
    ((176, 180, 182), (24, 24, 28)),
    ((150, 154, 156), (20, 22, 24)),
    ((214, 214, 208), (26, 26, 28)),
)


def windscreen(rng: np.random.Generator, vin: str, size: Size, *, hard: bool) -> Scene:
    """A strip on the dashboard, frit and wiper around it, sky and photographer mirrored on top."""
    low, high = (0.30, 0.55) if hard else (0.42, 0.68)
    pose = draw_pose(rng, hard=hard, fraction=(low, high))
    sheet = _strip(rng, vin, pose.fraction * size[0])
    view = aim_at(sheet, size, pose)
    glyph = sheet.glyph * scale_of(view, sheet)
    finish = Finish(
        gloss=between(rng, 0.0, 0.08),
        thickness=between(rng, 1.0, 3.0),
        wear=between(rng, 0.1, 0.5) if hard else between(rng, 0.0, 0.2),
        depth=between(rng, 0.6, 1.1),
    )
    scene = lay(dashboard(rng, size), sheet, view, finish, rng, between(rng, 0, 6.28))
    scene = _frit(scene, rng, size, view, sheet)
    strength = between(rng, 0.22, 0.5) if hard else between(rng, 0.08, 0.3)
    scene = _mirrored(scene, rng, size, strength)
    scene = _on_the_glass(scene, rng, size, view, sheet, hard=hard)
    return Scene(scene, glyph, ends_of(view, sheet))


def _strip(rng: np.random.Generator, vin: str, width: float) -> Sheet:
    face = pick(rng, PRINTED + DOTTED + DOTTED)
    ground, ink = pick(rng, _STRIPS)
    cap = fitting_height(vin, face, width)
    bars = code39(vin, width, cap * 0.9) if chance(rng, 0.2) else None
    pad_x, pad_y = cap * between(rng, 0.8, 3.0), cap * between(rng, 0.5, 1.1)
    inner = max(width, bars.width if bars else 0)
    height = cap + 2 * pad_y + (bars.height + cap * 0.4 if bars else 0)
    sheet = Sheet.blank(
        (round(inner + 2 * pad_x), round(height)), ground, cap * pick(rng, (0.1, 0.4, 0.9))
    )
    at = (pad_x + (inner - width) / 2, pad_y)
    if face in DOTTED and chance(rng, 0.35):
        # Pecked through the lacquer: a dent, and the bright metal below.
        sheet.strike(at, vin, face, cap)
    sheet.vin(sheet.write(at, vin, face, cap, ink), cap)
    if bars:
        under = (round(pad_x + (inner - bars.width) / 2), round(pad_y + cap * 1.4))
        sheet.colour.paste(Image.new("RGB", bars.size, ink), under, bars)
    if chance(rng, 0.5):
        draw, r = sheet.draw(), cap * 0.22
        for x in (pad_x * 0.45, inner + pad_x * 1.55):
            draw.ellipse((x - r, height / 2 - r, x + r, height / 2 + r), fill=(120, 122, 124))
    return sheet


def _frit(scene: Floats, rng: np.random.Generator, size: Size, view: View, sheet: Sheet) -> Floats:
    """The black ceramic edge of the glass, fading into dots, with a window left for the VIN."""
    if chance(rng, 0.35):
        return scene
    middle, angle = line_of(view, sheet)
    glyph = sheet.glyph * scale_of(view, sheet)
    side = pick(rng, (-1, 1))
    along = np.asarray(side * distance_along(size, angle + math.pi / 2, middle), np.float32)
    across = distance_along(size, angle, middle)
    start = between(rng, 1.6, 3.5) * glyph
    pitch = max(7.0, between(rng, 0.4, 0.7) * glyph)
    # Dots shrink with the distance from the solid band.
    wave = np.cos(along * (2 * math.pi / pitch)) * np.cos(across * (2 * math.pi / pitch))
    fade = np.clip((start + 5 * pitch - along) / (5 * pitch), 0, 2)
    dots = soft_step(np.asarray(np.abs(wave) - fade, np.float32), 0.0, 0.25)
    dots *= along > start
    solid = soft_step(along, start + 5 * pitch, 2.0)
    cover = np.maximum(dots, solid)
    black = 0.025 + 0.01 * grain(rng, size)
    return mix(
        scene, tint(np.asarray(black, np.float32), (1.0, 1.0, 1.02)), cover * np.float32(0.97)
    )


def _mirrored(scene: Floats, rng: np.random.Generator, size: Size, strength: float) -> Floats:
    """Add what the glass mirrors: sky and clouds, trees or roofs, the phone and the hand."""
    cover = soft_step(clouds(rng, size, (size[0] / 2.2, size[1] / 3.5), 5), 0.1, 1.4)
    blue = pick(rng, ((0.55, 0.72, 0.98), (0.66, 0.76, 0.92), (0.74, 0.78, 0.84)))
    sky = mix(np.broadcast_to(np.asarray(blue, np.float32), scene.shape), (0.97, 0.97, 0.98), cover)
    ridge = size[1] * between(rng, 0.0, 0.9)
    outline = clouds(rng, (size[0], 1), (size[0] / 5, 1), 6)[0] * size[1] * 0.10
    if chance(rng, 0.4):  # roofs instead of trees
        houses = rng.uniform(-0.15, 0.15, int(rng.integers(4, 11))) * size[1]
        outline = houses[np.arange(size[0]) * len(houses) // size[0]].astype(np.float32)
    below = np.arange(size[1], dtype=np.float32)[:, None] - (ridge + outline)[None, :]
    if chance(rng, 0.5):
        below = -below
    foliage = 0.10 + 0.07 * clouds(rng, size, (50, 40), 4)
    share = soft_step(np.asarray(below, np.float32), 0, 0.022 * size[0])
    mirrored = mix(sky, tint(np.asarray(foliage, np.float32), (0.8, 1.0, 0.75)), share)
    if chance(rng, 0.6):
        phone = _photographer(rng, size)
        mirrored = mirrored * (1 - phone * np.float32(0.93))[:, :, None]
    return np.asarray(scene * (1 - 0.35 * strength) + mirrored * np.float32(strength), np.float32)


def _photographer(rng: np.random.Generator, size: Size) -> Floats:
    """The dark shape of a hand that holds a phone, a little out of focus."""
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    w, h = size[0] * between(rng, 0.25, 0.5), size[1] * between(rng, 0.3, 0.5)
    x, y = size[0] * between(rng, 0.3, 0.7), size[1] * between(rng, 0.35, 0.65)
    draw.rounded_rectangle((x - w / 2, y - h / 2, x + w / 2, y + h / 2), h * 0.12, fill=255)
    for finger in range(4):
        fy = y - h * 0.3 + finger * h * 0.22
        draw.rounded_rectangle((x + w * 0.3, fy, x + w * 0.75, fy + h * 0.17), h * 0.08, fill=225)
    draw.ellipse((x + w * 0.45, y - h * 0.5, x + w * 1.3, y + h * 1.6), fill=215)
    return from_mask(mask.filter(ImageFilter.GaussianBlur(size[0] / 110)))


def _on_the_glass(
    scene: Floats, rng: np.random.Generator, size: Size, view: View, sheet: Sheet, *, hard: bool
) -> Floats:
    """Dust, a few drops, and the blurred edge of a wiper that keeps clear of the VIN."""
    specks = soft_step(clouds(rng, size, (4, 4), 2), 1.75, 0.4)
    scene = mix(scene, (0.75, 0.74, 0.70), specks * np.float32(0.3 if hard else 0.15))
    haze = soft_step(clouds(rng, size, (size[0] / 3, size[1] / 2), 3), 0.2, 2.0)
    scene = mix(scene, (0.72, 0.74, 0.76), haze * np.float32(between(rng, 0.0, 0.12)))
    if chance(rng, 0.45):
        middle, angle = line_of(view, sheet)
        glyph = sheet.glyph * scale_of(view, sheet)
        along = np.abs(
            distance_along(size, angle + math.pi / 2 + between(rng, -0.05, 0.05), middle)
            - pick(rng, (-1, 1)) * (between(rng, 2.6, 4.5) * glyph + 0.06 * size[1])
        )
        wide = max(8.0, 0.022 * size[1])
        rubber = 1 - soft_step(along, wide, wide * 0.5)
        shine = np.exp(-(((along - wide * 0.4) / (wide * 0.25)) ** 2)).astype(np.float32)
        tone = tint(np.asarray(0.03 + 0.12 * shine, np.float32), (1.0, 1.0, 1.0))
        scene = mix(scene, tone, rubber)
    return scene
