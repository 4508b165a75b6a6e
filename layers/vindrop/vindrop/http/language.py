"""Which language a caller reads: by Accept-Language, English unless Chinese is preferred to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_MOST: Final = 20
"""Entries of the header that are looked at."""


def prefers_chinese(headers: Mapping[str, str]) -> bool:
    """Whether ``Accept-Language`` prefers Chinese to English (RFC 9110, 12.5.4)."""
    weights = {"zh": 0.0, "en": 0.0, "*": 0.0}
    for entry in headers.get("accept-language", "").split(",")[:_MOST]:
        tag, _, parameter = entry.strip().partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in weights:
            weights[language] = max(weights[language], _weight(parameter))
    return weights["zh"] > max(weights["en"], weights["*"])


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
