"""Sessions of the console and of the capture page: a signed cookie, and nothing kept on a server.

    cookie  = BASE64URL({"name", "end", "nonce"}) . HMAC-SHA256(key of the session, that text)
    token   = HMAC-SHA256(key of the session, "csrf" and that text): goes back with every change

The key of a session is made of the API key that opened it and of ``VINDROP_SESSION_SECRET``. So
every instance understands a cookie of every other, and removing or changing the API key ends its
sessions at once. The role is not in the cookie: what the settings say now counts.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Final

from vindrop.domain.access_keys import AccessKey, parse_all
from vindrop.http.request import Request
from vindrop.settings import Settings

COOKIE: Final = "vindrop-session"
_HOST_ONLY: Final = "__Host-"
"""Over https the name begins so: a browser takes it from no neighbouring domain (RFC 6265bis)."""
_ROUNDS: Final = 100_000
"""Of PBKDF2, where an API key alone signs: whoever finds a cookie should not find the key from it."""
_LONGEST: Final = 1_024
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is valid now."""

    key: AccessKey
    ends: int
    """Unix time in seconds."""
    csrf: str = field(repr=False)
    """What a page must send along with every change."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that has just been opened, and the cookie that stands for it."""

    session: Session
    value: str = field(repr=False)


def open_session(key: AccessKey, *, secret: str, hours: float, now: float) -> Opened:
    """Open a session for whoever has shown ``key``.

    :param secret: of the settings; may be empty.
    :param now: unix time in seconds.
    """
    ends = int(now + hours * 3600)
    said = {"name": key.name, "end": ends, "nonce": secrets.token_urlsafe(9)}
    text = _encoded(json.dumps(said, separators=(",", ":")).encode())
    signing = _signing_key(key.secret, secret)
    value = f"{text}.{_mac(signing, 'session', text)}"
    return Opened(Session(key, ends, _mac(signing, "csrf", text)), value)


def of(request: Request, settings: Settings, now: float) -> Session | None:
    """Return the session whose cookie came along, or None: there is none, or it has ended."""
    value = cookies(request).get(cookie_name(request), "")
    text, _, signature = value.partition(".")
    if not signature or len(value) > _LONGEST:
        return None
    try:
        said = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        name, ends = str(said["name"]), int(said["end"])
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    key = next((key for key in parse_all(settings.api_keys) if key.name == name), None)
    if key is None or ends <= now:
        return None
    signing = _signing_key(key.secret, settings.session_secret.get_secret_value())
    # As bytes: a stranger's signature may be no ASCII, and texts are compared in ASCII only.
    if not hmac.compare_digest(
        _mac(signing, "session", text).encode(), signature.encode("utf-8", "replace")
    ):
        return None
    return Session(key, ends, _mac(signing, "csrf", text))


def set_cookie(request: Request, value: str, hours: float) -> str:
    """Return the header ``Set-Cookie`` that opens a session; an empty ``value`` ends it."""
    lives = int(hours * 3600) if value else 0
    secure = "; Secure" if is_https(request) else ""
    return f"{cookie_name(request)}={value}; Path=/; Max-Age={lives}; HttpOnly; SameSite=Strict{secure}"


def cookie_name(request: Request) -> str:
    """Return the name of the cookie, which a browser ties to this very host over https."""
    return f"{_HOST_ONLY}{COOKIE}" if is_https(request) else COOKIE


def cookies(request: Request) -> dict[str, str]:
    """Return the cookies that came along."""
    found: dict[str, str] = {}
    for part in request.headers.get("cookie", "").replace(", ", "; ").split("; "):
        name, equals, value = part.partition("=")
        if equals:
            found.setdefault(name.strip(), value.strip())
    return found


def is_https(request: Request) -> bool:
    """Whether the browser speaks TLS. Every gateway of a cloud does, unless it says otherwise."""
    said = request.headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
    if said:
        return said != "http"
    host = request.headers.get("host", "").lower()
    return not host.startswith(_LOOPBACK)


def is_own_page(request: Request) -> bool:
    """Whether a page of this very origin sent the request, as the browser says (Fetch Metadata).

    Browsers that do not say so (before 2023) send the origin with every POST.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin", "")
    host = request.headers.get("host", "").lower()
    return bool(host) and origin.lower() in {f"https://{host}", f"http://{host}"}


@functools.lru_cache(maxsize=64)
def _signing_key(api_key: str, secret: str) -> bytes:
    if secret:
        return hmac.digest(secret.encode(), api_key.encode(), hashlib.sha256)
    return hashlib.pbkdf2_hmac("sha256", api_key.encode(), b"vindrop session", _ROUNDS)


def _mac(key: bytes, purpose: str, text: str) -> str:
    return _encoded(hmac.digest(key, f"{purpose}\n{text}".encode(), hashlib.sha256))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
