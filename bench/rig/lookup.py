"""VinOCR with its reader replaced by a lookup: signatures, rate, faults, wire and bill stay real.

``python -m bench.rig.lookup``: for load alone. The reader's own processes would need 300 ms of
CPU for every photo, which no burst on one machine could pay. Known photos (`bench.rig.photos`)
are answered after a delay as spread as the real service's: log-normal, median 0.5 s, 95 of 100
under 1.1 s. Nothing in the product leads here.

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


class LookupPool:
    """Stands in for `vinocr.serve.reader_pool.ReaderPool`; takes what it takes, and ignores what starts processes."""

    def __init__(self, **_: Any) -> None:
        self.ready = 1
        self.busy = self.waiting = self.restarts = 0
        self._dice = random.Random(int(os.environ.get("BENCH_SEED", "0")))
        self._speed = float(os.environ.get("BENCH_SPEED", "1"))
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
        vin = vin_of(number)
        spent = (time.monotonic() - came) * 1000
        return Answer(vin, vin, 0.99, (0.99,) * 17, None, (), None, False, 1, spent)


if __name__ == "__main__":
    setattr(http_server, "ReaderPool", LookupPool)  # noqa: B010  # what `assemble` makes its readers from
    sys.exit(main())
