"""Who may do what: API keys, compared in constant time, and the sessions that they open.

Without keys nobody may: each call costs money. Whoever sends many wrong keys waits for each answer,
and is logged with the address.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vindrop.domain.access_keys import AccessKey, Role, may, parse_all
from vindrop.domain.wrong_keys import WrongKeys
from vindrop.http import sessions
from vindrop.http.problems import ProblemError
from vindrop.http.request import Request
from vindrop.settings import Settings
from vindrop.telemetry import log

CSRF_HEADER: Final = "x-csrf-token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST_WAIT: Final = 1.0
"""Seconds: the function's own time costs money, too."""
_WRONG: Final = WrongKeys()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    name: str
    role: Role
    session: sessions.Session | None = None
    """None: the key itself came with the request."""

    def may(self, least: Role) -> bool:
        """Whether the caller may do what asks for ``least``."""
        return may(self.role, least)


def check(request: Request, settings: Settings, least: Role = "capture") -> Caller:
    """Let a caller pass who shows a key or has a session, with the role ``least`` or more.

    A change under a session must come from a page of ours: the browser says so, and the page sends
    the session's token (CSRF).

    :raises ProblemError: ``no-keys``, ``key-refused``, ``signed-out``, ``cross-site`` or
        ``role-too-low``.
    """
    if not settings.api_keys:
        raise ProblemError("no-keys")
    found = _by_key(request, settings) or _by_session(request, settings)
    if not found.may(least):
        raise ProblemError(
            "role-too-low", f"the key of {found.name} has the role {found.role}; {least} is needed"
        )
    return found


def of_page(request: Request, settings: Settings) -> Caller | None:
    """Return who looks at a page, or None: nobody is signed in."""
    session = sessions.of(request, settings, time.time())
    return Caller(session.key.name, session.key.role, session) if session else None


def by_text(request: Request, settings: Settings, given: str) -> AccessKey:
    """Return the key that ``given`` is.

    :raises ProblemError: it is none.
    """
    if not settings.api_keys:
        raise ProblemError("no-keys")
    if not given:
        raise ProblemError("key-refused", "the request carries no API key")
    # Every key is compared, and each in constant time: how long it takes says nothing.
    matches = [
        key
        for key in parse_all(settings.api_keys)
        if hmac.compare_digest(given.encode(), key.secret.encode())
    ]
    if not matches:
        count = _WRONG.note(request.client, time.monotonic())
        log("wrong_api_key", level="warning", client=request.client or None, count=count)
        time.sleep(min(_WRONG.wait(request.client, time.monotonic()), _LONGEST_WAIT))
        raise ProblemError("key-refused", "the API key is none of this function's")
    return matches[0]


def _by_key(request: Request, settings: Settings) -> Caller | None:
    shown = given(request.headers)
    if not shown and sessions.cookies(request).get(sessions.cookie_name(request)):
        return None
    key = by_text(request, settings, shown)
    return Caller(key.name, key.role)


def _by_session(request: Request, settings: Settings) -> Caller:
    found = of_page(request, settings)
    if found is None or found.session is None:
        raise ProblemError("signed-out")
    if request.method not in SAFE:
        token = request.headers.get(CSRF_HEADER, "")
        if not sessions.is_own_page(request):
            raise ProblemError("cross-site")
        if not hmac.compare_digest(token.encode(), found.session.csrf.encode()):
            raise ProblemError("cross-site", "the request carries another session's token")
    return found


def given(headers: Mapping[str, str]) -> str:
    """Return the key that came with a request as a header; empty: none did."""
    key = headers.get("x-api-key", "").strip()
    if key:
        return key
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
