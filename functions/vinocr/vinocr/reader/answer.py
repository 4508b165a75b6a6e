"""What the passes over a photo end in: an answer, or an image that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ImageCode = Literal["empty", "undecodable", "unsupported_format", "too_many_pixels"]
NoReason = Literal["no_text", "no_vin", "cut_off", "blurred"]
Point = tuple[float, float]


class ImageError(ValueError):
    """The bytes are no image that can be read. ``str()`` says in one sentence what to do."""

    code: ImageCode
    limit: int | None
    """Where there are too many pixels: how many may be there."""

    def __init__(self, code: ImageCode, message: str, limit: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Alternative:
    """A VIN that the picture could also hold."""

    vin: str
    confidence: float
    """Posterior probability, 0 to 1; those of one answer sum to at most 1."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was read in one photo."""

    vin: str | None
    """17 characters, or None when none is sure enough (`Answer.reason` says why)."""
    as_read: str
    """The best line as the recogniser saw it, before any knowledge of what a VIN is."""
    confidence: float
    """Posterior probability, 0 to 1, of the best VIN, whether or not it was sure enough."""
    characters: tuple[float, ...]
    """Posterior of each of the 17 characters, or empty when there is no candidate."""
    quadrilateral: tuple[Point, ...] | None
    """Four corners, clockwise from the text's top left, in pixels of the upright photo."""
    alternatives: tuple[Alternative, ...]
    """Runners-up, likeliest first; when `vin` is None, led by the best candidate."""
    reason: NoReason | None
    """Why `vin` is None."""
    barcode: bool
    """A barcode in the photo says the same."""
    looks: int
    """How many passes it took."""
    milliseconds: float
    """Wall time of the whole reading."""
    others: tuple[tuple[tuple[str, float], ...], ...] = ()
    """For each of the 17 characters, what else may stand there and how likely, likeliest first."""
    places: tuple[tuple[Point, ...], ...] = ()
    """Four corners of each of the 17 characters, as of `quadrilateral`; empty where not known."""
    size: tuple[int, int] = (0, 0)
    """Width and height of the upright photo in pixels; 0: not told."""

    @property
    def polygon(self) -> tuple[Point, Point, Point, Point] | None:
        """The quadrilateral as shares of the photo's width and height, 0 to 1."""
        return self.as_shares(self.quadrilateral)

    def as_shares(
        self, corners: tuple[Point, ...] | None
    ) -> tuple[Point, Point, Point, Point] | None:
        """Return four corners in pixels as shares of the photo's width and height, 0 to 1."""
        if corners is None or len(corners) != 4 or not min(self.size):
            return None
        width, height = self.size
        a, b, c, d = (
            (min(max(x / width, 0.0), 1.0), min(max(y / height, 0.0), 1.0)) for x, y in corners
        )
        return a, b, c, d
