"""What the recogniser is trained on, batch by batch, from a seed.

Four sources: real crops with a label, strips of generated scenes, drawn strips, and lines that
are no VIN, for which the untrained recogniser's own frames are the target.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from training import damage
from training.classes import classes, collapsed
from training.crops import Crop, jittered
from training.drawn import draw
from vindrop.domain.vin import LENGTH
from vinocr.reader.detect import tensor

SHARES: Final = {"real": 0.42, "scene": 0.16, "drawn": 0.27, "other": 0.15}
BATCH: Final = 16
_FRAME: Final = 8
"""Pixels a frame is wide."""
_GIVE_UP: Final = 4

Floats = NDArray[np.float32]


@dataclass
class Batch:
    """Strips of one width."""

    strips: Floats
    """(n, 3, 48, width)"""
    labels: list[list[int]]
    """Classes; empty where `frames` is the target."""
    frames: list[Floats | None]
    """(width / 8, 39), of the untrained recogniser."""


class Teacher:
    """The published recogniser, its classes collapsed to those that are trained."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(str(path), options)
        listed = self._session.get_modelmeta().custom_metadata_map["character"]
        self.characters: list[str] = [*listed.splitlines(), " "]

    def frames(self, strip: Floats) -> Floats:
        """Return (frames, 39) of one strip (3, 48, width)."""
        (output,) = self._session.run(None, {"x": strip[None]})
        return collapsed(output[0], self.characters)


@dataclass
class Sources:
    """Where strips come from."""

    real: list[Crop]
    scene: list[Crop]
    other: list[Crop]
    patterns: list[str]
    teacher: Teacher
    _chances: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def batches(self, seed: int) -> Iterator[Batch]:
        """Yield batches without end."""
        rng = np.random.default_rng(seed)
        waiting: dict[int, list[tuple[Floats, list[int], Floats | None]]] = {}
        while True:
            one = self._one(rng)
            if one is None:
                continue
            group = waiting.setdefault(one[0].shape[2], [])
            group.append(one)
            if len(group) == BATCH:
                strips, labels, frames = zip(*group, strict=True)
                yield Batch(np.stack(strips), list(labels), list(frames))
                group.clear()

    def _one(self, rng: np.random.Generator) -> tuple[Floats, list[int], Floats | None] | None:
        kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        if kind == "drawn":
            drawn = draw(rng, self.patterns)
            strip = _damaged(rng, drawn.image, drawn.letter, 4.5, 15.0, 0.8)
            return _fitted(strip, classes(drawn.text), None)
        crop = self._pick(rng, kind)
        image = jittered(rng, crop)
        if kind == "other":
            strip = tensor(damage.strip(rng, image, least=64 if image.width < 200 else 288))
            return strip, [], self.teacher.frames(strip)
        often = {"real": 0.45, "scene": 0.5}[kind]
        strip = _damaged(rng, image, crop.letter, 5.0, 16.0, often)
        return _fitted(strip, classes(crop.text), None)

    def _pick(self, rng: np.random.Generator, kind: str) -> Crop:
        crops: list[Crop] = getattr(self, kind)
        if kind not in self._chances:
            weights = np.array([crop.weight for crop in crops])
            self._chances[kind] = weights / weights.sum()
        return crops[int(rng.choice(len(crops), p=self._chances[kind]))]


def _damaged(
    rng: np.random.Generator,
    image: Image.Image,
    letter: float,
    low: float,
    high: float,
    often: float,
) -> Floats:
    image = image.convert("RGB")
    if rng.random() < 0.6:
        image = damage.exposed(rng, image)
    if rng.random() < often:
        image = damage.small(rng, damage.blurred(rng, image, letter), letter, low, high)
    if rng.random() < 0.5 and image.width > 32:
        image = damage.saved(rng, image)
    return tensor(damage.strip(rng, image))


def _fitted(
    strip: Floats, label: list[int], frames: Floats | None
) -> tuple[Floats, list[int], Floats | None] | None:
    """Return a sample, or None where the label needs more frames than the strip has."""
    repeats = sum(a == b for a, b in itertools.pairwise(label))
    if len(label) < LENGTH - 2 or len(label) + repeats + _GIVE_UP > strip.shape[2] // _FRAME:
        return None
    return strip, label, frames
