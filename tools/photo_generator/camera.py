"""What lens, sensor and software of a phone do to a scene, and the file it saves.

Scenes are float32 (height, width, 3), 0 to 1, as the eye would see them.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from photo_generator.dice import between, chance, pick
from photo_generator.textures import Floats, Size, blob, distance_along, grain, soft_step, stretch

TURNS = (0, 90, 180, 270)
_EXIF_ORIENTATION = 0x0112
# Degrees that a viewer turns clockwise → the tag that tells it to.
_ORIENTATION_OF_TURN = {90: 6, 180: 3, 270: 8}
_QUARTERS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True)
class Look:
    """One shot's imperfections."""

    exposure: float
    contrast: float
    white: tuple[float, float, float]
    vignette: float
    glare: float
    shadow: float
    focus: float
    """Gaussian blur, pixels."""
    shake: float
    """Motion blur, pixels."""
    noise: float
    """Standard deviation in mid grey, of 1."""
    sharpen: int
    """Per cent, as the phone's software does it."""
    quality: int


def draw_look(rng: np.random.Generator, glyph: float, *, hard: bool) -> Look:
    """Draw a shot. Blur is bound to ``glyph``, the letters' height in pixels: an eye must cope."""
    warmth = between(rng, -0.11, 0.11) if hard else between(rng, -0.07, 0.07)
    blurred = pick(rng, ("focus", "shake", "little", "little")) if hard else "little"
    return Look(
        exposure=between(rng, 0.72, 1.22) if hard else between(rng, 0.88, 1.12),
        contrast=between(rng, 0.82, 1.15) if hard else between(rng, 0.95, 1.15),
        white=(1 + warmth, 1 + between(rng, -0.02, 0.02), 1 - warmth),
        vignette=between(rng, 0.05, 0.4) if hard else between(rng, 0.05, 0.25),
        glare=between(rng, 0.1, 0.6) if chance(rng, 0.55 if hard else 0.3) else 0.0,
        shadow=between(rng, 0.2, 0.6) if chance(rng, 0.5 if hard else 0.3) else 0.0,
        focus=glyph * (between(rng, 0.04, 0.075) if blurred == "focus" else 0.012),
        shake=glyph * (between(rng, 0.08, 0.2) if blurred == "shake" else 0.0),
        noise=between(rng, 0.01, 0.05) if hard else between(rng, 0.006, 0.02),
        sharpen=int(rng.integers(0, 120)),
        quality=int(rng.integers(40, 86)) if hard else int(rng.integers(64, 86)),
    )


def expose(scene: Floats, rng: np.random.Generator, look: Look) -> Image.Image:
    """Return the picture that ``look`` makes of ``scene``, mode RGB."""
    size: Size = (scene.shape[1], scene.shape[0])
    # The phone's meter: it lifts a dark scene and holds a bright one down, not all the way.
    metered = min(2.3, max(0.75, (0.40 / max(0.02, float(scene.mean()))) ** 0.6))
    lit = scene * np.asarray(look.white, np.float32) * np.float32(look.exposure * metered)
    lit = np.asarray((lit - 0.45) * look.contrast + 0.45, np.float32)
    if look.shadow:
        # The photographer's own shadow, or the bonnet's: one soft edge across the frame.
        along = distance_along(size, between(rng, 0, 2 * math.pi))
        edge = soft_step(along, between(rng, -0.3, 0.3) * size[0], between(rng, 8, 0.2 * size[0]))
        lit *= (1 - look.shadow * edge)[:, :, None]
    if look.glare:
        centre = (between(rng, 0, 1) * size[0], between(rng, 0, 1) * size[1])
        radii = (between(rng, 0.08, 0.5) * size[0], between(rng, 0.05, 0.3) * size[1])
        spot = look.glare * blob(size, centre, radii)
        lit += (np.float32(1.05) - lit) * spot[:, :, None]  # screened: what lies below stays
    fall = blob(size, (size[0] / 2, size[1] / 2), (size[0] * 0.9, size[1] * 0.9))
    lit *= (1 - look.vignette * (1 - fall))[:, :, None]
    picture = _shoulder(lit)
    if look.focus > 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(look.focus))
    if look.shake > 1:
        picture = _shaken(picture, look.shake, between(rng, 0, math.pi))
    return _sensor(picture, rng, look)


def _shoulder(lit: Floats) -> Image.Image:
    """Roll bright parts off softly towards white, as a tone curve does, and go to 8 bits."""
    knee = np.float32(0.8)
    over = np.maximum(lit - knee, 0)
    rolled = np.minimum(lit, knee) + over / (1 + over / np.float32(0.2))
    return Image.fromarray(np.asarray(np.clip(rolled, 0, 1) * 255 + 0.5, np.uint8))


def _shaken(picture: Image.Image, length: float, angle: float) -> Image.Image:
    source = np.asarray(picture, np.float32)
    steps = max(3, min(9, round(length)))
    total = np.zeros_like(source)
    for t in np.linspace(-0.5, 0.5, steps):
        shift = (round(t * length * math.sin(angle)), round(t * length * math.cos(angle)))
        total += np.roll(source, shift, (0, 1))
    return Image.fromarray(np.asarray(total / steps + 0.5, np.uint8))


def _sensor(picture: Image.Image, rng: np.random.Generator, look: Look) -> Image.Image:
    """Shot noise, half of it left in clumps by the denoiser, then sharpening."""
    size = picture.size
    values = np.asarray(picture, np.float32)
    level = np.sqrt(values.mean(axis=2) / 255 + 0.05)
    luma = grain(rng, size) + grain(rng, size, 1.8)
    values += (luma * level * np.float32(255 * look.noise))[:, :, None]
    half = (max(2, size[0] // 3), max(2, size[1] // 3))
    colour = np.float32(255 * look.noise * 0.6)
    values[:, :, 0] += stretch(grain(rng, half), size) * colour
    values[:, :, 2] += stretch(grain(rng, half), size) * colour
    out = Image.fromarray(np.asarray(np.clip(values, 0, 255), np.uint8))
    if look.sharpen > 10:
        side = -look.sharpen / 800
        corner = side / 2
        middle = 1 - 4 * (side + corner)
        kernel = (corner, side, corner, side, middle, side, corner, side, corner)
        out = out.filter(ImageFilter.Kernel((3, 3), kernel, 1))
    return out


def turned(picture: Image.Image, degrees: int, *, by_exif: bool) -> tuple[Image.Image, int]:
    """Hold the phone turned: return the stored picture and its EXIF orientation (1 is none).

    :param degrees: clockwise, one of `TURNS`. By EXIF, a viewer sees the picture upright and
        only the stored pixels lie turned; otherwise it is turned for whoever looks at it.
    """
    if not degrees:
        return picture, 1
    if by_exif:
        return picture.transpose(_QUARTERS[degrees]), _ORIENTATION_OF_TURN[degrees]
    return picture.transpose(_QUARTERS[(360 - degrees) % 360]), 1


def jpeg(picture: Image.Image, quality: int, orientation: int = 1) -> bytes:
    """Return ``picture`` as a baseline JPEG, 4:2:0 as phones save it."""
    buffer = io.BytesIO()
    exif = Image.Exif()
    if orientation != 1:
        exif[_EXIF_ORIENTATION] = orientation
    picture.save(buffer, "JPEG", quality=quality, subsampling=2, optimize=True, exif=exif)
    return buffer.getvalue()
