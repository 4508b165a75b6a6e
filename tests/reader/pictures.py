"""Pictures drawn for a test: a VIN on a plate, in whatever file format is asked for."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

VIN = "WDD2131426L004847"


def plate(text: str = VIN, *, size: tuple[int, int] = (800, 600), letters: int = 44) -> Image.Image:
    image = Image.new("RGB", size, (96, 104, 110))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(letters)
    lines = text.split("\n")
    middle = size[1] / 2 - letters * (len(lines) - 1) / 2
    wide = max(draw.textlength(line, font) for line in lines)
    draw.rectangle(
        (size[0] / 2 - wide / 2 - 40, middle - letters,
         size[0] / 2 + wide / 2 + 40, middle + letters * len(lines) * 1.3),
        fill=(230, 230, 225),
    )  # fmt: skip
    for i, line in enumerate(lines):
        at = (size[0] / 2, middle + i * letters * 1.25)
        draw.text(at, line, (25, 25, 30), font, anchor="mm")
    return image


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
