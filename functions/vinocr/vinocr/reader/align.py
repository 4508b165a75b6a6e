"""How well given VINs explain given frames: CTC's forward algorithm, for many VINs at once.

The beam search proposes candidates from one strip; this asks every strip of the line about
every candidate, so that several looks can be weighed against each other.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from vindrop.vin import ALPHABET, LENGTH

from vinocr.reader.recognize import BLANK, JUNK, SPACE

Floats = NDArray[np.float32]

DOUBT: Final = 3e-4
"""Added to every class of every frame: how wrong a single sure frame may be."""
GAP: Final = 0.5
"""Factor of a space within the VIN."""
SPECK: Final = 0.02
"""Factor of junk within the VIN."""
BESIDE_LETTER: Final = 0.3
"""Factor of a frame with a letter beside the VIN."""
BESIDE_JUNK: Final = 0.7
"""Factor of a frame with an ornament beside the VIN."""

_STATES: Final = 2 * LENGTH + 1  # before, letter, gap, letter, … letter, after
_LETTERS: Final = slice(1, 2 * LENGTH, 2)
_GAPS: Final = slice(2, 2 * LENGTH - 1, 2)
_PLACE: Final = {letter: i + 1 for i, letter in enumerate(ALPHABET)}


def log_likelihoods(frames: Floats, vins: list[str]) -> NDArray[np.float64]:
    """Return log P(frames | the line holds this VIN, and perhaps something beside it).

    :param frames: (frames, 36), see `recognize`.
    :returns: one figure per VIN, at most 0.
    """
    if not vins:
        return np.zeros(0)
    p = (frames.astype(np.float64) + DOUBT) / (1 + frames.shape[1] * DOUBT)
    letters = np.array([[_PLACE[c] for c in vin] for vin in vins])
    gap = p[:, BLANK] + GAP * p[:, SPACE] + SPECK * p[:, JUNK]
    word = p[:, 1:SPACE].sum(axis=1)
    beside = p[:, BLANK] + p[:, SPACE] + BESIDE_JUNK * p[:, JUNK] + BESIDE_LETTER * word
    changes = np.ones((len(vins), LENGTH - 1))
    changes[letters[:, 1:] == letters[:, :-1]] = 0.0  # CTC: a blank must part equal letters

    alpha = np.zeros((len(vins), _STATES))
    alpha[:, 0] = 1.0
    log_scale = np.zeros(len(vins))
    for t in range(len(p)):
        ahead = alpha.copy()
        ahead[:, 1:] += alpha[:, :-1]
        ahead[:, 3 : 2 * LENGTH : 2] += alpha[:, 1 : 2 * LENGTH - 2 : 2] * changes
        ahead[:, _LETTERS] *= p[t][letters]
        ahead[:, _GAPS] *= gap[t]
        ahead[:, 0] *= beside[t]
        ahead[:, -1] *= beside[t]
        total = ahead.sum(axis=1)
        log_scale += np.log(total)
        alpha = ahead / total[:, None]
    return np.asarray(log_scale + np.log(alpha[:, -1] + alpha[:, -2] + 1e-300))


def first_and_last(frames: Floats, vin: str) -> tuple[float, float]:
    """Return where in the strip the VIN starts and ends, as fractions of its width (Viterbi)."""
    with np.errstate(divide="ignore"):
        p = np.log((frames.astype(np.float64) + DOUBT) / (1 + frames.shape[1] * DOUBT))
    letters = [_PLACE[c] for c in vin]
    count = len(p)
    score = np.full(_STATES, -np.inf)
    score[0] = 0.0
    back = np.zeros((count, _STATES), dtype=np.intp)
    can_jump = np.zeros(_STATES, dtype=bool)
    for k in range(1, LENGTH):
        can_jump[2 * k + 1] = letters[k] != letters[k - 1]
    emission = np.empty((count, _STATES))
    emission[:, _LETTERS] = p[:, letters]
    emission[:, _GAPS] = np.logaddexp(p[:, BLANK], p[:, SPACE])[:, None]
    beside = np.logaddexp(p[:, BLANK], p[:, SPACE])
    emission[:, 0] = emission[:, -1] = np.maximum(beside, p.max(axis=1) - 1.0)
    for t in range(count):
        step = np.concatenate([[-np.inf], score[:-1]])
        jump = np.where(can_jump, np.concatenate([[-np.inf, -np.inf], score[:-2]]), -np.inf)
        options = np.stack([score, step, jump])
        choice = options.argmax(axis=0)
        back[t] = choice
        score = options[choice, np.arange(_STATES)] + emission[t]
    state = _STATES - 1 if score[-1] > score[-2] else _STATES - 2
    first, last = count, 0
    for t in range(count - 1, -1, -1):
        if state % 2 == 1 and 0 < state < 2 * LENGTH:
            first, last = min(first, t), max(last, t)
        state -= int(back[t, state])
    if first > last:
        return 0.0, 1.0
    return first / count, (last + 1) / count
