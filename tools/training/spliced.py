"""Other VINs from the letters of a real crop: cut between letters, put together in another order.

A few hundred real VINs would be learnt by heart; their letters in any order are as real, and say
nothing about what stands beside them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.crops import Crop
from vindrop.domain.vin import ALPHABET, LENGTH

_MOST_CUTS: Final = 4
_CLEAR: Final = -1.2
"""Mean log probability of a letter's best frame below which its place is not known."""
_END: Final = 1.2
"""Width of the first and the last letter, in steps from letter to letter."""
_REACH: Final = 0.4
"""How far from the middle between two letters they may be parted, in steps from letter to letter."""

Floats = NDArray[np.float32]


def start(text: str) -> int:
    """Return where in a label the VIN begins, or -1."""
    for i in range(len(text) - LENGTH + 1):
        if all(c in ALPHABET for c in text[i : i + LENGTH]):
            return i
    return -1


def places(logs: Floats, label: Sequence[int]) -> list[float] | None:
    """Return the middle of each of a label's characters, in frames, by CTC's best path.

    None where the frames do not show the label.

    :param logs: (frames, classes), log probabilities; class 0 is the blank.
    """
    states = [0, *(c for one in label for c in (one, 0))]
    count = len(states)
    jump = np.zeros(count, dtype=bool)
    jump[3::2] = [a != b for a, b in zip(label[1:], label[:-1], strict=True)]
    emission = logs[:, states].astype(np.float64)
    score = np.full(count, -np.inf)
    score[:2] = emission[0, :2]
    back = np.zeros((len(logs), count), dtype=np.intp)
    for t in range(1, len(logs)):
        step = np.concatenate([[-np.inf], score[:-1]])
        over = np.where(jump, np.concatenate([[-np.inf, -np.inf], score[:-2]]), -np.inf)
        options = np.stack([score, step, over])
        back[t] = options.argmax(axis=0)
        score = options[back[t], np.arange(count)] + emission[t]
    state = count - 1 if score[-1] > score[-2] else count - 2
    own: list[list[int]] = [[] for _ in label]
    for t in range(len(logs) - 1, -1, -1):
        if state % 2:
            own[state // 2].append(t)
        state -= int(back[t, state])
    if not all(own):
        return None
    peaks = [max(float(logs[t, c]) for t in some) for some, c in zip(own, label, strict=True)]
    if float(np.mean(peaks)) < _CLEAR:
        return None
    return [float(np.mean(some)) + 0.5 for some in own]


def shuffled(rng: np.random.Generator, crop: Crop) -> Crop:
    """Return a crop with the letters of its VIN in another order, in pieces of some letters."""
    first = start(crop.text)
    if first < 0 or len(crop.cuts) != LENGTH - 1:
        return crop
    count = int(rng.integers(1, _MOST_CUTS + 1))
    chosen = sorted(rng.choice(LENGTH - 1, size=count, replace=False).tolist())
    middle = [crop.cuts[i] for i in chosen]
    apart = _END * (crop.cuts[-1] - crop.cuts[0]) / (LENGTH - 2)
    edges = [crop.cuts[0] - apart, *middle, crop.cuts[-1] + apart]
    edges = [min(max(x, 0.0), float(crop.image.width)) for x in edges]
    letters = [0, *(i + 1 for i in chosen), LENGTH]
    order = rng.permutation(count + 1).tolist()
    vin = crop.text[first : first + LENGTH]
    mixed = "".join(vin[letters[k] : letters[k + 1]] for k in order)
    image = crop.image.copy()
    x = round(edges[0])
    for k in order:
        piece = crop.image.crop((round(edges[k]), 0, round(edges[k + 1]), crop.image.height))
        image.paste(piece, (x, 0))
        x += piece.width
    text = crop.text[:first] + mixed + crop.text[first + LENGTH :]
    return dataclasses.replace(crop, image=image, text=text, cuts=())


def with_cuts(crop: Crop, logs: Floats, label: Sequence[int], left: float, width: float) -> Crop:
    """Return the crop with the places between the letters of its VIN.

    :param logs: frames of a strip that shows ``width`` pixels of the crop's picture from ``left``.
    :param label: the classes of its whole text, one per character.
    """
    first = start(crop.text)
    if first < 0 or len(label) != len(crop.text):
        return crop
    found = places(logs, label)
    if found is None:
        return crop
    xs = np.array([left + width * f / len(logs) for f in found[first : first + LENGTH]])
    steps = np.diff(xs)
    if steps.min() < 0.35 * np.median(steps) or steps.max() > 2.5 * np.median(steps):
        return crop  # no one line of letters, evenly apart
    middle, reach = (xs[1:] + xs[:-1]) / 2, _REACH * float(np.median(steps))
    return dataclasses.replace(crop, cuts=_emptiest(crop, middle, reach))


def _emptiest(crop: Crop, middle: NDArray[np.float64], reach: float) -> tuple[float, ...]:
    """Return, near each place in the picture, the column with the least of a letter in it."""
    grey = np.asarray(crop.image.convert("L"), np.float32)
    edge = max(0, round((crop.image.height - crop.letter * 1.1) / 2))
    ink = grey[edge : grey.shape[0] - edge].std(axis=0)
    ink = np.convolve(ink, np.ones(3) / 3, mode="same")
    out: list[float] = []
    for x in middle.tolist():
        low = max(0, round(x - reach))
        some = ink[low : round(x + reach) + 1]
        away = np.abs(np.arange(len(some)) + low - x) / max(1.0, reach)
        cost = some + 0.15 * (float(some.max(initial=1.0))) * away
        out.append(float(low + int(cost.argmin())) if len(some) else x)
    return tuple(out)
