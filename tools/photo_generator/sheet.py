"""Flat things with text on them (labels, plates), drawn head-on and then laid into a scene."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from photo_generator.faces import Face, line
from photo_generator.relief import slopes, soften, struck
from photo_generator.textures import Floats, Size, clouds, distance_along, mix, soft_step
from photo_generator.view import Box, Pose, View, aim

Colour = tuple[int, int, int]


@dataclass
class Sheet:
    """A plate or label in its own plane, in pixels."""

    colour: Image.Image
    """Mode RGB."""
    shape: Image.Image
    """Mode L: where the sheet is."""
    dents: Image.Image
    """Mode L: what is struck into it."""
    vin_box: Box | None = None
    glyph: float = 0.0
    """Cap height of the VIN."""
    pens: list[float] = field(default_factory=list)

    @classmethod
    def blank(cls, size: Size, colour: Colour, corner: float) -> Sheet:
        """An empty sheet of ``size`` with rounded corners."""
        shape = Image.new("L", size, 0)
        ImageDraw.Draw(shape).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), corner, fill=255)
        return cls(Image.new("RGB", size, colour), shape, Image.new("L", size, 0))

    def write(
        self, at: tuple[float, float], text: str, face: Face, height: float, ink: Colour
    ) -> Box:
        """Print ``text`` with its left top corner ``at``; return the box of its ink."""
        mask = line(text, face, height)
        left, top = round(at[0] - height / 4), round(at[1] - height / 4)
        self.colour.paste(Image.new("RGB", mask.size, ink), (left, top), mask)
        return (at[0], at[1], left + mask.width - height / 4, at[1] + height)

    def strike(self, at: tuple[float, float], text: str, face: Face, height: float) -> Box:
        """Stamp ``text`` into the sheet instead of printing it."""
        mask = line(text, face, height)
        left, top = round(at[0] - height / 4), round(at[1] - height / 4)
        self.dents.paste(mask, (left, top), mask)
        self.pens.append(max(1.5, face.weight * height))
        return (at[0], at[1], left + mask.width - height / 4, at[1] + height)

    def vin(self, box: Box, height: float) -> None:
        """Note where the VIN stands, for the camera."""
        self.vin_box, self.glyph = box, height

    def where(self) -> Box:
        """Return the box that `vin` noted; an error where nothing was."""
        if self.vin_box is None:
            raise RuntimeError("this sheet was drawn without noting where its VIN is")
        return self.vin_box

    def draw(self) -> ImageDraw.ImageDraw:
        """A pen for rules, bars and frames."""
        return ImageDraw.Draw(self.colour)


def fitting_height(text: str, face: Face, width: float) -> float:
    """Return the cap height at which ``text`` is ``width`` pixels wide."""
    return 40.0 * width / max(1.0, line(text, face, 40.0).width - 20.0)


def text_width(text: str, face: Face, height: float) -> float:
    """Return the width in pixels of ``text`` set at ``height``."""
    return line(text, face, height).width - height / 2


@dataclass(frozen=True)
class Finish:
    """How a sheet takes the light."""

    gloss: float
    """Strength of the sheen that runs over it, 0 to 0.5."""
    thickness: float
    """Height of its edge and depth of its shadow, pixels."""
    wear: float
    """0 new, 1 as old as can still be read."""
    depth: float = 0.6
    """How deep its stamped text is."""


def lay(
    ground: Floats, sheet: Sheet, view: View, finish: Finish, rng: np.random.Generator, light: float
) -> Floats:
    """Return the scene ``ground`` (frame-sized) with ``sheet`` lying on it, lit from ``light``."""
    size = view.size
    shape = view.place_grey(sheet.shape)
    colour = np.asarray(view.place(sheet.colour), np.float32) / np.float32(255)
    shade = 1 + 0.05 * clouds(rng, size, (size[0] / 2, size[1] / 2), 3)
    bare: Floats | None = None
    if sheet.dents.getbbox():
        scale = scale_of(view, sheet)
        pen = max(sheet.pens, default=2.0) * scale
        dents = view.place_grey(sheet.dents)
        lit_dents = struck(dents, pen, finish.depth, light, raised=False)
        shade = shade + lit_dents
        # The flank that faces the light glints, whatever the lacquer around it.
        inside = soften(dents, pen * 0.2)
        bare = np.maximum(lit_dents, 0) * np.float32(0.3) + inside * np.float32(0.06)
    edge = slopes(soften(shape, max(0.7, finish.thickness / 2)), light)
    shade = shade + np.float32(min(1.2, finish.thickness * 0.5)) * edge
    along = distance_along(size, light + 0.5)
    band = np.exp(-(((along - rng.uniform(-0.3, 0.3) * size[0]) / (0.22 * size[0])) ** 2))
    lit = colour * shade[:, :, None] + np.float32(finish.gloss) * (
        band * (1 + 0.3 * clouds(rng, size, (90, 60), 2))
    )[:, :, None].astype(np.float32)
    if bare is not None:
        lit = lit + bare[:, :, None]
    if finish.wear:
        dirt = soft_step(clouds(rng, size, (120, 80), 5), 0.9 - 0.5 * finish.wear, 0.8)
        lit = mix(lit, (0.23, 0.19, 0.14), dirt * np.float32(0.5 * finish.wear))
        rub = soft_step(clouds(rng, size, (7, 5), 3), 1.5 - 0.4 * finish.wear, 0.5)
        lit = mix(lit, (0.62, 0.6, 0.57), rub * np.float32(0.35 * finish.wear))
    fall = finish.thickness * 1.6
    shadow = np.roll(
        soften(shape, max(1.0, finish.thickness)),
        (round(-math.sin(light) * -fall), round(math.cos(light) * -fall)),
        (0, 1),
    )
    under = ground * (1 - 0.55 * shadow)[:, :, None]
    return mix(under, np.asarray(lit, np.float32), shape)


def scale_of(view: View, sheet: Sheet) -> float:
    """Frame pixels per sheet pixel, at the VIN."""
    left, top, right, bottom = sheet.where()
    p = view.project([(left, top), (right, top), (left, bottom)])
    down = float(np.hypot(*(p[2] - p[0]))) / max(1e-6, bottom - top)
    across = float(np.hypot(*(p[1] - p[0]))) / max(1e-6, right - left)
    return min(down, across)


def aim_at(sheet: Sheet, size: Size, pose: Pose) -> View:
    """Point the camera at the sheet's VIN."""
    return aim(size, sheet.where(), pose)


def line_of(view: View, sheet: Sheet) -> tuple[tuple[float, float], float]:
    """Return the middle of the VIN in the frame and the angle (radians) at which it runs."""
    (x0, y0), (x1, y1) = ends_of(view, sheet)
    return ((x0 + x1) / 2, (y0 + y1) / 2), math.atan2(y1 - y0, x1 - x0)


def ends_of(view: View, sheet: Sheet) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where in the frame the VIN begins and ends."""
    left, top, right, bottom = sheet.where()
    (x0, y0), (x1, y1) = view.project([(left, (top + bottom) / 2), (right, (top + bottom) / 2)])
    return (float(x0), float(y0)), (float(x1), float(y1))
