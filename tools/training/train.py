"""Train the VIN recogniser, and beside it, on the same strips, the second witness.

    PYTHONPATH=layers/vindrop:functions/vinocr:events:tools \
    python -m training.train --recognizer PP-OCRv6_rec_small.onnx --witness PP-OCRv5_rec.onnx \
        --real CROPS --scenes SCENES --other LINES --steps 5000 --seed 1 --out FOLDER

Writes ``recognizer.onnx`` and ``witness.onnx`` (averaged weights) and what training goes on from
every minute. Runs on a GPU where there is one. One seed gives the same strips in the same order;
on a CPU, with ``--steps``, the same weights too.
"""

from __future__ import annotations

import argparse
import json
import math
import queue
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.batches import UNIT, Batch, Sources, damaged, joined
from training.classes import class_of_character
from training.crops import Crop, plain, read
from training.drawn import draw
from training.spliced import start, with_cuts
from training.student import Student, Teacher, scaled
from vindrop.domain.vin import LENGTH
from vinocr.reader.light import even

HELD_OUT: Final = 0.08
"""Share of the groups (VINs) of the labelled crops that are measured on, never trained on."""
_WARM_UP: Final = 150
_SAVED: Final = 60.0
"""Seconds after which the weights are written and measured."""
_SHOWN: Final = 50
"""Steps after which the loss is printed."""
_LAST_RATE: Final = 0.02
_SCENES_HELD: Final = 80
_DRAWN_HELD: Final = 160

Groups = list[tuple[NDArray[np.uint8], list[str]]]


class Stream(IterableDataset[Batch]):
    """The strips of a seed, for processes beside the training: each has a seed of its own."""

    def __init__(self, sources: Sources, seed: int, unit: int) -> None:
        super().__init__()
        self._sources, self._seed, self._unit = sources, seed, unit

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        worker = get_worker_info()
        seed = self._seed + 1_000_003 * (worker.id if worker else 0)
        return self._sources.batches(seed, self._unit)


def batches(stream: DataLoader[Batch], size: int, ahead: int) -> Iterator[Batch]:
    """Yield batches of ``size`` strips, joined from units of one width, in a thread of its own."""
    ready: queue.Queue[Batch] = queue.Queue(ahead)
    units = iter(stream)  # here, not in the thread: it forks

    def collect() -> None:
        waiting: dict[int, list[Batch]] = {}
        for unit in units:
            group = waiting.setdefault(unit.strips.shape[2], [])
            group.append(unit)
            if sum(len(one.labels) for one in group) >= size:
                ready.put(joined(group))
                group.clear()

    threading.Thread(target=collect, daemon=True).start()
    while True:
        yield ready.get()


class Schedule:
    """How far training is, by steps or by time, and what rate follows."""

    def __init__(self, steps: int, minutes: float | None) -> None:
        self._steps, self._seconds = steps, minutes * 60 if minutes else None
        self.started = time.monotonic()

    def done(self, step: int) -> float:
        """Return how much is done, 0 to 1."""
        if self._seconds:
            return min(1.0, (time.monotonic() - self.started) / self._seconds)
        return min(1.0, step / self._steps)

    def share(self, step: int) -> float:
        """Return the share of the highest rate: a warm-up, then a cosine."""
        warm = min(1.0, (step + 1) / _WARM_UP)
        wave = 0.5 * (1 + math.cos(math.pi * self.done(step)))
        return warm * (_LAST_RATE + (1 - _LAST_RATE) * wave)


def split(crops: Sequence[Crop]) -> tuple[list[Crop], list[Crop]]:
    """Return crops to train on and crops held out, by group: their first hash digits decide."""
    kept = [c for c in crops if int(c.group[:4] or "ffff", 16) >= HELD_OUT * 0x10000]
    held = [c for c in crops if int(c.group[:4] or "ffff", 16) < HELD_OUT * 0x10000]
    return kept, held


def strips_of(crops: Sequence[Crop]) -> Groups:
    """Return the strips that the reader would cut, by width."""
    return _grouped([(np.asarray(even(_sized(plain(crop)))), crop.text) for crop in crops])


def spoilt(crops: Sequence[Crop], seed: int) -> Groups:
    """Return strips of crops made small, and as many drawn ones, by width: the same for a seed."""
    rng = np.random.default_rng(seed)
    out = [(damaged(rng, plain(crop), crop.letter, 5.0, 9.0, 1.0), crop.text) for crop in crops]
    for _ in range(_DRAWN_HELD):
        one = draw(rng, ())
        out.append((damaged(rng, one.image, one.letter, 5.0, 12.0, 1.0), one.text))
    return _grouped(out)


def _grouped(strips: Sequence[tuple[NDArray[np.uint8], str]]) -> Groups:
    by_width: dict[int, list[tuple[NDArray[np.uint8], str]]] = {}
    for strip, text in strips:
        by_width.setdefault(strip.shape[1], []).append((strip, text))
    return [
        (np.stack([strip for strip, _ in some]), [text for _, text in some])
        for _, some in sorted(by_width.items())
    ]


