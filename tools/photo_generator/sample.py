"""One generated photo, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

READING: Final = "reading"
"""`Sample.expect` of a photo that has to end as a reading."""

MISTYPED: Final = "doubtful:the label is mistyped: its check digit is wrong"
"""`Sample.expect` of a photo whose reading a person has to look at, though it is what is printed."""

NO_VIN: Final = "dead_letter:no VIN in the picture"
"""`Sample.expect` of a photo in which a person would find no whole VIN either."""


@dataclass(frozen=True)
class Sample:
    """A file as somebody's phone would have uploaded it."""

    name: str
    """File name; says the kind and a number, never the VIN."""
    kind: str
    """One of `KINDS`, or what sort of negative or bad file it is."""
    vin: str | None
    """The truth; None where no whole VIN is in the picture."""
    data: bytes
    """The file's content."""
    expect: str = READING
    """``reading``; ``doubtful:`` or ``dead_letter:`` and why, in words."""
