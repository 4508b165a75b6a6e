"""How many VINs are read right, wrong or not at all, beside what else a user could run.

    python bench/accuracy.py --truth A/truth.csv [B/truth.csv …] [--against rapidocr,tesseract] \
        [--curve] [--misses] [--half tuned|final]

A CSV has the columns ``file`` (beside it) and ``vin`` (empty: no whole VIN in the picture),
and may have ``kind``; others are ignored. Each file is a set of its own: a table per kind with
95 % confidence intervals (Wilson), the wrong VINs, how often answers are right by how sure they
are, where the others were lost; last one JSON line with all of it. Fails where a VIN was trained on (the list
of those, as hashes, is ``tools/training/trained.txt``), or a photo is, byte for byte, one of those
that the lists of ``--training`` name.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import itertools
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.peers.repair import best_vin
from bench.peers.start import READERS, Peer, PeerMissingError

WARM_UP: Final = 2
"""Photos read before the clock counts: a worker that serves is a warm one."""
TRAINED: Final = Path(__file__).resolve().parent.parent / "tools" / "training" / "trained.txt"
"""SHA-256 of each VIN that the recogniser was trained on, the first 16 hexadecimal digits."""
SURENESS: Final = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
"""Edges of the calibration table."""
FEW_LETTERS: Final = 3
"""Letters that differ from which another text was read, not the VIN misread."""
THRESHOLDS: Final = (0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99)


@dataclass(frozen=True, slots=True)
class Photo:
    """A row of the truth."""

    path: Path
    vin: str
    kind: str


@dataclass(frozen=True, slots=True)
class Result:
    """What one reader made of one photo."""

    photo: Photo
    vin: str | None
    milliseconds: float
    best: str | None = None
    confidence: float = 0.0
    reason: str = ""

    @property
    def stage(self) -> str:
        """Where a VIN that was not given got lost."""
        if not self.best:
            return "cut off" if self.reason == "cut_off" else "no line read"
        if self.best == self.photo.vin:
            return "rejected"
        different = sum(a != b for a, b in zip(self.best, self.photo.vin, strict=True))
        return "letters wrong" if different <= FEW_LETTERS else "another text"

    @property
    def outcome(self) -> str:
        """``exact``, ``wrong`` or ``none`` where there is a VIN, else ``false`` or ``right``."""
        if not self.photo.vin:
            return "false" if self.vin else "right"
        return "none" if not self.vin else "exact" if self.vin == self.photo.vin else "wrong"

    @property
    def is_wrong(self) -> bool:
        """Whether a VIN was given that is not on the photo."""
        return self.outcome in ("wrong", "false")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        sets = {_name(truth): load(truth, options.half) for truth in options.truth}
        every = [photo for photos in sets.values() for photo in photos]
        refuse_trained(every)
        refuse_training_photos(every, options.training)
        names = ["vindrop", *chosen(options.against)]
    except (OSError, ValueError) as e:
        print(f"accuracy: {e}", file=sys.stderr)
        return 2
    with contextlib.ExitStack() as stack:
        peers: list[Peer] = []
        summaries: dict[str, dict[str, Any]] = {}
        totals: dict[str, dict[str, Any]] = {}
        for name in names:
            try:
                peers.append(stack.enter_context(Peer(name, options.threads)))
            except PeerMissingError as e:
                print(f"accuracy: {e}", file=sys.stderr)
                summaries[name] = {"missing": str(e)}
        try:
            for title, photos in sets.items():
                measured = run(peers, photos)
                totals[title] = report(title, measured, options)
        except PeerMissingError as e:
            print(f"accuracy: {e}", file=sys.stderr)
            return 1
    print(json.dumps(_whole(totals, summaries)))
    return 0


def report(
    title: str, measured: dict[str, tuple[list[Result], int]], options: argparse.Namespace
) -> dict[str, Any]:
    """Print what was measured on one set; return its figures per reader."""
    out: dict[str, Any] = {}
    for name, (results, peak) in measured.items():
        print(table(f"{name} on {title}", results))
        wrong = [r for r in results if r.is_wrong]
        print("\n".join(["  wrong VINs:", misses(wrong)]) if wrong else "  no wrong VIN")
        if name == "vindrop":
            print(calibration(results))
            print(stages(results))
            if options.curve:
                print(curve(results))
        if options.misses:
            print(misses(results))
        out[name] = summary(results, peak)
    return out


def _whole(totals: dict[str, dict[str, Any]], missing: dict[str, Any]) -> dict[str, Any]:
    """Return the last line's object: one set's figures as they are, several by name."""
    if len(totals) == 1:
        ((_, by_reader),) = totals.items()
        peers = {name: figures for name, figures in by_reader.items() if name != "vindrop"}
        return {**by_reader["vindrop"], "peers": peers | missing}
    return {"sets": totals, "missing": missing}


def _name(truth: Path) -> str:
    return f"{truth.resolve().parent.name}/{truth.name}"


def half(vin: str) -> str:
    """Return on which side of the split a VIN stands, ``tuned`` or ``final``, by its hash."""
    return "final" if int(hashlib.sha256(vin.encode()).hexdigest()[:8], 16) % 2 == 0 else "tuned"


def refuse_trained(photos: Sequence[Photo]) -> None:
    """Check that no VIN was trained on.

    :raises ValueError: one was; or the list of them is not there.
    """
    trained = set(TRAINED.read_text(encoding="ascii").split())
    for photo in photos:
        if hashlib.sha256(photo.vin.encode()).hexdigest()[:16] in trained:
            raise ValueError(f"{photo.path.name} shows a VIN that was trained on: leave it out.")


def refuse_training_photos(photos: Sequence[Photo], lists: Sequence[Path]) -> None:
    """Check that no photo is one of those for training: not its bytes, whatever it is called.

    :param lists: CSVs with the column ``file``, beside it.
    :raises ValueError: one is; or a list has no such column.
    """
    trained: dict[bytes, Path] = {}
    for listed in lists:
        with listed.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            if "file" not in (rows.fieldnames or ()):
                raise ValueError(f"{listed} must have the column file in its first line.")
            paths = [listed.parent / row["file"] for row in rows]
        trained |= {_digest(path): path for path in paths if path.is_file()}
    for photo in photos:
        if trained and (twin := trained.get(_digest(photo.path))) is not None:
            raise ValueError(
                f"{photo.path.name} is {twin.name} of {twin.parent.name}, for training: leave it out."
            )


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def load(truth: Path, wanted: str | None = None) -> list[Photo]:
    """Return the rows of a ``truth.csv``.

    :param wanted: ``tuned`` or ``final``: only that half of the VINs.
    :raises ValueError: a column is missing, or there is no row.
    """
    with truth.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        if not {"file", "vin"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{truth} must have the columns file and vin in its first line.")
        photos = [
            Photo(truth.parent / row["file"], row["vin"].strip(), row.get("kind") or "photo")
            for row in rows
            if wanted is None or half(row["vin"].strip()) == wanted
        ]
    if not photos:
        raise ValueError(f"{truth} lists no photos.")
    return photos


def chosen(against: str) -> list[str]:
    """Return the peers of a comma-separated list.

    :raises ValueError: one is unknown.
    """
    names = [name for name in against.split(",") if name]
    unknown = sorted(set(names) - set(READERS[1:]))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no peer: choose from {', '.join(READERS[1:])}.")
    return names


def run(peers: Sequence[Peer], photos: Sequence[Photo]) -> dict[str, tuple[list[Result], int]]:
    """Have each photo read by all readers in turn: what else the machine does hits all alike.

    Returns, per reader, its results and its peak memory in MB.
    """
    results: dict[str, list[Result]] = {peer.name: [] for peer in peers}
    peaks = {peer.name: 0 for peer in peers}
    for peer in peers:
        for photo in photos[:WARM_UP]:
            peer.ask(photo.path)
    for photo in photos:
        for peer in peers:
            answer = peer.ask(photo.path)
            peaks[peer.name] = max(peaks[peer.name], int(answer["peak_rss_mb"]))
            vin = answer["vin"] if "vin" in answer else best_vin(answer["lines"])
            best, sure = answer.get("best"), answer.get("confidence", 0.0)
            reason = answer.get("reason") or ""
            results[peer.name].append(Result(photo, vin, answer["ms"], best, sure, reason))
    return {name: (some, peaks[name]) for name, some in results.items()}


def summary(results: Sequence[Result], peak: int) -> dict[str, Any]:
    """Return the figures of one reader: shares of the photos with (or without) a VIN."""
    with_vin = [r for r in results if r.photo.vin]
    without = [r for r in results if not r.photo.vin]
    times = sorted(r.milliseconds for r in results)
    kinds = sorted({r.photo.kind for r in results})

    def share(of: Sequence[Result], outcome: str) -> float:
        return round(sum(r.outcome == outcome for r in of) / len(of), 4) if of else 0.0

    return {
        "photos": len(results),
        "with_vin": len(with_vin),
        "exact": share(with_vin, "exact"),
        "wrong": share(with_vin, "wrong"),
        "none": share(with_vin, "none"),
        "false_accept": share(without, "false"),
        "p50_ms": round(times[len(times) // 2]),
        "p95_ms": round(times[min(len(times) - 1, int(len(times) * 0.95))]),
        "peak_rss_mb": peak,
        "exact_interval": _interval(with_vin, "exact"),
        "wrong_interval": _interval(with_vin, "wrong"),
        "kinds": {kind: _counts([r for r in results if r.photo.kind == kind]) for kind in kinds},
        "wrong_vins": [[r.photo.path.name, r.photo.vin, r.vin] for r in results if r.is_wrong],
        "lost": dict(Counter(r.stage for r in with_vin if r.outcome == "none")),
    }


def _interval(results: Sequence[Result], outcome: str) -> list[float]:
    low, high = wilson(sum(r.outcome == outcome for r in results), len(results))
    return [round(low, 4), round(high, 4)]


def _counts(results: Sequence[Result]) -> dict[str, int]:
    """Return how many photos ended how."""
    return {"photos": len(results), **Counter(r.outcome for r in results)}


def table(name: str, results: Sequence[Result]) -> str:
    """Return one reader's table per kind."""
    lines = [
        f"{name:32}{'photos':>7}{'exact':>7}{'95 % interval':>16}{'wrong':>7}{'95 % interval':>16}"
        f"{'none':>6}{'false':>7}"
    ]
    kinds = sorted({r.photo.kind for r in results})
    for kind in [*kinds, "all"]:
        some = [r for r in results if kind in (r.photo.kind, "all")]
        counts = {o: sum(r.outcome == o for r in some) for o in ("exact", "wrong", "none", "false")}
        n = sum(bool(r.photo.vin) for r in some)
        low, high = wilson(counts["exact"], n)
        exact = f"{counts['exact'] / n:.3f}" if n else "-"
        interval = f"{low:.3f}–{high:.3f}" if n else "-"
        low, high = wilson(counts["wrong"], n)
        wrong = f"{low:.3f}–{high:.3f}" if n else "-"
        lines.append(
            f"  {kind:30}{len(some):7}{exact:>7}{interval:>16}"
            f"{counts['wrong']:7}{wrong:>16}{counts['none']:6}{counts['false']:7}"
        )
    return "\n".join(lines)


