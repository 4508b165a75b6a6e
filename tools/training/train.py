"""Train the VIN recogniser.

    PYTHONPATH=layers/vindrop:functions/vinocr:events:tools \
    python -m training.train --recognizer PP-OCRv6_rec_small.onnx --real CROPS --scenes SCENES \
        --other LINES --steps 5000 --seed 1 --out FOLDER

Writes ``checkpoint.pt`` and ``recognizer.onnx`` (averaged weights) every few hundred steps, and
goes on from the checkpoint where there is one.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from training import graph
from training.batches import BATCH, Batch, Sources, Teacher
from training.classes import LETTERS, cut
from training.crops import Crop, plain, read
from vindrop.domain.vin import LENGTH
from vinocr.reader.detect import tensor
from vinocr.reader.light import even

HELD_OUT: Final = 0.08
"""Share of the groups (VINs) of the labelled crops that are measured on, never trained on."""
AVERAGE: Final = 0.998
"""Decay of the averaged weights."""
_WARM_UP: Final = 150
_OTHER: Final = 0.6
"""Weight of the divergence from the untrained recogniser on lines that are no VIN."""
_SAVED: Final = 50
"""Steps after which the weights are written."""
_MEASURED: Final = 250
"""Steps after which they are measured."""
_LEAST: Final = 1e-6


class Stream(IterableDataset[Batch]):
    """The batches of a seed, for a process beside the training."""

    def __init__(self, sources: Sources, seed: int) -> None:
        super().__init__()
        self._sources, self._seed = sources, seed

    def __iter__(self) -> Iterator[Batch]:
        return self._sources.batches(self._seed)


class Trainer:
    """The network, its averaged weights, the optimiser."""

    def __init__(self, model: onnx.ModelProto, rate: float, steps: int) -> None:
        self.model = model
        softmax = next(n for n in reversed(model.graph.node) if n.op_type == "Softmax")
        self._logits = softmax.input[0]
        self.net = graph.Graph(model)
        stored = {t.name: t for t in model.graph.initializer}
        self._groups = torch.from_numpy(onnx.numpy_helper.to_array(stored["groups"]).copy())
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        parameters = list(self.net.parameters())
        self._optimizer = torch.optim.AdamW(
            parameters, lr=rate, weight_decay=0.01, betas=(0.9, 0.99)
        )
        self._rate, self._steps = rate, steps
        self.step = 0

    def log_probabilities(self, strips: Tensor) -> Tensor:
        """Return (n, frames, 39)."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            x = strips.contiguous(memory_format=torch.channels_last)
            logits = self.net(x, stop=self._logits)
        columns = torch.softmax(logits.float(), dim=2)
        return torch.log((columns @ self._groups).clamp_min(_LEAST))

    def learn(self, batch: Batch) -> float:
        """Take one step; return the loss."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate * self._share()
        logs = self.log_probabilities(torch.from_numpy(batch.strips))
        loss = _loss(logs, batch)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self._optimizer.step()
        self.step += 1
        decay = min(AVERAGE, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for key, value in self.net.state_dict().items():
                self.average[key].lerp_(value, 1 - decay)
        return float(loss.detach())

    def _share(self) -> float:
        warm = min(1.0, (self.step + 1) / _WARM_UP)
        return warm * (
            0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * min(1.0, self.step / self._steps)))
        )

    def save(self, folder: Path) -> None:
        """Write the checkpoint and the averaged weights as ONNX."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {"net": self.net.state_dict(), "average": self.average, "step": self.step,
                 "optimizer": self._optimizer.state_dict()}  # fmt: skip
        torch.save(state, folder / "checkpoint.new")
        (folder / "checkpoint.new").replace(folder / "checkpoint.pt")
        net = graph.Graph(self.model)
        net.load_state_dict(self.average)
        onnx.save(net.exported(), str(folder / "recognizer.new"))
        (folder / "recognizer.new").replace(folder / "recognizer.onnx")

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state: dict[str, Any] = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average, self.step = state["average"], state["step"]
        self._optimizer.load_state_dict(state["optimizer"])

    def right(self, crops: Sequence[Crop]) -> float:
        """Return the share of crops that the averaged weights read greedily without a fault."""
        kept = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.average)
        hits = 0
        with torch.no_grad():
            for crop in crops:
                image = plain(crop)
                strip = tensor(even(_sized(image)))
                best = self.log_probabilities(torch.from_numpy(strip[None]))[0].argmax(dim=1)
                hits += _letters(best.tolist()) == _bare(crop.text)
        self.net.load_state_dict(kept)
        return hits / max(1, len(crops))


