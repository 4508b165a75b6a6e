"""Have the reader read photos for training, and note where and how surely.

    python -m training.label --photos FOLDER --out readings.jsonl [--models FOLDER] \
        [--part 0/2] [--but-not CROPS/files.txt] [--glance]

``boxes.csv`` in the folder names the photos. `training.admit` judges what becomes a label.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from vinocr.reader import ImageError, models
from vinocr.reader.decode import decode
from vinocr.reader.hypotheses import Hypotheses
from vinocr.reader.lines import Line
from vinocr.reader.passes import Passes
from vinocr.reader.search import candidates

_THRESHOLD: Final = 0.7
_TOP: Final = 4
_OTHERS: Final = 6


def said(file: str, hypotheses: Hypotheses) -> dict[str, Any]:
    """Return what was read in one photo, to be written as JSON."""
    top = list(hypotheses.posterior.items())[:_TOP]
    line = hypotheses.line_of.get(top[0][0]) if top else None
    first: dict[str, float] = {}
    if line is not None and line.strips:
        first = candidates(line.strips[0].probabilities)
    if line is None and hypotheses.lines:
        line = max(hypotheses.lines, key=lambda one: one.letters)
    return {
        "file": file,
        "top": top,
        "first": sorted(first, key=lambda vin: -first[vin])[:1],
        "text": line.text if line else "",
        "boxes": [_box(line, i) for i in range(len(line.boxes))] if line else [],
        "ends": line.ends if line else None,
        "others": [
            {"box": _box(one, 0)[:5], "text": one.text}
            for one in hypotheses.lines
            if one is not line and len(one.boxes) == 1
        ][:_OTHERS],
    }


def _box(line: Line, i: int) -> list[float]:
    box = line.boxes[i]
    return [box.x, box.y, box.width, box.height, box.angle, box.score]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="training.label", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", type=Path, help="folder with model files to read with")
    parser.add_argument("--but-not", type=Path, help="file with names of photos to leave out")
    parser.add_argument("--glance", action="store_true", help="one pass only, where time is short")
    parser.add_argument("--part", default="0/1", help="which of how many parts of the photos")
    options = parser.parse_args(arguments)
    part, parts = (int(n) for n in options.part.split("/"))
    left_out = set(options.but_not.read_text().split()) if options.but_not else set()
    looker = Passes(models.load(1, options.models))
    with (options.photos / "boxes.csv").open(encoding="utf-8", newline="") as lines:
        files = [row["file"] for row in csv.DictReader(lines)][part::parts]
    with options.out.open("w", encoding="utf-8") as out:
        for file in files:
            if file in left_out:
                continue
            try:
                picture = decode((options.photos / file).read_bytes())
            except ImageError as e:
                print(f"{file}: {e}", file=sys.stderr)
                continue
            hypotheses = (
                looker.glance(picture) if options.glance else looker.read(picture, _THRESHOLD)
            )
            out.write(json.dumps(said(file, hypotheses)) + "\n")
            out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
