"""What each plot shows, measured. The JSON beside each SVG holds these figures and their command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench import accuracy
from bench.peers.start import Peer

ROOT: Final = Path(__file__).resolve().parents[2]
PHOTOS: Final = 240
"""Generated hard photos behind the two plots of the reader."""
SEED: Final = 20261126
"""No share, weight or threshold was chosen on photos of this seed."""
Figures = dict[str, Any]


def reader() -> Figures:
    """Confidence and outcome of every photo of a generated set: for accuracy and calibration."""
    with tempfile.TemporaryDirectory(prefix="vindrop-figures-") as folder:
        words = ["--hard", "--count", str(PHOTOS), "--seed", str(SEED), "--out", folder]
        _python("photo_generator", *words)
        photos = accuracy.load(Path(folder) / "truth.csv")
        with Peer("vindrop", 2) as peer:
            results, _ = accuracy.run([peer], photos)["vindrop"]
    rows = [[round(each.confidence, 4), each.best == each.photo.vin] for each in results]
    return {"seed": SEED, "photos": len(rows), "rows": rows}


def burst() -> Figures:
    """A burst over time, through us and through the two usual ways."""
    words = ["--uploads", "300", "--instances", "20", "--against", "naive,sdk-retryer"]
    return {"ways": _bench("bench.burst", *words, lines=3)}


def cold_start() -> Figures:
    """Milliseconds from a cold start to the call, by kind of handler."""
    (found,) = _bench("bench.cold_start", "--runs", "9", lines=1)
    return dict(found)


def cascade() -> Figures:
    """What each policy reads and pays."""
    (found,) = _bench("bench.cascade", "--generated", "120", lines=1)
    return dict(found)


MEASURES: Final[dict[str, Callable[[], Figures]]] = {
    "reader": reader,
    "burst": burst,
    "cold-start": cold_start,
    "cascade": cascade,
}
"""Name of the JSON → what measures it."""


def _bench(module: str, *words: str, lines: int) -> list[Figures]:
    """Run a bench; return the last lines that it printed, which are JSON objects."""
    out = _python(module, *words)
    return [json.loads(line) for line in out.strip().splitlines()[-lines:]]


def _python(module: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'tools'}:{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if not done.stdout.strip() and done.returncode:
        raise SystemExit(f"figures: {module} ended with status {done.returncode}")
    return done.stdout
