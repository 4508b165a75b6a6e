"""POST Object: an upload form as a browser or a mini program sends it, signed by its policy.

https://cloud.tencent.com/document/product/436/14690
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from vindrop_local.bucket import auth
from vindrop_local.bucket.errors import XML, CosError, invalid
from vindrop_local.bucket.journal import Entry
from vindrop_local.bucket.responses import respond
from vindrop_local.bucket.spec import Account, Bucket
from vindrop_local.bucket.xml import write

_FILENAME: Final = "${filename}"
_UNCHECKED: Final = frozenset(("file", "policy", "q-signature"))


async def parse(request: Request) -> tuple[dict[str, str], UploadFile]:
    """Return the fields (names in small letters) and the file.

    :raises CosError: not a form, no file, or a field over 1 MB.
    """
    try:
        form = await request.form(max_files=1, max_fields=100)
    except (MultiPartException, HTTPException):
        raise CosError("MalformedPOSTRequest", "The body is not a well-formed form.") from None
    fields: dict[str, str] = {}
    upload: UploadFile | None = None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            upload = value if name == "file" else upload
        else:
            fields[name.lower()] = value
    if upload is None:
        raise CosError("InvalidArgument", "The form has no file: name the field file.")
    return fields, upload


def _policy(fields: Mapping[str, str]) -> tuple[str, Mapping[str, Any]]:
    if "policy" not in fields:
        raise CosError("AccessDenied", "Access Denied. The bucket is private: send a policy.")
    try:
        text = base64.b64decode(fields["policy"], validate=True).decode("utf-8")
        policy = json.loads(text)
    except (binascii.Error, ValueError):
        policy = None
    if not isinstance(policy, dict) or not isinstance(policy.get("conditions"), list):
        raise CosError("InvalidPolicyDocument", "policy must be the base64 of COS's JSON.")
    return text, policy


def check(
    fields: Mapping[str, str], bucket: str, accounts: Sequence[Account], now: float
) -> Account:
    """Return the account that signed the form, whose conditions all hold.

    :raises CosError: AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch, InvalidPolicyDocument.
    """
    text, policy = _policy(fields)
    account = auth.check_form(fields, accounts, text, now)
    try:
        expires = dt.datetime.fromisoformat(str(policy.get("expiration")).replace("Z", "+00:00"))
    except ValueError:
        raise CosError("InvalidPolicyDocument", "expiration must be a time in UTC.") from None
    if expires.tzinfo is None:
        expires = expires.replace(tzinfo=dt.timezone.utc)
    if now > expires.timestamp():
        raise CosError("AccessDenied", "Request has expired")
    have = {**fields, "bucket": bucket}
    for condition in policy["conditions"]:
        _check_condition(condition, have)
    return account


def _check_condition(condition: object, have: Mapping[str, str]) -> None:
    rules: list[tuple[str, str, str]] = []
    if isinstance(condition, dict):
        rules = [("eq", str(name), str(value)) for name, value in condition.items()]
    elif isinstance(condition, list) and len(condition) == 3:
        kind = str(condition[0]).lower()
        if kind == "content-length-range":
            return  # check_size, once the size is known
        rules = [(kind, str(condition[1]), str(condition[2]))]
    for kind, name, value in rules:
        field = name.lower().removeprefix("$")
        if field in _UNCHECKED:
            continue
        found = have.get(field, "")
        holds = {"eq": found == value, "starts-with": found.startswith(value)}.get(kind)
        if holds is None:
            raise CosError("InvalidPolicyDocument", f"Unknown kind of condition: {kind[:40]!r}.")
        if not holds:
            raise CosError("AccessDenied", f"The policy does not allow this {field[:80]!r}.")
    if not rules:
        raise CosError("InvalidPolicyDocument", "A condition is neither a pair nor a triple.")


def check_size(fields: Mapping[str, str], size: int) -> None:
    """Check the file's size (bytes) against the policy.

    :raises CosError: EntityTooLarge, EntityTooSmall.
    """
    for condition in _policy(fields)[1]["conditions"]:
        if not isinstance(condition, list) or str(condition[0]).lower() != "content-length-range":
            continue
        least, most = condition[1], condition[2]
        if not (isinstance(least, int) and isinstance(most, int)):
            raise CosError("InvalidPolicyDocument", "content-length-range takes two numbers.")
        if size > most:
            raise CosError("EntityTooLarge", f"The policy allows up to {most} bytes.")
        if size < least:
            raise CosError("EntityTooSmall", f"The policy asks for at least {least} bytes.")


def key_of(fields: Mapping[str, str], filename: str) -> str:
    """Return the key, with the file's own name where the form asks for it.

    :raises CosError: no key.
    """
    key = fields.get("key", "").replace(_FILENAME, filename.replace("\\", "/").rpartition("/")[2])
    key = key.removeprefix("/")
    if not key:
        raise invalid("The form has no key: name the object in the field key.")
    return key


def answer(fields: Mapping[str, str], bucket: Bucket, entry: Entry) -> Response:
    """Answer as the form asks: 204, 200, 201 with XML, or a redirect."""
    location = f"http://{bucket.host}/{quote(entry.key)}"
    headers = {
        "ETag": f'"{entry.etag}"',
        "x-cos-request-id": entry.request_id,
        "Location": location,
    }
    redirect = fields.get("success_action_redirect", "")
    if redirect.startswith(("http://", "https://")) and redirect.isprintable():
        mark = "&" if "?" in redirect else "?"
        tail = f"bucket={bucket.name}&key={quote(entry.key)}&etag=%22{entry.etag}%22"
        return respond(303, {**headers, "Location": redirect + mark + tail})
    status = fields.get("success_action_status", "204")
    if status == "201":
        content = {
            "Location": location,
            "Bucket": bucket.name,
            "Key": entry.key,
            "ETag": f'"{entry.etag}"',
        }
        return respond(201, {**headers, "Content-Type": XML}, write("PostResponse", content))
    return respond(200 if status == "200" else 204, headers)
