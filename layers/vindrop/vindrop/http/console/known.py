"""How far an upload's VIN can be trusted: why it has its verdict, and what each recognizer said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vindrop.core.console import Life
from vindrop.domain import manufacturers, placeholders
from vindrop.domain import vin as vins
from vindrop.domain.recognition import RecognizerCall
from vindrop.domain.records import DeadLetter, Reading
from vindrop.domain.vin import Verdict

ONLY = "vinocr"
"""The recognizer's name where there is no other: what it said is the reading."""
Reason = tuple[str, dict[str, str]]
"""The end of a sentence's name in words.json, and what is put into it."""


def of(life: Life, free: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return what the page of an upload shows beside the VIN.

    A reading that a person made of a dead letter has no word of the machine's: its ``as_read`` is
    what was typed.

    :param free: recognizers whose calls nobody bills.
    """
    record = life.entry.record
    by_machine = isinstance(record, Reading) and record.verdict is not Verdict.REVIEWED
    told: Sequence[RecognizerCall] = ()
    for each in (record, life.dead_letter):
        if isinstance(each, Reading | DeadLetter):
            told = told or each.recognizers
    unbilled = sum(each.billed for each in told if each.name in free)
    return {
        "billed": max(life.entry.billed - unbilled, 0),
        "by_machine": by_machine,
        "confidence": percent(record.confidence) if isinstance(record, Reading) else None,
        "reasons": reasons(record) if isinstance(record, Reading) and by_machine else [],
        "recognizers": [
            {
                "call": each,
                "confidence": percent(each.confidence),
                "is_free": each.name in free,
            }
            for each in told
            if len(told) > 1 or each.name != ONLY
        ],
    }


def percent(share: float | None) -> str | None:
    """Return a probability for people, rounded down: what is not certain never says 100 %."""
    if share is None:
        return None
    return f"{int(share * 1000 + 1e-9) / 10:g} %"


def reasons(reading: Reading) -> list[Reason]:
    """Return why a reading has its verdict: of a doubtful one, each reason."""
    if reading.verdict is not Verdict.DOUBTFUL:
        return [(reading.verdict.value, {})]
    found: list[Reason] = []
    if vins.normalize(reading.as_read)[1]:
        found.append(("corrected", {"as_read": reading.as_read}))
    if reading.check_digit == "invalid":
        there, right = reading.vin[vins.CHECK_POSITION], vins.check_digit(reading.vin)
        found.append(("check_digit", {"found": there, "right": right}))
    if vins.is_well_formed(reading.vin):
        built = manufacturers.find(reading.vin)
        if placeholders.is_placeholder(reading.vin):
            found.append(("placeholder", {}))
        elif placeholders.why_doubtful(reading.vin, built):
            found.append(("no_country", {"characters": reading.vin[:2]}))
    return found or [("unsure", {})]