def curve(results: Sequence[Result]) -> str:
    """Return right, wrong and none over the threshold."""
    n = sum(bool(r.photo.vin) for r in results) or 1
    lines = [f"{'threshold':>10}{'right':>8}{'wrong':>8}{'none':>8}{'false':>8}"]
    for threshold in THRESHOLDS:
        given = [r for r in results if r.best and r.confidence >= threshold]
        right = sum(r.best == r.photo.vin for r in given)
        wrong = sum(bool(r.photo.vin) and r.best != r.photo.vin for r in given)
        false = sum(not r.photo.vin for r in given)
        lines.append(
            f"{threshold:10.2f}{right / n:8.3f}{wrong / n:8.3f}{(n - right - wrong) / n:8.3f}{false:8}"
        )
    return "\n".join(lines)


def calibration(results: Sequence[Result]) -> str:
    """Return how often the best candidate is right, by how sure the reader says it is."""
    lines = [f"{'confidence':>14}{'photos':>8}{'said':>8}{'right':>8}"]
    for low, high in itertools.pairwise(SURENESS):
        some = [
            r
            for r in results
            if r.best and low <= r.confidence and (r.confidence < high or high == SURENESS[-1])
        ]
        if some:
            said = sum(r.confidence for r in some) / len(some)
            right = sum(r.best == r.photo.vin for r in some) / len(some)
            lines.append(f"{low:8.2f}–{high:.2f} {len(some):8}{said:8.3f}{right:8.3f}")
    return "\n".join(lines)


