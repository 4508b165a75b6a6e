"""What has been seen in a photo, and what it adds up to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from vindrop.domain.manufacturers import find
from vindrop.domain.vin import LENGTH
from vinocr.reader import align
from vinocr.reader.calibration import Features, probability
from vinocr.reader.decode import Picture
from vinocr.reader.lines import LEAST, LETTER, Line
from vinocr.reader.prior import choosing, evidence, without_luck
from vinocr.reader.search import log_sum

NOTHING: Final = -6.0
"""Log weight of "there is no VIN here"."""
GARBLED: Final = -7.0
"""Log weight of the true VIN being none of those proposed: how well a picture must be explained.
Without it, the check digit would pick one of many equally bad readings, and be right by chance."""
BARCODE: Final = {True: 0.0, False: -1.0}
"""Log weight of the picture where only a barcode shows the VIN: one that checks itself, Code 39.
A barcode vouches for the characters; whether they are a VIN, evidence alone must say: parcels
and parts carry barcodes with numbers of 17 characters too."""
CONTRADICTED: Final = -7.0
"""Log weight of a text that is not what a barcode of a VIN says."""
ANOTHER: Final = 4
"""Positions in which two lines' VINs differ from which they are two, not one misread."""
CLEAR_PICTURE: Final = -3.0
"""Log-likelihood from which another line's VIN is well explained by its strips."""
WEAKEST_LETTERS: Final = 3
"""Least certain letters of a VIN that its probability is told from."""
FURTHEST: Final = 4
"""Characters by which two parts of a longer number are moved, at most."""
RIVAL: Final = 0.005
"""Posterior from which another VIN counts as one that the photo may show."""
LUCKY: Final = -3.0
"""Evidence, less what a check digit that must hold adds, below which it may hold by chance."""
CLEARLY: Final = 0.5
"""Log-likelihood by which the picture shows one part of a longer number rather than another."""
_CLEARER: Final = -1.0
"""The same for one that speaks against itself, such as a European number: no law makes those look like
VINs. Its maker must be known."""
_BELIEVED: Final = -1.0
"""Evidence from which a barcode's number is taken for a VIN, against a text."""


def _apart(one: str, other: str) -> int:
    """Return in how many positions two VINs differ."""
    return sum(a != b for a, b in zip(one, other, strict=True))


def is_moved(one: str, other: str) -> bool:
    """Whether one VIN goes on where the other begins a little later in the same text.

    >>> is_moved("WWDF6396012301709", "WDF63960123017094")
    True
    """
    return any(one[n:] == other[:-n] for n in range(1, FURTHEST + 1))


def is_broken(spelt: str, vin: str) -> bool:
    """Whether a space stands within a VIN as it is spelt, other than between its groups.

    >>> is_broken("WVWJL4ET7SPB5 2019", "WVWJL4ET7SPB52019")
    True
    """
    before = spelt.replace(" ", "").find(vin)
    seen = -before
    for character in spelt if before >= 0 else "":
        if character == " " and 0 < seen < LENGTH and seen not in align.GROUPS:
            return True
        seen += character != " "
    return False


def _speaks_nothing_for(vin: str) -> bool:
    """Whether nothing, or nothing but a check digit, makes a VIN of a part of a longer number."""
    return evidence(vin) < 0 or without_luck(vin) < LUCKY


def _is_one(vin: str, picture: float) -> bool:
    """Whether what another line shows is a VIN, and not a part's or a parcel's number."""
    if evidence(vin) > 0:
        return picture > CLEAR_PICTURE
    return picture > _CLEARER and find(vin) is not None


