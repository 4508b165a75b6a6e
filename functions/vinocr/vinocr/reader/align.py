"""How well given VINs explain given frames: CTC's forward algorithm, for many VINs at once.

The beam search proposes candidates from one strip; this asks every strip of the line about
every candidate, so that several passes can be weighed against each other.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vindrop.domain.vin import ALPHABET, LENGTH
from vinocr.reader.recognize import BLANK, JUNK, SPACE

Floats = NDArray[np.float32]

DOUBT: Final = 3e-4
"""Added to every class of every frame: how wrong a single sure frame may be."""
GAP: Final = 0.5
"""Factor of a space within the VIN where some makers write one, between its groups."""
GROUPS: Final = (3, 9, 11)
"""Characters after which they do: maker, description, before the serial number."""
BREAK: Final = 0.003
"""Factor of a space anywhere else: what stands behind it is another word. Of several hundred real VINs
none had a space within."""
SPECK: Final = 0.02
"""Factor of junk within the VIN."""
ORNAMENT: Final = 0.7
"""Factor of a frame with an ornament beside the VIN: stamped VINs stand between stars."""
WORD_APART: Final = 0.3
"""Factor of words on the same line, parted from the VIN by a space or an ornament."""
WORD_GLUED: Final = 0.05
"""Factor of letters right beside the VIN; often an ornament that was read as a letter."""
WORD_LETTER: Final = 0.8
"""Factor of each further frame with such a letter."""

_STATES: Final = 2 * LENGTH - 1  # letter, gap, letter, … letter
_LETTERS: Final = slice(0, _STATES, 2)
_GAPS: Final = slice(1, _STATES, 2)
_PLACE: Final = {letter: i + 1 for i, letter in enumerate(ALPHABET)}


def log_likelihoods(frames: Floats, vins: list[str]) -> NDArray[np.float64]:
    """Return log P(frames | the line holds this VIN, and perhaps something beside it).

    The line is: words? ornaments? VIN ornaments? words?, each part with its factor.

    :param frames: (frames, 36), see `recognize`.
    :returns: one figure per VIN, at most 0.
    """
    if not vins:
        return np.zeros(0)
    p = (frames.astype(np.float64) + DOUBT) / (1 + frames.shape[1] * DOUBT)
    letters = np.array([[_PLACE[c] for c in vin] for vin in vins])
    spaced = np.full(LENGTH - 1, BREAK)
    spaced[[n - 1 for n in GROUPS]] = GAP
    gap = (p[:, BLANK] + SPECK * p[:, JUNK])[:, None] + p[:, SPACE, None] * spaced
    parting = p[:, SPACE] + ORNAMENT * p[:, JUNK]
    clean = p[:, BLANK] + parting
    wordy = clean + WORD_LETTER * p[:, 1:SPACE].sum(axis=1)
    changes = np.ones((len(vins), LENGTH - 1))
    changes[letters[:, 1:] == letters[:, :-1]] = 0.0  # CTC: a blank must part equal letters

    zeros = np.zeros(len(vins))
    alpha = np.zeros((len(vins), _STATES))
    word_before, clean_before = zeros + 1.0, zeros + 1.0
    parted_after, blank_after, word_after = zeros, zeros, zeros
    log_scale = np.zeros(len(vins))
    for t in range(len(p)):
        ahead = alpha.copy()
        ahead[:, 1:] += alpha[:, :-1]
        ahead[:, 2::2] += alpha[:, :-2:2] * changes
        ahead[:, 0] += clean_before + WORD_GLUED * word_before
        ahead[:, _LETTERS] *= p[t][letters]
        ahead[:, _GAPS] *= gap[t]
        ended = alpha[:, -1] + blank_after
        word_after = (word_after + WORD_APART * parted_after + WORD_GLUED * ended) * wordy[t]
        ended = ended + parted_after
        parted_after, blank_after = ended * parting[t], ended * p[t, BLANK]
        clean_before = clean_before * clean[t] + WORD_APART * word_before * parting[t]
        word_before = word_before * wordy[t]
        total = (
            ahead.sum(axis=1) + clean_before + word_before + parted_after + blank_after + word_after
        )
        log_scale += np.log(total)
        alpha = ahead / total[:, None]
        clean_before, word_before = clean_before / total, word_before / total
        parted_after, blank_after = parted_after / total, blank_after / total
        word_after = word_after / total
    ended = alpha[:, -1] + parted_after + blank_after + word_after
    return np.asarray(log_scale + np.log(ended + 1e-300))


def letter_edges(frames: Floats, vin: str) -> tuple[float, ...]:
    """Return where in the strip each character starts, and where the last one ends.

    A recogniser marks the middle of a character only: what lies between two middles is shared.

    :returns: 18 fractions of the strip's width, ascending; empty where the VIN does not fit into it.
    """
    spans = letter_frames(frames, vin)
    if spans is None:
        return ()
    middles = [(first + last + 1) / 2 for first, last in spans]
    between = [(a + b) / 2 for a, b in itertools.pairwise(middles)]
    before, after = 2 * middles[0] - between[0], 2 * middles[-1] - between[-1]
    return tuple(min(max(x / len(frames), 0.0), 1.0) for x in (before, *between, after))


def letter_frames(frames: Floats, vin: str) -> list[tuple[int, int]] | None:
    """Return the first and last frame of each character (Viterbi), or None: they are too few."""
    with np.errstate(divide="ignore"):
        p = np.log((frames.astype(np.float64) + DOUBT) / (1 + frames.shape[1] * DOUBT))
    letters = [_PLACE[c] for c in vin]
    count = len(p)
    states = _STATES + 2  # before and after
    score = np.full(states, -np.inf)
    score[0] = 0.0
    back = np.zeros((count, states), dtype=np.intp)
    can_jump = np.zeros(states, dtype=bool)
    for k in range(1, LENGTH):
        can_jump[2 * k + 1] = letters[k] != letters[k - 1]
    emission = np.empty((count, states))
    emission[:, 1:-1:2] = p[:, letters]
    emission[:, 2:-1:2] = np.logaddexp(p[:, BLANK], p[:, SPACE])[:, None]
    beside = np.logaddexp(p[:, BLANK], p[:, SPACE])
    emission[:, 0] = emission[:, -1] = np.maximum(beside, p.max(axis=1) - 1.0)
    for t in range(count):
        step = np.concatenate([[-np.inf], score[:-1]])
        jump = np.where(can_jump, np.concatenate([[-np.inf, -np.inf], score[:-2]]), -np.inf)
        options = np.stack([score, step, jump])
        choice = options.argmax(axis=0)
        back[t] = choice
        score = options[choice, np.arange(states)] + emission[t]
    state = states - 1 if score[-1] > score[-2] else states - 2
    spans: list[tuple[int, int] | None] = [None] * LENGTH
    for t in range(count - 1, -1, -1):
        if state % 2 == 1 and 0 < state < 2 * LENGTH:
            known = spans[state // 2]
            spans[state // 2] = (t, known[1] if known else t)
        state -= int(back[t, state])
    found = [span for span in spans if span is not None]
    return found if len(found) == LENGTH else None


def weakest_letters(frames: Floats, vin: str, count: int) -> float:
    """Return how certain the frames are, 0 to 1, where they are least certain of a letter.

    The mean, over the ``count`` characters of the VIN of whose place they are least certain, of the
    largest probability that any letter has there; 0 where the VIN does not fit into the frames.
    """
    spans = letter_frames(frames, vin)
    if spans is None:
        return 0.0
    peaks = sorted(float(frames[first : last + 1, 1:SPACE].max()) for first, last in spans)
    return sum(peaks[:count]) / count
