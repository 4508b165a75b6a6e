"""Which readings become labels, and the crops made of them.

    python -m training.admit --photos FOLDER --readings readings.jsonl --out CROPS \
        --hold truth.csv [--hold truth.csv] [--seen labels.csv]

A reading is let in where the passes agree on it, the check digit does not speak against it, and
it fits what its maker writes at each position. A photo whose reading resembles a VIN that is kept
for measuring is left out, whatever the reading's worth: it may show the same car. ``--seen`` names
photos (columns ``file``, ``vin``) whose reading a person confirmed or corrected.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import hashlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from training.crops import Crop, save, taken
from vindrop.domain.vin import LENGTH, check_digit_holds, check_digit_required
from vinocr.reader.decode import decode
from vinocr.reader.detect import Box
from vinocr.reader.prior import LOOK_ALIKE
from vinocr.reader.search import windows

SURE: Final = 0.9
"""Posterior from which a reading is let in if the first pass already led with it."""
PLAUSIBLE: Final = 0.6
"""Posterior from which it is where, too, the greedy reading spells it and a check digit holds."""
ALIKE: Final = 15
"""Equal positions of 17 from which two VINs may be of one car, misread."""
SAME_SERIAL: Final = 6
"""Equal last characters from which they may, too."""
_ENOUGH: Final = 6
"""Readings of a maker from which its habits count."""
_USUAL: Final = 0.88
"""Share of a maker's readings that makes a habit."""
_LETTER: Final = 0.72
"""Height of the letters, in boxes: the detector's boxes are that much higher."""
_RARER: Final = 2
"""As many times as many cars of a code that looks alike make a code misread."""
_OTHERS: Final = 3
"""Lines that are no VIN, taken per photo."""


@dataclass(frozen=True)
class Reading:
    """What the reader said of one photo."""

    file: str
    vin: str
    posterior: float
    agreed: bool
    """The first pass already led with it."""
    text: str
    """The greedy reading of the line."""
    boxes: list[list[float]]
    ends: float
    others: list[dict[str, Any]]

    @property
    def greedy(self) -> bool:
        """The greedy reading spells the VIN."""
        return self.vin in self.text.replace(" ", "")


def readings(path: Path) -> list[Reading]:
    """Return the readings of a file, one JSON object a line."""
    out: list[Reading] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        vin, posterior = row["top"][0] if row["top"] else ("", 0.0)
        first = next(iter(row["first"]), "")
        out.append(
            Reading(row["file"], vin, posterior, first == vin, row["text"], row["boxes"],
                    row["ends"] or 1.0, row["others"])
        )  # fmt: skip
    return out


def admitted(all_of_them: Iterable[Reading], held: set[str]) -> list[Reading]:
    """Return the readings that become labels."""
    some = [r for r in all_of_them if r.vin and not resembles(r.vin, held)]
    sure = [r for r in some if r.posterior >= SURE and r.agreed]
    habits = _habits(sure)
    makers = Counter(vin[:3] for vin in {r.vin for r in some})
    out: list[Reading] = []
    for reading in some:
        vin = reading.vin
        if misread(vin[:3], makers):
            continue
        holds, required = check_digit_holds(vin), check_digit_required(vin)
        if required and not holds:
            continue
        likely = reading.posterior >= SURE and reading.agreed
        plausible = (
            reading.posterior >= PLAUSIBLE
            and reading.greedy
            and (holds or reading.posterior >= 0.8)
        )
        if (likely or plausible) and fits(vin, habits):
            out.append(reading)
    return out


def misread(code: str, makers: Mapping[str, int]) -> bool:
    """Whether a maker's code is rare, and one letter that looks alike makes it one that is not.

    :param makers: cars of each code.
    """
    for a, b in LOOK_ALIKE:
        for one, other in ((a, b), (b, a)):
            for i, character in enumerate(code):
                usual = code[:i] + other + code[i + 1 :]
                if character == one and makers.get(usual, 0) > _RARER * makers.get(code, 0):
                    return True
    return False


def corrected(free: Iterable[Reading], seen: Mapping[str, str], held: set[str]) -> list[Reading]:
    """Return the readings that a person confirmed or corrected, as that person reads them."""
    some = [dataclasses.replace(r, vin=seen[r.file]) for r in free if r.file in seen]
    return [r for r in some if not resembles(r.vin, held)]


def chosen(free: Sequence[Reading], seen: Path | None, held: set[str]) -> list[Reading]:
    """Return the readings that a person labelled, and those that are let in beside them.

    :param seen: a CSV of file and vin.
    """
    labels: dict[str, str] = {}
    if seen:
        with seen.open(encoding="utf-8", newline="") as lines:
            labels = {row["file"]: row["vin"] for row in csv.DictReader(lines)}
    others = [r for r in free if r.file not in labels]
    return corrected(free, labels, held) + admitted(others, held)


def resembles(vin: str, held: set[str]) -> bool:
    """Whether a VIN may be one of those held, misread."""
    return any(
        vin[-SAME_SERIAL:] == one[-SAME_SERIAL:]
        or sum(a == b for a, b in zip(vin, one, strict=True)) >= ALIKE
        for one in held
    )


