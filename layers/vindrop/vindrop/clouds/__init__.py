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
import ipaddress
import os
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlsplit

from vindrop.core.invocation import bound
from vindrop.core.object_store import UnknownCloudError
from vindrop.domain.error_codes import NO_CREDENTIALS, STORAGE_UNAVAILABLE
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import BucketCloud, Cloud
from vindrop.settings import SettingsError

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


class UnansweredError(FailureError):
    """The store gave no answer, or one that broke off."""

    def __init__(self, message: str) -> None:
        super().__init__(STORAGE_UNAVAILABLE, message)


class Stores:
    """The object stores of every cloud; see `vindrop.core.object_store.ObjectStores`."""

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        """Open none yet.

        :raises SettingsError: a setting names a bucket or a region that no cloud can have.
        """
        check_names(settings)
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


def misnamed(
    store: type[HTTPStore], bucket: str, region: str, key: str, version_id: str, *, loosely: bool
) -> str:
    """Return which of these no object can have on a cloud, or an empty text; without its value.

    :param loosely: the bucket's name need only be one that some cloud could have.
    """
    where = f"on {store.scheme}://"
    if not re.fullmatch(BUCKETS, bucket) or not (loosely or store.is_bucket(bucket)):
        return f"bucket: is not the name of a bucket {where}"
    if not re.fullmatch(REGIONS, region):
        return f"region: is not the name of a region {where}"
    if "\0" in key or any("\ud800" <= each <= "\udfff" for each in key):
        return "key: holds NUL or half a character, which no database takes"
    if len(key.encode()) > store.key_bytes:
        return f"key: is longer than the {store.key_bytes} bytes that a key may have {where}"
    if not (version_id.isascii() and version_id.isprintable() and len(version_id) <= 1024):
        return "version: is not the id of a version"
    return ""


def named_version(cloud: str, version: str) -> dict[str, str | None]:
    """Return what a version written by hand or in a listing is: a version's id, an ETag, or neither."""
    head = version.partition("+")[0]
    if re.fullmatch(ETAG, head):
        return {"version_id": None, "etag": head}
    return {"version_id": version if store_for(cloud).is_version_id(version) else None}


def check_names(settings: Settings) -> None:
    """Check the buckets and regions of the settings by what the clouds' rules have in common.

    :raises SettingsError: one sentence for the first that no cloud can have.
    """
    for place in settings.allowed_buckets:
        bucket, named, region = place.partition("@")
        if not re.fullmatch(BUCKETS, bucket) or (named and not re.fullmatch(REGIONS, region)):
            raise SettingsError(
                "VINDROP_ALLOWED_BUCKETS takes names of buckets (on Tencent name-appid), or "
                f"bucket@region: {place[:80]!r} is neither"
            )
    if settings.upload_bucket and not re.fullmatch(BUCKETS, settings.upload_bucket):
        raise SettingsError(
            "VINDROP_UPLOAD_BUCKET takes the name of a bucket (on Tencent name-appid): "
            f"{settings.upload_bucket[:80]!r} is none"
        )
    for name in ("upload_region", "vinocr_region"):
        region = getattr(settings, name)
        if region and not re.fullmatch(REGIONS, trimmed(region)):
            raise SettingsError(
                f"VINDROP_{name.upper()} takes a region such as ap-guangzhou: {region[:80]!r} is none"
            )


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
    given = (trimmed(environment.get(store.region_variable, "")) for store in stores)
    return next(filter(None, given), "")


def cloud_of_region(region: str) -> BucketCloud:
    """Return the cloud meant by a region where nobody names the cloud.

    A region of no known form is that of the first cloud in `STORES`.
    """
    for store in store_classes():
        if re.fullmatch(store.own_region_form, region):
            return store.cloud
    return store_for(next(iter(STORES))).cloud


_AROUND: Final = " \t\r\n\v\f\0\ufeff\u00a0\u200b"
REGIONS: Final = r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?"
"""Regions of every cloud. Clouds add some; all of them are one label of a host's name."""
ETAG: Final = r"[0-9A-Fa-f]{32}(?:-[0-9]{1,5})?"
"""ETags of every cloud. What has another form was invented, and no store is asked to compare it."""
EMPTY: Final = "d41d8cd98f00b204e9800998ecf8427e"
"""The ETag of nothing: the clouds' sample events carry it, beside a size. Nothing is no photo."""
BUCKETS: Final = r"[a-z0-9](?:[a-z0-9.-]{0,80}[a-z0-9])?"
"""Buckets of every cloud; each cloud's own rule is narrower."""
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
        key_id, key, token = (trimmed(environment.get(name, "")) for name in names)
        if key_id and key:
            return Credentials(key_id, key, token or None)
    return None


