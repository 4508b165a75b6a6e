"""Who may call: API keys, compared in constant time. Without keys nobody may: each call costs money."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from vindrop.http.problems import ProblemError
from vindrop.settings import Settings


def check(headers: Mapping[str, str], settings: Settings) -> None:
    """Let a caller with one of the keys pass.

    :raises ProblemError: ``no-keys`` where none are set, ``key-refused`` otherwise.
    """
    if not settings.api_keys:
        raise ProblemError("no-keys")
    given = _given(headers)
    if not given:
        raise ProblemError("key-refused", "the request carries no API key")
    # Every key is compared, and each in constant time: how long it takes says nothing.
    matches = [
        hmac.compare_digest(given.encode(), key.get_secret_value().encode())
        for key in settings.api_keys
    ]
    if not any(matches):
        raise ProblemError("key-refused", "the API key is none of this function's")


def _given(headers: Mapping[str, str]) -> str:
    key = headers.get("x-api-key", "").strip()
    if key:
        return key
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
