"""What recognizers and people said of a photo, as a reading keeps it.

Declared without ``from __future__ import annotations``, as `vindrop.domain.columns` explains.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Final

from vindrop.domain.columns import Limits, Shown

Share = Annotated[float, Limits(ge=0, le=1)]
Point = tuple[Share, Share]
"""x and y as shares of the photo's width and height, from its top left corner."""
Box = tuple[Point, Point, Point, Point]
"""A quadrilateral, clockwise from the top left as its text is read."""

TENCENT: Final = (".tencentcloudapi.com", ".tencentcloudapi.cn")
"""How the hosts of Tencent's own service end. Any other VinOCR may know our extensions."""


@dataclass(frozen=True, kw_only=True)
class Character:
    """One of the 17 characters, and how sure the recognizer is of it."""

    character: str
    confidence: Share
    """Estimated probability that it is right."""
    alternatives: tuple[tuple[str, Share], ...] = ()
    """What else may stand there, the likeliest first: (character, confidence)."""


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """Another whole VIN that the photo may show."""

    vin: str
    confidence: Share


@dataclass(frozen=True, kw_only=True)
class RecognizerCall:
    """What one recognizer was asked for an upload, and what came of it."""

    name: str
    """As ``VINDROP_RECOGNIZERS`` calls it; ``vinocr`` where there is only the one."""
    vin: str | None = None
    """Its answer, well formed; null where it gave none, or something that is not a VIN."""
    confidence: Share | None = None
    """Null where the recognizer does not say how sure it is."""
    request_id: str | None = None
    seconds: Annotated[float, Limits(ge=0)] = 0.0
    """From request to answer."""
    billed: Annotated[int, Limits(ge=0)] = 0
    """Calls to it for this upload that its provider bills."""
    maybe_billed: Annotated[int, Limits(ge=0)] = 0
    """Calls to it whose answer never came or made no sense: its provider may bill them too."""
    code: str | None = None
    """The error code with which it ended, where it gave no VIN."""
    candidates: tuple[Alternative, ...] = ()
    """VINs that it thought possible where it gave none, the likeliest first, as far as it tells them."""


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """Who gave the VIN of a reading whose verdict is ``reviewed``, and what the machine had said."""

    reviewer: Annotated[str, Shown("reviewed by")]
    """Name of the key with which the person signed in."""
    decided_at: dt.datetime
    sequence: Annotated[int, Limits(ge=1)]
    """Of the review in force."""
    machine_vin: Annotated[str | None, Shown("machine read")] = None
    """Null where the machine had read none: ``machine_code`` says why."""
    machine_verdict: str | None = None
    machine_code: str | None = None
    """Of the dead letter that the machine ended with."""
