"""``GET /v1/vins/{vin}``: what a VIN says of itself, asked for while somebody types."""

from __future__ import annotations

import json
from typing import Any

from vindrop.domain import vin as vins
from vindrop.http.console.asked import Asked
from vindrop.http.problems import ProblemError
from vindrop.http.response import Response


def get(asked: Asked) -> Response:
    """Answer with check digit, maker, model and year."""
    text = asked.parts[0].upper()
    if not vins.is_well_formed(text):
        raise ProblemError("not-a-vin", "a VIN has 17 digits and letters, without I, O and Q")
    found = judged(text, vehicle=asked.settings.vehicle)
    headers = {"Content-Type": "application/json", "Cache-Control": "private, max-age=3600"}
    return Response(200, json.dumps(found, ensure_ascii=False), headers)


def judged(text: str, *, vehicle: bool) -> dict[str, Any]:
    """Return what a well-formed VIN says of itself.

    :param vehicle: whether the model is looked up, too (the extra ``vehicle``).
    """
    found = vins.parse(text)
    facts = _facts(text) if vehicle else None
    return {
        "vin": found.value,
        "verdict": found.verdict.value,
        "check_digit": found.check_digit,
        "right_check_digit": vins.check_digit(text),
        "maker": found.maker,
        "country": found.country,
        "model_year": found.model_year or (facts.year if facts else None),
        "model": facts.model if facts else None,
        "pattern": facts.pattern if facts else None,
    }


def _facts(text: str) -> Any:
    from vindrop.domain import vehicle

    return vehicle.facts(text) if vehicle.available() else None