def _sized(image: Any, factor: float = 1.0, least: int = 96) -> Any:
    width = max(least, round(48 * factor * image.width / image.height / 32) * 32)
    return image.resize((min(width, 1280), 48))


def cut_between_letters(crops: Sequence[Crop], student: Student) -> list[Crop]:
    """Return the crops with the places between their letters, as far as the network sees them."""
    by_width: dict[int, list[tuple[Crop, NDArray[np.uint8]]]] = {}
    for crop in crops:
        strip = np.asarray(even(_sized(plain(crop), 1.3, 320)))
        by_width.setdefault(strip.shape[1], []).append((crop, strip))
    out: list[Crop] = []
    with torch.no_grad():
        for _, some in sorted(by_width.items()):
            for at in range(0, len(some), 32):
                part = some[at : at + 32]
                strips = scaled(np.stack([strip for _, strip in part]), student.device)
                logs = student.log_probabilities(strips).cpu().numpy()
                for (crop, _), one in zip(part, logs, strict=True):
                    label = [class_of_character(c) for c in crop.text]
                    left = (crop.image.width - crop.width) / 2
                    out.append(with_cuts(crop, one, label, left, crop.width))
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    published = {"recognizer": options.recognizer, "witness": options.witness}
    students = {
        name: Student(path, options.rate, device) for name, path in published.items() if path
    }
    for name, student in students.items():
        if (options.out / f"{name}.pt").is_file():
            student.resume(options.out / f"{name}.pt")
    first = students["recognizer"]
    kept, held = split([c for folder in options.real for c in read(folder)])
    kept = cut_between_letters(kept, first)
    scenes = read(options.scenes)
    patterns = sorted({c.text[i : i + LENGTH] for c in kept for i in [start(c.text)] if i >= 0})
    sources = Sources(
        kept, scenes[_SCENES_HELD:], read(options.other), patterns, options.fresh_scenes
    )
    cuts = sum(bool(c.cuts) for c in kept)
    print(
        f"{len(kept)} real crops ({cuts} cut between letters), {len(held)} held out, "
        f"{len(scenes)} scenes, on {device}", flush=True,
    )  # fmt: skip
    measured = {"held": strips_of(held), "small": spoilt(held, 5),
                "scenes": strips_of(scenes[:_SCENES_HELD])}  # fmt: skip
    stream = DataLoader(
        Stream(sources, options.seed + first.step, min(options.batch, UNIT)), batch_size=None,
        num_workers=options.workers, prefetch_factor=6,
    )  # fmt: skip
    _run(students, Teacher(options.recognizer, device), stream, measured, options)
    return 0


def _run(
    students: dict[str, Student],
    teacher: Teacher,
    stream: DataLoader[Batch],
    measured: dict[str, Groups],
    options: argparse.Namespace,
) -> None:
    first = students["recognizer"]
    schedule = Schedule(options.steps, options.minutes)
    losses: list[list[Tensor]] = []
    saved = time.monotonic()
    for batch in batches(stream, options.batch, 8 if first.device.type == "cuda" else 1):
        strips = scaled(batch.strips, first.device)
        others = [i for i, label in enumerate(batch.labels) if not label]
        wanted = teacher.frames(strips[others]) if others else None
        share = schedule.share(first.step)
        losses.append([s.learn(strips, batch.labels, wanted, share) for s in students.values()])
        last = schedule.done(first.step) >= 1
        if first.step % _SHOWN == 0 or last:
            means = torch.tensor([[float(x) for x in row] for row in losses]).mean(dim=0).tolist()
            seconds = time.monotonic() - schedule.started
            print(f"{first.step} loss {' '.join(f'{x:.4f}' for x in means)} {seconds:.0f} s",
                  flush=True)  # fmt: skip
            losses.clear()
        if time.monotonic() - saved > _SAVED or last:
            for name, student in students.items():
                student.save(options.out / f"{name}.onnx")
                figures = {key: round(student.right(groups), 4) for key, groups in measured.items()}
                print(json.dumps({"step": student.step, "strips": student.step * options.batch,
                                  "of": name, **figures}), flush=True)  # fmt: skip
            saved = time.monotonic()
        if last:
            return


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="training.train", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--recognizer", type=Path, required=True, help="the published ONNX model")
    parser.add_argument("--witness", type=Path, help="another, trained beside it")
    parser.add_argument(
        "--real", type=Path, nargs="+", required=True, help="folders of labelled crops"
    )
    parser.add_argument("--scenes", type=Path, required=True, help="folder of generated strips")
    parser.add_argument("--other", type=Path, required=True, help="folder of lines that are no VIN")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--minutes", type=float, help="train so long, whatever the steps")
    parser.add_argument("--batch", type=int, default=16, help="strips a step")
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--fresh-scenes", type=float, default=0.0,
                        help="share of the scenes' strips that are generated on the way")  # fmt: skip
    parser.add_argument("--workers", type=int, default=1, help="processes that make strips")
    parser.add_argument("--device", help="cpu or cuda; by default a GPU where there is one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