def _loss(logs: Tensor, batch: Batch) -> Tensor:
    labelled = [i for i, frames in enumerate(batch.frames) if frames is None]
    total = logs.new_zeros(())
    if labelled:
        targets = torch.tensor([c for i in labelled for c in batch.labels[i]])
        lengths = torch.tensor([len(batch.labels[i]) for i in labelled])
        frames = torch.full((len(labelled),), logs.shape[1])
        each = functional.ctc_loss(
            logs[labelled].transpose(0, 1),
            targets,
            frames,
            lengths,
            reduction="none",
            zero_infinity=True,
        )
        # A label that the picture denies altogether is likely wrong, or the strip illegible.
        total = total + (each / lengths).clamp(max=2.5).sum()
    for i, wanted in enumerate(batch.frames):
        if wanted is not None:
            p = torch.from_numpy(wanted).clamp_min(_LEAST)
            total = total + _OTHER * (p * (p.log() - logs[i])).sum(dim=1).mean()
    return total / len(batch.frames)


def _sized(image: Any) -> Any:
    width = max(96, round(48 * image.width / image.height / 8) * 8)
    return image.resize((min(width, 1280), 48))


def _letters(best: list[int]) -> str:
    fresh = [c for i, c in enumerate(best) if c and (i == 0 or best[i - 1] != c)]
    return _bare("".join(LETTERS[c - 1] for c in fresh))


def _bare(text: str) -> str:
    return "".join(c for c in text if c in LETTERS[:33])


def split(crops: Sequence[Crop]) -> tuple[list[Crop], list[Crop]]:
    """Return crops to train on and crops held out, by group: their first hash digits decide."""
    kept = [c for c in crops if int(c.group[:4] or "ffff", 16) >= HELD_OUT * 0x10000]
    held = [c for c in crops if int(c.group[:4] or "ffff", 16) < HELD_OUT * 0x10000]
    return kept, held


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    teacher = Teacher(options.recognizer)
    model = cut(graph.load(options.recognizer), teacher.characters)
    kept, held = split([c for folder in options.real for c in read(folder)])
    scenes = read(options.scenes)
    patterns = sorted({c.text[i : i + LENGTH] for c in kept for i in [_start(c.text)] if i >= 0})
    sources = Sources(kept, scenes[80:], read(options.other), patterns, teacher)
    trainer = Trainer(model, options.rate, options.steps)
    if (options.out / "checkpoint.pt").is_file():
        trainer.resume(options.out / "checkpoint.pt")
    print(f"{len(kept)} real crops, {len(held)} held out, {len(scenes)} scenes", flush=True)
    stream = DataLoader(Stream(sources, options.seed + trainer.step), batch_size=None, num_workers=1,
                        prefetch_factor=6)  # fmt: skip
    started, losses = time.monotonic(), []
    for batch in stream:
        losses.append(trainer.learn(batch))
        last = trainer.step >= options.steps
        if trainer.step % _SAVED == 0 or last:
            seconds = time.monotonic() - started
            print(
                f"{trainer.step} loss {np.mean(losses[-_SAVED:]):.4f} {seconds:.0f} s", flush=True
            )
            trainer.save(options.out)
        if trainer.step % _MEASURED == 0 or last:
            figures = {
                "step": trainer.step,
                "strips": trainer.step * BATCH,
                "held": round(trainer.right(held), 4),
                "scenes": round(trainer.right(scenes[:80]), 4),
            }
            print(json.dumps(figures), flush=True)
        if last:
            break
    return 0


def _start(text: str) -> int:
    """Return where in a label the VIN begins, or -1."""
    for i in range(len(text) - LENGTH + 1):
        if _bare(text[i : i + LENGTH]) == text[i : i + LENGTH]:
            return i
    return -1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="training.train", description="Train the VIN recogniser.")
    parser.add_argument("--recognizer", type=Path, required=True, help="the published ONNX model")
    parser.add_argument(
        "--real", type=Path, nargs="+", required=True, help="folders of labelled crops"
    )
    parser.add_argument("--scenes", type=Path, required=True, help="folder of generated strips")
    parser.add_argument("--other", type=Path, required=True, help="folder of lines that are no VIN")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
