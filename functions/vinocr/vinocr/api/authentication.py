"""Who is calling: the account behind a signature, or the AuthFailure code that says why not."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from vinocr.api import signature
from vinocr.api.accounts import Account, Accounts, Key
from vinocr.api.codes import ApiError
from vinocr.api.replay import UsedSignatures
from vinocr.api.request import Common, Request

WINDOW: Final = 300
"""Seconds that a request's time stamp may be off, either way."""
SERVICE: Final = "ocr"
_REPLAYED: Final = "This signature was used before: take another Nonce, and sign each request anew."
_SECRET_ID: Final = re.compile(r"[A-Za-z0-9_\-]{1,128}")


def authenticate(
    request: Request,
    found: Common,
    accounts: Accounts,
    now: float,
    used: UsedSignatures | None = None,
) -> Account:
    """Return the account whose key signed a request.

    :param now: Unix time in seconds.
    :param used: the v1 signatures that were taken before: none is taken twice.
    :raises ApiError: AuthFailure.* or NoSuchProduct.
    """
    if found.v1 is not None:
        account, key = _v1(request, found, found.v1, accounts, now)
    else:
        account, key = _tc3(request, found, accounts, now)
    _check_token(key, found.token, now)
    if found.v1 is not None and used is not None:
        expires = found.timestamp + WINDOW
        if not used.first(key.secret_id, found.v1["Signature"], expires):
            raise ApiError("AuthFailure.SignatureFailure", _REPLAYED)
    return account


def product_of_host(host: str) -> str | None:
    """Return the product that a Tencent host name stands for, or None for any other host."""
    name = host.lower().partition(":")[0]
    if name.endswith(".tencentcloudapi.com"):
        return name.partition(".")[0]
    return None


def _tc3(request: Request, found: Common, accounts: Accounts, now: float) -> tuple[Account, Key]:
    try:
        claim = signature.parse_authorization(request.headers.get("authorization", ""))
    except signature.MalformedAuthorizationError as error:
        raise ApiError("AuthFailure.InvalidAuthorization", why=str(error)) from None
    # The Node.js, Java and .NET SDKs take the service from the first label of any host.
    if claim.service not in (SERVICE, request.headers.get("host", "").partition(".")[0]):
        raise ApiError("NoSuchProduct", product=claim.service[:64])
    account, key = _find(accounts, claim.secret_id)
    _check_clock(found.timestamp, now)
    is_valid = claim.date == signature.utc_date(found.timestamp) and signature.tc3_is_valid(
        key.secret_key.get_secret_value(),
        claim,
        found.timestamp,
        method=request.method,
        raw_query=request.raw_query,
        headers=request.headers,
        body_hash=hashlib.sha256(request.body).hexdigest(),
    )
    if not is_valid:
        raise ApiError("AuthFailure.SignatureFailure")
    return account, key


def _v1(
    request: Request, found: Common, values: Mapping[str, str], accounts: Accounts, now: float
) -> tuple[Account, Key]:
    method = values.get("SignatureMethod") or "HmacSHA1"
    if method not in signature.V1_DIGESTS:
        raise ApiError(
            "InvalidParameterValue",
            why="it is neither HmacSHA1 nor HmacSHA256",
            name="SignatureMethod",
        )
    account, key = _find(accounts, values["SecretId"])
    _check_clock(found.timestamp, now)
    if not signature.v1_is_valid(
        key.secret_key.get_secret_value(),
        method,
        values["Signature"],
        method=request.method,
        host=request.headers.get("host", ""),
        parameters=values,
    ):
        raise ApiError("AuthFailure.SignatureFailure")
    return account, key


def _find(accounts: Accounts, secret_id: str) -> tuple[Account, Key]:
    if not _SECRET_ID.fullmatch(secret_id):
        raise ApiError("AuthFailure.InvalidSecretId")
    owner = accounts.find(secret_id)
    if owner is None:
        raise ApiError("AuthFailure.SecretIdNotFound")
    return owner


def _check_clock(timestamp: int, now: float) -> None:
    if abs(now - timestamp) > WINDOW:
        raise ApiError("AuthFailure.SignatureExpire", now=int(now), window=WINDOW)


def _check_token(key: Key, token: str, now: float) -> None:
    if key.token is None:
        if token:
            raise _token("this key is permanent and has none")
    elif not token:
        raise _token("it is missing")
    elif not hmac.compare_digest(token.encode(), key.token.get_secret_value().encode()):
        raise _token("it is not the one of this key")
    elif key.has_expired(now):
        raise _token("it has expired, fetch a new one")


def _token(why: str) -> ApiError:
    return ApiError("AuthFailure.TokenFailure", why=why)
