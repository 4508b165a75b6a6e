"""Strips → frames: probabilities over the 36 things that matter to a VIN.

Our own recogniser has 39 classes: 33 letters, I, O, Q, space, junk, blank. A published one with
thousands can stand in: look-alikes add their probability to the letter of the same shape, all the
rest is junk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vindrop.domain.vin import ALPHABET, LOOKALIKES
from vinocr.reader.detect import tensor
from vinocr.reader.models import Models

BLANK: Final = 0
"""Class of CTC's blank; 1 to 33 are the letters of `ALPHABET`."""
SPACE: Final = 34
JUNK: Final = 35
CLASSES: Final = 36
SYMBOLS: Final = "\0" + ALPHABET + " ~"
"""What each class is written as; junk is a tilde."""

Floats = NDArray[np.float32]

MISTAKEN: Final = {
    "U": {"V": 0.02, "D": 0.01}, "V": {"U": 0.004, "M": 0.01, "Y": 0.01}, "N": {"M": 0.01},
    "Y": {"V": 0.01}, "2": {"Z": 0.015}, "Z": {"2": 0.005}, "5": {"S": 0.015},
    "8": {"B": 0.015}, "B": {"8": 0.005}, "6": {"G": 0.01}, "G": {"C": 0.005, "6": 0.005},
    "C": {"G": 0.01}, "0": {"D": 0.008, "G": 0.002, "C": 0.002}, "D": {"0": 0.005, "U": 0.005},
    "1": {"J": 0.01}, "E": {"Z": 0.005}, "P": {"R": 0.003},
}  # fmt: skip
"""What was read → what it may be all the same, and how often, in strips that are not clear: on
metal and in small print the recogniser takes one for the other and is sure of it. Figures are
kept small: they are the confidence that every VIN with such a letter loses."""

LEFT_OUT: Final = {"I": ("1", 0.3), "O": ("0", 0.3), "Q": ("0", 0.1)}
"""Letters that a VIN leaves out → the digit they look like, and how far they count as it; as junk
for the rest. On real photos one VIN in ten or so has one of them in its reading; serial numbers of
other things have several."""

# Small letters of the capital's shape, told apart by height alone, which a strip does not show.
_SAME_SHAPE: Final = {c: c.upper() for c in "cjkmnpsuvwxyz"} | {"l": "1", "o": "0"}


CLEAR: Final = 0.9
"""Probability of a strip's least certain letter from which no letter of it counts as mistaken."""


@dataclass(frozen=True, slots=True)
class Frames:
    """What the recogniser saw in one strip."""

    probabilities: Floats
    """(frames, 36), each row sums to 1; shared out by `MISTAKEN` as far as the strip is unclear."""
    text: str
    """The greedy reading, with all of the recogniser's classes."""
    spelt: str = ""
    """The greedy reading in `SYMBOLS`."""
    certainty: float = 0.0
    """Peak probability of the least certain letter spelt, 0 to 1."""


class Recognizer:
    """A recogniser's session with its classes collapsed to 36."""

    def __init__(self, models: Models, *, witness: bool = False) -> None:
        """Take the recogniser, or the second witness."""
        self._session = models.witness if witness else models.recognizer
        self._characters = models.witness_characters if witness else models.characters
        self._plain, self._meant = meant(0.0), meant()
        groups: list[list[int]] = [[] for _ in self._meant]
        for index, character in enumerate(self._characters):
            group = _left_out(character) or class_of(character) if index else BLANK
            if group != JUNK:
                groups[group].append(index)
        used = [g for g, indices in enumerate(groups) if indices]
        self._groups = np.array(used)
        self._columns = np.array([i for g in used for i in groups[g]])
        self._starts = np.cumsum([0, *(len(groups[g]) for g in used)])[:-1]

    def read(self, strip: Image.Image, *, large: bool = True) -> Frames:
        """Read a strip, 48 pixels high. One at a time: batches pad, and gain nothing on a CPU.

        :param large: its letters have the pixels that a sure reading needs.
        """
        (output,) = self._session.run(None, {"x": tensor(strip)[None]})
        full = output[0]
        frames = np.zeros((len(full), len(self._meant)), dtype=np.float32)
        frames[:, self._groups] = np.add.reduceat(full[:, self._columns], self._starts, axis=1)
        frames[:, JUNK] = np.maximum(1.0 - frames.sum(axis=1), 0.0)
        plain = frames @ self._plain
        spelt, certainty = spelling(plain)
        doubt = min(1.0, max(0.0, (1 - certainty) / (1 - CLEAR))) if large else 1.0
        shared = doubt * (frames @ self._meant) + (1 - doubt) * plain
        return Frames(shared, self._greedy(full), spelt, certainty)

    def _greedy(self, full: Floats) -> str:
        best = full.argmax(axis=1)
        fresh = np.concatenate([[True], best[1:] != best[:-1]]) & (best != BLANK)
        text = "".join(self._characters[i] for i in best[fresh])
        return text.replace("~", "*").strip()  # our own recogniser's junk, mostly stars


