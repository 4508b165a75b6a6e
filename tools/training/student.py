"""A recogniser that learns: its weights, their average, its optimiser; and the one it learns from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training import graph
from training.classes import COUNT, LETTERS, class_of_character, cut

AVERAGE: Final = 0.998
"""Decay of the averaged weights."""
_OTHER: Final = 0.6
"""Weight of the divergence from the untrained recogniser on lines that are no VIN."""
_LEAST: Final = 1e-6
_DENIED: Final = 2.5
"""Loss per letter from which a strip teaches nothing: its label is likely wrong, or it is illegible."""


def listed(model: onnx.ModelProto) -> list[str]:
    """Return what a published recogniser's classes stand for, from class 1 on."""
    entry = next(p for p in model.metadata_props if p.key == "character")
    return [*entry.value.splitlines(), " "]


def scaled(strips: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Return (n, 48, width, 3) RGB pixels as the networks want them: (n, 3, 48, width), BGR, −1 to 1."""
    pixels = torch.from_numpy(np.require(strips, requirements="W"))
    if device.type == "cuda":
        pixels = pixels.pin_memory().to(device, non_blocking=True)
    return pixels.permute(0, 3, 1, 2).flip(1).float() / 127.5 - 1.0


class Teacher:
    """The published recogniser, its classes collapsed to those that are trained."""

    def __init__(self, path: Path, device: torch.device) -> None:
        model = graph.load(path)
        groups = [0, *(class_of_character(c) for c in listed(model))]
        self._net = graph.Graph(model).to(device).requires_grad_(False)
        self._groups = torch.tensor(groups, device=device)

    def frames(self, strips: Tensor) -> Tensor:
        """Return probabilities, (n, frames, 39)."""
        with torch.no_grad(), torch.autocast(strips.device.type, dtype=torch.bfloat16):
            full = self._net(strips).float()
        out = full.new_zeros((*full.shape[:2], COUNT))
        return out.index_add_(2, self._groups, full)


class Student:
    """One network, its averaged weights, the optimiser."""

    def __init__(self, path: Path, rate: float, device: torch.device) -> None:
        published = graph.load(path)
        ours = listed(published) == list(LETTERS)
        self.model = published if ours else cut(published, listed(published))
        self.device = device
        softmax = next(n for n in reversed(self.model.graph.node) if n.op_type == "Softmax")
        self._logits = softmax.input[0]
        self.net = graph.Graph(self.model).to(device)
        stored = {t.name: t for t in self.model.graph.initializer}
        groups = torch.from_numpy(onnx.numpy_helper.to_array(stored["groups"]).copy())
        self._groups = groups.to(device)
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self._rate = rate
        self._optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=rate, weight_decay=0.01, betas=(0.9, 0.99),
            fused=device.type == "cuda",
        )  # fmt: skip
        self.step = 0

    def log_probabilities(self, strips: Tensor) -> Tensor:
        """Return (n, frames, 39)."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            x = strips.contiguous(memory_format=torch.channels_last)
            logits = self.net(x, stop=self._logits)
        columns = torch.softmax(logits.float(), dim=2)
        return torch.log((columns @ self._groups).clamp_min(_LEAST))

    def learn(
        self, strips: Tensor, labels: Sequence[list[int]], wanted: Tensor | None, share: float
    ) -> Tensor:
        """Take one step; return the loss.

        :param labels: classes; empty for the strips whose frames are in ``wanted``, in their order.
        :param share: of the highest rate.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate * share
        loss = _loss(self.log_probabilities(strips), labels, wanted)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self._optimizer.step()
        self.step += 1
        decay = min(AVERAGE, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            now = self.net.state_dict()
            torch._foreach_lerp_(list(self.average.values()), [now[k] for k in self.average],
                                 1 - decay)  # fmt: skip
        return loss.detach()

    def save(self, out: Path) -> None:
        """Write the averaged weights as ONNX, and what training goes on from beside them."""
        out.parent.mkdir(parents=True, exist_ok=True)
        state = {"net": self.net.state_dict(), "average": self.average, "step": self.step,
                 "optimizer": self._optimizer.state_dict()}  # fmt: skip
        torch.save(state, out.with_suffix(".new"))
        out.with_suffix(".new").replace(out.with_suffix(".pt"))
        net = graph.Graph(self.model)
        net.load_state_dict(self.average)
        onnx.save(net.exported(), str(out.with_suffix(".new")))
        out.with_suffix(".new").replace(out)

    def resume(self, path: Path) -> None:
        """Go on from what `save` wrote."""
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=self.device)
        self.net.load_state_dict(state["net"])
        self.average, self.step = state["average"], state["step"]
        self._optimizer.load_state_dict(state["optimizer"])

    def right(self, groups: Sequence[tuple[NDArray[np.uint8], list[str]]]) -> float:
        """Return the share of strips that the averaged weights read greedily without a fault.

        :param groups: strips of one width each, and what they say.
        """
        kept = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.average)
        hits = count = 0
        with torch.no_grad():
            for strips, texts in groups:
                for at in range(0, len(texts), 32):
                    logs = self.log_probabilities(scaled(strips[at : at + 32], self.device))
                    best = logs.argmax(dim=2).tolist()
                    some = zip(best, texts[at : at + 32], strict=True)
                    hits += sum(_letters(one) == bare(text) for one, text in some)
                count += len(texts)
        self.net.load_state_dict(kept)
        return hits / max(1, count)


def _loss(logs: Tensor, labels: Sequence[list[int]], wanted: Tensor | None) -> Tensor:
    labelled = [i for i, label in enumerate(labels) if label]
    total = logs.new_zeros(())
    if labelled:
        targets = torch.tensor([c for i in labelled for c in labels[i]], device=logs.device)
        lengths = torch.tensor([len(labels[i]) for i in labelled])
        frames = torch.full((len(labelled),), logs.shape[1])
        some = (
            logs
            if len(labelled) == len(labels)
            else logs[torch.tensor(labelled, device=logs.device)]
        )
        each = functional.ctc_loss(
            some.transpose(0, 1), targets, frames, lengths, reduction="none", zero_infinity=True
        )
        total = total + (each / lengths.to(logs.device)).clamp(max=_DENIED).sum()
    others = [i for i, label in enumerate(labels) if not label]
    if others and wanted is not None:
        p = wanted.clamp_min(_LEAST)
        theirs = logs[torch.tensor(others, device=logs.device)]
        total = total + _OTHER * (p * (p.log() - theirs)).sum(dim=2).mean(dim=1).sum()
    return total / len(labels)


def _letters(best: list[int]) -> str:
    fresh = [c for i, c in enumerate(best) if c and (i == 0 or best[i - 1] != c)]
    return bare("".join(LETTERS[c - 1] for c in fresh))


def bare(text: str) -> str:
    """Return the letters of a text that VINs may hold."""
    return "".join(c for c in text if c in LETTERS[:33])
