"""Who may call: accounts, their keys, and the state that billing and permissions put them in.

An account is what the quota and the bill belong to; it can own several keys, permanent ones and
temporary ones (a token and an expiry beside id and secret, as STS hands them out).
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
from collections.abc import Mapping
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

DEFAULT_UIN: Final = "100000000001"
"""The account number of an account that was named by one key alone."""


class SettingsError(ValueError):
    """A setting is wrong. ``str()`` is one sentence that names it and says what is expected."""


class State(str, Enum):
    """What billing and the account's administrator say; all but ACTIVE refuse every call."""

    ACTIVE = "active"
    NOT_ACTIVATED = "not_activated"
    IN_ARREARS = "in_arrears"
    SUSPENDED = "suspended_for_arrears"
    PACKAGE_USED_UP = "package_used_up"
    BILLING_EXCEPTION = "billing_exception"
    DISABLED = "disabled"


STATE_CODES: Final = {
    State.NOT_ACTIVATED: "FailedOperation.UnOpenError",
    State.IN_ARREARS: "ResourceUnavailable.InArrears",
    State.SUSPENDED: "FailedOperation.ArrearsError",
    State.PACKAGE_USED_UP: "ResourceUnavailable.ResourcePackageRunOut",
    State.BILLING_EXCEPTION: "ResourcesSoldOut.ChargeStatusException",
    State.DISABLED: "UnauthorizedOperation",
}
"""State of an account → the code that its calls are answered with."""


def _network(value: str) -> str:
    ip_network(value, strict=False)
    return value


Network = Annotated[str, AfterValidator(_network)]
"""An address or a network in CIDR notation."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Key(_Model):
    """One API key. With a token it is a temporary one, good until it expires."""

    secret_id: str = Field(pattern=r"^[A-Za-z0-9_\-]{1,128}$")
    secret_key: SecretStr = Field(min_length=1)
    token: SecretStr | None = None
    expires: AwareDatetime | None = None
    mfa: bool = False
    """Issued after multi-factor authentication (matters to accounts that ask for it)."""
    cloud_api: bool = True
    """False: a key of another kind (a login, a project key), answered InvalidSecretId."""

    @model_validator(mode="after")
    def _temporary_has_both(self) -> Key:
        if self.expires is not None and self.token is None:
            raise ValueError("a key that expires needs its token")
        return self


class Account(_Model):
    """One account of the service."""

    uin: str = Field(default=DEFAULT_UIN, pattern=r"^[0-9]{1,20}$")
    keys: tuple[Key, ...] = ()
    api_keys: tuple[SecretStr, ...] = ()
    """Bearer tokens for ``POST /v1/vin``; API 3.0 never takes them."""
    state: State = State.ACTIVE
    rate: int | None = Field(default=None, ge=1)
    """Requests per second of the action; None: the server's own setting."""
    uin_rate: int | None = Field(default=None, ge=1)
    """The same over all actions (RequestLimitExceeded.UinLimitExceeded)."""
    region_rate: int | None = Field(default=None, ge=1)
    """The same over all regions (RequestLimitExceeded.GlobalRegionUinLimitExceeded)."""
    daily_limit: int | None = Field(default=None, ge=0)
    """Calls per day (UTC+8, as the console counts), then FailedOperation.CountLimitError."""
    concurrency: int | None = Field(default=None, ge=1)
    """Calls under way at once, then LimitExceeded."""
    actions: tuple[str, ...] = ("VinOCR",)
    """What its policy allows; a call of anything else is AuthFailure.UnauthorizedOperation."""
    mfa_required: bool = False
    dry_run: bool = False
    """Everything is checked, nothing is read or billed: DryRunOperation."""
    whitelist: tuple[Network, ...] = ()
    """Where not empty, only these client addresses may call."""
    blacklist: tuple[Network, ...] = ()

    def networks(self, which: str) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return ``whitelist`` or ``blacklist`` as networks."""
        values: tuple[str, ...] = getattr(self, which)
        return tuple(ip_network(value, strict=False) for value in values)


class Accounts(_Model):
    """All accounts, as the accounts file holds them."""

    accounts: tuple[Account, ...]

    @model_validator(mode="after")
    def _nothing_twice(self) -> Accounts:
        ids = [key.secret_id for account in self.accounts for key in account.keys]
        if len(set(ids)) != len(ids):
            raise ValueError("a secret_id stands there twice")
        uins = [account.uin for account in self.accounts]
        if len(set(uins)) != len(uins):
            raise ValueError("two accounts have the same uin")
        return self

    def find(self, secret_id: str) -> tuple[Account, Key] | None:
        """Return the account and the key of a SecretId, or None."""
        for account in self.accounts:
            for key in account.keys:
                if key.secret_id == secret_id:
                    return account, key
        return None


def single(secret_id: str, secret_key: str) -> Accounts:
    """Return one active account with one permanent key.

    :raises SettingsError: an id or a key is empty or too long.
    """
    return parse({"accounts": [{"keys": [{"secret_id": secret_id, "secret_key": secret_key}]}]})


def parse(document: Mapping[str, Any], source: str = "the key") -> Accounts:
    """Check an accounts document.

    :raises SettingsError: names the first thing that is wrong, without the value.
    """
    try:
        return Accounts.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "accounts"
        raise SettingsError(f"{source}: {place}: {first['msg']}") from None


def load(path: Path) -> Accounts:
    """Read an accounts file, JSON or TOML by its ending.

    :raises SettingsError: unreadable, not JSON or TOML, or a wrong value.
    """
    return parse(read_document(path), str(path))


def read_document(path: Path) -> dict[str, Any]:
    """Read a JSON or TOML file that holds one table.

    :raises SettingsError: unreadable, or not of the form its ending promises.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path} cannot be read: {why}") from None
    try:
        document = _toml(text) if path.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "TOML" if path.suffix == ".toml" else "JSON"
        where = getattr(error, "lineno", None)
        line = f" (line {where})" if where else ""
        raise SettingsError(f"{path} is not {kind}{line}") from None
    if not isinstance(document, dict):
        raise SettingsError(f"{path} must hold one table (an object), not a list or a value")
    return document


def _toml(text: str) -> dict[str, Any]:
    try:
        tomllib = importlib.import_module("tomllib")
    except ImportError:
        raise SettingsError("TOML needs Python 3.11: write the file as JSON") from None
    table: dict[str, Any] = tomllib.loads(text)
    return table


def is_expired(key: Key, now: float) -> bool:
    """Whether a temporary key's time is over at Unix time ``now`` (seconds)."""
    return key.expires is not None and key.expires <= dt.datetime.fromtimestamp(
        now, dt.timezone.utc
    )
