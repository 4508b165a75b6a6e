"""Files that must become dead letters, or be mended on the way to VinOCR."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image

from photo_generator.camera import jpeg
from photo_generator.catalogue import shoot
from photo_generator.dice import dice
from photo_generator.diced import diced_vin
from photo_generator.faces import PRINTED
from photo_generator.grounds import door_frame
from photo_generator.negatives import negative
from photo_generator.sample import Sample
from photo_generator.sheet import Finish, Sheet, aim_at, fitting_height, lay
from photo_generator.textures import Size
from photo_generator.view import Pose

OVERSIZE_LIMIT: Final = 7 * 1024 * 1024
"""What `oversize` exceeds after Base64, in bytes: the API's limit in its larger reading."""

_OVERSIZE_FRAME: Final[Size] = (4000, 3000)
_SMALL_SIDE: Final = 1100


def bad(seed: int, *, with_oversize: bool = True) -> Iterator[Sample]:
    """Yield one of each bad file; `Sample.expect` says how it has to end.

    :param with_oversize: also the one of more than 5.25 MB, which is never committed.
    :raises RuntimeError: pillow-heif is missing, so that no HEIC can be written.
    """
    yield Sample("empty.jpg", "empty", None, b"", "dead_letter:the file is empty")
    yield _gif(seed)
    yield Sample(
        "notes.jpg",
        "text",
        None,
        b"Called the garage at ten. They will send the photo of the VIN tomorrow.\n" * 4,
        "dead_letter:not an image",
    )
    yield _truncated(seed)
    for index, kind in enumerate(("shop-front", "instruments")):
        sample = negative(seed, 900 + index, kind)
        yield Sample(f"no-vin-{kind}.jpg", kind, None, sample.data, sample.expect)
    yield _converted(seed, "WEBP", "stamped")
    yield _converted(seed, "HEIF", "label")
    if with_oversize:
        yield oversize(seed)


def oversize(seed: int) -> Sample:
    """Return a 12-megapixel JPEG that Base64 carries over the 7 MB limit.

    Noise at pixel level makes it large, as a phone's night shots are; the VIN stands on a plain
    label and is legible at a quarter of the size, so that it has to be shrunk and read. Made
    from the seed whenever it is wanted, with no font but Pillow's own.
    """
    rng = dice(seed, "oversize")
    vin = diced_vin(rng)
    # Drawn at half the size: no lens resolves the single pixel.
    drawn = (_OVERSIZE_FRAME[0] // 2, _OVERSIZE_FRAME[1] // 2)
    face = PRINTED[1]
    width = drawn[0] * 0.62
    cap = fitting_height(vin, face, width)
    sheet = Sheet.blank((round(width + 3 * cap), round(cap * 6)), (228, 229, 226), cap * 0.4)
    ink = (18, 18, 20)
    sheet.write((cap * 1.5, cap), "VEHICLE IDENTIFICATION NUMBER", PRINTED[0], cap * 0.5, ink)
    sheet.vin(sheet.write((cap * 1.5, cap * 2.2), vin, face, cap, ink), cap)
    sheet.write((cap * 1.5, cap * 4.2), "MADE UNDER LICENCE", PRINTED[0], cap * 0.5, ink)
    view = aim_at(sheet, drawn, Pose(0.62, yaw=9, pitch=-7, roll=2.5))
    scene = lay(door_frame(rng, drawn), sheet, view, Finish(0.05, 2.0, 0.1), rng, 1.0)
    small = Image.fromarray(np.asarray(np.clip(scene, 0, 1) * 255, np.uint8))
    large = small.resize(_OVERSIZE_FRAME, Image.Resampling.BICUBIC)
    shape = (_OVERSIZE_FRAME[1], _OVERSIZE_FRAME[0], 1)
    noise = rng.integers(-22, 23, shape, np.int16)
    values = np.clip(np.asarray(large, np.int16) + noise, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "JPEG", quality=94, subsampling=2)
    return Sample("oversize.jpg", "oversize", vin, buffer.getvalue())


def _gif(seed: int) -> Sample:
    rng = dice(seed, "gif")
    picture, _ = shoot(rng, "plate", diced_vin(rng), hard=False, long_side=640)
    buffer = io.BytesIO()
    picture.quantize(64).save(buffer, "GIF")
    return Sample(
        "animation.gif", "gif", None, buffer.getvalue(), "dead_letter:a GIF, which VinOCR refuses"
    )


def _truncated(seed: int) -> Sample:
    """The upload broke off: what is left of the file ends above the VIN."""
    rng = dice(seed, "truncated")
    picture, _ = shoot(rng, "label", diced_vin(rng), hard=False, long_side=_SMALL_SIDE)
    whole = jpeg(picture, 75)
    return Sample(
        "truncated.jpg",
        "truncated",
        None,
        whole[: len(whole) // 6],
        "dead_letter:the JPEG is broken off and cannot be decoded",
    )


def _converted(seed: int, format_: str, kind: str) -> Sample:
    """A good photo in a format that the API does not take."""
    rng = dice(seed, format_)
    vin = diced_vin(rng)
    picture, _ = shoot(rng, kind, vin, hard=False, long_side=_SMALL_SIDE)
    if format_ == "HEIF":
        try:
            from pillow_heif import register_heif_opener
        except ImportError as error:
            raise RuntimeError("pillow-heif is missing; run `make setup` to install it") from error
        register_heif_opener()
    buffer = io.BytesIO()
    picture.save(buffer, format_, quality=70)
    name = "stamped.webp" if format_ == "WEBP" else "label.heic"
    return Sample(name, name.split(".")[1], vin, buffer.getvalue())
