"""Type faces, and lines of text in them as masks.

Outline faces come from the wheels of Pillow (Aileron), font-source-sans-pro and
font-hanken-grotesk (both SIL OFL 1.1); stroke faces from hershey-fonts, whose vectors are what
an engraving or stamping tool follows. Nothing is looked for on the machine itself, where a
newcomer may have no font at all.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from importlib import resources
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from photo_generator.dots import PITCH, ROWS, matrix_points

AILERON: Final = "aileron"
_OVERSIZE: Final = 2  # masks are drawn at twice their size and reduced


@dataclass(frozen=True)
class Face:
    """How letters are drawn. Lengths in cap heights."""

    source: str
    """``aileron``, ``<package>:<style>`` of a font wheel (its file, or that without ``.otf``), ``stroke:<Hershey font>``,
    ``dots`` (5 by 7), ``dots:slashed`` (its zero struck through), ``dots:traced`` (along strokes)."""
    weight: float = 0.0
    """Added stroke (outline faces) or width of the pen (stroke faces, dots)."""
    width: float = 1.0
    """1 as drawn; below 1 condensed."""
    slant: float = 0.0
    """Shift to the right per height: 0.2 is an oblique."""
    tracking: float = 0.06
    """Added between letters."""
    mono: bool = False
    """Every letter in a cell of the same width, as stamping machines set them."""


PRINTED: Final = (
    Face(AILERON, 0.01),
    Face(AILERON, 0.05, tracking=0.1),
    Face(AILERON, 0.03, width=0.74, tracking=0.08),
    Face(AILERON, 0.02, mono=True, width=0.85),
    Face("font_source_sans_pro:SourceSansPro-Regular"),
    Face("font_source_sans_pro:SourceSansPro-Semibold", tracking=0.08),
    Face("font_source_sans_pro:SourceSansPro-Bold", width=0.8),
    Face("font_hanken_grotesk:HankenGrotesk-Regular"),
    Face("font_hanken_grotesk:HankenGrotesk-Bold", width=0.9),
    Face("font_hanken_grotesk:HankenGrotesk-Medium", width=0.72, tracking=0.1),
    Face("stroke:futural", 0.13, mono=True),
)
"""What labels and plates are printed in."""

STAMPED: Final = (
    Face("stroke:futural", 0.11, tracking=0.14, mono=True),
    Face("stroke:futural", 0.15, width=0.85, tracking=0.12, mono=True),
    Face("stroke:futural", 0.13, width=1.1, tracking=0.1),
    Face("stroke:rowmans", 0.12, tracking=0.16),
    Face("stroke:futuram", 0.07, width=0.9, tracking=0.12),
    Face("stroke:rowmand", 0.08, width=0.85, slant=0.08, tracking=0.12),
    Face("stroke:timesr", 0.09, width=0.95, tracking=0.16),
    Face(AILERON, 0.0, width=0.85, tracking=0.2, mono=True),
)
"""What dies and engravers leave in metal."""

DOTTED: Final = (
    Face("dots", 0.13),
    Face("dots", 0.115, width=0.88),
    Face("dots:slashed", 0.12, slant=0.08),
    Face("dots:traced", 0.10, tracking=0.16),
    Face("dots:traced", 0.085, width=0.88, tracking=0.2),
    Face("dots:traced", 0.11, width=1.08, tracking=0.12),
)
"""Dot printers and dot-peening machines."""

SMALL_PRINT: Final = Face(AILERON, 0.01)


def line(text: str, face: Face, height: float) -> Image.Image:
    """Return ``text`` as a mask of mode L (255 is ink), tight around it.

    :param height: of a capital letter, in pixels.
    """
    scale = max(4.0, height * _OVERSIZE)
    if face.source.startswith("dots"):
        mask = _dot_line(text, face, scale)
    else:
        letters = [_letter(c, face, scale) for c in text]
        mask = _join(letters, face, scale)
    width = mask.width * face.width
    if face.slant:
        lean = face.slant * mask.height
        mask = mask.transform(
            (math.ceil(mask.width + lean), mask.height),
            Image.Transform.AFFINE,
            (1, face.slant, -lean, 0, 1, 0),
            Image.Resampling.BICUBIC,
        )
        width += lean * face.width
    return mask.resize(
        (max(1, round(width / _OVERSIZE)), max(1, round(mask.height / _OVERSIZE))),
        Image.Resampling.BOX,
    )


def _join(letters: list[tuple[Image.Image, float]], face: Face, scale: float) -> Image.Image:
    """Set (mask, advance) pairs side by side; masks carry a border of a quarter height."""
    border = scale / 4
    cell = max((advance for _, advance in letters), default=0.0) if face.mono else 0.0
    steps = [max(advance, cell) + face.tracking * scale for _, advance in letters]
    width = math.ceil(sum(steps) + 2 * border)
    height = max((mask.height for mask, _ in letters), default=round(scale))
    out = Image.new("L", (max(1, width), height), 0)
    x = border
    for (mask, advance), step in zip(letters, steps, strict=True):
        left = round(x + (step - advance) / 2 - border)
        spot = out.crop((left, 0, left + mask.width, mask.height))
        out.paste(Image.fromarray(np.maximum(np.asarray(spot), np.asarray(mask))), (left, 0))
        x += step
    return out


def _letter(character: str, face: Face, scale: float) -> tuple[Image.Image, float]:
    if face.source.startswith("stroke:"):
        return _stroke_letter(character, face, scale)
    size, rise = _sized(face.source, round(scale))
    font = _font(face.source, size)
    advance = font.getlength(character)
    border = round(scale / 4)
    mask = Image.new("L", (math.ceil(advance) + 2 * border, math.ceil(scale * 1.5)), 0)
    ImageDraw.Draw(mask).text(
        (border, border + rise),
        character,
        fill=255,
        font=font,
        anchor="ls",
        stroke_width=face.weight * scale / 2,
    )
    return mask, advance


@functools.lru_cache(maxsize=512)
def _sized(source: str, cap: int) -> tuple[float, float]:
    """Font size (points) whose capitals are ``cap`` pixels high, and that height again."""
    box = _font(source, 200.0).getbbox("H", anchor="ls")
    return cap * 200.0 / float(-box[1]), float(cap)


@functools.lru_cache(maxsize=256)
def _font(source: str, size: float) -> ImageFont.FreeTypeFont:
    if source == AILERON:
        font = ImageFont.load_default(size)
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise RuntimeError("this Pillow has no FreeType; install Pillow from its wheel")
        return font
    package, style = source.split(":")
    try:
        # The file by its path: these wheels' own tables came and went between versions.
        name = style if "." in style else f"{style}.otf"
        font_file = resources.files(package) / "files" / name
        return ImageFont.truetype(str(font_file), size)
    except (ImportError, OSError) as error:
        raise RuntimeError(
            f"the fonts of {package} are missing; run `make setup` for the development packages"
        ) from error


@functools.cache
def _hershey(name: str) -> object:
    try:
        from HersheyFonts import HersheyFonts
    except ImportError as error:
        raise RuntimeError(
            "hershey-fonts is missing; run `make setup` to install the development packages"
        ) from error
    fonts = HersheyFonts()
    fonts.load_default_font(name)
    fonts.normalize_rendering(100)
    return fonts


@functools.lru_cache(maxsize=4096)
def _strokes(name: str, character: str) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Pen strokes with capitals from y = 0 (baseline) to 1, starting at x = 0."""
    fonts = _hershey(name)
    low, high = _extent(name)
    raw = [list(s) for s in fonts.strokes_for_text(character)]  # type: ignore[attr-defined]
    unit = high - low
    left = min((x for s in raw for x, _ in s), default=0.0)
    return tuple(tuple(((x - left) / unit, (y - low) / unit) for x, y in s) for s in raw if s)


