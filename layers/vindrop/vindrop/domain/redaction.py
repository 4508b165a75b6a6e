"""Keeps secrets out of whatever leaves: log lines, messages, dead letters.

A signed URL is a key to a photo for as long as it lives, and an error sentence of an HTTP
library quotes it in full. So every sentence that we did not write ourselves passes here.
"""

from __future__ import annotations

import re
from typing import Final

# Texts, which `re` compiles when they are first needed: not while a function starts.
_URL_QUERY: Final = r"(?i)((?:https?|cos|s3|[a-z+-]+)://[^\s?\"'<>]*)\?[^\s\"'<>]*"
_URL_USERINFO: Final = r"(?i)([a-z][a-z0-9+.-]*://)[^/@\s]+@"
_PATH_QUERY: Final = r"(?i)(\burl: /[^\s?]*)\?[^\s)]*"
_FIELDS: Final = (
    r"(?i)\b(authorization|q-signature|q-ak|x-cos-security-token|x-amz-security-token|"
    r"x-amz-signature|x-amz-credential|x-tc-token|signature|secret_?key|secret_?id|token|password)"
    r"(\"?\s*[=:]\s*\"?)[^\s,;&\"']+"
)
MESSAGE_LIMIT: Final = 500
"""Characters kept of a foreign sentence: enough for a person, too few to smuggle a payload."""


def redact(text: str) -> str:
    """Return ``text`` without URL queries, passwords in URLs, or values of secret-bearing fields."""
    text = re.sub(_URL_QUERY, r"\1?…", text)
    text = re.sub(_PATH_QUERY, r"\1?…", text)
    text = re.sub(_URL_USERINFO, r"\1…@", text)
    text = re.sub(_FIELDS, r"\1\2…", text)
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"


class Secret:
    """A text that shows itself to nobody who prints it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def get_secret_value(self) -> str:
        """Return the text."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('**********')" if self._value else "Secret('')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def printable(text: str) -> str:
    """Return ``text`` without what no log, file or database takes, each such character written out.

    That is NUL, halves of surrogate pairs, and control characters: a sentence of another's is cleaned
    once, where it comes in, and stays one line.
    """
    if text.isprintable():  # nearly every text: nothing below would change it
        return text
    return "".join(_written(each) for each in text)


def _written(character: str) -> str:
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        return f"\\u{code:04x}"
    if code < 32 or 127 <= code < 160:
        return f"\\x{code:02x}"
    return character
