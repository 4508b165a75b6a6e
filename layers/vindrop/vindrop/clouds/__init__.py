"""Object stores, one file per cloud, and the API clients of each cloud.

Adding an object store: a file here with a subclass of `vindrop.clouds.http_store.HTTPStore`, a
line in `STORES`, and the cloud's name in `vindrop.domain.upload.BucketCloud`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, cast

from vindrop.core.object_store import UnknownCloudError
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
