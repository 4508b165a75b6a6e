"""What counts of an upload once a person has looked at it: one rule for every way out.

Destinations keep the machine's word and the person's beside each other, or one after the other.
Whoever lists readings, counts them or answers with one asks here which VIN is in force.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vindrop.domain import vin as rules
from vindrop.domain.recognition import Reviewed
from vindrop.domain.records import End, Reading, VehicleFacts, from_json, is_review
from vindrop.domain.vin import Verdict

if TYPE_CHECKING:
    from vindrop.domain.review import Review


def in_force(end: End, review: Review | None) -> End | Review:
    """Return the record that counts: the end itself, unless a person has said otherwise.

    A reading whose VIN a person has confirmed or corrected: the reading with the VIN in force,
    verdict ``reviewed``, and the machine's word in ``as_read`` and ``reviewed``. A reading of which a
    person says that there is no VIN: that review, whose ``before`` has what was read.

    :param review: the upload's last one, an undo included.
    """
    if review is None or not review.in_force or not isinstance(end, Reading):
        return end
    if review.vin is None:
        return review
    told = {} if review.vin == end.vin else _of_vin(review.vin, end)
    return replace(end, verdict=Verdict.REVIEWED, reviewed=reviewed(end, review), **told)


def reviewed(end: Reading, review: Review) -> Reviewed:
    """Return who has decided, and what the machine had said."""
    by_machine = end.verdict is not Verdict.REVIEWED
    return Reviewed(
        reviewer=review.reviewer,
        decided_at=review.decided_at,
        sequence=review.sequence,
        machine_vin=end.vin if by_machine else None,
        machine_verdict=end.verdict.value if by_machine else None,
        machine_code=review.before.code,
    )


def review_of(text: object) -> Review | None:
    """Return the review in a line of JSON that stands beside a record; None where none does.

    :raises ValueError: it cannot be read.
    """
    found = from_json(str(text)) if text else None
    return found if found is not None and is_review(found) else None


def _of_vin(vin: str, end: Reading) -> dict[str, Any]:
    """Return the fields of a reading that follow from its VIN; how sure the machine was is of its own."""
    found = rules.parse(vin)
    return {
        "vin": found.value,
        "check_digit": found.check_digit,
        "maker": found.maker,
        "region": found.region,
        "model_year": found.model_year,
        "manufacturer": found.manufacturer,
        "country": found.country,
        "vehicle": _vehicle(vin) if end.vehicle is not None else None,
        "confidence": None,
        "characters": None,
        "alternatives": None,
    }


def _vehicle(vin: str) -> VehicleFacts | None:
    from vindrop.domain import vehicle

    try:
        return vehicle.facts(vin)
    except vehicle.MissingExtraError:  # on the machine that lists; the function has it
        return None
