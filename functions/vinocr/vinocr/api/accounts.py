"""Who may call: accounts, their keys, and the state that billing and permissions put them in.

The rate limit and the bill belong to an account; it can own several keys, permanent ones and
temporary ones (a token and an expiry beside id and secret, as STS hands them out).
"""

from __future__ import annotations

import datetime as dt
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, model_validator

State = Literal[
    "active",
    "not_activated",
    "in_arrears",
    "suspended_for_arrears",
    "package_used_up",
    "billing_exception",
    "disabled",
]
STATE_CODES: Final = {
    "not_activated": "FailedOperation.UnOpenError",
    "in_arrears": "ResourceUnavailable.InArrears",
    "suspended_for_arrears": "FailedOperation.ArrearsError",
    "package_used_up": "ResourceUnavailable.ResourcePackageRunOut",
    "billing_exception": "ResourcesSoldOut.ChargeStatusException",
    "disabled": "UnauthorizedOperation",
}
"""State of an account → the code that its calls are answered with; an active one is served."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Key(_Model):
    """One API key. With a token it is a temporary one, good until it expires."""

    secret_id: str = Field(pattern=r"^[A-Za-z0-9_\-]{1,128}$")
    secret_key: SecretStr = Field(min_length=1)
    token: SecretStr | None = None
    expires: AwareDatetime | None = None

    @model_validator(mode="after")
    def _temporary_has_both(self) -> Key:
        if self.expires is not None and self.token is None:
            raise ValueError("a key that expires needs its token")
        return self

    def has_expired(self, now: float) -> bool:
        """Whether a temporary key's time is over at Unix time ``now`` (seconds)."""
        moment = dt.datetime.fromtimestamp(now, dt.timezone.utc)
        return self.expires is not None and self.expires <= moment


class Account(_Model):
    """One account of the service."""

    uin: str = Field(default="100000000001", pattern=r"^[0-9]{1,20}$")
    """The account's number; the default is that of an account named by one key alone."""
    keys: tuple[Key, ...] = ()
    api_keys: tuple[SecretStr, ...] = ()
    """Bearer tokens for ``POST /v1/vin``; API 3.0 never takes them."""
    state: State = "active"
    rate: int | None = Field(default=None, ge=1)
    """Requests per second; None: the server's own setting."""
    daily_limit: int | None = Field(default=None, ge=0)
    """Calls per day (UTC+8, as the console counts), then FailedOperation.CountLimitError."""


class Accounts(_Model):
    """All accounts, as the accounts file holds them."""

    accounts: tuple[Account, ...]

    @model_validator(mode="after")
    def _nothing_twice(self) -> Accounts:
        ids = [key.secret_id for account in self.accounts for key in account.keys]
        if len(set(ids)) != len(ids):
            raise ValueError("a secret_id is given twice")
        uins = [account.uin for account in self.accounts]
        if len(set(uins)) != len(uins):
            raise ValueError("two accounts have the same uin")
        return self

    def find(self, secret_id: str) -> tuple[Account, Key] | None:
        """Return the account and the key of a SecretId, or None."""
        pairs = ((account, key) for account in self.accounts for key in account.keys)
        return next((pair for pair in pairs if pair[1].secret_id == secret_id), None)
