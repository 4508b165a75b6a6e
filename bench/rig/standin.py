"""A VinOCR that stands in for another engine: the wire, the rate and the bill are real, its answers are not.

``python -m bench.rig.standin``: for bench/cascade.py alone. It does not read. It is told the truth of
each photo (by the sha256 of its bytes) and spoils it by an error model of six figures and a seed:

- ``none``: share of the photos with a VIN on which it finds none;
- ``wrong``: share on which it answers a VIN with one character taken for a look-alike
  (`vindrop.http.doubts.PAIRS`), the check digit left as it stands;
- ``false``: share of the photos without a VIN on which it answers one all the same;
- ``together``: how far its trouble is ours. For such a share of the photos its luck is the photo's
  rank by how sure *our* reader is of it, so that what is hard for us is hard for it; for the others
  it is drawn. With 0 its errors are independent of ours, which flatters every cascade; with 1 it
  fails where we fail, and no cascade helps;
- ``same``: share of its wrong answers that are ours: where our reader's best candidate is another VIN
  than the photo's, it answers that one, as two engines do that are fooled by the same scratch;
- ``mends``: share of its wrong answers in which the check digit was made to hold, as an engine does
  that corrects what it reads by the check digit.

Nothing is known of how the real service errs: the figures are assumptions, and the bench prints them.
`MODELS` are several of them, so that nothing is chosen to suit one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any, Final

from bench.rig.lookup import delay
from vindrop.domain.vin import ALPHABET, CHECK_POSITION, LENGTH, check_digit
from vindrop.http.doubts import PAIRS
from vinocr.__main__ import main
from vinocr.reader import Answer
from vinocr.serve import http_server
from vinocr.serve.reader_pool import image_error

FILE: Final = "BENCH_STANDIN"
"""Variable that names the JSON file of the photos and the figures."""
_USUAL: Final = {
    "none": 0.07, "wrong": 0.03, "false": 0.02, "together": 0.5, "same": 0.0, "mends": 0.0
}  # fmt: skip
MODELS: Final[dict[str, dict[str, float]]] = {
    "usual": _USUAL,
    "independent": {**_USUAL, "together": 0.0},
    "where ours fails": {**_USUAL, "together": 1.0},
    "as ours fails": {**_USUAL, "together": 1.0, "same": 1.0},
    "careless": {**_USUAL, "none": 0.03, "wrong": 0.1, "same": 0.2},
    "mending": {**_USUAL, "mends": 1.0},
    "excellent": {**_USUAL, "none": 0.02, "wrong": 0.01},
}
"""Error model → its figures."""


def spoilt(vin: str, dice: random.Random) -> str:
    """Return ``vin`` with one character taken for another that it looks like."""
    places = [
        (at, pair.replace(c, "")) for at, c in enumerate(vin) for pair in PAIRS if c in pair
    ] or [(16, "X")]
    at, other = dice.choice(places)
    return vin[:at] + (other if other in ALPHABET else "X") + vin[at + 1 :]


def answer(told: dict[str, Any], figures: dict[str, float], seed: int) -> str | None:
    """Return what is said of one photo: a VIN, or None.

    :param told: ``sha256``, ``vin`` (empty: none), ``rank`` (0: the hardest for our reader), and
        ``ours``, our reader's best candidate, if any.
    """
    dice = random.Random(f"{seed}/{told['sha256']}")  # the same photo, the same answer
    luck = told["rank"] if dice.random() < figures["together"] else dice.random()
    if not told["vin"]:
        if dice.random() >= figures["false"]:
            return None
        if told.get("ours") and dice.random() < figures["same"]:
            return str(told["ours"])
        return "".join(dice.choice(ALPHABET) for _ in range(LENGTH))
    if luck < figures["wrong"]:
        return _wrong(told, figures, dice)
    return None if luck < figures["wrong"] + figures["none"] else str(told["vin"])


def _wrong(told: dict[str, Any], figures: dict[str, float], dice: random.Random) -> str:
    ours = told.get("ours") or told["vin"]
    if dice.random() < figures["same"] and ours != told["vin"]:
        return str(ours)
    vin = spoilt(told["vin"], dice)
    if dice.random() < figures["mends"]:
        vin = vin[:CHECK_POSITION] + check_digit(vin) + vin[CHECK_POSITION + 1 :]
    return vin


class StandInPool:
    """Stands in for `vinocr.serve.reader_pool.ReaderPool`."""

    def __init__(self, **_: Any) -> None:
        self.ready = 1
        self.busy = self.waiting = self.restarts = 0
        given = json.loads(Path(os.environ[FILE]).read_text())
        self._photos = {each["sha256"]: each for each in given["photos"]}
        self._figures, self._seed = given["figures"], given["seed"]
        self._dice = random.Random(self._seed)

    def start(self) -> None:
        """Nothing to start."""

    async def close(self) -> None:
        """Nothing to close."""

    def refuse_if_busy(self, _: str = "") -> None:
        """Never."""

    async def read(self, image: bytes, *_: object) -> Answer:
        """Answer by the error model, after as long as the real service may take."""
        came = time.monotonic()
        told = self._photos.get(hashlib.sha256(image).hexdigest())
        if told is None:
            raise image_error("undecodable", 0)
        await asyncio.sleep(delay(self._dice))
        vin = answer(told, self._figures, self._seed)
        spent = (time.monotonic() - came) * 1000
        reason = None if vin else "no_vin"
        return Answer(vin, vin or "", 0.0, (), None, (), reason, False, 1, spent)  # type: ignore[arg-type]


if __name__ == "__main__":
    from vinocr.api import detail

    # Tencent's service tells nothing beyond the contract, and so does what stands in for it.
    setattr(detail, "is_asked", lambda _: False)  # noqa: B010
    setattr(http_server, "ReaderPool", StandInPool)  # noqa: B010
    sys.exit(main())
