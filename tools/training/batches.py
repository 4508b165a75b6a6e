"""What the recogniser is trained on, batch by batch, from a seed.

Four sources: real crops with a label, strips of generated scenes, drawn strips, and lines that
are no VIN, for which the untrained recogniser's own frames are the target.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photo_generator.catalogue import KINDS
from photo_generator.dice import pick
from training import damage
from training.classes import classes
from training.crops import Crop, jittered
from training.drawn import draw, made_up
from training.scenes import scene
from training.spliced import shuffled
from vindrop.domain.vin import LENGTH

SHARES: Final = {"real": 0.42, "scene": 0.17, "drawn": 0.28, "other": 0.13}
UNIT: Final = 64
"""Strips that a process hands over at once, at most."""
_SHUFFLED: Final = 0.3
"""Share of the real crops whose letters are put in another order."""
_FRAME: Final = 8
"""Pixels a frame is wide."""
_GIVE_UP: Final = 4
_MOST_SCENES: Final = 4000

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass
class Batch:
    """Strips of one width."""

    strips: Pixels
    """(n, 48, width, 3), RGB."""
    labels: list[list[int]]
    """Classes; empty where the untrained recogniser's frames are the target."""


@dataclass
class Sources:
    """Where strips come from."""

    real: list[Crop]
    scene: list[Crop]
    other: list[Crop]
    patterns: list[str]
    fresh: float = 0.0
    """Share of the scenes' strips for which a new scene is generated: 100 ms each."""
    _chances: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def batches(self, seed: int, size: int) -> Iterator[Batch]:
        """Yield batches of ``size`` strips without end."""
        rng = np.random.default_rng(seed)
        own = list(self.scene)
        waiting: dict[int, list[tuple[Pixels, list[int]]]] = {}
        while True:
            one = self._one(rng, own)
            if one is None:
                continue
            group = waiting.setdefault(one[0].shape[1], [])
            group.append(one)
            if len(group) == size:
                strips, labels = zip(*group, strict=True)
                yield Batch(np.stack(strips), list(labels))
                group.clear()

    def _one(self, rng: np.random.Generator, scenes: list[Crop]) -> tuple[Pixels, list[int]] | None:
        kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        if kind == "drawn":
            drawn = draw(rng, self.patterns)
            strip = damaged(rng, drawn.image, drawn.letter, 4.0, 15.0, 0.8)
            return _fitted(strip, classes(drawn.text))
        crop = self._scene(rng, scenes) if kind == "scene" else self._pick(rng, kind)
        if kind == "other":
            image = jittered(rng, crop)
            least = 64 if image.width < 200 else 288
            return np.asarray(damage.strip(rng, image.convert("RGB"), least=least)), []
        if kind == "real" and rng.random() < _SHUFFLED:
            crop = shuffled(rng, crop)
        often = {"real": 0.5, "scene": 0.5}[kind]
        strip = damaged(rng, jittered(rng, crop), crop.letter, 4.5, 16.0, often)
        return _fitted(strip, classes(crop.text))

    def _scene(self, rng: np.random.Generator, scenes: list[Crop]) -> Crop:
        if rng.random() < self.fresh or not scenes:
            new = None
            while new is None:
                new = scene(rng, pick(rng, KINDS), made_up(rng, self.patterns))
            if len(scenes) < _MOST_SCENES:
                scenes.append(new)
            else:
                scenes[int(rng.integers(len(scenes)))] = new
            return new
        return scenes[int(rng.integers(len(scenes)))]

    def _pick(self, rng: np.random.Generator, kind: str) -> Crop:
        crops: list[Crop] = getattr(self, kind)
        if kind not in self._chances:
            weights = np.array([crop.weight for crop in crops])
            self._chances[kind] = weights / weights.sum()
        return crops[int(rng.choice(len(crops), p=self._chances[kind]))]


def joined(units: Sequence[Batch]) -> Batch:
    """Return one batch of several of one width."""
    if len(units) == 1:
        return units[0]
    labels = [label for unit in units for label in unit.labels]
    return Batch(np.concatenate([unit.strips for unit in units]), labels)


def damaged(
    rng: np.random.Generator,
    image: Image.Image,
    letter: float,
    low: float,
    high: float,
    often: float,
) -> Pixels:
    """Return an image as the strip of a worse photo of it; see `damage.small` for the lengths."""
    image = image.convert("RGB")
    if rng.random() < 0.6:
        image = damage.exposed(rng, image)
    if rng.random() < often:
        image = damage.small(rng, damage.blurred(rng, image, letter), letter, low, high)
    if rng.random() < 0.5 and image.width > 32:
        image = damage.saved(rng, image)
    return np.asarray(damage.strip(rng, image))


def _fitted(strip: Pixels, label: list[int]) -> tuple[Pixels, list[int]] | None:
    """Return a sample, or None where the label needs more frames than the strip has."""
    repeats = sum(a == b for a, b in itertools.pairwise(label))
    if len(label) < LENGTH - 2 or len(label) + repeats + _GIVE_UP > strip.shape[1] // _FRAME:
        return None
    return strip, label
