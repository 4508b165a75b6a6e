"""Keeps secrets out of whatever leaves: log lines, messages, dead letters.

A signed URL is a key to a photo for as long as it lives, and an error sentence of an HTTP
library quotes it in full. So every sentence that we did not write ourselves passes here.
"""

from __future__ import annotations

import re
from typing import Final

_URL_QUERY: Final = re.compile(
    r"((?:https?|cos|s3|[a-z+-]+)://[^\s?\"'<>]*)\?[^\s\"'<>]*", re.IGNORECASE
)
_URL_USERINFO: Final = re.compile(r"([a-z][a-z0-9+.-]*://)[^/@\s]+@", re.IGNORECASE)
_PATH_QUERY: Final = re.compile(r"(\burl: /[^\s?]*)\?[^\s)]*", re.IGNORECASE)
_FIELDS: Final = re.compile(
    r"(?i)\b(authorization|q-signature|q-ak|x-cos-security-token|x-amz-security-token|"
    r"x-amz-signature|x-amz-credential|x-tc-token|signature|secret_?key|secret_?id|token|password)"
    r"(\"?\s*[=:]\s*\"?)[^\s,;&\"']+"
)
MESSAGE_LIMIT: Final = 500
"""Characters kept of a foreign sentence: enough for a person, too few to smuggle a payload."""


def redact(text: str) -> str:
    """Return ``text`` without URL queries, passwords in URLs, or values of secret-bearing fields."""
    text = _URL_QUERY.sub(r"\1?…", text)
    text = _PATH_QUERY.sub(r"\1?…", text)
    text = _URL_USERINFO.sub(r"\1…@", text)
    text = _FIELDS.sub(r"\1\2…", text)
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"
