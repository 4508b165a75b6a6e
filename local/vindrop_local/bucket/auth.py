"""Who asks: COS's request signature (q-sign, HMAC-SHA1), in a header or in the query.

The rules are https://cloud.tencent.com/document/product/436/7778; where the official SDK does
something of its own (a signed URL's host is signed without its port), both ways are taken.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from vindrop_local.bucket.errors import CosError
from vindrop_local.bucket.spec import Account

TOKEN: Final = "x-cos-security-token"  # noqa: S105 - the name of a header, not a secret
_SAFE: Final = "-_.~"
_FIELDS: Final = (
    "q-sign-algorithm",
    "q-ak",
    "q-sign-time",
    "q-key-time",
    "q-header-list",
    "q-url-param-list",
    "q-signature",
)


@dataclass(frozen=True)
class Asked:
    """What of a request the signature can cover."""

    method: str
    path: str
    """Decoded, with its leading slash."""
    query: Sequence[tuple[str, str]]
    """Decoded names and values, in order."""
    headers: Mapping[str, str]
    """Names in small letters."""


def check(asked: Asked, accounts: Iterable[Account], now: float) -> Account:
    """Return the account that signed the request.

    :param now: seconds since 1970, against which the signature's two windows are held.
    :raises CosError: 403 with COS's code: AccessDenied (unsigned, expired, not yet valid),
        InvalidAccessKeyId, SignatureDoesNotMatch, InvalidToken.
    """
    signed = _fields(asked)
    for window in ("q-sign-time", "q-key-time"):
        _within(signed[window], window, now)
    account = _account(accounts, signed["q-ak"])
    expected = [
        _signature(account.secret_key, asked, signed, host) for host in _hosts(asked.headers)
    ]
    # All are compared, so that the time taken says nothing of which came close.
    if not any([_same(each, signed["q-signature"]) for each in expected]):  # noqa: C419
        raise CosError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided: "
            "check the secret key, and that method, host, key and signed headers are what was signed.",
        )
    _check_token(account, asked.headers.get(TOKEN) or dict(asked.query).get(TOKEN) or "")
    return account


def _account(accounts: Iterable[Account], key_id: str) -> Account:
    account = next((each for each in accounts if _same(each.secret_id, key_id)), None)
    if account is None:
        raise CosError(
            "InvalidAccessKeyId",
            "The access key id you provided does not exist in our records: "
            "use the secret id that this bucket was started with.",
        )
    return account


def _check_token(account: Account, token: str) -> None:
    if account.token is not None and not _same(account.token, token):
        raise CosError(
            "InvalidToken", f"These are temporary keys: send their session token as {TOKEN}."
        )


def _fields(asked: Asked) -> dict[str, str]:
    header = asked.headers.get("authorization", "").strip()
    in_query = {name: value for name, value in asked.query if name in _FIELDS}
    if header:
        # Looks like a query string, but nothing in it is percent-encoded a second time.
        given = {name: value for name, _, value in (f.partition("=") for f in header.split("&"))}
    elif in_query:
        given = in_query
    else:
        raise CosError("AccessDenied", "Access Denied. The bucket is private: sign the request.")
    if given.get("q-sign-algorithm") != "sha1":
        raise CosError("AccessDenied", "The signature is not one of COS's (q-sign-algorithm=sha1).")
    missing = [name for name in _FIELDS if name not in given]
    if missing:
        raise CosError("AccessDenied", f"The signature lacks {', '.join(missing)}.")
    return given


def _within(window: str, name: str, now: float) -> None:
    begin, _, end = window.partition(";")
    if not (_is_seconds(begin) and _is_seconds(end)):
        raise CosError("AccessDenied", f"{name} is not two times in seconds, begin;end.")
    if now > int(end):
        raise CosError("AccessDenied", "Request has expired")
    if now < int(begin):
        raise CosError("AccessDenied", "Request is not valid yet: compare the two clocks.")


def _is_seconds(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12


def _hosts(headers: Mapping[str, str]) -> list[str]:
    """The host as sent, and without its port, as the SDK signs it in URLs."""
    host = headers.get("host", "")
    bare = host.rpartition(":")[0]
    return [host, bare] if bare and not host.endswith("]") else [host]


def _signature(secret_key: str, asked: Asked, signed: Mapping[str, str], host: str) -> str:
    headers = {**asked.headers, "host": host}
    parameters = _canonical(asked.query, signed["q-url-param-list"], "parameter")
    fields = _canonical(headers.items(), signed["q-header-list"], "header")
    request = f"{asked.method.lower()}\n{asked.path}\n{parameters}\n{fields}\n"
    text = f"sha1\n{signed['q-sign-time']}\n{_sha1(request)}\n"
    return _hmac(_hmac(secret_key, signed["q-key-time"]), text)


def _canonical(pairs: Iterable[tuple[str, str]], names: str, what: str) -> str:
    present = {quote(name, safe=_SAFE).lower(): quote(value, safe=_SAFE) for name, value in pairs}
    listed = sorted({name.lower() for name in names.split(";") if name})
    missing = [name for name in listed if name not in present]
    if missing:
        raise CosError(
            "SignatureDoesNotMatch",
            f"The signature covers the {what} {missing[0][:80]!r}, which the request does not have.",
        )
    return "&".join(f"{name}={present[name]}" for name in listed)


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _hmac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha1).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
