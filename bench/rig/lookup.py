"""VinOCR with its reader replaced by a lookup: signatures, rate, faults, wire and bill stay real.

``python -m bench.rig.lookup``: for load alone. The reader's own processes would need 300 ms of
CPU for every photo, which no burst on one machine could pay. Known photos (`bench.rig.photos`)
are answered after a delay as spread as the real service's: log-normal, median 0.5 s, 95 of 100
under 1.1 s. Nothing in the product leads here.

With BENCH_UNSURE=1 it is the first of two recognizers: half of what it says is sure.

Each reading is noted in the file that BENCH_READINGS names: seconds on the monotonic clock, number.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import sys
import time
from pathlib import Path
from typing import Any, Final

from bench.rig.photos import number_of, vin_of
from vinocr.__main__ import main
from vinocr.reader import Answer
from vinocr.serve import http_server
from vinocr.serve.reader_pool import image_error

MEDIAN: Final = 0.5
SIGMA: Final = 0.48
LONGEST: Final = 2.5


def delay(dice: random.Random) -> float:
    """Return the seconds that one reading takes."""
    return min(MEDIAN * math.exp(dice.gauss(0.0, SIGMA)), LONGEST)


def _told(number: int, unsure: bool) -> tuple[str | None, float]:
    """Return what is answered for a photo: its VIN, mostly, and how sure it is of it.

    :param unsure: of eight photos two are read right and unsurely, one wrong and unsurely, one not.
    """
    vin, kind = vin_of(number), number % 8 if unsure else 0
    if kind in {1, 5}:
        return vin, 0.9
    if kind == 3:
        return vin_of(number + 1), 0.9
    return (None, 0.0) if kind == 7 else (vin, 0.99)


class LookupPool:
    """Stands in for `vinocr.serve.reader_pool.ReaderPool`; takes what it takes, and ignores what starts processes."""

    def __init__(self, **_: Any) -> None:
        self.ready = 1
        self.busy = self.waiting = self.restarts = 0
        self._dice = random.Random(int(os.environ.get("BENCH_SEED", "0")))
        self._speed = float(os.environ.get("BENCH_SPEED", "1"))
        self._unsure = os.environ.get("BENCH_UNSURE") == "1"
        self._notes = Path(os.environ["BENCH_READINGS"]).open("a", buffering=1)  # noqa: SIM115

    def start(self) -> None:
        """Nothing to start."""

    async def close(self) -> None:
        """Close the notes."""
        self._notes.close()

    def refuse_if_busy(self, _: str = "") -> None:
        """Never: it reads as many at once as are asked for."""

    async def read(self, image: bytes, *_: object) -> Answer:
        """Answer the VIN that the photo is known for."""
        number, came = number_of(image), time.monotonic()
        if number is None:
            raise image_error("undecodable", 0)
        self.busy += 1
        try:
            await asyncio.sleep(delay(self._dice) / self._speed)
        finally:
            self.busy -= 1
        self._notes.write(f"{came:.6f} {number}\n")
        vin, confidence = _told(number, self._unsure)
        spent = (time.monotonic() - came) * 1000
        if vin is None:
            return Answer(None, "", 0.0, (), None, (), "no_vin", False, 1, spent)
        return Answer(vin, vin, confidence, (confidence,) * 17, None, (), None, False, 1, spent)


if __name__ == "__main__":
    setattr(http_server, "ReaderPool", LookupPool)  # noqa: B010  # what `assemble` makes its readers from
    sys.exit(main())
