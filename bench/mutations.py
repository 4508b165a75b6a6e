"""A million damaged and hostile inputs: events, HTTP requests of both servers, and images.

    python -m bench.mutations [--events 500000] [--requests 200000] [--wire 150000] [--images 150000]
                              [--seed 1] [--only KIND:NUMBER] [--json FILE]

Each goes through the real parsers: events through all triggers to the URL of their object, requests
of each gateway through the HTTP function to its ledger, HTTP over sockets to a VinOCR server whose
readers only wait, images through VinOCR's checks and decoder and through the function's converter
(512 MB). Processes are forked for a batch each: one that dies, hangs, takes more processor time for
one input than its kind may, or more memory, names the input by its number, and `--only` runs that one
alone. Prints how the inputs ended, and last one JSON line. Status 1 if anything was found.
"""

from __future__ import annotations

import argparse
import json
import mmap
import multiprocessing
import os
import random
import resource
import signal
import struct
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from bench.rig.mutants import WrongError
from bench.rig.targets import KINDS

DEFAULTS: Final = {"events": 500_000, "requests": 200_000, "wire": 150_000, "images": 150_000}
_BATCH: Final = {"events": 20_000, "requests": 10_000, "wire": 15_000, "images": 5_000}
_HANGS: Final = 60.0
"""Seconds on the clock without an input's end: the process is killed."""
_FORK: Final = multiprocessing.get_context("fork")


class Batch:
    """One process's share of a kind, and what it tells while it runs."""

    def __init__(self, kind: str, seed: int, begin: int, end: int) -> None:
        self.kind, self.seed, self.begin, self.end = kind, seed, begin, end
        self.place = mmap.mmap(-1, 8)
        """The number of the input that is under way: readable after the process has died."""

    def run(self) -> dict[str, Any]:
        """Run it in a process of its own; return how the inputs ended and what was found."""
        ours, theirs = _FORK.Pipe(duplex=False)
        process = _FORK.Process(target=self._work, args=(theirs,))
        process.start()
        theirs.close()
        told: dict[str, Any] | None = None
        last, since = -1, time.monotonic()
        while told is None:
            if ours.poll(1.0):
                try:
                    told = ours.recv()
                except EOFError:
                    break
            if (now := self._at()) != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > _HANGS and process.is_alive():
                os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        if told is None:
            found = f"process ended with {process.exitcode} (or was killed after {_HANGS:.0f} s)"
            told = {
                "ends": {},
                "found": [(last, found)],
                "done": last - self.begin,
                "slowest": 0.0,
                "mb": 0,
            }
        return told

    def _at(self) -> int:
        return int(struct.unpack("q", self.place[:8])[0])

    def _work(self, pipe: Any) -> None:
        ends: Counter[str] = Counter()
        found: list[tuple[int, str]] = []
        slowest = 0.0
        target = KINDS[self.kind].make()
        before = _resident_mb()
        for number in range(self.begin, self.end):
            self.place[:8] = struct.pack("q", number)
            ended, seconds, fault = attempt(target, self.kind, self.seed, number)
            slowest = max(slowest, seconds)
            ends[ended] += 1
            if fault:
                found.append((number, fault))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
        if grown > KINDS[self.kind].memory_mb:
            found.append((-1, f"the batch from {self.begin} on took {grown:.0f} MB"))
        pipe.send(
            {
                "ends": ends,
                "found": found,
                "done": self.end - self.begin,
                "slowest": slowest,
                "mb": grown,
            }
        )
        pipe.close()


def attempt(target: Any, kind: str, seed: int, number: int) -> tuple[str, float, str]:
    """Give one input to its target: how it ended, in how much time, and what is wrong with that."""
    dice = random.Random(f"{seed}/{kind}/{number}")
    clock = time.monotonic if kind == "wire" else time.process_time
    started, fault = clock(), ""
    try:
        ended = target(dice)
    except WrongError as error:
        ended, fault = "wrong", str(error)
    except Exception as error:  # noqa: BLE001 - what this bench looks for
        frames = traceback.extract_tb(error.__traceback__)[-1]
        ended = "crashed"
        fault = f"{type(error).__name__}: {error} at {frames.filename}:{frames.lineno}"
    seconds = clock() - started
    if not fault and seconds > KINDS[kind].seconds:
        fault = f"took {seconds:.1f} s"
    return ended, seconds, fault[:500]


def _resident_mb() -> float:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def run(kind: str, count: int, seed: int) -> dict[str, Any]:
    """Run all inputs of a kind, batch by batch."""
    ends: Counter[str] = Counter()
    found: list[tuple[int, str]] = []
    started, number, slowest, most = time.monotonic(), 0, 0.0, 0.0
    while number < count:
        told = Batch(kind, seed, number, min(number + _BATCH[kind], count)).run()
        ends.update(told["ends"])
        found += told["found"]
        slowest, most = max(slowest, told["slowest"]), max(most, told["mb"])
        # What killed a process is passed over, and the rest of its batch goes on.
        ended_early = told["done"] < min(_BATCH[kind], count - number)
        number += told["done"] + 1 if ended_early else told["done"]
        minutes = (time.monotonic() - started) / 60
        print(
            f"{kind}: {number} of {count} in {minutes:.1f} min, {len(found)} found", file=sys.stderr
        )
        for where, what in told["found"]:
            print(f"  {kind}:{where}: {what}", file=sys.stderr, flush=True)
    return {
        "count": count,
        "found": len(found),
        "slowest_s": round(slowest, 3),
        "memory_mb": round(most),
        "minutes": round((time.monotonic() - started) / 60, 1),
        "ends": dict(ends.most_common()),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="mutations", description=__doc__.split("\n", 1)[0])
    for kind, count in DEFAULTS.items():
        parser.add_argument(f"--{kind}", type=int, default=count, help=f"default {count}")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same inputs (default 1)")
    parser.add_argument("--only", metavar="KIND:NUMBER", help="run this one input, in this process")
    parser.add_argument("--json", metavar="FILE", help="write the result there, too")
    options = parser.parse_args(arguments)
    if options.only:
        kind, _, number = options.only.partition(":")
        ended, seconds, fault = attempt(KINDS[kind].make(), kind, options.seed, int(number))
        print(f"{ended} in {seconds:.3f} s {fault}")
        return 1 if fault else 0
    warnings.simplefilter("ignore")  # Pillow's, of each damaged file
    results = {kind: run(kind, getattr(options, kind), options.seed) for kind in DEFAULTS}
    for kind, told in results.items():
        print(f"{kind}: {told['count']} in {told['minutes']} min, slowest {told['slowest_s']} s")
        for end, number in told["ends"].items():
            print(f"  {number:>8}  {end}")
    line = json.dumps(
        {"seed": options.seed, "inputs": sum(r["count"] for r in results.values()), **results}
    )
    if options.json:
        with open(options.json, "w") as file:  # noqa: PTH123
            file.write(line + "\n")
    print(line)
    return 1 if any(told["found"] for told in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