def spelling(frames: Floats) -> tuple[str, float]:
    """Return the greedy reading of (frames, 36) in `SYMBOLS`, and its least certain letter's peak.

    A letter's peak is its largest probability in the frames in which it leads.
    """
    best, peaks = frames.argmax(axis=1), frames.max(axis=1)
    starts = np.flatnonzero(np.concatenate([[True], best[1:] != best[:-1]]))
    highest = np.maximum.reduceat(peaks, starts)
    spelt = [
        (SYMBOLS[c], float(p)) for c, p in zip(best[starts], highest, strict=True) if c != BLANK
    ]
    letters = [p for symbol, p in spelt if symbol in ALPHABET]
    return "".join(symbol for symbol, _ in spelt), min(letters, default=0.0)


def meant(share: float = 1.0) -> Floats:
    """Return `MISTAKEN` and `LEFT_OUT` as a matrix: (39, 36), each row sums to 1.

    The last three rows are the letters that are left out.

    :param share: factor on the figures of `MISTAKEN`.
    """
    matrix = np.eye(CLASSES + len(LEFT_OUT), CLASSES, dtype=np.float32)
    for read, letters in MISTAKEN.items():
        row = SYMBOLS.index(read)
        matrix[row, row] = 1 - share * sum(letters.values())
        for letter, part in letters.items():
            matrix[row, SYMBOLS.index(letter)] = share * part
    for row, (digit, part) in enumerate(LEFT_OUT.values(), CLASSES):
        matrix[row, SYMBOLS.index(digit)], matrix[row, JUNK] = part, 1 - part
    return matrix


def end_to_end(parts: list[Frames]) -> Frames:
    """Put the frames of several boxes one behind the other, between them a space, or nothing.

    A box may end in the middle of a word.
    """
    space = np.zeros((1, CLASSES), dtype=np.float32)
    space[0, [SPACE, BLANK]] = 0.5
    pieces: list[Floats] = []
    for part in parts:
        pieces += [space, part.probabilities] if pieces else [part.probabilities]
    return Frames(
        np.concatenate(pieces),
        " ".join(part.text for part in parts),
        " ".join(part.spelt for part in parts),
        min(part.certainty for part in parts),
    )


def class_of(character: str) -> int:
    """Return the class (1 to 35) that a character of the recogniser belongs to.

    >>> SYMBOLS[class_of("Q")], SYMBOLS[class_of("Н")], SYMBOLS[class_of("%")]
    ('0', 'H', '~')
    """
    if character.isspace():
        return SPACE
    mended = LOOKALIKES.get(character) or _SAME_SHAPE.get(character, character)
    place = ALPHABET.find(mended) if len(mended) == 1 else -1
    return place + 1 if place >= 0 else JUNK


def _left_out(character: str) -> int | None:
    """Return the row of `meant` for a letter that VINs leave out."""
    letters = list(LEFT_OUT)
    return CLASSES + letters.index(character) if character in letters else None
