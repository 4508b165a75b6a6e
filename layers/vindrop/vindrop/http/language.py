"""Which language a caller reads: as chosen in the console, else by Accept-Language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("en", "zh")
_COOKIE: Final = "vindrop-language"
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


def reads_chinese(headers: Mapping[str, str]) -> bool:
    """Whether who asks reads Chinese: a person has chosen it on a page, or the client prefers it."""
    for cookie in headers.get("cookie", "").split(";"):
        name, _, chosen = cookie.strip().partition("=")
        if name == _COOKIE and chosen in LANGUAGES:
            return chosen == "zh"
    return prefers_chinese(headers)


def event_reads_chinese(event: object) -> bool:
    """`reads_chinese` of a gateway's event, also of one that is understood no further."""
    found: dict[str, str] = {}
    for kind in ("headers", "multiValueHeaders"):
        given = event.get(kind) if isinstance(event, Mapping) else None
        for name, value in given.items() if isinstance(given, Mapping) else ():
            values = value if isinstance(value, list) else [value]
            found[str(name).lower()] = ",".join(map(str, values))
    cookies = event.get("cookies") if isinstance(event, Mapping) else None
    if isinstance(cookies, list):  # payload 2.0 takes them out of the headers
        found["cookie"] = "; ".join(map(str, cookies))
    return reads_chinese(found)


def told(sentence: str, headers: Mapping[str, str]) -> str:
    """Return a sentence of ours or of VinOCR in the language of who asks; one that is not known as it is."""
    if not reads_chinese(headers):
        return sentence
    from vindrop.domain import translation

    return translation.chinese().translate(sentence)


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
