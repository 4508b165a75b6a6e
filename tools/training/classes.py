"""The classes that VINs need, and the head that is cut down to them.

39 classes: CTC's blank, the 33 letters of a VIN, junk, the letters I, O and Q that a VIN leaves
out, space. Each is the sum of some of the published recogniser's columns; all columns that mean
nothing here are averaged into one of junk.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from training.graph import head_of, with_head
from vindrop.domain.vin import ALPHABET
from vinocr.reader.recognize import JUNK, SPACE, class_of

LETTERS: Final = (*ALPHABET, "~", "I", "O", "Q", " ")
"""What classes 1 to 38 stand for; a tilde is junk. Class 0 is the blank."""
COUNT: Final = len(LETTERS) + 1
_CLASS: Final = {letter: i + 1 for i, letter in enumerate(LETTERS)}
_PUNCTUATION: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~★☆●○■□▲△◆◇·•※×→←"

Floats = NDArray[np.float32]


def classes(text: str) -> list[int]:
    """Return the classes that a text spells, junk once per run of it.

    >>> [LETTERS[c - 1] for c in classes("№ 1HGb*")]
    ['~', ' ', '1', 'H', 'G', '~']
    """
    out: list[int] = []
    for character in text:
        found = class_of_character(character)
        if not (out and found == out[-1] == _CLASS["~"]):
            out.append(found)
    return out


def class_of_character(character: str) -> int:
    """Return the class of one character of the published recogniser."""
    if character in "IOQ":
        return _CLASS[character]
    group = class_of(character)
    if group == SPACE:
        return _CLASS[" "]
    return _CLASS["~"] if group == JUNK else group


def cut(model: onnx.ModelProto, characters: list[str]) -> onnx.ModelProto:
    """Return the model with the head cut to the classes of `LETTERS`.

    :param characters: what the published classes stand for, from class 1 on.
    """
    weight, bias = head_of(model)
    columns, groups, rest = [0], [0], []
    for i, character in enumerate(characters, 1):
        group = class_of_character(character)
        if group != _CLASS["~"] or character in _PUNCTUATION:
            columns.append(i)
            groups.append(group)
        else:
            rest.append(i)
    # One column stands for thousands: a mean of logits, raised by what their sum would be.
    mean_weight = weight[:, rest].mean(axis=1, keepdims=True)
    mean_bias = bias[rest].mean(keepdims=True) + np.log(len(rest)) / 2
    groups.append(_CLASS["~"])
    matrix = np.zeros((len(groups), COUNT), dtype=np.float32)
    matrix[np.arange(len(groups)), groups] = 1.0
    out = with_head(
        model,
        np.concatenate([weight[:, columns], mean_weight], axis=1),
        np.concatenate([bias[columns], mean_bias]),
        matrix,
    )
    del out.metadata_props[:]
    entry = out.metadata_props.add()
    entry.key, entry.value = "character", "\n".join(LETTERS[:-1])
    return out


def collapsed(full: Floats, characters: list[str]) -> Floats:
    """Return (frames, 39) from all of the published recogniser's probabilities."""
    groups = np.array([0, *(class_of_character(c) for c in characters)])
    out = np.zeros((len(full), COUNT), dtype=np.float32)
    np.add.at(out.T, groups, full.T)
    return out
