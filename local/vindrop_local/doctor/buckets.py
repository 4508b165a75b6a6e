"""The buckets: may their objects be read? By asking for one that is not there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping

from vindrop.clouds import Stores, own_region, store_classes
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import Upload
from vindrop.settings import Settings
from vindrop_local.doctor.finding import Finding, ok, unsure, wrong


def examine(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is found of every bucket that may be read."""
    names = dict.fromkeys([*settings.allowed_buckets, *filter(None, [settings.upload_bucket])])
    for name in names:
        yield _bucket(name, settings, environment)


def _bucket(place: str, settings: Settings, environment: Mapping[str, str]) -> Finding:
    what = f"bucket {place}"
    name, _, named = place.partition("@")
    with_keys = [store for store in store_classes() if store.role(environment) is not None]
    if not with_keys:
        return unsure(what, "no keys of a role here, so it was not tried")
    fits = [store for store in with_keys if store.is_bucket(name)]
    if not fits:
        return wrong(what, "no cloud whose keys are here has buckets of such a name")
    store = fits[0]
    region = (
        named
        or (name == settings.upload_bucket and settings.upload_region)
        or own_region(environment, store.cloud)
    )
    if not region and not settings.storage_endpoint:
        return unsure(what, f"its region is not known here: set {store.region_variable}")
    prefix = settings.key_prefixes[0] if settings.key_prefixes else ""
    nothing = Upload(
        cloud=store.cloud,
        bucket=name,
        region=region or "local",
        key=f"{prefix}vindrop-doctor-{secrets.token_hex(8)}.jpg",
        version="none",
    )
    try:
        Stores(settings, environment).of(store.cloud).peek(nothing)
    except FailureError as error:
        if error.failure.code == error_codes.OBJECT_MISSING:
            return ok(what, "its objects may be read")
        if error.failure.code == error_codes.OBJECT_FORBIDDEN:
            return wrong(
                what,
                "its objects may not be read: let the role GetObject (and on S3 ListBucket) there",
            )
        return wrong(what, str(error))
    return ok(what, "its objects may be read")
