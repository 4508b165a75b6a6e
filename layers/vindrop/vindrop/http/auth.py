"""Who may call: API keys, compared in constant time. Without keys nobody may: each call costs money.

Whoever sends many wrong keys waits for each answer, and is logged with the address.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from typing import Final

from vindrop.domain.wrong_keys import WrongKeys
from vindrop.http.problems import ProblemError
from vindrop.http.request import Request
from vindrop.settings import Settings
from vindrop.telemetry import log

_LONGEST_WAIT: Final = 1.0
"""Seconds: the function's own time costs money, too."""
_WRONG: Final = WrongKeys()


def check(request: Request, settings: Settings) -> None:
    """Let a caller with one of the keys pass.

    :raises ProblemError: ``no-keys`` where none are set, ``key-refused`` otherwise.
    """
    if not settings.api_keys:
        raise ProblemError("no-keys")
    given = _given(request.headers)
    if not given:
        raise ProblemError("key-refused", "the request carries no API key")
    # Every key is compared, and each in constant time: how long it takes says nothing.
    matches = [
        hmac.compare_digest(given.encode(), key.get_secret_value().encode())
        for key in settings.api_keys
    ]
    if not any(matches):
        count = _WRONG.note(request.client, time.monotonic())
        log("wrong_api_key", level="warning", client=request.client or None, count=count)
        time.sleep(min(_WRONG.wait(request.client, time.monotonic()), _LONGEST_WAIT))
        raise ProblemError("key-refused", "the API key is none of this function's")


def _given(headers: Mapping[str, str]) -> str:
    key = headers.get("x-api-key", "").strip()
    if key:
        return key
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
