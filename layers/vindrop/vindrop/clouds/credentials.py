"""Credentials of the function's execution role, read anew for every call: they expire.

SCF injects TENCENTCLOUD_SECRETID, _SECRETKEY and _SESSIONTOKEN; the official SDK's own provider
reads other names (TENCENTCLOUD_SECRET_ID …), and its default chain then asks the metadata host
of a virtual machine without a time-out. So neither is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vindrop.domain.error_codes import NO_CREDENTIALS
from vindrop.domain.failures import FailureError
from vindrop.settings import Settings

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