@dataclass(slots=True)
class Hypotheses:
    """What has been seen in a photo so far."""

    picture: Picture
    lines: list[Line] = field(default_factory=list)
    boxes: int = 0
    passes: int = 0
    barcodes: dict[str, float] = field(default_factory=dict)
    """VIN that a barcode says → log weight of its saying so alone."""
    posterior: dict[str, float] = field(default_factory=dict)
    """VIN → probability, likeliest first; what is missing to 1 is "no VIN here"."""
    line_of: dict[str, Line] = field(default_factory=dict)

    @property
    def best(self) -> float:
        """The best candidate's posterior."""
        return next(iter(self.posterior.values()), 0.0)

    @property
    def certainty(self) -> float:
        """How certain the first strip of the best candidate's line is of its least certain letter.

        1 where a barcode says the best candidate.
        """
        vin = next(iter(self.posterior), None)
        if vin in self.barcodes:
            return 1.0
        line = self.line_of.get(vin) if vin else None
        return line.strips[0].certainty if line and line.strips else 0.0

    def features(self) -> Features | None:
        """Return what the probability of the best candidate is told from.

        None where there is none, or a barcode says it.
        """
        vin = next(iter(self.posterior), None)
        line = self.line_of.get(vin) if vin else None
        if vin is None or line is None or not line.strips or vin in self.barcodes:
            return None
        strip = line.strips[0].probabilities
        share = self.posterior[vin] / max(1e-12, sum(self.posterior.values()))
        if line.unbroken > LENGTH and (
            _speaks_nothing_for(vin) or self._is_another_part(vin, line)
        ):
            # Part of a longer number: clear letters make it no VIN, nor do they say which 17 are one.
            share = min(share, self.posterior[vin])
        if is_broken(line.strips[0].spelt, vin):
            share = min(share, self.posterior[vin])  # two words that are clear are still two
        heard = [float(align.log_likelihoods(w.probabilities, [vin])[0]) for w in line.witnesses]
        # What stands right beside the VIN costs both the same: only the difference is a doubt.
        own = float(align.log_likelihoods(strip, [vin])[0]) if heard else 0.0
        return Features(
            posterior=self.posterior[vin],
            height=line.box.height * line.shrunk * LETTER,
            pitch=line.box.width * line.shrunk / LENGTH,
            weakest=align.weakest_letters(strip, vin, WEAKEST_LETTERS),
            witness=heard[0] if heard else 0.0,
            dissent=min(0.0, heard[0] - own) if heard else 0.0,
            share=share,
        )

    def _is_another_part(self, vin: str, line: Line) -> bool:
        """Whether the picture rather shows other 17 of a longer number's characters."""
        shown = line.picture[vin] + CLEARLY
        rivals = [other for other, p in self.posterior.items() if p >= RIVAL]
        parts = [other for other in rivals if line.picture.get(other, LEAST) > shown]
        return any(is_moved(vin, other) or is_moved(other, vin) for other in parts)

    def calibrated(self) -> dict[str, float]:
        """Return VIN → probability of being what the photo shows, likeliest first."""
        features = self.features()
        if features is None:
            return self.posterior
        best, *others = self.posterior.items()
        p = probability(features)
        rest = min(1.0, (1 - p) / max(1e-12, 1 - best[1]))
        return {best[0]: p} | {vin: min(q * rest, p) for vin, q in others}

    def weigh(self) -> float:
        """Weigh all lines' candidates and "nothing here"; return the best one's posterior."""
        scores = {vin: weight + evidence(vin) for vin, weight in self.barcodes.items()}
        contradicted = CONTRADICTED if max(scores.values(), default=-9.0) > _BELIEVED else 0.0
        self.line_of.clear()
        for line in self.lines:
            for vin, score in line.scores().items():
                weight = evidence(vin) if vin in self.barcodes else score + contradicted
                if vin not in scores or weight > scores[vin]:
                    scores[vin] = weight
                    self.line_of[vin] = line
        nothing = NOTHING
        if scores:
            best = max(scores, key=lambda vin: scores[vin])
            for vin in self._others_than(best):
                scores[vin] = max(scores[vin], scores[best])
            nothing += choosing(best)
            garbled = GARBLED + evidence(best)
            if best not in self.barcodes:
                nothing = log_sum(nothing, garbled)
        top = max([nothing, *scores.values()])
        weights = {vin: math.exp(score - top) for vin, score in scores.items()}
        total = sum(weights.values()) + math.exp(nothing - top)
        ordered = sorted(weights.items(), key=lambda item: -item[1])
        self.posterior = {vin: weight / total for vin, weight in ordered}
        return self.best

    def _others_than(self, best: str) -> list[str]:
        """Return VINs that stand as clearly in another place: nobody can say which one is meant."""
        found = [
            vin
            for vin, line in self.line_of.items()
            if line is not self.line_of.get(best)
            and _is_one(vin, line.picture[vin])
            and min(_apart(vin, one) for one in (best, *self.barcodes)) >= ANOTHER
        ]
        coded = [vin for vin in self.barcodes if evidence(vin) > 0 and _apart(vin, best) >= ANOTHER]
        printed = sorted(found, key=lambda vin: -self.line_of[vin].picture[vin])[:1]
        return coded + printed if best in self.barcodes else printed
