"""Links that open the console signed in: once each, and on this machine only.

`vindrop up` prints one. The token in it stands for the person who sees the terminal; once it has
been used it opens nothing, wherever else it was kept (a browser's history, a shell's scrollback).
"""

from __future__ import annotations

import secrets
import threading
import time
from typing import Final

from vindrop.domain.access_keys import AccessKey
from vindrop.http import sessions

PATH: Final = "/open"
_HOURS: Final = 12.0
_MOST: Final = 16


class SignInLinks:
    """The links of one stack; a new one is made by whoever prints it."""

    def __init__(self, key: AccessKey) -> None:
        self._key = key
        self._lock = threading.Lock()
        self._tokens: list[str] = []
        self.used = threading.Event()
        """Set whenever a link has been used: the next one may be printed."""

    def make(self, origin: str) -> str:
        """Return a link of ``origin``."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens = [*self._tokens[1 - _MOST :], token]
        return f"{origin}{PATH}?token={token}"

    def cookie(self, token: str) -> str | None:
        """Return the ``Set-Cookie`` that a link's token opens a session with, or None: it opens none."""
        with self._lock:
            given = token.encode()
            found = [each for each in self._tokens if secrets.compare_digest(each.encode(), given)]
            if not found:
                return None
            self._tokens.remove(found[0])
        self.used.set()
        opened = sessions.open_session(self._key, secret="", hours=_HOURS, now=time.time())
        lives = int(_HOURS * 3600)
        return (
            f"{sessions.COOKIE}={opened.value}; Path=/; Max-Age={lives}; HttpOnly; SameSite=Strict"
        )
