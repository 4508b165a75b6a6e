"""How far apart calls start, and what a refusal changes: the figures that every quota shares.

VinOCR's window may begin anywhere: eleven calls in any one second are one too many at 10 per
second. Calls spaced by exactly 1/rate put the eleventh on the window's very edge, and a network
that is a millisecond slower for the first of them than for the last makes it a refusal. So the
spacing is a little wider: `MARGIN` of a second is what a window bears of jitter, whatever the
rate. It was chosen with bench/burst.py; docs/promises.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MARGIN: Final = 0.03
"""Share of the rate that is left unused so that jitter causes no refusals."""
LATE: Final = MARGIN / 2
"""Seconds by which a booked slot may be missed; later, another is booked (see `Attempt`)."""
WIDEN: Final = 1.25
"""Factor on the spacing after a refusal that names no limit."""
NUDGE: Final = 1.01
"""The same where the limit named is the configured one: the rate is right, the network shook."""
WIDEST: Final = 8.0
"""The spacing never grows beyond this multiple of the configured one."""
NARROW: Final = 0.01
"""Share of the excess spacing that each slot takes back: a tenth is left after some 230 calls.
Where the provider's limit really is lower, this is how often it is tested."""
BACK_OFF: Final = 0.5
"""Seconds that all instances stay quiet after a refusal: half a window of one second."""
PAUSE: Final = 0.05
"""The same where only the network shook: the refused call has left its place in the window empty."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a refusal does to the spacing."""

    factor: float
    least: float
    """Seconds: the spacing is at least this afterwards."""
    quiet: float
    """Seconds without calls."""


def paced(rate: float) -> float:
    """Return the calls per second to start so that ``rate`` is kept in every window."""
    return rate / (1 + MARGIN)


def after_refusal(limit: float | None, spacing: float) -> Response:
    """Return what to do after a refusal.

    :param limit: calls per second that the provider named, if it did.
    :param spacing: seconds between two slots at the configured rate, `MARGIN` included.
    """
    if limit is None:
        return Response(WIDEN, 0.0, BACK_OFF)
    least = (1 + MARGIN) / limit
    if least <= spacing * (1 + MARGIN):
        return Response(NUDGE, 0.0, PAUSE)
    return Response(1.0, least, BACK_OFF)
