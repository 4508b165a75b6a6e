"""A photo with what was read in it: the VIN's place, and each character with how sure it is."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from vindrop.core import pixels
from vindrop.core.recognizer import Answer
from vindrop.domain import image_metadata
from vindrop.domain.recognition import Box
from vindrop_local.commands.options import a_folder
from vindrop_local.errors import UserError

LONGEST_SIDE: Final = 1_600
"""Pixels of the photo as it is shown: larger ones are scaled down."""
WIDTH: Final = 850
"""Pixels that 17 cells need; smaller photos are put on a wider sheet."""
_CELL: Final = 64
"""Height of the cells below the photo, in pixels."""
_STRIP: Final = 120
"""Most height of the enlarged strip, in pixels."""
_MARGIN: Final = 0.25
"""Of the strip's height, kept around it above and below."""
_SURE: Final = ((0.98, (0, 130, 60)), (0.9, (190, 120, 0)), (0.0, (200, 0, 0)))
"""Confidence from which a character has a colour; these differ in brightness, too."""
_UNKNOWN: Final = (70, 70, 70)
Colour = tuple[int, int, int]


class Pictures:
    """Where annotated photos are written: one file, or a folder of them.

    :raises UserError: OUT cannot be written, or is one of the photos.
    """

    def __init__(self, out: Path, photos: Sequence[Path]) -> None:
        is_file = len(photos) == 1 and out.suffix.lower() in {".jpg", ".jpeg"}
        self._file = out if is_file and not out.is_dir() else None
        self._folder = out.parent if self._file else out
        self._originals = {photo.resolve() for photo in photos}
        self._written: set[Path] = set()
        a_folder(self._folder, "--annotate")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"--annotate {out}: {error.strerror}") from None

    def write(self, photo: Path, sent: bytes, answer: Answer | None, said: str) -> Path | None:
        """Write one; return where, or None: what was sent is no picture."""
        try:
            data = annotated(sent, answer, said)
        except Exception:  # noqa: BLE001 - of a damaged file its decoder raises what it likes
            return None
        target = self._file or self._name(photo)
        if target.resolve() in self._originals:
            raise UserError(f"--annotate would overwrite {target}: name another place")
        try:
            target.write_bytes(data)
        except OSError as error:
            raise UserError(f"--annotate {target}: {error.strerror}") from None
        self._written.add(target)
        return target

    def _name(self, photo: Path) -> Path:
        """Return a name of its own for each: folders may hold photos of the same one."""
        stem = photo.stem if photo.suffix.lower() in {".jpg", ".jpeg"} else photo.name
        target, number = self._folder / f"{stem}.jpg", 2
        while target in self._written:
            target, number = self._folder / f"{stem}-{number}.jpg", number + 1
        return target


def annotated(photo: bytes, answer: Answer | None, said: str) -> bytes:
    """Return a JPEG: the photo upright with the places drawn in, below it the strip and the characters.

    :param photo: as VinOCR got it.
    :param answer: what was read; None: nothing was.
    :param said: a line for a person, in ASCII; other characters are replaced.
    :raises OSError: the photo cannot be decoded. Damaged files of other formats raise what Pillow does.
    """
    image = _decoded(photo)
    sheet = Image.new("RGB", (max(image.width, WIDTH), image.height), "white")
    sheet.paste(image, (0, 0))
    draw = ImageDraw.Draw(sheet)
    parts = [sheet]
    if answer is not None:
        line = max(2, image.width // 400)
        for corners, confidence in zip(answer.places or (), _confidences(answer), strict=False):
            _outline(draw, corners, image, _colour(confidence), 1)
        if answer.vin_box is not None:
            _outline(draw, answer.vin_box, image, (0, 90, 220), line)
            parts.append(_strip(image, answer.vin_box, sheet.width))
        parts.append(_cells(answer, sheet.width))
    parts.append(_caption(said, sheet.width))
    return _stacked(parts)


def _decoded(photo: bytes) -> Image.Image:
    bare = image_metadata.bare(photo)
    side = LONGEST_SIDE * 2  # twice as many pixels as are shown, where the decoder has the choice

    def prepare(opened: Image.Image) -> None:
        opened.draft("RGB", (side, side))

    image = pixels.turned(pixels.rgb(pixels.decode(bare.data, prepare)), bare.orientation)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    larger = min(WIDTH // image.width, LONGEST_SIDE // image.height)
    if larger > 1:
        image = image.resize((image.width * larger, image.height * larger))
    return image


def _confidences(answer: Answer) -> list[float | None]:
    if answer.characters is None:
        return [None] * len(answer.vin)
    return [each.confidence for each in answer.characters]


def _colour(confidence: float | None) -> Colour:
    if confidence is None:
        return _UNKNOWN
    return next(colour for least, colour in _SURE if confidence >= least)


def _points(corners: Box, image: Image.Image) -> list[tuple[float, float]]:
    return [(x * (image.width - 1), y * (image.height - 1)) for x, y in corners]


def _outline(
    draw: ImageDraw.ImageDraw, corners: Box, image: Image.Image, colour: Colour, width: int
) -> None:
    points = _points(corners, image)
    draw.line([*points, points[0]], colour, width, joint="curve")


def _strip(image: Image.Image, corners: Box, width: int) -> Image.Image:
    """Return the VIN enlarged and level."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = _points(corners, image)
    across = max(1.0, ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5)
    down = max(1.0, ((dx - ax) ** 2 + (dy - ay) ** 2) ** 0.5)
    mx, my = (dx - ax) * _MARGIN, (dy - ay) * _MARGIN
    height = min(_STRIP, max(24, round(width * down * (1 + 2 * _MARGIN) / across)))
    quad = (ax - mx, ay - my, dx + mx, dy + my, cx + mx, cy + my, bx - mx, by - my)
    return image.transform(
        (width, height), Image.Transform.QUAD, quad, Image.Resampling.BICUBIC, fillcolor="white"
    )


def _cells(answer: Answer, width: int) -> Image.Image:
    """Return a row with each character, and below it how sure it is in percent."""
    row = Image.new("RGB", (width, _CELL), "white")
    draw = ImageDraw.Draw(row)
    large, small = ImageFont.load_default(34), ImageFont.load_default(14)
    step = width / max(1, len(answer.vin))
    for n, (character, confidence) in enumerate(
        zip(answer.vin, _confidences(answer), strict=False)
    ):
        colour, middle = _colour(confidence), (n + 0.5) * step
        draw.text((middle, 22), _plain(character), colour, large, anchor="mm")
        if confidence is not None:
            # Rounded down: 99.9 % is not sure.
            draw.text((middle, 52), f"{int(confidence * 100)} %", colour, small, anchor="mm")
    return row


def _caption(said: str, width: int) -> Image.Image:
    row = Image.new("RGB", (width, 30), (240, 240, 240))
    font = ImageFont.load_default(16)
    ImageDraw.Draw(row).text((8, 15), _plain(said), (20, 20, 20), font, anchor="lm")
    return row


def _plain(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def _stacked(parts: Sequence[Image.Image]) -> bytes:
    whole = Image.new("RGB", (parts[0].width, sum(part.height for part in parts)), "white")
    top = 0
    for part in parts:
        whole.paste(part, (0, top))
        top += part.height
    out = io.BytesIO()
    whole.save(out, "JPEG", quality=90)
    return out.getvalue()
