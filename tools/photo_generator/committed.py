"""The set in ``events/photos``: every kind, every turn, chosen by eye to be legible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from photo_generator.broken import bad
from photo_generator.catalogue import photograph
from photo_generator.dice import dice
from photo_generator.diced import diced_vin
from photo_generator.sample import MISTYPED, Sample
from vindrop.domain import vin as rules

SEED: Final = 7
"""Of everything in ``events/photos``, and of the demo's oversize photo."""


@dataclass(frozen=True)
class Shot:
    """One photo of the set."""

    kind: str
    draw: int
    """Number of the draw: another one is another photo."""
    long_side: int
    turn: int = 0
    by_exif: bool = False
    hard: bool = False


SHOTS: Final = (
    Shot("windscreen", 1, 1280),
    Shot("windscreen", 2, 1440),
    Shot("windscreen", 3, 1100, turn=90),
    Shot("windscreen", 4, 1280, turn=180, by_exif=True),
    Shot("windscreen", 5, 1280, hard=True),
    Shot("windscreen", 6, 1600, turn=270, hard=True),
    Shot("label", 1, 1100),
    Shot("label", 2, 1280),
    Shot("label", 3, 1280, turn=90, by_exif=True),
    Shot("label", 4, 1280, turn=270),
    Shot("label", 5, 1440, hard=True),
    Shot("label", 6, 1280, turn=180),
    Shot("stamped", 1, 1280),
    Shot("stamped", 2, 1280),
    Shot("stamped", 3, 1440, turn=90),
    Shot("stamped", 4, 1100, turn=270, by_exif=True),
    Shot("stamped", 5, 1280, hard=True),
    Shot("stamped", 6, 1280, turn=180, hard=True),
    Shot("peened", 7, 1280),
    Shot("peened", 2, 1100),
    Shot("peened", 8, 1280, turn=270),
    Shot("peened", 4, 1440, turn=90, by_exif=True),
    Shot("peened", 5, 1280, hard=True),
    Shot("plate", 1, 1280),
    Shot("plate", 2, 1100),
    Shot("plate", 3, 1280, turn=180),
    Shot("plate", 4, 1440, turn=90),
    Shot("plate", 5, 2000, hard=True),
)


_SERIAL: Final = 11
"""Index of the serial number's first character."""

MISTYPED_SHOT: Final = Shot("label", 17, 1100)
"""Of a label whose VIN somebody has mistyped, so that its reading is doubtful, though it is exact."""


def committed() -> Iterator[Sample]:
    """Yield what ``events/photos`` holds: the good photos, the mistyped one, then the bad files."""
    numbers: dict[str, int] = {}
    for shot in SHOTS:
        numbers[shot.kind] = numbers.get(shot.kind, 0) + 1
        yield take(shot, f"{shot.kind}-{numbers[shot.kind]:02d}.jpg")
    yield take_mistyped()
    yield from bad(SEED, with_oversize=False)


def take(shot: Shot, name: str) -> Sample:
    """Return one photo of the set."""
    rng = dice(SEED, "committed", shot.kind, shot.draw)
    vin = diced_vin(rng)
    return Sample(name, shot.kind, vin, _taken(rng, shot, vin))


def take_mistyped() -> Sample:
    """Return the photo of the mistyped label; its truth is what is printed, as a person reads it."""
    shot = MISTYPED_SHOT
    rng = dice(SEED, "committed", shot.kind, shot.draw)
    vin = mistyped(diced_vin(rng))
    return Sample("label-mistyped.jpg", shot.kind, vin, _taken(rng, shot, vin), MISTYPED)


def mistyped(vin: str) -> str:
    """Return a VIN with two neighbours of its serial number swapped: the slip of who types it.

    :raises ValueError: no swap makes the check digit wrong, or none is required.
    """
    for at in range(_SERIAL + 1, rules.LENGTH - 1):
        slip = vin[:at] + vin[at + 1] + vin[at] + vin[at + 2 :]
        if rules.check_digit_required(slip) and not rules.check_digit_holds(slip):
            return slip
    raise ValueError(f"swapped neighbours do not make {vin} doubtful: draw another one")


def _taken(rng: np.random.Generator, shot: Shot, vin: str) -> bytes:
    return photograph(
        rng,
        shot.kind,
        vin,
        hard=shot.hard,
        turn=shot.turn,
        by_exif=shot.by_exif,
        long_side=shot.long_side,
    )