def stages(results: Sequence[Result]) -> str:
    """Return where the VINs that were not given got lost."""
    lost = [r.stage for r in results if r.outcome == "none"]
    return "  not given: " + (
        ", ".join(f"{s} {lost.count(s)}" for s in sorted(set(lost))) or "none"
    )


def misses(results: Sequence[Result]) -> str:
    """Return what was not read right, one photo a line."""
    return "\n".join(
        f"  {r.outcome:6}{r.photo.path.name:28}{r.photo.vin:18}{r.best or r.vin or '-':18}{r.confidence:.3f}"
        for r in results
        if r.outcome not in ("exact", "right")
    )


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    if not n:
        return 0.0, 1.0
    z, p = 1.96, hits / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="accuracy", description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--truth", type=Path, required=True, nargs="+", help="CSVs with the columns file, vin"
    )
    parser.add_argument(
        "--training", type=Path, nargs="+", default=[], metavar="CSV",
        help="lists of training photos (column file)",
    )  # fmt: skip
    parser.add_argument("--half", choices=("tuned", "final"), help="only these VINs of each set")
    parser.add_argument("--against", default="", help="peers: rapidocr,tesseract")
    parser.add_argument("--threads", type=int, default=2, help="per reader (default 2)")
    parser.add_argument("--curve", action="store_true", help="right/wrong/none over the threshold")
    parser.add_argument("--misses", action="store_true", help="list what was not read right")
    return parser


if __name__ == "__main__":
    sys.exit(main())
