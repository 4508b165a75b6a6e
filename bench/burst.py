"""A burst of uploads at once, through us and through bare SDK handlers, against the same rate limit.

    python -m bench.burst --uploads 1000 --instances 50 --rate 10 --against naive,sdk-retryer
    python -m bench.burst --uploads 300 --instances 20 --arrears 600 --scale 30

The last line is one JSON object per way; ``--arrears`` blocks the account for that many seconds of
scaled time in the middle of the burst (real time is shorter by ``--scale``, as is the pause
between two probes), and counts the calls made while the circuit breaker is open.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

from bench.rig import report
from bench.rig.fleet import Fleet
from bench.rig.instance import Job, Kind, Setup
from bench.rig.photos import vin_of
from bench.rig.world import ABOUT, World
from vindrop.core.destination import Readable
from vindrop.destinations import open_destination
from vindrop.domain.records import Reading
from vindrop.stores import open_ledger

WAYS = ("vindrop", "naive", "sdk-retryer")
PROBE_SECONDS = 60.0
GIVE_UP = 1800.0


def run(
    way: str,
    *,
    uploads: int,
    instances: int,
    rate: int,
    platform_retry: float,
    speed: float = 1.0,
    arrears: float = 0.0,
    scale: float = 1.0,
) -> dict[str, Any]:
    """Send the burst through ``way`` and return what came of it.

    :param platform_retry: seconds until the platform redelivers a failed event; it does so twice.
    """
    with tempfile.TemporaryDirectory(prefix="vindrop-burst-") as name:
        folder = Path(name)
        with World(folder, rate=rate, speed=speed) as world:
            events = world.uploads(uploads)
            store = f"sqlite:///{folder}/vindrop.db"
            environment = {
                **world.environment,
                "VINDROP_RESULTS": store,
                "VINDROP_DEAD_LETTERS": store,
                "VINDROP_LEDGER": store,
                "VINDROP_PROBE_SECONDS": str(PROBE_SECONDS / scale),
                "VINDROP_RETRY_SECONDS": str(30 / scale),
                "VINDROP_CONCURRENCY": "10",
                "BENCH_BARE_RESULTS": str(folder / "bare.jsonl"),
            }
            setup = Setup(environment, folder / "functions.log")
            ours = way == "vindrop"
            open_ledger(store, account="vinocr")  # tables are made at deployment, not by a burst
            with (
                Fleet([setup] * instances, retry_delays=(platform_retry,) * 2) as fleet,
                Fleet([setup], retry_delays=()) as sweeper,
            ):
                fleet.warm()
                started = time.monotonic()
                wall = time.time()
                for event in events:
                    fleet.send(Job(cast("Kind", "upload" if ours else way), event, seconds=60))
                blocked = _arrears(world, arrears / scale, sweeper) if arrears else None
                _wait(fleet, sweeper, store if ours else None, uploads)
            found = {
                "way": way,
                "uploads": uploads,
                **_quality(world, rate, blocked),
                **(_records(store, wall) if ours else _bare(folder, wall)),
                "function_seconds": round(fleet.tally.function_seconds),
                "seconds": round(time.monotonic() - started, 1),
            }
            found["timeline"] = world.timeline(wall, found.pop("moments"))
            found["lost"] = uploads - found["readings"] - found["dead_letters"]
            found["refused_per_success"] = round(
                found["refused_calls"] / max(found["readings"], 1), 4
            )
            return found


def _arrears(world: World, seconds: float, sweeper: Fleet) -> dict[str, int]:
    """Block the account for a while; return the calls that were made meanwhile."""
    time.sleep(5)
    before = world.vinocr.calls().received
    world.account("in_arrears")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        _sweep(sweeper)
        time.sleep(0.5)
    during = world.vinocr.calls().received - before
    world.account("active")
    return {"calls_while_blocked": during}


def _sweep(sweeper: Fleet) -> None:
    if not sweeper.unfinished():
        sweeper.send(Job("sweep", seconds=60))


def _wait(fleet: Fleet, sweeper: Fleet, ledger_url: str | None, uploads: int) -> None:
    deadline = time.monotonic() + GIVE_UP
    while time.monotonic() < deadline:
        time.sleep(0.25)
        if fleet.unfinished():
            continue
        if ledger_url is None:
            return
        counts = open_ledger(ledger_url, account="vinocr").counts()
        if counts.get("delivered", 0) + counts.get("dead", 0) >= uploads:
            return
        _sweep(sweeper)


def _quality(world: World, rate: int, blocked: dict[str, int] | None) -> dict[str, Any]:
    read = [moment for moment, _ in world.readings()]
    span = max(read) - min(read) if len(read) > 1 else 0.0
    answers = world.answers()
    return {
        "rate_used": round((len(read) - 1) / (rate * span), 4) if span else 0.0,
        "refused_calls": answers["RequestLimitExceeded"],
        "billed_calls": answers["Success"],
        **(blocked or {}),
    }


def _records(store: str, wall: float) -> dict[str, Any]:
    destination = cast("Readable", open_destination(store))
    readings = [r for r in destination.records("readings") if isinstance(r, Reading)]
    letters = list(destination.records("dead_letters"))
    wrong = sum(r.vin != vin_of(int(r.upload.key[:6])) for r in readings)
    late = sorted(r.read_at.timestamp() - wall for r in readings)
    return {
        "moments": [r.read_at.timestamp() for r in readings],
        "readings": len(readings),
        "dead_letters": len(letters),
        "wrong": wrong,
        "p95_seconds": report.percentile(late, 0.95),
    }


def _bare(folder: Path, wall: float) -> dict[str, Any]:
    path = folder / "bare.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    late = sorted(line["at"] - wall for line in lines)
    return {
        "moments": [line["at"] for line in lines],
        "readings": len({line["key"] for line in lines}),
        "dead_letters": 0,
        "wrong": sum(line["vin"] != vin_of(int(line["key"][:6])) for line in lines),
        "p95_seconds": report.percentile(late, 0.95),
    }


def main(argv: list[str] | None = None) -> int:
    """Run the ways that are asked for; return 0 if ours held its promises."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--instances", type=int, default=50)
    parser.add_argument("--rate", type=int, default=10)
    parser.add_argument("--against", default="", help="naive,sdk-retryer")
    parser.add_argument("--platform-retry", type=float, default=60.0, help="seconds, as SCF")
    parser.add_argument("--speed", type=float, default=1.0, help="of the lookup's delays")
    parser.add_argument("--arrears", type=float, default=0.0, help="scaled seconds")
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args(argv)
    against = [way for way in options.against.split(",") if way]
    if unknown := set(against) - set(WAYS):
        parser.error(f"--against takes {', '.join(WAYS[1:])}; not {', '.join(unknown)}")
    sys.stderr.write(ABOUT + "\n")
    results = []
    for way in ("vindrop", *against):
        results.append(
            run(
                way,
                uploads=options.uploads,
                instances=options.instances,
                rate=options.rate,
                platform_retry=options.platform_retry,
                speed=options.speed,
                arrears=options.arrears if way == "vindrop" else 0.0,
                scale=options.scale,
            )
        )
        sys.stderr.write(f"{way} done in {results[-1]['seconds']} s\n")
    report.table([{k: v for k, v in each.items() if k != "timeline"} for each in results])
    for result in results:
        print(json.dumps(result))
    first = results[0]
    return 0 if first["lost"] == 0 and first["wrong"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
