"""The buckets: may their objects be read? By asking for one that is not there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping

from vindrop.clouds.credentials import of_role
from vindrop.clouds.storage import Storage
from vindrop.domain import failures
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import Cloud, Upload
from vindrop.settings import Settings
from vindrop_local.doctor.finding import Finding, ok, unsure, wrong


def examine(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is found of every bucket that may be read."""
    names = dict.fromkeys([*settings.allowed_buckets, *filter(None, [settings.upload_bucket])])
    for name in names:
        yield _bucket(name, settings, environment)


def _bucket(name: str, settings: Settings, environment: Mapping[str, str]) -> Finding:
    what = f"bucket {name}"
    cloud: Cloud = "tencent" if name.rpartition("-")[2].isdigit() else "aws"
    if of_role(cloud, environment) is None:
        cloud = "aws" if cloud == "tencent" else "tencent"
        if of_role(cloud, environment) is None:
            return unsure(what, "no keys of a role here, so it was not tried")
    variable = "TENCENTCLOUD_REGION" if cloud == "tencent" else "AWS_REGION"
    region = (name == settings.upload_bucket and settings.upload_region) or environment.get(
        variable, ""
    )
    if not region and not settings.storage_endpoint:
        return unsure(what, f"its region is not known here: set {variable}")
    prefix = settings.key_prefixes[0] if settings.key_prefixes else ""
    nothing = Upload(
        cloud=cloud,
        bucket=name,
        region=region or "local",
        key=f"{prefix}vindrop-doctor-{secrets.token_hex(8)}.jpg",
        version="none",
    )
    try:
        Storage(settings, environment).peek(nothing)
    except FailureError as error:
        if error.failure.code == failures.OBJECT_MISSING:
            return ok(what, "its objects may be read")
        if error.failure.code == failures.OBJECT_FORBIDDEN:
            return wrong(
                what,
                "its objects may not be read: let the role GetObject (and on S3 ListBucket) there",
            )
        return wrong(what, str(error))
    return ok(what, "its objects may be read")