def trimmed(text: str) -> str:
    """Return a key, an id or a region without what copying puts around it: blanks, line ends, a BOM."""
    return text.strip(_AROUND)


def usable(keys: Credentials, name: str) -> Credentials:
    """Return ``keys``.

    :param name: the first of the variables that hold them.
    :raises FailureError: a character stands in them that no key of any cloud has.
    """
    if all("!" <= each <= "~" for each in f"{keys.id}{keys.key}{keys.token or ''}"):
        return keys
    raise FailureError(
        NO_CREDENTIALS,
        f"{name}, or the key or token beside it, holds a character that no key has (a blank, a line "
        "end, a letter outside ASCII): copy it anew",
    )


def reachable_by(url: str) -> dict[str, str]:
    """Return the proxies of the environment (HTTPS_PROXY, NO_PROXY …) for ``url``, as `requests` takes them.

    Never one for this machine or its neighbours on the link: no proxy reaches those, and the answer
    of one would be another machine's.
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return {}
    try:
        address = ipaddress.ip_address(host)
        address = getattr(address, "ipv4_mapped", None) or address
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(host))  # 127.1, 0x7f000001 …
        except OSError:  # a name
            address = None
    if address and (address.is_loopback or address.is_link_local or address.is_unspecified):
        return {}
    from requests.utils import get_environ_proxies

    found: dict[str, str] = get_environ_proxies(url)
    return found


def exact_session() -> Any:
    """Return a session of `requests` that neither ``~/.netrc`` nor the environment reaches into."""
    import requests

    session = requests.Session()
    session.trust_env = False
    bound(session)
    return session


def send_exactly(
    session: Any, method: str, url: str, headers: Mapping[str, str], timeout: tuple[float, float]
) -> Any:
    """Send a signed request as it is and return the answer unread; no redirect is followed.

    A proxy of the environment is asked for https only: a store without it is a neighbour.

    :param timeout: seconds to connect, and between two packets of the answer.
    :raises requests.RequestException: no answer.
    """
    import requests

    split = urlsplit(url)
    sent = requests.Request(method, f"{split.scheme}://{split.netloc}/", headers).prepare()
    sent.url = url  # what `prepare` would make of it has no ``.`` and ``..`` any more
    return session.send(
        sent,
        timeout=timeout,
        stream=True,
        allow_redirects=False,
        proxies=reachable_by(url) if split.scheme == "https" else {},
        verify=os.environ.get("REQUESTS_CA_BUNDLE") or True,
    )


def keep_to_itself(client: Any, url: str) -> None:
    """Keep the official SDK's ``client`` from what the user's home and environment say of HTTP.

    ``~/.netrc`` would replace the signature and send a password out; a proxy would be asked for
    loopback; a redirect would carry a signed request to another host.
    """
    connection = client.request.conn
    connection.proxy = reachable_by(url)
    session = connection._session  # noqa: SLF001  # the SDK offers no other way
    session.trust_env = False
    session.max_redirects = 0


def tencent_role(environment: Mapping[str, str]) -> Credentials | None:
    """Return the credentials of the Tencent role, or None."""
    return of_role(TENCENT, environment)


def for_vinocr(settings: Settings, environment: Mapping[str, str]) -> Credentials:
    """Return the credentials that calls to VinOCR are signed with: the settings', else the role's.

    :raises FailureError: there are none; the account's circuit opens.
    """
    given = trimmed(settings.vinocr_secret_id.get_secret_value())
    if given:
        key = trimmed(settings.vinocr_secret_key.get_secret_value())
        return usable(Credentials(given, key), "VINDROP_VINOCR_SECRET_ID")
    found = tencent_role(environment)
    if found is None:
        raise FailureError(
            NO_CREDENTIALS,
            "no keys for VinOCR: give the function an execution role, or set VINDROP_VINOCR_SECRET_ID "
            "and VINDROP_VINOCR_SECRET_KEY",
        )
    return usable(found, TENCENT[0][0])


def quote_all(text: str, *, safe: str = "") -> str:
    """Return ``text`` percent-encoded: all but RFC 3986's unreserved."""
    return quote(text, safe=f"{safe}-_.~")


def query_of(parameters: Mapping[str, str]) -> str:
    """Return ``name=value`` pairs, encoded, in the order given."""
    return "&".join(f"{quote_all(name)}={quote_all(v)}" for name, v in parameters.items())
