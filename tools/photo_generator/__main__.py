"""``python -m photo_generator``: write photos and their ``truth.csv`` into a folder."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from photo_generator import KINDS, Sample, bad, committed, negatives, oversize, samples

PHOTOS: Final = Path(__file__).resolve().parent.parent / "photos"
COLUMNS: Final = ("file", "vin", "kind", "expect")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    if not 0.1 <= options.shrink <= 1:
        print("--shrink takes a scale of 0.1 to 1", file=sys.stderr)
        return 2
    if not options.samples and options.out is None:
        print(
            "say where the photos go: --out DIR (or --samples for events/photos)", file=sys.stderr
        )
        return 2
    folder: Path = options.out or PHOTOS
    try:
        count, size = write(_chosen(options), folder)
    except (OSError, RuntimeError, ValueError) as error:
        print(f"photo_generator: {error}", file=sys.stderr)
        return 1
    print(f"{count} files, {size / 1e6:.1f} MB and truth.csv in {folder}")
    return 0


def write(made: Iterable[Sample], folder: Path) -> tuple[int, int]:
    """Write ``made`` and ``truth.csv`` into ``folder``; return (files, bytes)."""
    folder.mkdir(parents=True, exist_ok=True)
    count = total = 0
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as truth:
        rows = csv.writer(truth, lineterminator="\n")
        rows.writerow(COLUMNS)
        for sample in made:
            (folder / sample.name).write_bytes(sample.data)
            rows.writerow((sample.name, sample.vin or "", sample.kind, sample.expect))
            count, total = count + 1, total + len(sample.data)
    return count, total


def _chosen(options: argparse.Namespace) -> Iterable[Sample]:
    if options.samples:
        return committed()
    if options.oversize:
        return [oversize(options.seed)]
    if options.bad:
        return bad(options.seed)
    if options.negatives:
        return negatives(options.seed, options.count)
    kinds = options.kinds.split(",") if options.kinds else None
    drawn = samples(
        options.seed,
        options.count,
        hard=options.hard,
        kinds=kinds,
        long_side=options.long_side,
        within=options.region,
    )
    return drawn if options.shrink == 1 else (shrunk(one, options.shrink) for one in drawn)


def shrunk(sample: Sample, scale: float) -> Sample:
    """Return a photo as a chat or a thumbnail leaves it: upright, scaled down, saved again."""
    with Image.open(io.BytesIO(sample.data)) as stored:
        upright = ImageOps.exif_transpose(stored)
    size = (round(upright.width * scale), round(upright.height * scale))
    out = io.BytesIO()
    upright.resize(size, Image.Resampling.BICUBIC).save(out, "JPEG", quality=75)
    return dataclasses.replace(sample, data=out.getvalue())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="photo_generator", description=__doc__)
    parser.add_argument("--out", type=Path, help="folder to write to; made if missing")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same photos (default 7)")
    parser.add_argument("--count", type=int, default=24, help="how many (default 24)")
    parser.add_argument("--kinds", help=f"some of {','.join(KINDS)} (default: all)")
    parser.add_argument("--long-side", type=int, help="pixels; 4000 is 12 megapixels")
    parser.add_argument("--shrink", type=float, default=1.0, help="scale of the sides, 0.1 to 1")
    parser.add_argument("--region", help="only VINs of its makers: North America, Asia, Europe …")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--hard", action="store_true", help="at the edge of what an eye can read")
    which.add_argument("--negatives", action="store_true", help="photos without a whole VIN")
    which.add_argument("--bad", action="store_true", help="empty, broken, oversized, ... files")
    which.add_argument("--oversize", action="store_true", help="only the one over 7 MB")
    which.add_argument("--samples", action="store_true", help="remake events/photos")
    return parser


if __name__ == "__main__":
    sys.exit(main())
