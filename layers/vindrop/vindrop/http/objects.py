"""Objects that a caller names, and places for new ones: the way around the gateway's size limit.

A photo too large for a request is put straight into the bucket by a signed URL and then named.
It lies under a prefix whose storage events are ignored (`vindrop.core.batch.ignored`), so that the event and
the request are never both paid for.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import uuid
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vindrop.clouds import own_cloud, own_region, store_for
from vindrop.core.app import App
from vindrop.core.invocation import Platform
from vindrop.core.resolve_version import identify
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import BucketCloud, Upload
from vindrop.http.photos import ObjectNamed
from vindrop.http.problems import ProblemError, of_validation
from vindrop.http.request import Request
from vindrop.http.response import Response
from vindrop.settings import Settings

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
    """The photo that a place is asked for."""

    model_config = ConfigDict(extra="forbid")

    size: int | None = Field(default=None, ge=1)
    type: str = ""


def locate(app: App, named: ObjectNamed, platform: Platform) -> Upload:
    """Return the upload that stands for a named object.

    :raises ProblemError: its bucket is not allowed, or nobody says its region.
    :raises FailureError: it is not there, or may not be read.
    """
    settings = app.settings
    if named.bucket not in {*settings.allowed_buckets, settings.upload_bucket}:
        raise ProblemError(
            "bucket-not-allowed", f"the bucket {named.bucket} is not among VINDROP_ALLOWED_BUCKETS"
        )
    cloud = named.cloud or own_cloud(platform)
    region = named.region or (
        upload_region(settings, cloud)
        if named.bucket == settings.upload_bucket
        else own_region(os.environ, cloud)
    )
    if not region:
        raise ProblemError("bad-request", "nobody says the bucket's region: name it as region")
    try:
        store_for(cloud).validate(named.bucket, region)
    except FailureError as error:
        raise ProblemError("bad-request", error.failure.message) from None
    bare = Upload(
        cloud=cloud,
        bucket=named.bucket,
        region=region,
        key=named.key,
        version=named.version or "",
    )
    if named.version is None:
        return identify(app.storage, app.ledger, bare)
    return replace(bare, size=app.storage.of(cloud).stat(bare).size)


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
    today = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d")
    extension = _EXTENSIONS.get(wanted.type.lower(), "")
    upload = _in_upload_bucket(
        settings, platform, f"{settings.upload_prefix}{today}/{uuid.uuid4().hex}{extension}"
    )
    place: dict[str, Any] = {
        "method": "PUT",
        "url": app.storage.of(upload.cloud).upload_url(upload),
        "headers": {},
        "expires_in": settings.url_seconds,
        "object": {
            "cloud": upload.cloud,
            "bucket": upload.bucket,
            "region": upload.region,
            "key": upload.key,
        },
    }
    return Response(201, json.dumps(place), {"Content-Type": "application/json"})


def upload_origin(settings: Settings, platform: Platform) -> str:
    """Return the origin that large photos are put to, for the page's security policy; may be empty."""
    if not settings.upload_bucket:
        return ""
    try:
        upload = _in_upload_bucket(settings, platform, "x")
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


def _in_upload_bucket(settings: Settings, platform: Platform, key: str) -> Upload:
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
