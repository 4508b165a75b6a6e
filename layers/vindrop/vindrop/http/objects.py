"""Objects that a caller names, and places for new ones: the way around the gateway's size limit.

A photo too large for a request is put straight into the bucket by a signed URL and then named.
It lies under a prefix whose storage events are ignored (`vindrop.core.batch.ignored`), so that the event and
the request are never both paid for.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import uuid
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vindrop.clouds import named_version, own_cloud, own_region, store_for
from vindrop.core.app import App
from vindrop.core.invocation import Platform
from vindrop.core.photo import is_allowed
from vindrop.core.resolve_version import identify
from vindrop.domain.failures import FailureError
from vindrop.domain.redaction import printable
from vindrop.domain.upload import BucketCloud, Upload
from vindrop.http.photos import REFERENCE, ObjectNamed, reference
from vindrop.http.problems import ProblemError, of_validation
from vindrop.http.request import Request
from vindrop.http.response import Response
from vindrop.settings import Settings

_TYPE: Final = r"(?:image/[A-Za-z0-9.+-]+|application/octet-stream)?"
_EXTENSIONS: Final = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/webp": ".webp",
    "image/tiff": ".tif",
    "image/bmp": ".bmp",
}


class Wanted(BaseModel):
    """The photo that a place is asked for: what is said of it, and nothing else, can be put there."""

    model_config = ConfigDict(extra="forbid")

    size: int | None = Field(default=None, ge=1)
    type: str = Field(default="", max_length=100)
    reference: str | None = REFERENCE


def locate(app: App, named: ObjectNamed, platform: Platform) -> Upload:
    """Return the upload that stands for a named object.

    :raises ProblemError: its bucket is not allowed, or nobody says its region.
    :raises FailureError: it is not there, or may not be read.
    """
    settings = app.settings
    cloud = named.cloud or own_cloud(platform)
    region = named.region or (
        upload_region(settings, cloud)
        if named.bucket == settings.upload_bucket
        else own_region(os.environ, cloud)
    )
    _check_access(settings, named, region)
    if not region:
        raise ProblemError("bad-request", "nobody says the bucket's region: name it as region")
    version = named.version or ""
    found = named_version(cloud, version)
    try:
        store_for(cloud).validate(named.bucket, region, named.key, found["version_id"] or "")
    except FailureError as error:
        raise ProblemError("bad-request", error.failure.message) from None
    bare = Upload(
        cloud=cloud,
        bucket=named.bucket,
        region=region,
        key=named.key,
        version=printable(version),
        version_id=found["version_id"],
        etag=found.get("etag"),
    )
    if named.version is None:
        return identify(app.storage, app.ledger, bare)
    there = app.storage.of(cloud).stat(bare)
    return replace(bare, size=there.size, reference=there.reference)


def _check_access(settings: Settings, named: ObjectNamed, region: str) -> None:
    """Let a caller name what its events may name, and what it was given a place for.

    :raises ProblemError: the settings allow neither.
    """
    ours = named.bucket == settings.upload_bucket
    listed = bool(settings.allowed_buckets)
    if not (listed and is_allowed(settings, named.bucket, region, named.key)) and not ours:
        raise ProblemError(
            "bucket-not-allowed",
            f"the bucket {printable(named.bucket)} is not among VINDROP_ALLOWED_BUCKETS",
        )
    prefixes = settings.key_prefixes
    given = ours and named.key.startswith(settings.upload_prefix)
    if prefixes and not given and not named.key.startswith(prefixes):
        raise ProblemError("bucket-not-allowed", "the key begins with none of VINDROP_KEY_PREFIXES")


def make_place(app: App, request: Request, platform: Platform) -> Response:
    """Answer ``POST /v1/uploads``: a signed URL to put one photo to.

    :raises ProblemError: no bucket is set for it, or the photo would be too large.
    """
    settings = app.settings
    if not settings.upload_bucket:
        raise ProblemError(
            "not-found",
            "this function has no bucket for large photos: set VINDROP_UPLOAD_BUCKET, or send a "
            "smaller photo",
        )
    wanted = _wanted(request.body)
    most = settings.max_download_mb * 1_000_000
    if wanted.size is not None and wanted.size > most:
        raise ProblemError(
            "photo-too-large", f"at most {settings.max_download_mb:g} MB are read of any photo"
        )
    if not re.fullmatch(_TYPE, wanted.type):
        raise ProblemError("not-a-photo", "type: takes that of an image, such as image/jpeg")
    today = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d")
    extension = _EXTENSIONS.get(wanted.type.lower(), "")
    named = request.headers.get("idempotency-key", "").strip()
    # The same key names the same object, and that is one upload however often it is put there.
    name = hashlib.sha256(named.encode()).hexdigest()[:32] if named else uuid.uuid4().hex
    folder = "once" if named else today
    upload = in_upload_bucket(
        settings, platform, f"{settings.upload_prefix}{folder}/{name}{extension}"
    )
    # What the caller says of the photo is signed: no larger one, and none of another type, can be put.
    headers = {"Content-Type": wanted.type} if wanted.type else {}
    about = reference(wanted.reference or "")
    signed = {name.lower(): value for name, value in headers.items()}
    if wanted.size is not None:
        signed["content-length"] = str(wanted.size)  # which every client sends by itself
    place: dict[str, Any] = {
        "method": "PUT",
        "url": app.storage.of(upload.cloud).upload_url(upload, signed),
        "headers": headers,
        "expires_in": settings.url_seconds,
        "object": {
            "cloud": upload.cloud,
            "bucket": upload.bucket,
            "region": upload.region,
            "key": upload.key,
            **({"reference": about} if about else {}),
        },
    }
    return Response(201, json.dumps(place), {"Content-Type": "application/json"})


def upload_origin(settings: Settings, platform: Platform) -> str:
    """Return the origin that large photos are put to, for the page's security policy; may be empty."""
    if not settings.upload_bucket:
        return ""
    try:
        upload = in_upload_bucket(settings, platform, "x")
        url = urlsplit(
            store_for(upload.cloud).object_url(
                upload.bucket, upload.region, upload.key, settings.storage_endpoint
            )
        )
    except (ProblemError, FailureError):  # the page still works for photos that fit
        return ""
    return f"{url.scheme}://{url.netloc}"


def upload_region(settings: Settings, cloud: BucketCloud) -> str:
    """Return the region of the bucket for large photos, or an empty text."""
    return settings.upload_region or own_region(os.environ, cloud)


def in_upload_bucket(settings: Settings, platform: Platform, key: str) -> Upload:
    """Return an object of the bucket for large photos, which may not be there yet.

    :raises ProblemError: nobody says its region.
    """
    cloud = own_cloud(platform)
    region = upload_region(settings, cloud)
    if not region:
        raise ProblemError(
            "wrong-settings",
            "nobody says the region of the upload bucket: set VINDROP_UPLOAD_REGION",
        )
    return Upload(
        cloud=cloud, bucket=settings.upload_bucket, region=region, key=key, version="none yet"
    )


def _wanted(body: bytes) -> Wanted:
    if not body.strip():
        return Wanted()
    try:
        return Wanted.model_validate_json(body)
    except ValidationError as error:
        raise of_validation(error) from None
