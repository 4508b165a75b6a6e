"""What the pipeline asks of a recognizer: the part that reads the VIN on a photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vindrop.core.photo import Photo
from vindrop.domain.recognition import Alternative, Box, Character


@dataclass(frozen=True, slots=True)
class Answer:
    """What a recognizer said of a photo."""

    vin: str
    """Word for word; never empty."""
    request_id: str
    seconds: float
    """From request to answer."""
    vin_box: Box | None = None
    """Where the VIN stands in the photo, where the recognizer says it."""
    confidence: float | None = None
    """Estimated probability that the VIN is right, 0 to 1, where the recognizer says it."""
    characters: tuple[Character, ...] | None = None
    alternatives: tuple[Alternative, ...] | None = None
    places: tuple[Box, ...] | None = None
    """Where each of the 17 characters stands, where the recognizer says it."""


class Recognizer(Protocol):
    """Reads photos. It owns its credentials and connections; threads share it."""

    @property
    def endpoint(self) -> str:
        """Host and port that is called."""

    @property
    def bills(self) -> bool:
        """Whether somebody bills its answers."""

    def prepare(self) -> None:
        """Load what a call needs, so that a permit is not spent on it.

        :raises FailureError: there are no credentials.
        """

    def recognize(
        self, photo: Photo, *, trace_id: str | None = None, seconds: float | None = None
    ) -> Answer:
        """Make one call, and never a second one.

        :param trace_id: 32 hexadecimal digits, sent along so that the provider can find the call.
        :param seconds: that the call may take as a whole.
        :raises FailureError: every way in which it can fail.
        """
