"""When one recognizer's answer is enough. Its table: docs/cascade.md. Loaded by a cascade only."""

from __future__ import annotations

from typing import Final

from vindrop.domain.vin import Verdict, Vin, check_digit_required

SUPPORT: Final = 0.5
"""Probability from which a recognizer that gave no VIN supports one that another gave, since that one
is among its candidates. How it was chosen: docs/cascade.md."""


def is_sure(vin: Vin, confidence: float | None, least: float) -> bool:
    """Whether an answer needs no second recognizer.

    :param confidence: that the recognizer gives its answer; None: it gives none.
    :param least: ``VINDROP_SURE``.

    A doubtful VIN never is. A recognizer that tells its confidence has weighed the check digit in it
    already (ours has), so the check digit is no second witness: the confidence decides alone. One that
    tells none is sure where a check digit that the maker's country requires by law holds; elsewhere
    the ninth character holds by chance, once in eleven.
    """
    if vin.verdict is Verdict.DOUBTFUL:
        return False
    if confidence is not None:
        return confidence >= least
    return vin.verdict is Verdict.VERIFIED and check_digit_required(vin.value)
