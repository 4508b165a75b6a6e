"""Why a bucket refuses: its own reason (``<Code>``) becomes a code of ours and one sentence.

Loaded when a bucket refuses. The clouds' lists: S3 "Error responses", COS 436/7730, OSS "Error
codes"; the names are the same wherever the clouds mean the same. The error's body is read up to
`BODY_BYTES` and searched, not parsed: no entity is ever expanded, no file or host is asked for.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from vindrop.domain.error_codes import (
    BAD_SIGNATURE,
    BUCKET_MISSING,
    OBJECT_ARCHIVED,
    OBJECT_FORBIDDEN,
    OBJECT_MISSING,
    STORAGE_CLOCK_SKEWED,
    STORAGE_KEY_DENIED,
    STORAGE_TOKEN_EXPIRED,
    STORAGE_UNAVAILABLE,
    SUPERSEDED,
    WRONG_REGION,
)
from vindrop.domain.failures import FailureError

if TYPE_CHECKING:
    from vindrop.clouds.http_store import HTTPStore
    from vindrop.domain.upload import Upload

BODY_BYTES: Final = 65_536
"""Of an error's body, the most that is read."""
_CODE_LENGTH: Final = 64

_EXPIRED: Final = (
    "the temporary key of the function's role has expired: the next instance has a new one"
)
_SKEWED: Final = "this machine's clock is wrong, so that the bucket takes the request for an old one: set the clock"
_ARCHIVED: Final = "the object is archived: restore it, then redrive"
_SIGNATURE: Final = (
    "{place} says that the signature is wrong: check that key id and secret key belong together, "
    "and that no proxy on the way changes the request"
)
_KEY_ID: Final = (
    "{place} does not know the key that signed the request: check the key's id, and that it was "
    "not deleted or disabled"
)
_REGION: Final = (
    "the bucket {place} is in another region{there}, not in {region}: name the right one"
)
_NO_BUCKET: Final = (
    "there is no bucket {place} in {region}: check its name and region, or whether it was deleted"
)
_NO_OBJECT: Final = (
    "the object is no longer in the bucket: it was deleted or renamed before it was read"
)
_NO_VERSION: Final = (
    "the version that the event names is no longer in the bucket: it was deleted before it was read"
)
_KEY_DENIED: Final = (
    "{object} is encrypted, and the function's role may not use its key: let it decrypt with that key "
    "(kms:Decrypt), and check that the key is enabled"
)
_FORBIDDEN: Final = "the function's role may not read {object}: let it GetObject{versions} there"
_ACCOUNT: Final = "the account that {object} belongs to is disabled or in arrears: look at it in the cloud's console"
_NOT_LISTED: Final = (
    "{place} may not be listed with these keys: let them list the bucket, and check its region"
)
_STRANGER: Final = (
    "what answered is not the bucket, but something on the way to it: look at the address of the store "
    "(VINDROP_STORAGE_ENDPOINT) and at the proxies before it"
)
_SUPERSEDED: Final = (
    "the object was overwritten after this event and before it was read: the later event reads it"
)

_REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "InvalidObjectState": (OBJECT_ARCHIVED, _ARCHIVED),
    "RequestTimeTooSkewed": (STORAGE_CLOCK_SKEWED, _SKEWED),
    "RequestNotYetValid": (STORAGE_CLOCK_SKEWED, _SKEWED),
    "RequestExpired": (STORAGE_CLOCK_SKEWED, _SKEWED),
    "RequestIsExpired": (STORAGE_CLOCK_SKEWED, _SKEWED),
    "ExpiredToken": (STORAGE_TOKEN_EXPIRED, _EXPIRED),
    "ExpiredTokenException": (STORAGE_TOKEN_EXPIRED, _EXPIRED),
    "InvalidToken": (STORAGE_TOKEN_EXPIRED, _EXPIRED),
    "TokenRefreshRequired": (STORAGE_TOKEN_EXPIRED, _EXPIRED),
    "SecurityTokenExpired": (STORAGE_TOKEN_EXPIRED, _EXPIRED),
    "InvalidSecurityToken": (STORAGE_TOKEN_EXPIRED, _EXPIRED),
    "SignatureDoesNotMatch": (BAD_SIGNATURE, _SIGNATURE),
    "InvalidAccessKeyId": (BAD_SIGNATURE, _KEY_ID),
    "PermanentRedirect": (WRONG_REGION, _REGION),
    "AuthorizationHeaderMalformed": (WRONG_REGION, _REGION),
    "AuthorizationQueryParametersError": (WRONG_REGION, _REGION),
    "IllegalLocationConstraintException": (WRONG_REGION, _REGION),
    "InvalidRegionName": (WRONG_REGION, _REGION),
    "NoSuchBucket": (BUCKET_MISSING, _NO_BUCKET),
    "NoSuchKey": (OBJECT_MISSING, _NO_OBJECT),
    "NoSuchVersion": (OBJECT_MISSING, _NO_VERSION),
    "MethodNotAllowed": (OBJECT_MISSING, _NO_VERSION),  # what is asked for is a delete marker
    "PreconditionFailed": (SUPERSEDED, _SUPERSEDED),
    "KeyUnavailable": (STORAGE_KEY_DENIED, _KEY_DENIED),
    "AccessDenied": (OBJECT_FORBIDDEN, _FORBIDDEN),
    **dict.fromkeys(
        ("AccountProblem", "AllAccessDisabled", "UserDisable"), (OBJECT_FORBIDDEN, _ACCOUNT)
    ),
}
"""A store's own code → ours, and what to do about it."""
_BY_STATUS: Final[Mapping[int, tuple[str, str]]] = {
    404: (OBJECT_MISSING, _NO_OBJECT),
    410: (OBJECT_MISSING, _NO_OBJECT),
    **dict.fromkeys((200, 206, 412, 416), (SUPERSEDED, _SUPERSEDED)),  # an object, and another
    301: (WRONG_REGION, _REGION),
    **dict.fromkeys((400, 401, 403, 405), (OBJECT_FORBIDDEN, _FORBIDDEN)),
}
"""Where the store's code is not known, or it says none (an answer to HEAD has no body)."""

