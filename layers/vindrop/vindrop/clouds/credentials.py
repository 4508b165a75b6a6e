"""Whose keys. Read anew for every invocation: an execution role's expire while a function lives.

SCF injects TENCENTCLOUD_SECRETID, _SECRETKEY and _SESSIONTOKEN; the official SDK's own provider
reads other names (TENCENTCLOUD_SECRET_ID …), and its default chain then asks the metadata host
of a virtual machine without a time-out. So neither is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vindrop.domain.failures import NO_CREDENTIALS, FailureError
from vindrop.domain.upload import Cloud
from vindrop.settings import Settings


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key pair, with a token where it is temporary."""

    id: str
    key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def for_vinocr(settings: Settings, environment: Mapping[str, str]) -> Credentials:
    """Return the keys that calls to VinOCR are signed with: the settings', else the role's.

    :raises FailureError: there are none; the account is held until there are.
    """
    given = settings.vinocr_secret_id.get_secret_value()
    if given:
        return Credentials(given, settings.vinocr_secret_key.get_secret_value())
    found = _tencent(environment)
    if found is None:
        raise FailureError(
            NO_CREDENTIALS,
            "no keys for VinOCR: give the function an execution role, or set VINDROP_VINOCR_SECRET_ID "
            "and VINDROP_VINOCR_SECRET_KEY",
        )
    return found


def for_storage(cloud: Cloud, environment: Mapping[str, str]) -> Credentials:
    """Return the keys that the bucket is read with: always the function's own role.

    :raises FailureError: there are none.
    """
    found = _tencent(environment) if cloud == "tencent" else _aws(environment)
    if found is None:
        names = (
            "TENCENTCLOUD_SECRETID and TENCENTCLOUD_SECRETKEY"
            if cloud == "tencent"
            else "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
        raise FailureError(
            NO_CREDENTIALS,
            f"no keys for the bucket: give the function an execution role that may read it ({names})",
        )
    return found


def of_role(cloud: Cloud, environment: Mapping[str, str]) -> Credentials | None:
    """Return the execution role's keys of this moment, or None where there are none."""
    return _tencent(environment) if cloud == "tencent" else _aws(environment)


def _tencent(environment: Mapping[str, str]) -> Credentials | None:
    for names in (
        ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN"),
        ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_TOKEN"),
    ):
        key_id, key, token = (environment.get(name, "") for name in names)
        if key_id and key:
            return Credentials(key_id, key, token or None)
    return None


def _aws(environment: Mapping[str, str]) -> Credentials | None:
    key_id, key, token = (
        environment.get(name, "")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    )
    return Credentials(key_id, key, token or None) if key_id and key else None
