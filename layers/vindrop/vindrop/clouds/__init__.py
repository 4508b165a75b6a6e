"""Object stores, one file per cloud, and the API clients of each cloud.

Adding an object store: a file here with a subclass of `vindrop.clouds.http_store.HTTPStore`, a
line in `STORES`, and the cloud's name in `vindrop.domain.upload.BucketCloud`.

Credentials are those of the function's execution role, read anew for every call: they expire.
SCF injects TENCENTCLOUD_SECRETID, _SECRETKEY and _SESSIONTOKEN; the official SDK's own provider
reads other names (TENCENTCLOUD_SECRET_ID …), and its default chain then asks the metadata host
of a virtual machine without a time-out. So neither is used.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from vindrop.core.object_store import UnknownCloudError
from vindrop.domain.error_codes import NO_CREDENTIALS
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import BucketCloud, Cloud

if TYPE_CHECKING:
    from vindrop.clouds.http_store import HTTPStore
    from vindrop.core.invocation import Platform
    from vindrop.settings import Settings

STORES: Final[dict[str, str]] = {
    "tencent": "cos.COS",
    "aws": "s3.S3",
    "alibaba": "oss.OSS",
}
"""Cloud → module and class, imported when first asked for."""


class Stores:
    """The object stores of every cloud; see `vindrop.core.object_store.ObjectStores`."""

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._environment = environment
        self._open: dict[str, HTTPStore] = {}

    def of(self, cloud: Cloud) -> HTTPStore:
        """Return the store of ``cloud``.

        :raises UnknownCloudError: no store is registered for it.
        """
        if cloud not in self._open:
            self._open[cloud] = store_for(cloud)(self._settings, self._environment)
        return self._open[cloud]


def store_for(cloud: str) -> type[HTTPStore]:
    """Return the class of a cloud's object store.

    :raises UnknownCloudError: no store is registered for it.
    """
    if cloud not in STORES:
        raise UnknownCloudError(f"cloud: takes {', '.join(STORES)}; there is no store for others")
    module, _, name = STORES[cloud].partition(".")
    found = getattr(importlib.import_module(f"vindrop.clouds.{module}"), name)
    return cast("type[HTTPStore]", found)


def store_classes() -> Iterator[type[HTTPStore]]:
    """Yield every store's class, in the order of `STORES`, each imported when its turn comes."""
    return map(store_for, STORES)


def own_cloud(platform: Platform) -> BucketCloud:
    """Return the cloud whose platform this is; on a laptop, the bucket speaks COS.

    :raises UnknownCloudError: no store names the platform.
    """
    for store in store_classes():
        if platform in store.platforms:
            return store.cloud
    raise UnknownCloudError(f"no object store belongs to the platform {platform}")


def own_region(environment: Mapping[str, str], cloud: Cloud | None = None) -> str:
    """Return the region a function runs in, as its platform tells it, or an empty text.

    :param cloud: whose platform it must be; None: any.
    """
    stores = map(store_for, STORES if cloud is None else [cloud])
    return next(filter(None, (environment.get(s.region_variable, "") for s in stores)), "")


def cloud_of_region(region: str) -> BucketCloud:
    """Return the cloud meant by a region where nobody names the cloud.

    A region of no known form is that of the first cloud in `STORES`.
    """
    for store in store_classes():
        if re.fullmatch(store.own_region_form, region):
            return store.cloud
    return store_for(next(iter(STORES))).cloud


Variables = tuple[str, str, str]
"""Environment variables that hold the key's id, the key and the session token."""
TENCENT: Final[tuple[Variables, ...]] = (
    ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN"),
    ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_TOKEN"),
)
AWS: Final[tuple[Variables, ...]] = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key pair, with a token where it is temporary."""

    id: str
    key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def of_role(variables: tuple[Variables, ...], environment: Mapping[str, str]) -> Credentials | None:
    """Return the credentials under the first of ``variables`` that are set, or None."""
    for names in variables:
        key_id, key, token = (environment.get(name, "") for name in names)
        if key_id and key:
            return Credentials(key_id, key, token or None)
    return None


def tencent_role(environment: Mapping[str, str]) -> Credentials | None:
    """Return the credentials of the Tencent role, or None."""
    return of_role(TENCENT, environment)


def for_vinocr(settings: Settings, environment: Mapping[str, str]) -> Credentials:
    """Return the credentials that calls to VinOCR are signed with: the settings', else the role's.

    :raises FailureError: there are none; the account's circuit opens.
    """
    given = settings.vinocr_secret_id.get_secret_value()
    if given:
        return Credentials(given, settings.vinocr_secret_key.get_secret_value())
    found = tencent_role(environment)
    if found is None:
        raise FailureError(
            NO_CREDENTIALS,
            "no keys for VinOCR: give the function an execution role, or set VINDROP_VINOCR_SECRET_ID "
            "and VINDROP_VINOCR_SECRET_KEY",
        )
    return found