_ENDS: Final = frozenset({OBJECT_MISSING, SUPERSEDED})
"""What ends an upload: it takes the store's own word, not that of a proxy before it."""
_OF_A_LIST: Final[Mapping[str, tuple[str, str]]] = {
    _NO_OBJECT: (BUCKET_MISSING, _NO_BUCKET),
    _FORBIDDEN: (OBJECT_FORBIDDEN, _NOT_LISTED),
}
"""Where no object was asked for."""


class Refused(NamedTuple):
    """What a store answered."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    body: str
    """Its beginning."""


def read(store: HTTPStore, response: Any) -> Refused:
    """Read a refusal, no further than `BODY_BYTES`."""
    try:
        body = store.read(response, BODY_BYTES, cut=True).decode("utf-8", "replace")
    except FailureError:
        body = ""
    return Refused(response.status_code, response.headers, body)


def of_object(store: HTTPStore, refused: Refused, upload: Upload) -> FailureError:
    """Return what the refusal of an object means."""
    return failure(
        store,
        refused,
        upload.bucket,
        upload.region,
        upload.key,
        versioned=bool(upload.version_id),
    )


def failure(
    store: HTTPStore,
    refused: Refused,
    bucket: str,
    region: str,
    key: str = "",
    *,
    versioned: bool = False,
) -> FailureError:
    """Return what a refusal means.

    :param key: of the object that was asked for; empty: the bucket was to be listed.
    :param versioned: a version of it was named by its id.
    """
    code, sentence = _meaning(refused)
    if code in _ENDS and not reason(refused) and not store.is_its_own(refused.headers):
        code, sentence = STORAGE_UNAVAILABLE, _STRANGER
    if not key:
        code, sentence = _OF_A_LIST.get(sentence, (code, sentence))
    place, there = f"{store.scheme}://{bucket}", _region_of(refused)
    filled = sentence.format(
        place=place,
        region=region,
        object=f"{place}/{key}",
        there=f" ({there})" if there else "",
        versions=" (and GetObjectVersion)" if versioned else "",
    )
    said = reason(refused)
    named = f"{said}, status {refused.status}" if said else f"status {refused.status}"
    return FailureError(code, f"{filled} ({named})", refused.headers.get(store.request_id_header))


def reason(refused: Refused) -> str:
    """Return the store's own code, cleaned and short, or an empty text where it says none."""
    said = _element(refused.body, "Code")[: _CODE_LENGTH * 2]
    return re.sub(r"[^A-Za-z0-9._-]", "", said)[:_CODE_LENGTH]


def _meaning(refused: Refused) -> tuple[str, str]:
    status, said = refused.status, reason(refused)
    lowered = _element(refused.body, "Message").lower()
    if said.lower().startswith("kms") or "kms:" in lowered or "server side encryption" in lowered:
        return STORAGE_KEY_DENIED, _KEY_DENIED
    if said == "AccessDenied" and "expired" in lowered:
        # The URL was signed this very second: the clock, or COS's word for a token that is over.
        return (
            (STORAGE_TOKEN_EXPIRED, _EXPIRED)
            if "token" in lowered
            else (STORAGE_CLOCK_SKEWED, _SKEWED)
        )
    if said in _REASONS:
        found = _REASONS[said]
        unlike = found[0] == WRONG_REGION and said.startswith("Authorization")
        return (BAD_SIGNATURE, _SIGNATURE) if unlike and "region" not in lowered else found
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return STORAGE_UNAVAILABLE, "the bucket does not give the object now"


def _region_of(refused: Refused) -> str:
    """Return the region in which the store says the bucket is, or an empty text."""
    expected = re.search(r"expecting '([a-z0-9-]{1,40})'", refused.body)
    named = refused.headers.get("x-amz-bucket-region") or _element(refused.body, "Region")
    found = named or (expected[1] if expected else "")
    return found if re.fullmatch(r"[a-z0-9-]{1,40}", found) else ""


def _element(text: str, name: str) -> str:
    """Return what stands in the first element ``name``, which holds no other; linear in ``text``."""
    begin = text.find(f"<{name}>")
    if begin < 0:
        return ""
    begin += len(name) + 2
    end = text.find(f"</{name}>", begin, begin + 4096)
    inside = text[begin:end] if end >= 0 else ""
    return "" if "<" in inside else html.unescape(inside).strip()
