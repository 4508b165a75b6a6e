"""``/v1/session``: a key opens a session, a page asks whose it is, and it is ended.

POST   {"key": "…"}   → 201, the cookie, and what GET says
GET                   → {"name", "role", "csrf", "ends"}; with a key as a header whose key it is,
                        and no session (csrf empty, ends 0)
DELETE                → 204, the cookie is taken back
"""

from __future__ import annotations

import json
import time

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vindrop.domain.access_keys import AccessKey
from vindrop.http import auth, sessions
from vindrop.http.problems import ProblemError, of_validation
from vindrop.http.request import Request
from vindrop.http.response import Response
from vindrop.settings import Settings
from vindrop.telemetry import log


class SignIn(BaseModel):
    """The body of ``POST /v1/session``."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(min_length=1, max_length=512)


class SessionInfo(BaseModel):
    """Whose session it is."""

    name: str
    role: str
    csrf: str
    """Goes back as X-CSRF-Token with every POST, PUT and DELETE of this session; empty: there is none."""
    ends: int
    """Unix time in seconds; 0: there is no session."""


def respond(request: Request, settings: Settings) -> Response:
    """Answer ``/v1/session``.

    :raises ProblemError: the key is none of ours, nobody is signed in, or another site asks.
    """
    if request.method == "POST":
        try:
            given = SignIn.model_validate_json(request.body)
        except ValidationError as error:
            raise of_validation(error) from None
        return _opened(request, settings, given.key)
    if request.method == "DELETE":
        auth.check(request, settings)
        return ended(request)
    if auth.given(request.headers):
        # A page that a link has brought a key asks so before it opens a session with it.
        found_key = auth.by_text(request, settings, auth.given(request.headers))
        told = SessionInfo(name=found_key.name, role=found_key.role, csrf="", ends=0)
        return Response(200, json.dumps(told.model_dump()), {"Content-Type": "application/json"})
    found = auth.of_page(request, settings)
    if found is None or found.session is None:
        raise ProblemError("signed-out")
    return Response(200, _info(found.session), {"Content-Type": "application/json"})


def cookie_of(request: Request, settings: Settings, given: str) -> tuple[sessions.Session, str]:
    """Open a session for a key that somebody typed; return it and its ``Set-Cookie``.

    :raises ProblemError: it is no key of ours, or a page of another site sent it.
    """
    if not sessions.is_own_page(request):
        raise ProblemError("cross-site")
    return issue(request, settings, auth.by_text(request, settings, given.strip()))


def issue(request: Request, settings: Settings, key: AccessKey) -> tuple[sessions.Session, str]:
    """Open a session for ``key``; return it and its ``Set-Cookie``."""
    opened = sessions.open_session(
        key,
        secret=settings.session_secret.get_secret_value(),
        hours=settings.session_hours,
        now=time.time(),
    )
    log("signed_in", who=key.name, role=key.role, client=request.client or None)
    return opened.session, sessions.set_cookie(request, opened.value, settings.session_hours)


def ended(request: Request) -> Response:
    """Take the cookie back."""
    return Response(204, "", {"Set-Cookie": sessions.set_cookie(request, "", 0)})


def _opened(request: Request, settings: Settings, given: str) -> Response:
    session, cookie = cookie_of(request, settings, given)
    headers = {"Content-Type": "application/json", "Set-Cookie": cookie}
    return Response(201, _info(session), headers)


def _info(session: sessions.Session) -> str:
    said = SessionInfo(
        name=session.key.name, role=session.key.role, csrf=session.csrf, ends=session.ends
    )
    return json.dumps(said.model_dump())
