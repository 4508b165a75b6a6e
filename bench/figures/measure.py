"""What each plot shows, measured. The JSON beside each SVG holds these figures, their command, and
what else the machine did meanwhile.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps

from bench import accuracy
from bench.peers.start import Peer, PeerMissingError

ROOT: Final = Path(__file__).resolve().parents[2]
SEED: Final = 20261126
"""Of generated photos. No share, weight or threshold was chosen on photos of this seed."""
SIDE: Final = 192
"""Pixels of the reader's photos: at their own size all but one or two in a hundred are read right."""
Figures = dict[str, Any]


class MeasureError(RuntimeError):
    """One plot cannot be measured here; the message says what it needs."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured; the defaults take some ten minutes together on two idle cores."""

    photos: int = 160
    """Generated hard photos behind the two plots of the reader."""
    truths: tuple[Path, ...] = ()
    """Photos of one's own in their place: CSVs with the columns ``file`` and ``vin``."""
    uploads: int = 200
    instances: int = 20
    platform_retry: float = 60.0
    """Seconds until the platform redelivers an event on which a function failed."""
    runs: int = 7
    """Cold starts of each kind."""
    cascaded: int = 30
    """Generated hard photos that go through every policy."""


def reader(size: Size) -> Figures:
    """Confidence and outcome of every photo of a set: for accuracy and calibration."""
    with _photos(size, size.photos) as truths:
        try:
            photos = [photo for truth in truths for photo in accuracy.load(truth) if photo.vin]
            accuracy.refuse_trained(photos)
            with Peer("vindrop", 2) as peer:
                results, _ = accuracy.run([peer], photos)["vindrop"]
        except (OSError, ValueError, PeerMissingError) as error:
            raise MeasureError(str(error)) from error
    rows = [[round(each.confidence, 4), each.best == each.photo.vin] for each in results]
    return {"command": _own("reader"), "kind": _kind(size), "seed": SEED, "rows": rows}


@contextlib.contextmanager
def _photos(size: Size, count: int) -> Iterator[tuple[Path, ...]]:
    """Yield the lists of one's own photos, or of ``count`` that are drawn for this."""
    if size.truths:
        yield size.truths
        return
    with tempfile.TemporaryDirectory(prefix="vindrop-figures-") as folder:
        words = ["--hard", "--count", str(count), "--seed", str(SEED), "--out", folder]
        _python("photo_generator", *words)
        truth = Path(folder) / "truth.csv"
        squeeze(truth)
        yield (truth,)


def _kind(size: Size) -> str:
    if size.truths:
        return "photos of " + ", ".join(truth.parent.name for truth in size.truths)
    return f"generated hard photos, squeezed to {SIDE} × {SIDE} pixels"


def squeeze(truth: Path) -> None:
    """Make each photo so small that it is sometimes read wrong: else there is no error to plot."""
    for photo in accuracy.load(truth):
        with Image.open(photo.path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        small = upright.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        small.save(photo.path, "JPEG", quality=85)


def burst(size: Size) -> Figures:
    """A burst over time, through us and through the two usual ways."""
    words = ["--uploads", str(size.uploads), "--instances", str(size.instances), "--rate", "10"]
    words += ["--against", "naive,sdk-retryer"]
    if size.platform_retry != Size().platform_retry:
        words += ["--platform-retry", str(size.platform_retry)]
    return {"command": _command("bench.burst", words), "ways": _bench("bench.burst", words, 3)}


def cold_start(size: Size) -> Figures:
    """Milliseconds from a cold start to the call, by kind of handler."""
    words = ["--runs", str(size.runs)]
    (found,) = _bench("bench.cold_start", words, 1)
    return {"command": _command("bench.cold_start", words), **found}


def cascade(size: Size) -> Figures:
    """What each policy reads and pays."""
    with _photos(size, size.cascaded) as truths:
        (found,) = _bench("bench.cascade", ["--truth", *map(str, truths)], 1)
    return {"command": _own("cascade"), "kind": _kind(size), **found}


MEASURES: Final[dict[str, Callable[[Size], Figures]]] = {
    "reader": reader,
    "burst": burst,
    "cold-start": cold_start,
    "cascade": cascade,
}
"""Name of the JSON → what measures it."""


def measured(name: str, size: Size) -> Figures:
    """Measure, and say when, on how many processors, and beside how much other work.

    :raises MeasureError: it cannot be measured here.
    """
    before = os.getloadavg()[0]
    found = MEASURES[name](size)
    return {
        **found,
        "date": f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}",
        "cpus": os.cpu_count(),
        "load": [round(before, 1), round(os.getloadavg()[0], 1)],
    }


def _own(name: str) -> str:
    return f"python -m bench.figures --only {name}"


def _command(module: str, words: list[str]) -> str:
    return " ".join(("python -m", module, *words))


def _bench(module: str, words: list[str], lines: int) -> list[Figures]:
    """Run a bench; return the last lines that it printed, which are JSON objects.

    A bench ends with 1 where what it measured is under its bar: that is a figure, too.
    """
    out = _python(module, *words).strip().splitlines()[-lines:]
    try:
        found = [json.loads(line) for line in out]
    except ValueError:
        found = []
    if len(found) != lines:
        raise MeasureError(f"{module} printed no figures: {_command(module, words)} says why")
    return found


def _python(module: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'tools'}:{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode and not done.stdout.strip():
        raise MeasureError(f"{module} ended with status {done.returncode}; what it said is above")
    return done.stdout
