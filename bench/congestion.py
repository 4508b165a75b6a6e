"""An engine that bears half of what is asked of it: what is lost, what is paid, and how long it takes.

    python -m bench.congestion --uploads 200 --engine 5 --rate 10

Uploads arrive at once; the instances may make ``--rate`` calls per second; one reader bears
``--engine``. The server's queue, its refusals and its bill are real, and so is all of ours.
The last line is one JSON object: `lost` and `dead_letters` must be 0, `billed_per_reading` at most
1.02.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final, cast

from bench.rig.fleet import Fleet
from bench.rig.instance import Job, Setup
from bench.rig.photos import vin_of
from bench.rig.world import World
from vindrop.core.destination import Readable
from vindrop.destinations import open_destination
from vindrop.domain.records import Reading
from vindrop.stores import open_ledger

GIVE_UP: Final = 900.0
ABOUT: Final = (
    "VinOCR's readers wait instead of reading; its queue, refusals, signatures and bill are real"
)


def run(*, uploads: int, engine: float, rate: int, instances: int, retry: float) -> dict[str, Any]:
    """Send ``uploads`` through and return what came of them.

    :param engine: readings per second that VinOCR bears.
    :param retry: VINDROP_RETRY_SECONDS, which the sweep waits for.
    """
    with tempfile.TemporaryDirectory(prefix="vindrop-congestion-") as name:
        folder = Path(name)
        slow = {"BENCH_READ_SECONDS": str(1 / engine), "VINOCR_WORKERS": "1"}
        with World(folder, rate=rate, module="bench.rig.slow_reader", vinocr=slow) as world:
            events = world.uploads(uploads)
            store = f"sqlite:///{folder}/vindrop.db"
            environment = {
                **world.environment,
                "VINDROP_RESULTS": store,
                "VINDROP_DEAD_LETTERS": store,
                "VINDROP_LEDGER": store,
                "VINDROP_RETRY_SECONDS": str(retry),
                "VINDROP_CONCURRENCY": "10",
            }
            setup = Setup(environment, folder / "functions.log")
            ledger = open_ledger(store, account="vinocr")
            with (
                Fleet([setup] * instances, retry_delays=(1.0, 1.0)) as fleet,
                Fleet([setup], retry_delays=()) as sweeper,
            ):
                fleet.warm()
                started = time.monotonic()
                for event in events:
                    fleet.send(Job("upload", event, seconds=60))
                deadline = started + GIVE_UP
                while time.monotonic() < deadline:
                    time.sleep(0.25)
                    counts = ledger.counts()
                    if counts.get("delivered", 0) + counts.get("dead", 0) >= uploads:
                        break
                    if not sweeper.unfinished():
                        sweeper.send(Job("sweep", seconds=60))
            seconds = time.monotonic() - started
            records = cast("Readable", open_destination(store))
            readings = [r for r in records.records("readings") if isinstance(r, Reading)]
            letters = list(records.records("dead_letters"))
            billed = world.vinocr.calls().billed
            return {
                "uploads": uploads,
                "readings": len(readings),
                "dead_letters": len(letters),
                "lost": uploads - len(readings) - len(letters),
                "wrong": sum(r.vin != vin_of(int(r.upload.key[:6])) for r in readings),
                "billed": billed,
                "billed_per_reading": round(billed / max(len(readings), 1), 4),
                "read_by_engine": len(world.readings()),
                "answers": dict(world.answers()),
                "engine_used": round(len(readings) / (seconds * engine), 3),
                "seconds": round(seconds, 1),
            }


def main() -> int:
    """Run it; 0: nothing lost, and at most 2 % paid in vain."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--engine", type=float, default=5.0, help="readings per second")
    parser.add_argument("--rate", type=int, default=10, help="calls per second")
    parser.add_argument("--instances", type=int, default=20)
    parser.add_argument("--retry", type=float, default=5.0)
    found = run(**vars(parser.parse_args()))
    print(ABOUT)
    print(json.dumps(found))
    is_kept = found["lost"] == found["dead_letters"] == found["wrong"] == 0
    return 0 if is_kept and found["billed_per_reading"] <= 1.02 else 1


if __name__ == "__main__":
    sys.exit(main())
