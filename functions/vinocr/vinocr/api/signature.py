"""API 3.0 signatures as pure functions: TC3-HMAC-SHA256, and the older HmacSHA1/HmacSHA256.

Nothing here knows an account or a clock; `vinocr.api.authentication` decides with it.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

ALGORITHM: Final = "TC3-HMAC-SHA256"
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
V1_DIGESTS: Final = {"HmacSHA1": hashlib.sha1, "HmacSHA256": hashlib.sha256}
"""SignatureMethod → digest; HmacSHA1 is the default of v1."""

_MUST_BE_SIGNED: Final = ("content-type", "host")
_AUTHORIZATION: Final = re.compile(
    r"TC3-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+)\s*,\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+)\s*,\s*Signature=(?P<signature>[^,\s]+)\s*"
)
_PORT: Final = re.compile(r":[0-9]+$")
_TERMINATOR: Final = "tc3_request"


class MalformedAuthorizationError(ValueError):
    """The ``Authorization`` header is not one of TC3. ``str()`` says what is wrong with it."""


class Tc3Authorization(NamedTuple):
    """A parsed ``Authorization`` header."""

    secret_id: str
    date: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


def parse_authorization(header: str) -> Tc3Authorization:
    """Take a TC3 ``Authorization`` header apart.

    :raises MalformedAuthorizationError: another algorithm, a part missing, a scope that is not
        ``SecretId/date/service/tc3_request``, or content-type and host not both signed.
    """
    match = _AUTHORIZATION.fullmatch(header)
    scope = match["credential"].split("/") if match else []
    signed = tuple(name.lower() for name in match["headers"].split(";")) if match else ()
    why = None
    if not header.strip():
        why = "it is missing"
    elif not header.startswith(ALGORITHM):
        why = f"it does not begin with {ALGORITHM}"
    elif match is None:
        why = "it is not `Credential=…, SignedHeaders=…, Signature=…`"
    elif len(scope) != 4 or scope[3] != _TERMINATOR or not all(scope):
        why = "its Credential is not `SecretId/date/service/tc3_request`"
    elif missing := [name for name in _MUST_BE_SIGNED if name not in signed]:
        why = f"SignedHeaders must name {missing[0]}"
    elif len(set(signed)) != len(signed):
        why = "SignedHeaders names a header twice"
    if match is None or why is not None:
        raise MalformedAuthorizationError(why)
    return Tc3Authorization(scope[0], scope[1], scope[2], signed, match["signature"])


def utc_date(timestamp: int) -> str:
    """Return the UTC date of a Unix timestamp in seconds, as TC3 writes it (2019-02-25).

    :raises ValueError: the year is over 9999.
    """
    try:
        moment = dt.datetime.fromtimestamp(timestamp, dt.timezone.utc)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{timestamp} is beyond the calendar") from error
    return moment.strftime("%Y-%m-%d")


def canonical_request(
    method: str, raw_query: str, headers: Iterable[tuple[str, str]], payload_hash: str
) -> str:
    """Return what TC3 hashes.

    :param raw_query: the query exactly as it was sent: the SDK signs it unsorted, with ``+``.
    :param headers: the signed headers, lower-cased names, in the order of the canonical form.
    :param payload_hash: hex SHA-256 of the body, or of the words ``UNSIGNED-PAYLOAD``.
    """
    pairs = list(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in pairs)
    names = ";".join(name for name, _ in pairs)
    return f"{method}\n/\n{raw_query}\n{lines}\n{names}\n{payload_hash}"


def tc3_signature(secret_key: str, timestamp: int, date: str, service: str, canonical: str) -> str:
    """Return the hex signature of a canonical request."""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    scope = f"{date}/{service}/{_TERMINATOR}"
    to_sign = f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}"
    key = f"TC3{secret_key}".encode()
    for part in (date, service, _TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


def tc3_is_valid(
    secret_key: str,
    authorization: Tc3Authorization,
    timestamp: int,
    *,
    method: str,
    raw_query: str,
    headers: Mapping[str, str],
    body_hash: str,
) -> bool:
    """Whether a TC3 signature is the one of this request.

    The documents ask for lower-cased header values; the SDKs sign content-type and host as they
    send them, and the Node.js SDK signs the host without the port that it sends. All are taken,
    as none lets a forger in. A header that is signed must be there.
    """
    if any(name not in headers for name in authorization.signed_headers):
        return False
    if headers.get("x-tc-content-sha256", "").upper() == UNSIGNED_PAYLOAD:
        body_hash = hashlib.sha256(UNSIGNED_PAYLOAD.encode()).hexdigest()
    host = headers["host"].strip()
    forms: set[tuple[tuple[str, str], ...]] = set()
    for host_form in (host, _PORT.sub("", host)):
        sent = {name: headers[name].strip() for name in authorization.signed_headers}
        as_sent = tuple((sent | {"host": host_form}).items())
        lowered = tuple((name, value.lower()) for name, value in as_sent)
        forms |= {as_sent, lowered, tuple(sorted(as_sent)), tuple(sorted(lowered))}
    scope = (authorization.date, authorization.service)
    requests = (canonical_request(method, raw_query, form, body_hash) for form in forms)
    expected = [tc3_signature(secret_key, timestamp, *scope, request) for request in requests]
    return _matches_any(authorization.signature, expected)


def v1_string_to_sign(method: str, host: str, parameters: Mapping[str, str]) -> str:
    """Return what v1 signs: method, host, ``/?`` and the parameters sorted and not encoded.

    ``Signature`` itself is left out.
    """
    pairs = sorted((k, v) for k, v in parameters.items() if k != "Signature")
    return f"{method}{host}/?" + "&".join(f"{k}={v}" for k, v in pairs)


def v1_signature(secret_key: str, signature_method: str, to_sign: str) -> str:
    """Return the Base64 signature of v1.

    :raises KeyError: ``signature_method`` is neither HmacSHA1 nor HmacSHA256.
    """
    digest = V1_DIGESTS[signature_method]
    made = hmac.new(secret_key.encode(), to_sign.encode(), digest).digest()
    return base64.b64encode(made).decode()


def v1_is_valid(
    secret_key: str,
    signature_method: str,
    signature: str,
    *,
    method: str,
    host: str,
    parameters: Mapping[str, str],
) -> bool:
    """Whether a v1 signature is the one of this request.

    The SDKs write ``.`` for ``_`` in the names that they sign, the documents do not: both are accepted.
    """
    dotted = {name.replace("_", "."): value for name, value in parameters.items()}
    texts = (v1_string_to_sign(method, host, names) for names in (parameters, dotted))
    expected = [v1_signature(secret_key, signature_method, text) for text in texts]
    return _matches_any(signature, expected)


def _matches_any(signature: str, expected: list[str]) -> bool:
    # A list: every comparison is made, so that the time says nothing.
    return any([hmac.compare_digest(one.encode(), signature.encode()) for one in expected])  # noqa: C419