def _habits(sure: Sequence[Reading]) -> dict[str, list[str]]:
    """Return maker → per position: ``d`` a digit, ``l`` a letter, a character, or ``?``."""
    by_maker: dict[str, list[str]] = defaultdict(list)
    for vin in {r.vin for r in sure}:
        by_maker[vin[:3]].append(vin)
    out: dict[str, list[str]] = {}
    for maker, vins in by_maker.items():
        if len(vins) < _ENOUGH:
            continue
        habit: list[str] = []
        for i in range(LENGTH):
            character, count = Counter(v[i] for v in vins).most_common(1)[0]
            digits = sum(v[i].isdigit() for v in vins)
            if count >= _USUAL * len(vins):
                habit.append(character)
            elif digits >= _USUAL * len(vins):
                habit.append("d")
            else:
                habit.append("l" if len(vins) - digits >= _USUAL * len(vins) else "?")
        out[maker] = habit
    return out


def fits(vin: str, habits: Mapping[str, list[str]]) -> bool:
    """Whether a VIN has letters and digits where its maker's others have them."""
    habit = habits.get(vin[:3])
    if habit is None:
        return True
    for character, usual in zip(vin, habit, strict=True):
        if usual == "?":
            continue
        digit = usual.isdigit() or usual == "d"
        if character.isdigit() != digit:
            return False
    return True


def label_of(reading: Reading) -> str | None:
    """Return what the whole line says: the VIN, and what the greedy reading has beside it.

    None where the VIN cannot be found in the greedy reading.
    """
    if len(reading.text) <= LENGTH:
        return reading.vin
    best, where = 0, None
    for start in range(len(reading.text) - LENGTH + 1):
        piece = reading.text[start : start + LENGTH]
        same = sum(a == b for a, b in zip(piece, reading.vin, strict=True))
        if same > best:
            best, where = same, start
    if where is None or best < LENGTH - 3:
        spelt = {vin for vin, _ in windows(reading.text)}
        return reading.vin if reading.vin in spelt and " " in reading.text else None
    return reading.text[:where] + reading.vin + reading.text[where + LENGTH :]


def hashed(vin: str) -> str:
    """Return what stands for a VIN in lists that are published."""
    return hashlib.sha256(vin.encode()).hexdigest()[:16]


def crops(photos: Path, some: Sequence[Reading]) -> Iterator[Crop]:
    """Yield the labelled crops, rare makers weighing more."""
    often = Counter(r.vin[:3] for r in some)
    for reading in some:
        label = label_of(reading)
        if label is None or len(reading.boxes) != 1:
            continue
        image = decode((photos / reading.file).read_bytes()).image
        box = Box(*reading.boxes[0])
        crop = taken(image, box, ends=reading.ends, text=label, letter=box.height * _LETTER,
                     group=hashed(reading.vin))  # fmt: skip
        weight = often[reading.vin[:3]] ** -0.4 * (1.4 if reading.posterior < SURE else 1.0)
        yield Crop(crop.image, crop.text, crop.width, crop.height, crop.letter, weight, crop.group)


def others(photos: Path, all_of_them: Sequence[Reading]) -> Iterator[Crop]:
    """Yield lines that are no VIN."""
    for reading in all_of_them:
        lines = [o for o in reading.others if _is_other(o["text"])][:_OTHERS]
        if not lines:
            continue
        image = decode((photos / reading.file).read_bytes()).image
        for line in lines:
            box = Box(*line["box"], score=1.0)
            yield taken(image, box, ends=1.0, text="", letter=box.height * _LETTER)


def _is_other(text: str) -> bool:
    """Whether a line surely is no VIN, not even one badly read."""
    long = sum(c.isalnum() for c in text) >= LENGTH - 6
    return len(text) >= 4 and not (long and sum(c.isdigit() for c in text) >= 4)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="training.admit", description="Turn readings into labelled crops."
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--readings", type=Path, nargs="+", required=True, help="later ones count")
    parser.add_argument(
        "--hold", type=Path, action="append", default=[], help="truth.csv never trained on"
    )
    parser.add_argument("--seen", type=Path, help="CSV of file and vin: labels by eye")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    held: set[str] = set()
    files: set[str] = set()
    for truth in [*options.hold, options.photos / "boxes.csv"]:
        with truth.open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["vin"]]
        held |= {row["vin"] for row in rows}
        files |= {row["file"] for row in rows}
    latest = {r.file: r for path in options.readings for r in readings(path)}
    all_of_them = sorted(latest.values(), key=lambda r: r.file)
    free = [r for r in all_of_them if r.file not in files]
    some = chosen(free, options.seen, held)
    print(len(all_of_them), "readings,", len(free), "free,", len(some), "let in")
    print(save(options.out / "real", crops(options.photos, some)), "labelled crops")
    clear = [r for r in free if not (r.vin and resembles(r.vin, held))]
    print(save(options.out / "other", others(options.photos, clear)), "other lines")
    names = sorted(r.file for r in some)
    (options.out / "files.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    hashes = sorted({hashed(r.vin) for r in some})
    (options.out / "trained.txt").write_text("\n".join(hashes) + "\n", encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