@functools.cache
def _extent(name: str) -> tuple[float, float]:
    fonts = _hershey(name)
    ys = [y for s in fonts.strokes_for_text("H") for _, y in s]  # type: ignore[attr-defined]
    return min(ys), max(ys)


def _stroke_letter(character: str, face: Face, scale: float) -> tuple[Image.Image, float]:
    strokes = _strokes(face.source.split(":")[1], character)
    pen = max(1.0, face.weight * scale)
    border = scale / 4
    reach = max((x for s in strokes for x, _ in s), default=0.25) * scale
    advance = reach + pen + 0.12 * scale
    mask = Image.new("L", (math.ceil(advance + 2 * border), math.ceil(scale * 1.5)), 0)
    draw = ImageDraw.Draw(mask)
    # Caps stay inside the cap height: the pen's middle runs half a pen inside.
    inner = scale - pen
    left = border + pen / 2 + 0.06 * scale
    for stroke in strokes:
        path = [(left + x * scale, border + pen / 2 + (1 - y) * inner) for x, y in stroke]
        draw.line(path, fill=255, width=max(1, round(pen)), joint="curve")
        for x, y in path:
            r = pen / 2 - 0.5
            draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
    return mask, advance


def _dot_line(text: str, face: Face, scale: float) -> Image.Image:
    step = scale / ROWS
    radius = face.weight * scale / 2
    border = scale / 4
    if face.source.endswith("traced"):
        centres, length = _traced(text, face, scale)
    else:
        grid = matrix_points(text, slashed_zero=face.source.endswith("slashed"))
        centres = [((x + 0.5) * step, (y + 0.5) * step) for x, y in grid]
        length = len(text) * PITCH * step
    mask = Image.new("L", (math.ceil(length + 2 * border), math.ceil(scale * 1.5)), 0)
    draw = ImageDraw.Draw(mask)
    for x, y in centres:
        cx, cy = border + x, border + y
        draw.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), fill=255)
    return mask


def _traced(text: str, face: Face, scale: float) -> tuple[list[tuple[float, float]], float]:
    """Dots pecked along the strokes of each letter, as vector marking machines do."""
    pitch = face.weight * scale * 1.4  # apart: dots, not a groove
    inner = scale * (1 - face.weight)
    centres: list[tuple[float, float]] = []
    x = scale * face.weight
    for character in text:
        strokes = _strokes("futural", character)
        for stroke in strokes:
            path = np.asarray(stroke) * inner
            steps = np.hypot(*np.diff(path, axis=0).T) if len(path) > 1 else np.zeros(0)
            along = np.concatenate(([0.0], np.cumsum(steps)))
            count = max(1, round(float(along[-1]) / pitch))
            for at in np.linspace(0, along[-1], count + 1):
                px, py = (float(np.interp(at, along, path[:, k])) for k in (0, 1))
                centres.append((x + px, scale * face.weight / 2 + inner - py))
        reach = max((px for s in strokes for px, _ in s), default=0.5)
        x += reach * inner + (face.weight + 0.1 + face.tracking) * scale
    return centres, x
