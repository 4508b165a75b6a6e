"""What our VinOCR tells beyond the contract, to a caller who asks for it by a header.

``X-VinOCR-Detail: true``. Tencent's service ignores a header that it does not know, and so does ours
where it says anything else: without it an answer is ``Vin`` and ``RequestId``, byte for byte, and a
refusal ``Error`` and ``RequestId``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vinocr.reader import Answer
from vinocr.reader.answer import Point

HEADER: Final = "x-vinocr-detail"
_YES: Final = frozenset({"true", "1"})


def is_asked(headers: Mapping[str, str]) -> bool:
    """Whether a request asks for the details.

    :param headers: lower-cased names.
    """
    return headers.get(HEADER, "").strip().lower() in _YES


def of(answer: Answer) -> dict[str, Any]:
    """Return the further fields of the answer; shares and probabilities are rounded to five digits."""
    told: dict[str, Any] = {
        "Confidence": _rounded(answer.confidence),
        "Characters": [
            {
                "Character": character,
                "Confidence": _rounded(confidence),
                "Alternatives": [
                    {"Character": other, "Confidence": _rounded(p)} for other, p in others
                ],
            }
            for character, confidence, others in zip(
                answer.vin or "",
                answer.characters,
                answer.others or ((),) * len(answer.characters),
                strict=True,
            )
        ],
        **candidates(answer),
    }
    if answer.polygon is not None:
        told["Polygon"] = _polygon(answer.polygon)
    for character, corners in zip(told["Characters"], answer.places, strict=False):
        if (place := answer.as_shares(corners)) is not None:
            character["Polygon"] = _polygon(place)
    return told


def candidates(answer: Answer) -> dict[str, Any]:
    """Return the VINs that the photo may show besides the one given, or at all where none was given.

    Beside an error they say how far the reader was: an empty list, that it saw none.
    """
    return {
        "Alternatives": [
            {"Vin": each.vin, "Confidence": _rounded(each.confidence)}
            for each in answer.alternatives
        ]
    }


def _polygon(corners: tuple[Point, ...]) -> list[dict[str, float]]:
    return [{"X": _rounded(x), "Y": _rounded(y)} for x, y in corners]


def _rounded(value: float) -> float:
    return round(float(value), 5)
