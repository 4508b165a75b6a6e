"""A line of the picture → what a recogniser sees in it, in one augmentation."""

from __future__ import annotations

from PIL import Image

from vinocr.reader.augmentation import Augmentation
from vinocr.reader.crop import cut, strip
from vinocr.reader.decode import Picture
from vinocr.reader.lines import Line
from vinocr.reader.recognize import Frames, Recognizer, end_to_end


def pieces(picture: Picture, line: Line, tall: float) -> list[Image.Image]:
    """Return a line's boxes as cut from the picture: one, or those of two lines."""
    boxes = line.boxes if line.stacked else (line.box,)
    pieces = [cut(picture.image, box, grow=(line.ends, tall)) for box in boxes]
    if line.mirrored:
        pieces = [piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for piece in pieces]
    return pieces


def frames(
    recognizer: Recognizer, line: Line, cut_out: list[Image.Image], augmentation: Augmentation
) -> Frames:
    """Return what a recogniser sees in the pieces of a line."""
    strips = [augmentation.lit(strip(piece, augmentation.stretch)) for piece in cut_out]
    read = [recognizer.read(one, large=line.large) for one in strips]
    return read[0] if len(read) == 1 else end_to_end(read)
